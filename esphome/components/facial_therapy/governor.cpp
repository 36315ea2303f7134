#include "governor.h"

#include <algorithm>

#include "clock.h"

namespace facial_therapy {

namespace {
constexpr uint32_t bit(Fault fault) { return 1u << static_cast<uint32_t>(fault); }
}  // namespace

Governor::Governor(const Config& config, Store& store, Output& output, int32_t boot)
    : config_(config), ceilings_(config_), store_(store), output_(output), boot_(boot) {}

void Governor::begin(uint32_t now_ms, bool brown_out) {
  this->output_.deenergize();
  this->now_ms_ = now_ms;
  this->terminal_ = false;
  this->brown_out_ = brown_out;
  const Store::Load load = this->store_.load(this->bytes_);
  if (load != Store::Load::OK || !this->memory_.decode(this->bytes_, this->config_.modality)) {
    // Unknown is not zero. Nothing is written over it: the button decides.
    this->store_lost_ = true;
    this->unreadable_ = load != Store::Load::MISSING;
    this->memory_.commission(Outcome::COMMISSIONED);
    this->memory_.faults |= bit(Fault::STORE);
    if (!this->output_.watched()) this->memory_.faults |= bit(Fault::OUTPUT_WATCHDOG);
    return;
  }
  this->age_ms_ = uint64_t{this->memory_.age_s} * 1000;
  if (this->memory_.last().outcome == Outcome::OPEN) this->close_unclosed_();
  if (!this->output_.watched()) this->latch_(Fault::OUTPUT_WATCHDOG);
}

// --- time ----------------------------------------------------------------------------------------------------------

void Governor::tick(uint32_t now_ms, const Sensors& sensors, const uint64_t* clients, size_t clients_count) {
  this->settle_(now_ms);
  this->clients_.connect(clients, clients_count);
  const auto seen = [this] {
    return std::array{this->touching(), this->sensors_.charging, this->sensors_.temperature_known};
  };
  const auto before = seen();
  if (sensors.temperature_cc != this->sensors_.temperature_cc) this->frozen_ms_ = 0;
  this->sensors_ = sensors;
  if (seen() != before) this->changes_++;
  if (!this->ticked_)
    this->button_ = sensors.button, this->button_spent_ = true;  // held since before boot: not a press
  this->ticked_ = true;
  if (this->terminal_) return;
  this->take_rtc_();
  this->watch_button_(now_ms, sensors.button);
  this->watch_sensors_(now_ms);
  this->watch_client_();
  this->step_(now_ms);
  this->drive_(now_ms);
  this->watch_refusals_();
  this->save_idle_();
}

/// Count what has flowed until now, and let everything end that time alone ends.
void Governor::settle_(uint32_t now_ms) {
  const uint32_t before_ms = this->now_ms_;
  const uint32_t passed_ms = now_ms - before_ms;
  this->now_ms_ = now_ms;
  this->uptime_ms_ += passed_ms, this->age_ms_ += passed_ms;
  if (this->button_recent_ && now_ms - this->button_at_ms_ >= BUTTON_RECENT_MS) this->button_recent_ = false;
  for (Drive& drive : this->drives_) drive.rest(now_ms);
  for (OnEdges& edges : this->edges_) edges.forget(now_ms);
  if (!this->live()) return;

  Forced forced;
  if (this->flowing()) {
    forced = this->output_.forced(now_ms);
    uint32_t flowed_ms = passed_ms;
    if (forced.yes) flowed_ms = reached(before_ms, forced.at_ms) ? 0 : std::min(passed_ms, forced.at_ms - before_ms);
    if (this->lit_) {
      for (Drive& drive : this->drives_) drive.flow(flowed_ms);
      const uint32_t zone = this->zone();
      this->output_ms_ += flowed_ms, this->unlifted_ms_ += flowed_ms, this->frozen_ms_ += flowed_ms;
      if (this->zone() != zone) this->changes_++;
    }
    if (this->output_ms_ >= this->duration_ms_) return this->end_(Outcome::COMPLETED);
  }
  if (this->life_left_ms_() == 0) return this->end_(Outcome::PARTIAL);
  if (forced.yes && (forced.silent || !reached(now_ms, this->lease_end_ms_))) {
    if (++this->watchdog_trips_ >= WATCHDOG_TRIPS) return this->latch_(Fault::OUTPUT_WATCHDOG);
    this->suspend_(Cause::OUTPUT_WATCHDOG, this->config_.wand() || this->config_.has_worn);
  }
  if (!this->flowing() && reached(now_ms, this->window_end_ms_)) return this->end_(Outcome::PARTIAL);
  if (this->lease_lives_ && reached(now_ms, this->lease_end_ms_)) {
    this->lease_lives_ = false;
    if (this->state_ == State::ARMED && !this->held_) return this->end_(Outcome::VOID);
    if (this->state_ != State::SUSPENDED || this->brief_) this->suspend_(Cause::LEASE, false);
  }
}

/// What is left of the time that a session lives from its first output, pauses included.
uint32_t Governor::life_left_ms_() const {
  constexpr uint64_t LIFE_MS = uint64_t{SESSION_LIFE_S} * 1000;
  const uint64_t lived_ms = this->energized_ ? this->uptime_ms_ - this->first_output_ms_ : 0;
  return static_cast<uint32_t>(lived_ms >= LIFE_MS ? 0 : LIFE_MS - lived_ms);
}

void Governor::watch_button_(uint32_t now_ms, bool down) {
  if (down && !this->button_) {
    this->button_since_ms_ = this->button_at_ms_ = now_ms;
    this->button_spent_ = false;
    this->button_recent_ = true;
    if (this->flowing()) {
      this->button_spent_ = true;
      this->end_(Outcome::STOPPED);
    }
  } else if (down && !this->button_spent_) {
    const uint32_t held_ms = now_ms - this->button_since_ms_;
    if (held_ms >= BUTTON_RESET_MS && this->store_lost_) {
      this->button_spent_ = true;
      this->recommission_();
    }
    if (held_ms >= BUTTON_RECENT_MS) this->button_spent_ = true;  // nobody holds it for so long: it is stuck
  } else if (!down && this->button_ && !this->button_spent_ && now_ms - this->button_since_ms_ < BUTTON_SHORT_MS) {
    this->press_(now_ms);
  }
  this->button_ = down;
  if (this->enrolling_() != this->button_told_) this->button_told_ = !this->button_told_, this->changes_++;
}

/// A short press: it confirms or resumes.
void Governor::press_(uint32_t now_ms) {
  if (this->live() && !this->confirm_credit_()) return;
  if (this->state_ == State::ARMED && !this->config_.wand() && !this->config_.has_worn) {
    // A client lost in this very moment has not left the press a session to begin.
    if (this->present_() && this->clients_.connected(this->client_) && !this->ready_().refused()) this->energize_();
  } else if ((this->state_ == State::SUSPENDED || this->state_ == State::PAUSED) && !this->adopted_ &&
             this->present_() && this->clients_.connected(this->client_) && !this->ready_().refused()) {
    this->lease_end_ms_ = now_ms + this->lease_ms_;
    this->lease_lives_ = true;
    this->contacts_since_resume_ = 0;
    this->energize_();
  }
}

void Governor::watch_client_() {
  if (!this->live() || this->clients_.connected(this->client_)) return;
  this->lease_lives_ = false;
  if (!this->energized_) return this->end_(Outcome::VOID);  // there is nothing to adopt
  if (this->state_ != State::SUSPENDED || this->brief_) this->suspend_(Cause::CLIENT, false);
}

void Governor::step_(uint32_t now_ms) {
  if (this->live() && this->faults() != 0) return this->end_(Outcome::FAULT);  // what could not be stored
  switch (this->state_) {
    case State::ARMED:
      // Without a sensor only the button confirms.
      if ((this->config_.wand() || this->config_.has_worn) && this->off_seen_armed_ && this->present_() &&
          this->credit_s_ == 0)
        this->energize_();
      return;
    case State::RAMPING:
    case State::RUNNING:
      if (!this->present_()) this->suspend_(Cause::CONTACT, true);
      return;
    case State::SUSPENDED:
      if (this->brief_ && reached(now_ms, this->brief_end_ms_)) {
        this->brief_ = false;
        this->changes_++;
      }
      if (this->brief_ && this->present_()) this->energize_();
      return;
    default:
      return;
  }
}

/// Set the levels of the coming interval.
void Governor::drive_(uint32_t now_ms) {
  if (!this->flowing()) return;
  if (this->fresh_ && this->dark_ms_(now_ms) != 0) {
    // Put on once more, too soon for the eye: the ramp waits.
    for (Drive& drive : this->drives_) drive.begin(now_ms);
    return;
  }
  const uint32_t silence_ms = this->config_.wand() ? WAND_SILENCE_MS : MASK_SILENCE_MS;
  // The longest that a level can stay when the loop dies: silence, then the guard's next look, and one for its delay.
  const uint32_t ahead_ms = silence_ms + 2 * WATCHDOG_PERIOD_MS;
  Levels levels;
  uint32_t lit = 0;
  bool used = false, unspent = false, arrived = true;
  for (size_t place = 0; place < this->config_.places(); place++) {
    Drive& drive = this->drives_[place];
    if (!drive.used()) continue;
    const bool was_lit = drive.level() != 0;
    drive.derate(this->heat_ == Heat::DERATED, now_ms);
    levels.at[place] = drive.advance(now_ms, ahead_ms);
    if (!was_lit && drive.level() != 0) lit |= 1u << place;
    used = true, unspent |= !drive.spent(), arrived &= drive.at_target();
  }
  if (!used || !unspent) return this->end_(Outcome::COMPLETED);
  if (lit != 0 && !this->config_.wand()) {
    for (size_t place = 0; place <= PLACES; place++) {
      const bool edge = place < PLACES ? (lit >> place & 1) != 0 : !this->lit_;
      if (edge && !this->edges_[place].allow(now_ms)) return this->latch_(Fault::FLICKER);
    }
  }
  this->lit_ = levels.any();
  if (this->lit_) {
    if (!this->energized_) this->first_output_ms_ = this->uptime_ms_;
    this->energized_ = true, this->fresh_ = false;
    const uint32_t left_ms = std::min(this->duration_ms_ - this->output_ms_, this->life_left_ms_());
    this->output_.energize(levels, {this->lease_end_ms_, now_ms + left_ms});
  } else {
    this->output_.deenergize();
  }
  const State state = arrived ? State::RUNNING : State::RAMPING;
  if (state != this->state_) this->enter_(state);
}

/// How long light has to wait so that its on-edge is no flicker.
uint32_t Governor::dark_ms_(uint32_t now_ms) const {
  if (this->config_.wand()) return 0;
  uint32_t longest_ms = this->edges_[PLACES].wait_ms(now_ms);
  for (size_t place = 0; place < PLACES; place++)
    if (this->drives_[place].aimed()) longest_ms = std::max(longest_ms, this->edges_[place].wait_ms(now_ms));
  return longest_ms;
}

// --- transitions ---------------------------------------------------------------------------------------------------

void Governor::enter_(State state) {
  this->state_ = state;
  if (state != State::SUSPENDED) this->cause_ = Cause::NONE, this->brief_ = false;
  this->changes_++;
}

void Governor::zero_() {
  this->output_.deenergize();
  this->lit_ = false;
  for (Drive& drive : this->drives_) drive.cut(this->now_ms_);
}

/// Skin asks for output: ramp from zero in this very step. The 20th contact of a wand is one too many.
void Governor::energize_() {
  if (this->credit_s_ != 0) return;
  this->contacts_++;
  if (this->config_.wand() && ++this->contacts_since_resume_ >= WAND_CONTACTS) {
    this->pause_();
    return;
  }
  this->output_.deenergize();  // lifts what the guard has forced
  this->held_ = this->adopted_ = false;
  this->fresh_ = true;
  for (Drive& drive : this->drives_) drive.begin(this->now_ms_);
  this->enter_(State::RAMPING);
}

/// Zero, kept for 10 min, and without a lease: whoever has the key may adopt it.
void Governor::pause_() {
  this->zero_();
  this->hold_();
  this->lease_lives_ = false;
  this->enter_(State::PAUSED);
}

void Governor::suspend_(Cause cause, bool brief) {
  this->zero_();
  this->hold_();
  this->enter_(State::SUSPENDED);
  this->cause_ = cause;
  this->brief_ = brief;
  if (brief)
    this->brief_end_ms_ = this->now_ms_ + (this->config_.wand() ? WAND_CONTACT_WINDOW_MS : MASK_CONTACT_WINDOW_MS);
}

/// Let the 10 min begin, unless they run: a shorter arming window in between does not shorten them.
void Governor::hold_() {
  if (!this->held_) this->kept_end_ms_ = this->now_ms_ + KEPT_MS;
  this->held_ = true;
  this->window_end_ms_ = this->kept_end_ms_;
}

void Governor::arm_(uint32_t window_end_ms) {
  this->window_end_ms_ = window_end_ms;
  this->off_seen_armed_ = this->contact_known_() && !this->touching();  // an edge from here on counts
  this->enter_(State::ARMED);
}

/// Zero, then the record is closed: in this order, since writing may take long.
void Governor::end_(Outcome outcome) {
  this->zero_();
  if (!this->live()) return;
  Record& record = this->memory_.last();
  record.outcome = this->energized_ ? outcome : Outcome::VOID;
  for (size_t place = 0; place < PLACES; place++) record.delivered[place] = this->drives_[place].delivered();
  record.output_ms = this->output_ms_;
  this->ended_ms_[record.number % RECORDS] = this->uptime_ms_ + 1;
  this->close_charge_();
  if (this->energized_) this->session_ended_ = true, this->off_seen_ = false;
  this->lease_lives_ = this->held_ = false;
  this->client_ = this->resume_key_ = 0, this->credit_s_ = 0;
  this->enter_(State::IDLE);
  this->save_();
}

void Governor::latch_(Fault fault) {
  const bool fresh = (this->memory_.faults & bit(fault)) == 0;
  this->memory_.faults |= bit(fault);
  if (fresh) this->changes_++;
  if (this->live())
    this->end_(Outcome::FAULT);
  else if (fresh)
    this->save_();
}

/// Write the memory, at zero output; a failure latches, and what is in the store stays the worse of the two.
bool Governor::save_() {
  this->saved_ms_ = this->uptime_ms_;
  this->memory_.age_s = this->age_s_();
  this->memory_.encode(this->config_.modality, this->bytes_);
  if (!this->store_lost_ && this->store_.save(this->bytes_)) return true;
  this->memory_.faults |= bit(Fault::STORE);
  this->changes_++;
  return false;
}

/// Age moves on in the store too, seldom: a cut then costs little of it, and flash lasts.
void Governor::save_idle_() {
  if (!this->live() && !this->store_lost_ && this->uptime_ms_ - this->saved_ms_ >= SAVE_IDLE_MS) this->save_();
}

void Governor::recommission_() {
  this->memory_.commission(this->unreadable_ ? Outcome::RESET : Outcome::COMMISSIONED);
  this->ended_ms_.fill(0);
  this->age_ms_ = 0;
  this->rtc_taken_ = false;
  this->store_lost_ = false;
  this->save_();
  this->generation_++;
  this->changes_++;
}

void Governor::shut_down(uint32_t now_ms) {
  if (this->terminal_) return;
  this->settle_(now_ms);
  if (this->live())
    this->end_(Outcome::PARTIAL);
  else if (!this->store_lost_)
    this->save_();
  this->zero_();
  this->terminal_ = true;
}

}  // namespace facial_therapy
