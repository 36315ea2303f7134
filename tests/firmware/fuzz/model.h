#pragma once
/// What docs/device-contract.md promises of a node, as a judge that watches one: it is told every stimulus, sees every
/// level, and knows before each command which answers are right. Written from that page; it shares no code with the
/// firmware.
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "bounds.h"
#include "line.h"

namespace proof {

/// What the sensors say at a tick.
struct Seen {
  bool worn_known{false}, worn{false}, shield{false};
  bool temperature_known{false};
  int64_t temperature_cc{0};
  int64_t temperature_age_ms{0};
  bool ohm_known{false};
  int64_t ohm{0};
  int64_t ohm_age_ms{0};
  bool charging{false}, over_current{false}, button{false};
  bool current_known{false}, net_known{false};
  int64_t current_age_ms{0}, current_ua{0}, net_na{0};
};

enum class Kind : uint8_t { START, SET, RENEW, PAUSE, RESUME, ADOPT, STOP, CLEAR, HISTORY, ENROLL, PROFILE };

/// One call of an action, as it goes over the wire.
struct Command {
  Kind kind{Kind::STOP};
  std::string client, session, resume_key, fault;
  int32_t boot{0}, sequence{0}, not_after_ms{0};
  int32_t last_record{0}, profile{0}, skin_permille{0}, duration_s{0}, lease_ms{0}, window_s{0}, epoch_s{0},
      period_us{0}, zone_s{0}, stamp_ms{0}, record{0};
  std::vector<int32_t> channels, levels, budgets;  ///< wand: one level, one budget
};

/// The answers that are right. No reason at all: only `ok` is.
struct Verdict {
  bool repeated{false};
  bool consumes{false};  ///< the header was good: the sequence number is used up
  const char* field{nullptr};
  std::vector<const char*> reasons;
  std::vector<const char*> perhaps;  ///< right as well as `ok` is: the page leaves it open

  bool allows(std::string_view reason) const {
    if (reason == "ok") return this->reasons.empty();
    for (const char* allowed : this->reasons)
      if (reason == allowed) return true;
    for (const char* allowed : this->perhaps)
      if (reason == allowed) return true;
    return false;
  }
};

/// 16 lower-case hex digits, or 0.
inline uint64_t identity(const std::string& text) {
  if (text.size() != 16 || text.find_first_not_of("0123456789abcdef") != std::string::npos) return 0;
  return std::strtoull(text.c_str(), nullptr, 16);
}

class Model {
 public:
  Model(const Setup& setup, void (*broken)(const char* rule)) : setup_(setup), bounds_(setup), broken_(broken) {}

  // --- stimuli ------------------------------------------------------------------------------------------------------

  /// The node has started. `uptime`: what its clock shows at time 0.
  /// @param brown_out the supply broke down
  void boot(Ms now, uint32_t uptime, int32_t boot, bool store_readable, bool brown_out) {
    this->close_(now);
    this->brown_out_ms_ = brown_out ? now : -60'000;
    this->uptime_ = uptime, this->boot_ = boot, this->state_ = "idle";
    this->clients_.clear();
    this->seen_ = Seen{}, this->ticked_ = false, this->terminal_ = false;
    this->off_seen_ = this->session_seen_ = this->brief_ = false;
    this->button_recent_ = false, this->fault_expected_ = this->fault_durable_ && this->faulted_;
    this->store_lost_ = !store_readable;
    if (this->store_lost_) {
      this->records_.clear(), this->doses_.clear(), this->enrolled_.clear();
      this->newest_ = 1, this->last_profile_ = 0, this->faulted_ = true;
    }
    this->unlifted_ms_ = this->still_ms_ = 0, this->derated_ = false;
    this->booted_ = true, this->off_ms_ = {}, this->edges_ = {};
    this->last_ms_ = {}, this->telemetry_ = 0;
    this->generation_ = -1, this->generation_seen_ = this->generation_events_;
  }
  void connect(const std::vector<uint64_t>& clients) {
    for (auto client = this->clients_.begin(); client != this->clients_.end();)
      client = std::find(clients.begin(), clients.end(), client->first) == clients.end() ? this->clients_.erase(client)
                                                                                         : std::next(client);
    for (const uint64_t id : clients)
      if (id != 0 && this->clients_.size() < 10) this->clients_.try_emplace(id);
  }
  void saved(bool kept) {
    if (!kept) {
      this->save_failed_ = true;
      return;
    }
    this->durable_ = this->session_open_ ? this->newest_ - 1 : this->newest_;
    this->saves_++;
    this->fault_durable_ = true;
  }
  void saving_lit() { this->broken_("the store is written at zero output only"); }
  void forced(bool silent) {
    this->forced_ = true, this->silent_ |= silent;
    this->session_.trips += silent ? 1 : 0;
  }
  /// The power was cut in the middle of a write: the store holds what it held, or what was to be written.
  void cut_while_saving(Ms now, const Command* start) {
    this->fault_durable_ = false;
    Record& newest = this->records_[this->newest_];
    if (newest.session == 0)
      this->records_.erase(this->newest_);
    else if (this->session_open_ || newest.closed_ms == now || this->durable_ < this->newest_)
      newest.cut = newest.perhaps = true, this->durable_ = this->newest_ - 1;
    if (start != nullptr && start->kind == Kind::ENROLL) this->enrolling_ = start->profile;
    if (start == nullptr || start->kind != Kind::START) return;
    const Places planned = this->placed_(start->channels, start->budgets);
    this->records_[this->newest_ + 1] = {
        identity(start->session), start->profile, planned, {}, 0, true, false, -1, false, 0};
  }
  /// The newest record and who is enrolled, as the node tells after boot.
  void remembered(int64_t told, const std::vector<int64_t>& enrolled) {
    const int64_t joins = this->enrolling_;
    this->enrolling_ = 0;
    for (const int64_t token : this->enrolled_)
      if (!contains_(enrolled, token) && joins == 0) this->broken_("a reboot keeps who is enrolled");
    for (const int64_t token : enrolled)
      if (!contains_(this->enrolled_, token) && token != joins) this->broken_("a reboot enrolls nobody");
    this->enrolled_ = enrolled;
    const bool perhaps = told == this->newest_ + 1 && this->records_.contains(told);
    if (told != this->newest_ && !perhaps) this->broken_("a reboot keeps every record");
    if (perhaps) {
      this->last_profile_ = this->records_[told].profile, this->last_output_ms_ = this->counted_ms_;
      this->gap_perhaps_ = true;
      this->doses_.try_emplace(this->last_profile_);
    }
    this->newest_ = told;
    this->records_.erase(told - 32), this->records_.erase(told + 1);
  }
  void shut_down(Ms now, std::string_view state) {
    this->terminal_ = true, this->why_ |= PARTIAL;
    this->transition_(now, state);
  }

  // --- what flows ---------------------------------------------------------------------------------------------------

  /// Below governor and guard: the levels that hold from now on.
  void levels(Ms now, const Places& next) {
    this->count(now);
    bool lit = false, rises = false;
    for (size_t place = 0; place < 4; place++) {
      lit |= next[place] != 0;
      if (next[place] != 0 && this->level_[place] == 0) {
        rises = true;
        if (!this->setup_.wand) this->on_edge_(now, place);
      }
      if (next[place] == 0 && this->level_[place] != 0) this->off_ms_[place] = now;
      // A wand's falling level is charged at the former one for one more period.
      if (this->setup_.wand && next[place] != 0 && next[place] < this->level_[place])
        this->session_.lag[place] += (this->level_[place] - next[place]) * this->session_.period_ms;
    }
    const bool was_lit = this->lit();
    if (lit && !was_lit && !this->setup_.wand) this->on_edge_(now, 4);
    if (rises && !this->session_open_) this->broken_("no output without a session whose record is open");
    if (lit && this->forced_) this->broken_("what the guard has forced stays zero until the loop has seen it");
    const Session& session = this->session_;
    for (size_t place = 0; place < 4; place++) {
      if (next[place] > session.peak[place]) this->broken_("no level above its peak");
      if (next[place] > session.aim[place]) this->broken_("no level above what was set");
      if (next[place] > this->level_[place]) {
        // Along the ramp: a step of the loop adds no more than its share of the peak.
        const Ms since = std::max(this->last_ms_[place], this->ramp_from_ms_);
        if ((next[place] - this->level_[place] - 2) * this->bounds_.ramp_ms() > session.peak[place] * (now - since))
          this->broken_("output rises along the ramp, from zero");
      }
      this->last_ms_[place] = now;
    }
    if (lit && !this->bounds_.levels_allowed(next, session.skin)) this->broken_("no level above a hard ceiling");
    if (lit && !session.energized) this->session_.energized = true, this->session_.first_lit = now;
    this->level_ = next;
  }
  /// Add up what has flowed until now.
  void count(Ms now) {
    const Ms passed = now - this->counted_ms_;
    this->counted_ms_ = now;
    if (passed == 0 || !this->lit()) return;
    Session& session = this->session_;
    Places dose{};
    for (size_t place = 0; place < 4; place++) {
      session.flowed[place] += this->level_[place] * passed;
      dose[place] = session.flowed[place] / 1000;
      if (session.flowed[place] + session.lag[place] > session.budget[place] * 1000)
        this->broken_("no dose above its budget");
    }
    session.lit_ms += passed;
    this->unlifted_ms_ += passed, this->still_ms_ += passed;
    if (this->setup_.wand && this->unlifted_ms_ > 180'000 + this->bounds_.silence_ms() + GUARD_MS)
      this->broken_("no zone longer than 180 s without being lifted");
    if (!this->bounds_.doses_allowed(dose, session.skin)) this->broken_("no dose above a hard ceiling");
    if (session.lit_ms > session.duration_ms + GUARD_MS) this->broken_("no output longer than the session");
    if (now > session.lease_end + GUARD_MS) this->broken_("no output past its lease");
    if (this->lived(now - GUARD_MS)) this->broken_("no output after 60 min");
  }
  int64_t level(size_t place) const { return this->level_[place]; }
  bool lit() const {
    return this->level_[0] != 0 || this->level_[1] != 0 || this->level_[2] != 0 || this->level_[3] != 0;
  }
  /// Output must not outlive a loop that is silent.
  void silent_for(Ms silence) {
    if (this->lit() && silence > this->bounds_.silence_ms() + GUARD_MS) this->broken_("a silent loop is cut off");
  }

  // --- a tick -------------------------------------------------------------------------------------------------------

  /// What the node will see in the tick that comes.
  void before_tick(Ms now, const Seen& seen) {
    this->settle_(now);
    const bool rising = seen.button && !this->seen_.button && this->ticked_;
    if (!this->ticked_ && seen.button) this->press_spent_ = true, this->press_ms_ = now;
    this->released_ = !seen.button && this->seen_.button && !this->press_spent_ && now - this->press_ms_ < 3'000;
    this->pressed_ = rising;
    if (rising) this->press_ms_ = now, this->press_spent_ = this->flowing(), this->button_recent_ = true;
    if (rising && this->flowing()) this->why_ |= STOPPED;
    this->count(now);
    if (seen.temperature_cc != this->seen_.temperature_cc) this->still_ms_ = 0;
    if (seen.button && now - this->press_ms_ >= 60'000) this->press_spent_ = true;
    if (this->released_ && this->live()) this->session_.confirmed = true;
    this->seen_ = seen, this->ticked_ = true;
    if (this->plausible() && this->setup_.has_temperature)
      this->derated_ = seen.temperature_cc >= (this->derated_ ? 3'850 : 3'900);
    if (this->known() && !this->touching()) this->off_seen_ = this->off_seen_armed_ = true, this->unlifted_ms_ = 0;
    const bool present = this->present();
    this->evidence_ = false;
    if (this->state_ == "armed") {
      this->evidence_ = this->setup_.has_sensor() ? this->off_seen_armed_ && present : this->released_;
      if (now >= this->window_end_ || (this->session_.needs_press && !this->session_.confirmed))
        this->evidence_ = false;
    }
    if (this->state_ == "suspended" && this->brief_ && now < this->brief_end_ && present) this->evidence_ = true;
    if (now >= this->session_.lease_end || !this->owned()) this->evidence_ = false;
    // Also where contact is found again in this very moment: the press comes first, and with it a new lease.
    Verdict unready;
    this->unready_(unready);
    this->resumes_ = (this->state_ == "suspended" || this->state_ == "paused") && this->released_ && present &&
                     this->owned() && !this->session_.adopted && unready.reasons.empty();
    this->evidence_ |= this->resumes_;
    this->lost_ = this->flowing() && !present;
  }
  void after_tick(Ms now, std::string_view state) {
    this->forced_ = false;
    this->transition_(now, state);
    if (!this->owned()) this->brief_ = this->lease_alive_ = false;
    if (this->live() && !this->owned() && !this->session_.energized)
      this->broken_("a session without output ends with its client");
    if (this->live() && this->lived(now)) this->broken_("a session lives 60 min from its first output");
    this->silent_ = this->lost_ = this->released_ = false;
    if (this->pressed_ && this->live()) this->press_spent_ = false;  // it had ended flowing before the press
    this->pressed_ = false;
    if (this->store_lost_ && this->seen_.button && !this->press_spent_ && now - this->press_ms_ >= 10'000) {
      this->store_lost_ = false, this->press_spent_ = true;
      this->faulted_ = this->state_ == "fault";
      this->forgot_ms_ = this->unreadable ? now : -1'000 * 2 * WEEK_S;
    }
    for (Ms& last : this->last_ms_) last = now;
    const Session& session = this->session_;
    const bool live = this->live();
    if (live && now >= this->window_end_ && this->state_ == "armed") this->broken_("the arming window ends");
    if (live && this->held_ && now >= this->held_end_ && (this->state_ == "suspended" || this->state_ == "paused"))
      this->broken_("a suspended or paused session ends after 10 min");
    if (this->terminal_ && this->state_ != "idle" && this->state_ != "fault") this->broken_("shut down is for good");
    if (live && session.trips >= 3) this->broken_("the third trip of the guard ends the session");
    if (!this->lit()) return;
    if (!live) this->broken_("zero without a session");
    if (now >= session.lease_end) this->broken_("zero at the end of the lease");
    if (!this->owned()) this->broken_("zero when the client is gone");
    if (!this->present()) this->broken_("zero in the very tick in which contact is lost");
    if (this->setup_.has_temperature && (!this->plausible() || this->seen_.temperature_cc >= Bounds::STOP_CC))
      this->broken_("zero when it is hot, or nobody knows how hot");
    if (this->setup_.has_temperature && this->still_ms_ >= 60'000)
      this->broken_("zero when the temperature has not changed through 60 s of output");
    for (size_t place = 0; place < 4 && this->derated_; place++)
      if (this->level_[place] > (session.aim[place] + 1) / 2) this->broken_("half of the level from 39 degrees on");
    if (this->setup_.has_current) {
      if (!this->measured()) this->broken_("zero when nobody knows what flows");
      if (this->seen_.net_known && std::abs(this->seen_.net_na) > 10'000) this->broken_("zero at a net current");
      const int64_t most = *std::max_element(session.peak.begin(), session.peak.end());
      if (this->seen_.current_ua > std::max(most * 11 / 10, most + 20)) this->broken_("zero above 110 % of the peak");
    }
    if (this->setup_.wand && this->seen_.over_current) this->broken_("zero at over-current");
    if (this->terminal_) this->broken_("zero after shut down");
    if (session.lit_ms >= session.duration_ms) this->broken_("zero when the duration has flowed");
    for (size_t place = 0; place < 4; place++)
      if (this->level_[place] > session.aim[place]) this->broken_("the level follows what was set");
  }

  // --- a command ----------------------------------------------------------------------------------------------------

  Verdict judge(const Command& command, Ms now) {
    Verdict verdict;
    this->found_ = false;
    this->settle_(now);
    this->saves_judged_ = this->saves_;
    if (command.kind == Kind::STOP) return verdict;
    const auto only = [&](const char* reason, const char* field = nullptr) {
      verdict.reasons.push_back(reason), verdict.field = field;
      return verdict;
    };
    if (command.boot != this->boot_) return only("wrong_boot");
    const auto client = this->clients_.find(identity(command.client));
    if (identity(command.client) == 0 || client == this->clients_.end()) return only("not_client");
    if (command.sequence > 0 && command.sequence == client->second.sequence) {
      verdict.repeated = true;
      return verdict;
    }
    const bool owned = command.kind == Kind::SET || command.kind == Kind::RENEW || command.kind == Kind::PAUSE ||
                       command.kind == Kind::RESUME;
    if (owned && this->live() && identity(command.client) != this->session_.client) return only("not_client");
    if (command.sequence <= client->second.sequence || command.sequence < 1) return only("stale");
    const uint32_t ahead = static_cast<uint32_t>(command.not_after_ms) - this->uptime(now);
    if (command.not_after_ms == 0 || ahead > 2'000) return only("stale");
    verdict.consumes = true;
    if (this->terminal_) return only("wrong_state");
    if (command.kind == Kind::START) return this->judge_start_(command, now, verdict);
    if (command.kind == Kind::CLEAR) return this->judge_clear_(command, now, verdict);
    if (command.kind == Kind::ENROLL) return this->judge_enroll_(command, now, verdict);
    if (command.kind == Kind::PROFILE) {
      if (command.profile < 1) return only("out_of_bounds", "profile");
      if (!contains_(this->enrolled_, command.profile)) return only("not_enrolled", "profile");
      return verdict;
    }
    if (command.kind == Kind::HISTORY) {
      if (command.record < 1) return only("out_of_bounds", "record");
      if (command.profile < 1) return only("out_of_bounds", "profile");
      if (command.record > this->newest_ || command.record <= this->newest_ - 32) return only("no_record");
      return verdict;
    }
    const uint64_t id = identity(command.session);
    if (id == 0 || (this->live() && id != this->session_.id)) return only("bad_session");
    if (!this->live()) return only("wrong_state");
    if (command.kind == Kind::SET) return this->judge_set_(command, verdict);
    if (command.kind == Kind::ADOPT) return this->judge_adopt_(command, now, verdict);
    if (command.kind == Kind::RENEW) {
      if (!this->lease_lives(now)) return only("wrong_state");
      const uint32_t age = this->uptime(now) - static_cast<uint32_t>(command.stamp_ms);
      if (command.stamp_ms == 0 || age > static_cast<uint32_t>(this->session_.lease_ms)) return only("stale");
      return verdict;
    }
    if (command.kind == Kind::RESUME) {
      if (this->state_ != "paused" && this->state_ != "suspended") return only("wrong_state");
      this->unready_(verdict);
      this->flickers_(now, verdict);
    }
    return verdict;
  }

  /// The answer to a command that was judged, and the state right after it.
  void answered(const Command& command, const Verdict& verdict, const Line& line, bool accepted, Ms now,
                std::string_view state) {
    if (line.wrong() != nullptr) return this->broken_("every answer is a well-formed line");
    const std::string_view reason = line["reason"];
    if (accepted != (reason == "ok")) return this->broken_("success is exactly reason=ok");
    if (verdict.repeated) {
      Client& client = this->clients_[identity(command.client)];
      if (line.text() != client.answer) this->broken_("a repeated number gets its stored answer");
      return this->transition_(now, state);
    }
    if (!verdict.allows(reason)) return this->broken_("an answer that the contract does not allow here");
    if (verdict.field != nullptr && line["field"] != verdict.field)
      this->broken_("a refusal names the first bad field");
    if (reason == "out_of_bounds" && (!line.has("field") || !line.has("minimum") || !line.has("maximum")))
      this->broken_("out_of_bounds says what would be allowed");
    if (line.number("boot") != this->boot_ || line.number("uptime_ms") != this->uptime(now))
      this->broken_("every answer carries boot and stamp");
    if (command.kind == Kind::STOP ? line["sequence"] != "-" : line.number("sequence") != command.sequence)
      this->broken_("every answer carries its sequence");
    if (verdict.consumes) {
      Client& client = this->clients_[identity(command.client)];
      client.sequence = command.sequence, client.answer = line.text();
    }
    const int64_t before = this->newest_;
    if (reason == "ok") this->apply_(command, line, now);
    if (command.kind == Kind::STOP && (line["output"] != "0" || this->lit()))
      this->broken_("stop is zero before its answer");
    if (line.number("record") != this->newest_) this->broken_("every answer carries the newest record");
    if (reason != "ok" && this->newest_ != before) this->broken_("a refused command changes nothing");
    if (reason == "store_failed" || (reason == "faulted" && line["field"] == "worn_stuck")) {
      this->faulted_ = true;
      this->fault_durable_ = reason != "store_failed" && !this->save_failed_;
    }
    this->transition_(now, state);
    if (line["state"] != this->state_) this->broken_("every answer carries the state");
    if (this->live() != (line["session"] != "-")) this->broken_("every answer carries the session");
    if (command.kind == Kind::HISTORY && reason == "ok") this->history_(line, command.profile);
    if (command.kind == Kind::PROFILE && reason == "ok") this->windows_(command.profile, line, now);
    if (line.has("wait_s") && (reason == "ok" || line.number("wait_s") < 1))
      this->broken_("wait_s is what is left to wait");
  }

  void telemetry(const Line& line, Ms now, std::string_view state) {
    if (line.wrong() != nullptr) return this->broken_("telemetry is a well-formed line");
    if (line["state"] != state) this->broken_("telemetry tells the state");
    if (line.number("telemetry") <= this->telemetry_) this->broken_("the number of telemetry rises");
    this->telemetry_ = line.number("telemetry");
    if (line.number("boot") != this->boot_ || line.number("uptime_ms") != this->uptime(now))
      this->broken_("telemetry carries boot and stamp");
    if (line.number("record") != this->newest_) this->broken_("telemetry carries the newest record");
    if ((line["fault"] != "-") != (state == "fault")) this->broken_("telemetry names a fault exactly in state fault");
    this->told_refuses_(line["refuses"], now);
    for (const auto& [id, client] : this->clients_) {
      char hex[17];
      std::snprintf(hex, sizeof(hex), "%016llx", static_cast<unsigned long long>(id));
      if (line.text().find(hex) != std::string::npos) this->broken_("telemetry names no client");
    }
    if (line.has("client") || line.has("subjects")) this->broken_("telemetry names nobody");
    const std::string_view profiles = line["profiles"];
    const size_t colon = profiles.find(':');
    if (Line::whole(profiles.substr(0, colon)) != static_cast<int64_t>(this->enrolled_.size()))
      this->broken_("telemetry counts the profiles");
    const int64_t generation = Line::whole(profiles.substr(colon + 1));
    if (this->generation_events_ != this->generation_seen_ && generation <= this->generation_)
      this->broken_("the generation rises with every change of a profile");
    this->generation_ = generation, this->generation_seen_ = this->generation_events_;
    if (line["needs_button"] == "1") this->session_.needs_press = true;
    if (line["needs_button"] == "1" && this->lit()) this->broken_("a credit is confirmed before anything flows");
    if (!this->live()) {
      if (line["levels"] != "-") this->broken_("no levels without a session");
      return;
    }
    Places told{};
    line.levels("levels", told);
    if (!this->forced_ && told != this->level_) this->broken_("telemetry tells the levels that flow");
    Places delivered{};
    line.levels("delivered", delivered);
    this->delivered_(delivered, this->session_.flowed, this->session_.lag);
    if (line.number("output_ms") + line.number("left_ms") != this->session_.duration_ms)
      this->broken_("output_ms and left_ms are the duration");
  }

  // --- what others may ask ------------------------------------------------------------------------------------------

  bool live() const { return this->session_open_; }
  uint64_t key() const { return this->session_.key; }
  /// Its 60 min are over.
  bool lived(Ms now) const { return this->session_.energized && now - this->session_.first_lit >= 3'600'000; }
  bool flowing() const { return this->state_ == "ramping" || this->state_ == "running"; }
  bool faulted() const { return this->state_ == "fault"; }
  const std::string& state() const { return this->state_; }
  int64_t newest() const { return this->newest_; }
  uint64_t client() const { return this->session_.client; }
  uint64_t session() const { return this->session_.id; }
  int64_t profile() const { return this->session_.profile; }
  const std::vector<int64_t>& enrolled() const { return this->enrolled_; }
  bool store_lost() const { return this->store_lost_; }
  /// Who is enrolled after somebody was.
  void enrolled(const std::vector<int64_t>& told, int64_t token, Ms now) {
    for (const int64_t known : this->enrolled_)
      if (!contains_(told, known) && !this->lied && this->busy_(known, now))
        this->broken_("nobody with a dose makes room");
    for (const int64_t found : told)
      if (!contains_(this->enrolled_, found) && found != token) this->broken_("only who was named is enrolled");
    if (told.size() > 4 || !contains_(told, token)) this->broken_("who is enrolled is remembered");
    for (const int64_t known : this->enrolled_)
      if (!contains_(told, known)) this->doses_.erase(known);
    if (told != this->enrolled_) this->generation_events_++;
    this->enrolled_ = told;
  }
  const Places& peaks() const { return this->session_.peak; }
  Ms lease_end() const { return this->session_.lease_end; }
  int32_t sequence(uint64_t client) const {
    const auto found = this->clients_.find(client);
    return found == this->clients_.end() ? 0 : found->second.sequence;
  }
  uint32_t uptime(Ms now) const { return this->uptime_ + static_cast<uint32_t>(now); }
  bool known() const {
    if (this->setup_.wand) return this->seen_.ohm_known && this->seen_.ohm_age_ms < 50;
    return this->setup_.has_worn && this->seen_.worn_known;
  }
  bool touching() const {
    if (!this->known()) return false;
    if (!this->setup_.wand) return this->seen_.worn;
    return this->seen_.ohm >= std::max<int64_t>(200, this->setup_.ohm_minimum) &&
           this->seen_.ohm <= std::min<int64_t>(20'000, this->setup_.ohm_maximum);
  }

 private:
  static constexpr Ms GUARD_MS = 10;  ///< the guard looks every 5 ms, and may be 5 ms late
  enum Why : uint32_t { COMPLETED = 1, PARTIAL = 2, STOPPED = 4, FAULT = 8, VOID = 16 };

  struct Client {
    int32_t sequence{0};
    std::string answer;
  };
  struct Session {
    uint64_t id{0}, client{0}, key{0};
    int64_t profile{0}, skin{1000};
    Places peak{}, budget{}, aim{}, flowed{}, lag{};  ///< flowed: level x ms; lag: charged beyond it
    Ms period_ms{0}, duration_ms{0}, lease_ms{0}, lease_end{0}, lit_ms{0};
    bool energized{false}, adopted{false};
    Ms first_lit{0};
    int trips{0};
    bool needs_press{false}, confirmed{false};
  };
  /// What somebody had: charged, rounded down.
  struct Dose {
    Ms at{0};
    int64_t record{0}, total{0}, blue{0};
    bool counts{false};
  };
  static constexpr Ms DAY_S = 86'400, WEEK_S = 604'800;
  struct Record {
    uint64_t session{0};
    int64_t profile{0};
    Places planned{}, flowed{};
    Ms lit_ms{0};
    bool cut{false};      ///< a power cut left it open
    bool perhaps{false};  ///< the cut came while it was being closed: both are right
    Ms closed_ms{-1};
    bool energized{false};
    uint32_t why{0};
    Places lag{};
  };

  bool owned() const { return this->clients_.contains(this->session_.client); }
  bool plausible() const {
    return this->seen_.temperature_known && this->seen_.temperature_age_ms < 5'000 &&
           this->seen_.temperature_cc >= 500 && this->seen_.temperature_cc <= 8'000;
  }
  bool measured() const { return this->seen_.current_known && this->seen_.current_age_ms < 50; }
  bool present() const {
    if (this->setup_.wand) return this->touching() && !this->seen_.charging && this->unlifted_ms_ < 180'000;
    if (this->setup_.eye_shield == 2 && !this->seen_.shield &&
        (this->session_.peak[1] != 0 || this->session_.peak[2] != 0))
      return false;
    return !this->setup_.has_worn || this->touching();
  }
  bool lease_lives(Ms now) const { return this->lease_alive_ && now < this->session_.lease_end; }
  /// What time alone has brought about, which a command finds out before anything else.
  void settle_(Ms now) {
    if (!this->live()) return;
    this->count(now);
    const bool over = this->lease_alive_ && now >= this->session_.lease_end;
    std::string_view state = this->state_;
    if (this->flowing() && this->session_.lit_ms >= this->session_.duration_ms)
      state = "idle";
    else if (this->lived(now))
      state = "idle";
    else if (this->flowing() && this->silent_)
      state = this->session_.trips >= 3 ? "fault" : "suspended";
    else if (state == "armed" && now >= this->window_end_)
      state = "idle";
    else if ((state == "suspended" || state == "paused") && now >= this->held_end_)
      state = "idle";
    else if (over && state == "armed" && !this->held_)
      state = "idle";
    else if (over)
      state = "suspended";
    if (over) this->lease_alive_ = false;
    // A record that cannot be closed latches, before the command itself is looked at.
    if (state == "idle" && this->store_fails) state = "fault";
    if (state == this->state_) return;
    this->settling_ = true;
    this->found_ = state == "fault";
    this->transition_(now, state);
    this->settling_ = false;
  }

  void unready_(Verdict& verdict) const {
    if (this->setup_.wand && this->seen_.charging) verdict.reasons.push_back("charging");
    if (this->setup_.has_sensor() && !this->known()) verdict.reasons.push_back("sensor_not_ready");
    if (this->setup_.has_current && !this->measured()) verdict.reasons.push_back("sensor_not_ready");
    if (!this->setup_.has_temperature) {
      if (!this->setup_.wand) verdict.reasons.push_back("sensor_not_ready");
    } else if (!this->plausible()) {
      verdict.reasons.push_back("sensor_not_ready");
    } else if (this->seen_.temperature_cc >= Bounds::STOP_CC) {
      verdict.reasons.push_back("too_hot");
    }
  }

  /// Channels as the wire names them; false if one is unknown, named twice, or their number does not fit.
  bool channels_(const std::vector<int32_t>& channels, const std::vector<int32_t>& values) const {
    if (channels.empty() || channels.size() > 4 || channels.size() != values.size()) return false;
    std::array<bool, 5> named{};
    for (const int32_t channel : channels) {
      if (channel < 1 || channel > 4 || named[static_cast<size_t>(channel)]) return false;
      if (this->setup_.full[static_cast<size_t>(channel) - 1] == 0) return false;
      named[static_cast<size_t>(channel)] = true;
    }
    return true;
  }
  static bool positive_(const std::vector<int32_t>& values) {
    return std::all_of(values.begin(), values.end(), [](int32_t value) { return value >= 1; });
  }
  Places placed_(const std::vector<int32_t>& channels, const std::vector<int32_t>& values) const {
    Places out{};
    for (size_t i = 0; i < values.size(); i++)
      out[this->setup_.wand ? 0 : static_cast<size_t>(channels[i]) - 1] = values[i];
    return out;
  }

  Verdict judge_start_(const Command& start, Ms now, Verdict verdict) {
    const auto only = [&](const char* reason, const char* field = nullptr) {
      verdict.reasons.push_back(reason), verdict.field = field;
      return verdict;
    };
    if (identity(start.session) == 0) return only("bad_session");
    if (identity(start.resume_key) == 0) return only("wrong_key");
    const auto outside = [](int64_t value, int64_t minimum, int64_t maximum) {
      return value < minimum || value > maximum;
    };
    if (start.last_record < 1) return only("out_of_bounds", "last_record");
    if (start.profile < 1) return only("out_of_bounds", "profile");
    if (outside(start.skin_permille, 1, 1000)) return only("out_of_bounds", "skin_permille");
    if (outside(start.duration_s, 1, this->bounds_.duration_s())) return only("out_of_bounds", "duration_s");
    if (outside(start.lease_ms, 1000, this->bounds_.lease_ms())) return only("out_of_bounds", "lease_ms");
    if (outside(start.window_s, 1, this->bounds_.window_s())) return only("out_of_bounds", "window_s");
    if (start.epoch_s < 1) return only("out_of_bounds", "epoch_s");
    if (this->setup_.wand) {
      if (!positive_(start.levels) || !this->bounds_.levels_allowed(this->placed_({}, start.levels), 1000))
        return only("out_of_bounds", "peak_ua");
      if (!this->bounds_.period_allowed(start.period_us, start.levels[0])) return only("out_of_bounds", "period_us");
      if (outside(start.zone_s, 1, 180)) return only("out_of_bounds", "zone_s");
      if (!positive_(start.budgets) || !this->bounds_.doses_allowed(this->placed_({}, start.budgets), 1000))
        return only("out_of_bounds", "budget_uc");
    } else {
      if (!this->channels_(start.channels, start.levels)) return only("bad_channel", "channels");
      if (!positive_(start.levels) ||
          !this->bounds_.levels_allowed(this->placed_(start.channels, start.levels), start.skin_permille))
        return only("out_of_bounds", "peaks_uw_cm2");
      if (!this->channels_(start.channels, start.budgets)) return only("bad_channel", "channels");
      if (!positive_(start.budgets) ||
          !this->bounds_.doses_allowed(this->placed_(start.channels, start.budgets), start.skin_permille))
        return only("out_of_bounds", "budgets_uj_cm2");
    }
    // From here on the page names no order.
    const Places peaks = this->placed_(start.channels, start.levels);
    const uint64_t id = identity(start.session);
    auto& reasons = verdict.reasons;
    if (this->state_ == "fault") reasons.push_back("faulted");
    if (this->live()) reasons.push_back("busy");
    if (this->remembered_(id)) reasons.push_back("bad_session");
    if (start.last_record != this->newest_) reasons.push_back("unseen_session");
    this->judge_profile_(start, now, verdict);
    this->flickers_(now, verdict);
    const bool shielded = this->setup_.eye_shield == 1 || (this->setup_.eye_shield == 2 && this->seen_.shield);
    if (!this->setup_.wand && !shielded && (peaks[1] != 0 || peaks[2] != 0)) reasons.push_back("eye_shield_missing");
    if (this->setup_.grade == 0 && (this->setup_.wand || peaks[1] != 0 || peaks[2] != 0 || peaks[3] != 0))
      reasons.push_back("not_calibrated");
    this->unready_(verdict);
    if (!this->live() && this->known() && !this->off_seen_)
      reasons.push_back(this->session_seen_ ? "faulted" : "sensor_not_ready");
    if (this->store_fails) reasons.push_back("store_failed");
    return verdict;
  }

  Verdict judge_adopt_(const Command& adopt, Ms now, Verdict verdict) const {
    auto& reasons = verdict.reasons;
    const uint64_t key = identity(adopt.resume_key);
    if (key == 0 || key != this->session_.key) reasons.push_back("wrong_key");
    if ((this->state_ != "suspended" && this->state_ != "paused") || !this->session_.energized)
      reasons.push_back("wrong_state");
    if (this->lease_lives(now)) reasons.push_back("lease_alive");
    return verdict;
  }

  /// Everything that refuses any start now, and nothing else.
  void told_refuses_(std::string_view told, Ms now) {
    Verdict right;
    auto& reasons = right.reasons;
    if (this->state_ == "fault") reasons.push_back("faulted");
    if (this->live()) reasons.push_back("busy");
    if (this->terminal_) reasons.push_back("wrong_state");
    if (now - this->brown_out_ms_ < 60'000) reasons.push_back("brown_out");
    this->unready_(right);
    size_t recent = 0;
    for (const Ms at : this->edges_[4]) recent += now - at < 30'000 ? 1 : 0;
    if (recent >= 3 && !this->setup_.wand) reasons.push_back("too_soon");
    if (!this->live() && this->known() && !this->off_seen_)
      reasons.push_back(this->session_seen_ ? "faulted" : "sensor_not_ready");
    if (this->last_profile_ != 0 && !this->gap_perhaps_) {
      if (now - this->last_output_ms_ < 597'000 && !this->lied) reasons.push_back("profile_gap");
      right.perhaps.push_back("profile_gap");
    }
    if (this->gap_perhaps_) right.perhaps.push_back("profile_gap");
    if (!this->setup_.wand) right.perhaps.push_back("too_soon");  // of one channel alone
    std::vector<std::string_view> named;
    while (!told.empty() && told != "-") {
      const size_t comma = told.find(',');
      const std::string_view pair = told.substr(0, comma);
      told = comma == std::string_view::npos ? std::string_view{} : told.substr(comma + 1);
      named.push_back(pair.substr(0, pair.find(':')));
      // After shutdown nothing looks at a sensor any more.
      if (!right.allows(named.back()) && !this->terminal_)
        this->broken_("telemetry names no refusal that there is not");
    }
    for (const char* reason : this->terminal_ ? std::vector<const char*>{"wrong_state"} : reasons)
      if (std::find(named.begin(), named.end(), reason) == named.end())
        this->broken_("telemetry names whatever refuses a start");
  }

  /// Light that has had its three on-edges in 30 s waits.
  void flickers_(Ms now, Verdict& verdict) const {
    if (this->setup_.wand) return;
    verdict.perhaps.push_back("too_soon");
    size_t recent = 0;
    for (const Ms at : this->edges_[4]) recent += now - at < 30'000 ? 1 : 0;
    if (recent >= 3) verdict.reasons.push_back("too_soon");
  }

  int64_t charged_(int64_t nominal) const {
    const int64_t dose = nominal * this->bounds_.charge() / 1000;
    return this->setup_.grade == 0 && !this->setup_.wand && nominal > 0 ? std::max(dose, Bounds::UNCALIBRATED) : dose;
  }
  static int64_t sum_(const Places& places) { return places[0] + places[1] + places[2] + places[3]; }
  /// What somebody had since, at the least: seconds are rounded towards less. `record` counts sessions.
  Dose had_(int64_t token, Ms now, Ms window_s) const {
    Dose sum;
    const auto found = this->doses_.find(token);
    if (found == this->doses_.end()) return sum;
    for (const Dose& dose : found->second) {
      if (now - dose.at > window_s * 1000 - 3'000) continue;
      sum.total += dose.total, sum.blue += dose.blue, sum.record += dose.counts ? 1 : 0;
    }
    return sum;
  }
  Ms since_(int64_t token, Ms now, bool blue) const {
    Ms latest = now - WEEK_S * 1000;
    const auto found = this->doses_.find(token);
    if (found == this->doses_.end()) return now - latest;
    for (const Dose& dose : found->second)
      if (dose.counts && (!blue || dose.blue > 0)) latest = std::max(latest, dose.at);
    return now - latest;
  }
  bool busy_(int64_t token, Ms now) const {
    return (this->live() && this->session_.profile == token) || this->had_(token, now, WEEK_S).total > 0;
  }
  template <typename All>
  static bool contains_(const All& all, int64_t token) {
    return std::find(all.begin(), all.end(), token) != all.end();
  }

  void judge_profile_(const Command& start, Ms now, Verdict& verdict) const {
    auto& reasons = verdict.reasons;
    const bool wand = this->setup_.wand;
    if (now - this->brown_out_ms_ < 60'000) reasons.push_back("brown_out");
    if (!contains_(this->enrolled_, start.profile)) reasons.push_back("not_enrolled");
    if (this->gap_perhaps_) verdict.perhaps.push_back("profile_gap");
    if (this->last_profile_ != 0 && this->last_profile_ != start.profile) {
      verdict.perhaps.push_back("profile_gap");
      if (now - this->last_output_ms_ < 597'000) reasons.push_back("profile_gap");
      if (this->setup_.has_temperature && this->plausible() && this->seen_.temperature_cc > 3'700)
        reasons.push_back("profile_gap");
    }
    // Within a day after a reset, whatever was had before counts as a full day.
    const bool forgot = now - this->forgot_ms_ < DAY_S * 1000 - 3'000;
    const bool ever = this->doses_.contains(start.profile) || now - this->forgot_ms_ < 2 * WEEK_S * 1000;
    if (ever || this->lied)
      for (const char* word : WINDOWS) verdict.perhaps.push_back(word);
    if (this->lied) return;
    const Places budgets = this->placed_(start.channels, start.budgets);
    const int64_t asked = this->charged_(sum_(budgets)), blue = wand ? 0 : this->charged_(budgets[2]);
    const Dose day = this->had_(start.profile, now, DAY_S), week = this->had_(start.profile, now, WEEK_S);
    const auto above = [&](int64_t dose, int64_t ceiling) { return dose * 1000 > ceiling * start.skin_permille; };
    if (forgot) reasons.push_back("dose_day");
    if (wand) {
      if (day.total + asked > 450'000) reasons.push_back("dose_day");
      if (week.record + 1 > 5) reasons.push_back("sessions_week");
      if (this->since_(start.profile, now, false) < 71'997'000) reasons.push_back("rest");
      return;
    }
    if (above(day.total + asked, 100'000'000)) reasons.push_back("dose_day");
    if (above(week.total + asked, 300'000'000)) reasons.push_back("dose_week");
    if (blue > 0 && above(week.blue + blue, 90'000'000)) reasons.push_back("blue_week");
    if (day.record + 1 > 2) reasons.push_back("sessions_day");
    if (week.record + 1 > 7) reasons.push_back("sessions_week");
    if (this->since_(start.profile, now, false) < 21'597'000) reasons.push_back("rest");
    if (blue > 0 && this->since_(start.profile, now, true) < 71'997'000) reasons.push_back("rest_blue");
  }

  Verdict judge_enroll_(const Command& enroll, Ms now, Verdict verdict) const {
    auto& reasons = verdict.reasons;
    if (enroll.profile < 1) {
      reasons.push_back("out_of_bounds"), verdict.field = "profile";
      return verdict;
    }
    if (this->store_lost_) reasons.push_back("faulted");
    if (contains_(this->enrolled_, enroll.profile)) return verdict;
    if (this->flowing()) reasons.push_back("busy");
    if (!(this->seen_.button && !this->press_spent_ && now - this->press_ms_ >= 3'000))
      reasons.push_back("button_needed");
    if (this->store_fails) reasons.push_back("store_failed");
    if (this->enrolled_.size() < 4) return verdict;
    bool room = this->lied;
    for (const int64_t token : this->enrolled_) room |= !this->busy_(token, now);
    (room ? verdict.perhaps : reasons).push_back("profiles_full");
    return verdict;
  }

  /// read_profile: what the node has kept is never less than what was had.
  void windows_(int64_t token, const Line& line, Ms now) {
    if (line.number("profile") != token) this->broken_("read_profile tells of the profile that was asked for");
    if (this->lied) return;
    Dose day = this->had_(token, now, DAY_S), week = this->had_(token, now, WEEK_S);
    if (this->live() && this->session_.profile == token) {
      const int64_t budgets = this->charged_(sum_(this->session_.budget));
      const int64_t blue = this->setup_.wand ? 0 : this->charged_(this->session_.budget[2]);
      day.total += budgets, week.total += budgets, week.blue += blue, day.record++, week.record++;
    }
    if (line.number("dose_day") < day.total || line.number("dose_week") < week.total ||
        line.number("blue_week") < week.blue)
      this->broken_("a window of dose is never lowered");
    if (line.number("sessions_day") < day.record || line.number("sessions_week") < week.record)
      this->broken_("a count of sessions is never lowered");
    const Ms rest = (this->setup_.wand ? 72'000'000 : 21'600'000) - this->since_(token, now, false) - 3'000;
    if (rest > 0 && line.number("rest_s") * 1000 < rest) this->broken_("a rest is never shortened");
    const Ms blue = 72'000'000 - this->since_(token, now, true) - 3'000;
    if (!this->setup_.wand && blue > 0 && line.number("rest_blue_s") * 1000 < blue)
      this->broken_("a rest after blue is never shortened");
  }
  static constexpr std::array WINDOWS{"dose_day",      "dose_week", "blue_week", "sessions_day",
                                      "sessions_week", "rest",      "rest_blue"};

  Verdict judge_set_(const Command& set, Verdict verdict) const {
    const auto only = [&](const char* reason) {
      verdict.reasons.push_back(reason);
      return verdict;
    };
    if (!this->setup_.wand && !this->channels_(set.channels, set.levels)) return only("bad_channel");
    if (this->setup_.wand && set.levels.size() != 1) return only("out_of_bounds");
    if (!positive_(set.levels)) verdict.reasons.push_back("out_of_bounds");
    const Places wanted = this->placed_(set.channels, set.levels);
    for (size_t place = 0; place < 4; place++)
      if (wanted[place] > this->session_.peak[place])
        verdict.reasons.push_back(this->session_.peak[place] == 0 ? "bad_channel" : "out_of_bounds");
    return verdict;
  }

  Verdict judge_clear_(const Command& clear, Ms now, Verdict verdict) const {
    static constexpr std::array BUTTON{"over_temperature", "temperature_sensor", "worn_stuck", "over_current",
                                       "net_charge"};
    bool needs = false;
    for (const char* fault : BUTTON) needs |= clear.fault == fault;
    auto& reasons = verdict.reasons;
    // Found out by this very command: what stopped the loop, or that the store keeps nothing.
    const bool trips =
        this->found_ && (clear.fault == "output_watchdog" || (clear.fault == "store" && this->store_fails));
    if (this->state_ != "fault" || !(this->latched_(clear.fault) || trips)) {
      reasons.push_back("wrong_state");
      return verdict;
    }
    bool lasts = false;
    if (clear.fault == "over_temperature") lasts = !this->plausible() || this->seen_.temperature_cc >= Bounds::STOP_CC;
    if (clear.fault == "temperature_sensor") lasts = !this->plausible() || this->still_ms_ >= 60'000;
    if (clear.fault == "worn_stuck") lasts = !this->off_seen_;
    if (clear.fault == "over_current")
      lasts = this->seen_.over_current || (this->setup_.has_current && !this->measured());
    if (clear.fault == "store") lasts = this->store_lost_;
    if (lasts) reasons.push_back("faulted");
    if (needs && !(this->button_recent_ && now - this->press_ms_ < 60'000)) reasons.push_back("button_needed");
    if (this->store_fails || this->store_lost_) reasons.push_back("store_failed");
    return verdict;
  }

  void apply_(const Command& command, const Line& line, Ms now) {
    Session& session = this->session_;
    switch (command.kind) {
      case Kind::START: {
        {
          session = Session{};
          session.id = identity(command.session), session.profile = command.profile,
          session.skin = command.skin_permille;
          session.peak = session.aim = this->placed_(command.channels, command.levels);
          session.budget = this->placed_(command.channels, command.budgets);
          session.duration_ms = Ms{command.duration_s} * 1000;
          session.period_ms = (Ms{command.period_us} + 999) / 1000;
          this->newest_++, this->session_open_ = true, this->held_ = false, this->why_ = 0;
          if (this->saves_ == this->saves_judged_) this->broken_("a session is stored before its start is answered");
          this->records_[this->newest_] = {session.id, session.profile, session.budget, {}, 0, false, false, -1, false,
                                           0};
          this->records_.erase(this->newest_ - 32);
        }
        session.key = identity(command.resume_key);
        this->generation_events_++;
        this->contacts_ = 0;
        session.client = identity(command.client);
        session.lease_ms = command.lease_ms, session.lease_end = now + command.lease_ms, this->lease_alive_ = true;
        this->window_end_ = now + Ms{command.window_s} * 1000;
        this->off_seen_armed_ = this->known() && !this->touching();
        this->brief_ = false;
        if (line["state"] != "armed") this->broken_("start arms, and no more");
        break;
      }
      case Kind::SET:
        session.aim = this->placed_(command.channels, command.levels);
        break;
      case Kind::RENEW:
        session.lease_end = std::max(
            session.lease_end,
            now - static_cast<Ms>(this->uptime(now) - static_cast<uint32_t>(command.stamp_ms)) + session.lease_ms);
        break;
      case Kind::PAUSE:
        if (line["state"] != "paused" || this->lit()) this->broken_("pause is zero at once");
        break;
      case Kind::RESUME:
        session.lease_end = now + session.lease_ms, this->lease_alive_ = true;
        this->contacts_ = 0;
        if (line["state"] == "ramping") {
          this->evidence_ = session.energized && !session.adopted && this->setup_.has_sensor() && this->present();
        } else {
          this->window_end_ = this->held_end_;
          this->off_seen_armed_ = this->known() && !this->touching();
          if (line["state"] != "armed" && line["state"] != "paused") this->broken_("resume ramps, or arms");
        }
        break;
      case Kind::ADOPT:
        session.client = identity(command.client), session.adopted = true;
        if (line["state"] != this->state_) this->broken_("adopting changes nothing but the client");
        break;
      case Kind::STOP:
        this->why_ |= STOPPED;
        break;
      case Kind::CLEAR:
        this->cleared_ = true;
        break;
      case Kind::HISTORY:
      case Kind::ENROLL:
      case Kind::PROFILE:
        break;
    }
  }

  /// The state may have changed: was there a reason to?
  void transition_(Ms now, std::string_view state) {
    const bool flows = state == "ramping" || state == "running";
    const bool flowed = this->flowing();
    const bool live = state != "idle" && state != "fault";
    if (this->lit() && !flows && !this->settling_) this->broken_("output flows in ramping and running only");
    if (flows && !flowed) {
      if (!this->evidence_) this->broken_("nothing flows without an edge, a press, or a person who resumes");
      if (this->resumes_) this->session_.lease_end = now + this->session_.lease_ms, this->lease_alive_ = true;
      this->contacts_ = this->resumes_ ? 1 : this->contacts_ + 1;
      if (this->setup_.wand && this->contacts_ >= 20) this->broken_("the 20th contact of a wand pauses");
      this->held_ = this->silent_ = this->forced_ = this->session_.adopted = false, this->ramp_from_ms_ = now;
    }
    if (flowed && state == "suspended") {
      const bool brief = this->lost_ || (this->silent_ && this->setup_.has_sensor());
      this->brief_ = brief && now < this->session_.lease_end;
      this->brief_end_ = now + this->bounds_.contact_window_ms();
      this->hold_(now);
    }
    if (this->brief_ && now >= this->session_.lease_end) this->brief_ = false;
    if (state != "suspended") this->brief_ = false;
    if ((state == "suspended" || state == "paused") && !this->held_) this->hold_(now);
    if (live && !this->session_open_) this->broken_("no session begins by itself");
    if (this->state_ == "fault" && state != "fault" && !this->cleared_ &&
        !(this->store_lost_ && this->press_held_(now)))
      this->broken_("a fault is latched until a person clears it");
    if (this->booted_ && this->fault_expected_ && state != "fault") this->broken_("a fault is latched over reboots");
    if (this->booted_ && live) this->broken_("a reboot leaves zero");
    if (state == "fault" && this->state_ != "fault") {
      this->why_ |= FAULT, this->faulted_ = true;
      this->fault_durable_ = !this->store_fails;
    }
    if (state != "fault") this->faulted_ = false;
    if (this->session_open_ && !live) {
      if (this->lit() && !this->settling_) this->broken_("a session that ends leaves zero");
      this->close_record_(now);
    }
    if (state == "paused" && this->state_ == "suspended") this->contacts_ = 0;
    if (state == "paused" && this->state_ != "paused") this->lease_alive_ = false;
    this->booted_ = this->cleared_ = false;
    if (this->state_ != state) this->state_ = state;
    this->evidence_ = this->resumes_ = false;
  }
  bool press_held_(Ms now) const { return this->seen_.button && now - this->press_ms_ >= 10'000; }
  void hold_(Ms now) {
    if (!this->held_) this->held_ = true, this->held_end_ = now + 600'000;
  }

  void close_record_(Ms now) {
    Session& session = this->session_;
    Record& record = this->records_[this->newest_];
    record.flowed = session.flowed, record.lag = session.lag, record.lit_ms = session.lit_ms,
    record.energized = session.energized;
    record.why = this->why_, record.closed_ms = now;
    if (session.lit_ms >= session.duration_ms) record.why |= COMPLETED;
    if (session.energized) this->session_seen_ = true, this->off_seen_ = false;
    if (session.energized) {
      this->last_profile_ = session.profile, this->last_output_ms_ = now, this->gap_perhaps_ = false;
      this->doses_[session.profile].push_back(this->dose_(now, record));
    }
    this->session_open_ = false, this->lease_alive_ = false;
    this->generation_events_++;
    if (!this->store_fails) this->durable_ = this->newest_;
  }
  Dose dose_(Ms now, const Record& record) const {
    Dose dose{now, this->newest_, 0, 0, false};
    Places flowed{};
    int64_t plan = 0;
    for (size_t place = 0; place < 4; place++) {
      flowed[place] = record.flowed[place] / 1000;
      const int64_t could = this->session_.peak[place] * (this->session_.duration_ms / 1000);
      plan += std::min(record.planned[place], could);
    }
    dose.total = this->charged_(sum_(flowed)), dose.blue = this->setup_.wand ? 0 : this->charged_(flowed[2]);
    dose.counts = sum_(flowed) * 5 >= plan;
    return dose;
  }
  /// A cut: what is not durably closed stays open, and is charged in full.
  void close_(Ms now) {
    this->count(now);
    this->level_ = {};
    if (this->session_open_) {
      Record& record = this->records_[this->newest_];
      record.flowed = this->session_.flowed, record.lag = this->session_.lag;
      record.energized = this->session_.energized;
      record.lit_ms = this->session_.lit_ms, record.why = this->why_ | STOPPED;
      this->session_open_ = false, this->lease_alive_ = false;
    }
    if (this->durable_ < this->newest_ && this->records_.contains(this->newest_)) {
      Record& record = this->records_[this->newest_];
      record.cut = true;
      // Charged in full, at the time of the reboot; where both are right, at the lesser.
      auto& doses = this->doses_[record.profile];
      if (!record.perhaps) {
        std::erase_if(doses, [this](const Dose& dose) { return dose.record == this->newest_; });
        const int64_t blue = this->setup_.wand ? 0 : this->charged_(record.planned[2]);
        doses.push_back({now, this->newest_, this->charged_(sum_(record.planned)), blue, true});
      }
      this->gap_perhaps_ = record.perhaps;
      if (!record.perhaps || (record.energized && record.closed_ms < 0))
        this->last_profile_ = record.profile, this->last_output_ms_ = now;
      if (record.closed_ms < 0) record.closed_ms = now;
    }
    this->forced_ = this->silent_ = false;
  }

  void delivered_(const Places& told, const Places& flowed, const Places& lag) {
    for (size_t place = 0; place < 4; place++) {
      if (told[place] * 1000 < flowed[place]) this->broken_("what is reported is never less than what flowed");
      if (told[place] * 1000 >= flowed[place] + lag[place] + 1000) this->broken_("what is reported is what flowed");
    }
  }
  void history_(const Line& line, int64_t asked) {
    const int64_t number = line.number("entry");
    const auto found = this->records_.find(number);
    if (found == this->records_.end()) {
      if (line["entry_session"] != "-") this->broken_("a record that nobody opened");
      return;
    }
    const Record& record = found->second;
    Places planned{}, delivered{};
    line.levels("planned", planned), line.levels("delivered", delivered);
    if (identity(std::string(line["entry_session"])) != record.session ||
        line.number("of_profile") != (record.profile == asked ? 1 : 0))
      this->broken_("a record keeps its session and its profile");
    if (planned != record.planned) this->broken_("a record is opened in full");
    const std::string_view outcome = line["outcome"];
    if (this->session_open_ && number == this->newest_) {
      if (outcome != "open") this->broken_("a record is open while its session lives");
      return this->delivered_(delivered, this->session_.flowed, this->session_.lag);
    }
    if (record.cut && !(record.perhaps && outcome != "unclosed")) {
      if (outcome != "unclosed") this->broken_("what a reboot left open is unclosed");
      if (delivered != planned) this->broken_("an unclosed session is charged at its budgets");
      for (size_t place = 0; place < 4; place++)
        if (delivered[place] * 1000 < record.flowed[place]) this->broken_("a reboot never lowers a record");
      return;
    }
    this->delivered_(delivered, record.flowed, record.lag);
    if (line.number("output_ms") != record.lit_ms) this->broken_("a record tells how long output flowed");
    if (!record.energized && outcome != "void") this->broken_("a session that gave no output is void");
    if (record.energized && outcome == "void") this->broken_("a session that gave output is not void");
    if (outcome == "open" || outcome == "commissioned") this->broken_("a record is closed with an outcome");
    if (outcome == "stopped" && (record.why & STOPPED) == 0 && this->setup_.has_temperature == false)
      this->broken_("stopped needs somebody who stopped it");
    if (outcome == "fault" && (record.why & FAULT) == 0 && !record.perhaps)
      this->broken_("outcome fault needs a fault");
  }
  bool remembered_(uint64_t id) const {
    for (const auto& [number, record] : this->records_)
      if (record.session == id) return true;
    return false;
  }
  void on_edge_(Ms now, size_t place) {
    if (place < 4 && this->off_ms_[place] != 0 && now - this->off_ms_[place] < 3'000)
      this->broken_("light is off for 3 s before it is on again");
    auto& edges = this->edges_[place];
    while (!edges.empty() && now - edges.front() >= 30'000) edges.pop_front();
    edges.push_back(now);
    if (edges.size() > 3) this->broken_("no more than 3 on-edges in 30 s");
  }

 public:
  bool store_fails{false};  ///< a write now would not be kept
  bool unreadable{false};   ///< the store is there, and means nothing
  bool lied{false};         ///< somebody has lied about the time
  /// The faults that are latched, as the node names them one by one; `latched_` asks the harness.
  std::vector<std::string> latched;

 private:
  bool latched_(const std::string& fault) const {
    return std::find(this->latched.begin(), this->latched.end(), fault) != this->latched.end();
  }

  Setup setup_;
  Bounds bounds_;
  void (*broken_)(const char* rule);

  // The node as far as it has been told.
  uint32_t uptime_{0};
  int32_t boot_{0};
  std::string state_{"idle"};
  bool terminal_{false}, booted_{true}, ticked_{false};
  std::map<uint64_t, Client> clients_;
  Seen seen_{};
  bool off_seen_{false}, off_seen_armed_{false}, session_seen_{false};
  bool press_spent_{true}, pressed_{false}, released_{false}, resumes_{false}, button_recent_{false};
  Ms press_ms_{0};
  int64_t telemetry_{0};
  int64_t generation_{-1}, generation_events_{0}, generation_seen_{0};

  // The session.
  Session session_{};
  bool session_open_{false}, lease_alive_{false}, held_{false}, brief_{false};
  Ms window_end_{0}, held_end_{0}, brief_end_{0}, ramp_from_ms_{0};
  bool evidence_{false}, lost_{false}, cleared_{false}, settling_{false}, found_{false};
  uint32_t why_{0};
  int contacts_{0};

  // Below the governor.
  Places level_{}, last_ms_{}, off_ms_{};
  std::array<std::deque<Ms>, 5> edges_{};
  Ms counted_ms_{0}, unlifted_ms_{0}, still_ms_{0};
  bool derated_{false};
  bool forced_{false}, silent_{false};

  // The store.
  std::map<int64_t, Record> records_;
  int64_t newest_{1}, durable_{1};
  int64_t saves_{0}, saves_judged_{0};
  std::map<int64_t, std::vector<Dose>> doses_;
  std::vector<int64_t> enrolled_;
  int64_t enrolling_{0}, last_profile_{0};
  bool gap_perhaps_{false};  ///< a cut in the middle of a write leaves open who was last
  Ms last_output_ms_{0}, forgot_ms_{-1'000 * 2 * WEEK_S}, brown_out_ms_{-60'000};
  bool faulted_{false}, fault_durable_{false}, fault_expected_{false}, store_lost_{false}, save_failed_{false};
};

}  // namespace proof
