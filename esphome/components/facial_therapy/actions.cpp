/// The actions of the contract but start_session: header, arguments in their order, state; then the deed.
#include <cstring>

#include "clock.h"
#include "governor.h"

namespace facial_therapy {

namespace {

/// The faults that a person must stand beside the node to clear.
bool needs_button(Fault fault) {
  switch (fault) {
    case Fault::OVER_TEMPERATURE:
    case Fault::TEMPERATURE_SENSOR:
    case Fault::WORN_STUCK:
    case Fault::OVER_CURRENT:
    case Fault::NET_CHARGE:
      return true;
    default:
      return false;
  }
}

}  // namespace

// --- header ------------------------------------------------------------------------------------------------------

Governor::Verdict Governor::admit_(uint32_t now_ms, const Header& header, bool owned) {
  this->settle_(now_ms);
  const Admission admission =
      admit(header, this->boot_, this->clients_, owned && this->live() ? this->client_ : 0, now_ms);
  Verdict verdict{admission.client, admission.repeated, {admission.reason}};
  if (!admission.repeated && admission.reason == Reason::OK) {
    admission.client->sequence = header.sequence;
    if (this->terminal_) verdict.refusal = {Reason::WRONG_STATE};
  }
  return verdict;
}

Refusal Governor::check_session_(const char* session) const {
  const uint64_t id = parse_id(session);
  if (id == 0 || (this->live() && id != this->session_id_())) return {Reason::BAD_SESSION};
  return this->live() ? Refusal{} : Refusal{Reason::WRONG_STATE};
}

// --- actions -------------------------------------------------------------------------------------------------------

const Line& Governor::set_levels(uint32_t now_ms, const Header& header, const char* session, const int32_t* channels,
                                 size_t channels_count, const int32_t* levels, size_t levels_count) {
  Verdict verdict = this->admit_(now_ms, header, true);
  if (verdict.repeated || verdict.refusal.refused()) return this->answer_(verdict, &header);
  const char* field = this->config_.wand() ? "level_ua" : "levels_uw_cm2";
  verdict.refusal = this->check_session_(session);
  Levels wanted;
  if (!verdict.refusal.refused()) {
    if (this->config_.wand())
      wanted.at[0] = levels_count == 1 && levels[0] > 0 ? static_cast<uint32_t>(levels[0]) : 0;
    else
      verdict.refusal = this->read_levels_(channels, channels_count, levels, levels_count, wanted);
  }
  if (verdict.refusal.bounded) {
    verdict.refusal.field = field;
    verdict.refusal.maximum = this->drives_[verdict.refusal.channel - 1].peak();
  }
  for (size_t place = 0; place < this->config_.places() && !verdict.refusal.refused(); place++) {
    if (wanted.at[place] != 0 && !this->drives_[place].used())
      verdict.refusal = {Reason::BAD_CHANNEL, "channels"};
    else if (wanted.at[place] > this->drives_[place].peak() || (this->config_.wand() && wanted.at[place] == 0))
      verdict.refusal = out_of_bounds(field, 1, this->drives_[place].peak(), this->config_.number(place));
  }
  if (!verdict.refusal.refused()) {
    for (size_t place = 0; place < PLACES; place++) this->drives_[place].aim(wanted.at[place], now_ms);
    this->changes_++;
  }
  return this->answer_(verdict, &header);
}

const Line& Governor::renew_lease(uint32_t now_ms, const Header& header, const char* session, int32_t stamp_ms) {
  Verdict verdict = this->admit_(now_ms, header, true);
  if (verdict.repeated || verdict.refusal.refused()) return this->answer_(verdict, &header);
  const auto stamp = static_cast<uint32_t>(stamp_ms);
  verdict.refusal = this->check_session_(session);
  if (!verdict.refusal.refused()) {
    if (!this->lease_lives_)
      verdict.refusal = {Reason::WRONG_STATE};
    else if (stamp == 0 || now_ms - stamp > this->lease_ms_)  // a stamp of the future has a huge age
      verdict.refusal = {Reason::STALE};
    else if (!reached(this->lease_end_ms_, stamp + this->lease_ms_))
      this->lease_end_ms_ = stamp + this->lease_ms_;
  }
  return this->answer_(verdict, &header);
}

const Line& Governor::pause_session(uint32_t now_ms, const Header& header, const char* session) {
  Verdict verdict = this->admit_(now_ms, header, true);
  if (verdict.repeated || verdict.refusal.refused()) return this->answer_(verdict, &header);
  verdict.refusal = this->check_session_(session);
  if (!verdict.refusal.refused() && this->state_ != State::PAUSED) {
    this->pause_();
  }
  return this->answer_(verdict, &header);
}

const Line& Governor::resume_session(uint32_t now_ms, const Header& header, const char* session) {
  Verdict verdict = this->admit_(now_ms, header, true);
  if (verdict.repeated || verdict.refusal.refused()) return this->answer_(verdict, &header);
  verdict.refusal = this->check_session_(session);
  if (!verdict.refusal.refused() && this->state_ != State::PAUSED && this->state_ != State::SUSPENDED)
    verdict.refusal = {Reason::WRONG_STATE};
  if (!verdict.refusal.refused()) verdict.refusal = this->ready_();
  if (!verdict.refusal.refused()) {
    const uint32_t dark_ms = this->dark_ms_(now_ms);
    if (dark_ms != 0) verdict.refusal = wait_for(Reason::TOO_SOON, (dark_ms + 999) / 1000);
  }
  if (!verdict.refusal.refused()) {
    this->lease_end_ms_ = now_ms + this->lease_ms_;
    this->lease_lives_ = true;
    this->contacts_since_resume_ = 0;
    // Without a sensor nobody knows whether it is worn; a session without output so far still owes its edge, and so
    // does one that another client took over.
    if (this->energized_ && !this->adopted_ && (this->config_.wand() || this->config_.has_worn) && this->present_())
      this->energize_();
    else
      this->arm_(this->window_end_ms_);
  }
  return this->answer_(verdict, &header);
}

const Line& Governor::adopt_session(uint32_t now_ms, const Header& header, const char* session,
                                    const char* resume_key) {
  Verdict verdict = this->admit_(now_ms, header, false);
  if (verdict.repeated || verdict.refusal.refused()) return this->answer_(verdict, &header);
  verdict.refusal = this->check_adoption_(session, resume_key);
  if (!verdict.refusal.refused()) {
    this->client_ = verdict.client->id;
    this->adopted_ = true;
    this->changes_++;
  }
  return this->answer_(verdict, &header);
}

Refusal Governor::check_adoption_(const char* session, const char* resume_key) const {
  const Refusal refusal = this->check_session_(session);
  if (refusal.refused()) return refusal;
  const uint64_t key = parse_id(resume_key);
  if (key == 0 || key != this->resume_key_) return {Reason::WRONG_KEY};
  if ((this->state_ != State::SUSPENDED && this->state_ != State::PAUSED) || !this->energized_)
    return {Reason::WRONG_STATE};
  if (!this->lease_lives_) return {};
  return wait_for(Reason::LEASE_ALIVE, (left(this->now_ms_, this->lease_end_ms_) + 999) / 1000);
}

const Line& Governor::stop_session(uint32_t now_ms) {
  this->settle_(now_ms);
  this->end_(Outcome::STOPPED);
  this->begin_answer_(this->line_, {}, nullptr);
  this->line_.pair("output", int64_t{0});
  return this->finish_(this->line_, nullptr);
}

const Line& Governor::clear_fault(uint32_t now_ms, const Header& header, const char* fault) {
  Verdict verdict = this->admit_(now_ms, header, false);
  if (!verdict.repeated && !verdict.refusal.refused()) verdict.refusal = this->clear_(fault);
  return this->answer_(verdict, &header);
}

Refusal Governor::clear_(const char* name) {
  size_t index = 0;
  while (index < FAULTS && std::strcmp(name, FAULT_WORDS[index]) != 0) index++;
  const uint32_t mask = index < FAULTS ? 1u << index : 0;
  if ((this->faults() & mask) == 0) return {Reason::WRONG_STATE, "fault"};
  const auto fault = static_cast<Fault>(index);
  bool lasts = false;
  switch (fault) {
    case Fault::OVER_TEMPERATURE:
      lasts =
          !this->temperature_plausible_() || this->sensors_.temperature_cc >= static_cast<int32_t>(TEMPERATURE_STOP_CC);
      break;
    case Fault::TEMPERATURE_SENSOR:
      lasts = !this->temperature_plausible_() || this->frozen_ms_ >= TEMPERATURE_FROZEN_MS;
      break;
    case Fault::WORN_STUCK:
      lasts = !this->off_seen_;
      break;
    case Fault::OVER_CURRENT:
      lasts = this->sensors_.over_current || (this->config_.has_current && !this->current_fresh_());
      break;
    case Fault::STORE:
      lasts = this->store_lost_;
      break;
    case Fault::OUTPUT_WATCHDOG:
      lasts = !this->output_.watched();
      break;
    default:
      break;
  }
  if (lasts) return {Reason::FAULTED, FAULT_WORDS[index]};
  if (needs_button(fault) && !this->button_recent_) return {Reason::BUTTON_NEEDED, FAULT_WORDS[index]};
  const uint32_t before = this->memory_.faults;
  this->memory_.faults &= ~mask;
  if (!this->save_()) {
    this->memory_.faults |= before;
    return {Reason::STORE_FAILED};
  }
  this->changes_++;
  return {};
}

const Line& Governor::read_history(uint32_t now_ms, const Header& header, int32_t record, int32_t profile) {
  Verdict verdict = this->admit_(now_ms, header, false);
  if (verdict.repeated || verdict.refusal.refused()) return this->answer_(verdict, &header);
  verdict.refusal = check_range("record", record, MOST);
  if (!verdict.refusal.refused()) verdict.refusal = check_range("profile", profile, MOST);
  const Record* found = verdict.refusal.refused() ? nullptr : this->memory_.find(static_cast<uint32_t>(record));
  if (found == nullptr) {
    if (!verdict.refusal.refused()) verdict.refusal = {Reason::NO_RECORD};
    return this->answer_(verdict, &header);
  }
  Line& line = verdict.client->answer;
  this->begin_answer_(line, {}, &header);
  this->write_record_(line, *found, static_cast<uint32_t>(profile));
  return this->finish_(line, verdict.client);
}

// --- answers -------------------------------------------------------------------------------------------------------

const Line& Governor::answer_(const Verdict& verdict, const Header* header) {
  if (verdict.repeated) {
    this->accepted_ = std::strncmp(verdict.client->answer.c_str(), "reason=ok ", 10) == 0;
    return verdict.client->answer;
  }
  // A bad header uses up nothing, so the answer to the last good one stays stored.
  Line& line = verdict.client != nullptr ? verdict.client->answer : this->line_;
  this->begin_answer_(line, verdict.refusal, header);
  return this->finish_(line, verdict.client);
}

void Governor::begin_answer_(Line& line, const Refusal& refusal, const Header* header) {
  line.clear();
  this->accepted_ = !refusal.refused();
  line.pair("reason", word(REASON_WORDS, refusal.reason));
  line.pair("boot", this->boot_);
  line.pair("uptime_ms", int64_t{this->now_ms_});
  if (header != nullptr)
    line.pair("sequence", header->sequence);
  else
    line.none("sequence");
  line.pair("state", word(STATE_WORDS, this->state()));
  line.id("session", this->session_id_());
  line.pair("record", int64_t{this->memory_.newest()});
  if (refusal.field != nullptr) line.pair("field", refusal.field);
  if (refusal.bounded) line.pair("minimum", refusal.minimum), line.pair("maximum", refusal.maximum);
  if (refusal.channel != 0) line.pair("channel", int64_t{refusal.channel});
  if (refusal.wait_s != 0) line.pair("wait_s", int64_t{refusal.wait_s});
}

const Line& Governor::finish_(Line& line, Clients::Client*) {
  line.seal();
  return line;
}

}  // namespace facial_therapy
