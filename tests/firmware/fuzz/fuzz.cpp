/// Drives the real governor with everything that may happen to it, under the eyes of the model: hostile commands, lying
/// sensors, clocks that wrap, loops that stall, stores that fail, power that is cut anywhere.
///
///     fuzz STEPS SEED
///
/// One step is one turn of the loop. The first broken rule ends the run with its seed and what led there.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "../../../esphome/components/facial_therapy/governor.h"
#include "model.h"

namespace {

using namespace proof;
using facial_therapy::Governor;
using facial_therapy::Levels;
using facial_therapy::Memory;

struct PowerCut {};

/// xoshiro256**, so that a seed means the same everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : this->state_) {
      seed += 0x9E3779B97F4A7C15;
      uint64_t mixed = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9;
      mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
      word = mixed ^ mixed >> 31;
    }
  }
  uint64_t operator()() {
    const auto turn = [](uint64_t value, int by) { return value << by | value >> (64 - by); };
    const uint64_t result = turn(this->state_[1] * 5, 7) * 9, shifted = this->state_[1] << 17;
    this->state_[2] ^= this->state_[0], this->state_[3] ^= this->state_[1];
    this->state_[1] ^= this->state_[2], this->state_[0] ^= this->state_[3];
    this->state_[2] ^= shifted, this->state_[3] = turn(this->state_[3], 45);
    return result;
  }
  int64_t between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>((*this)() % (static_cast<uint64_t>(most - least) + 1));
  }
  bool once_in(int64_t times) { return (*this)() % static_cast<uint64_t>(times) == 0; }
  template <typename T, size_t SIZE>
  const T& of(const T (&choices)[SIZE]) {
    return choices[(*this)() % SIZE];
  }

 private:
  uint64_t state_[4];
};

enum Event : size_t {
  TICK,
  STALL,
  WORN,
  UNWORN,
  TEMPERATURE,
  LYING_SENSOR,
  OVER_CURRENT,
  CHARGING,
  SHIELD,
  BUTTON_DOWN,
  BUTTON_UP,
  CLIENTS,
  START,
  SET,
  RENEW,
  PAUSE,
  RESUME,
  ADOPT,
  STOP,
  CLEAR,
  HISTORY,
  ENROLL,
  PROFILE,
  REPLAY,
  BENT,
  CUT,
  CUT_SAVING,
  TORN,
  SHUT_DOWN,
  STORE_FAILS,
  JUMP,
  SWITCHED_OFF,
  EVENTS
};
constexpr const char* EVENT_WORDS[EVENTS] = {
    "tick",   "stall",       "worn",       "unworn",  "temperature", "lying_sensor", "over_current", "charging",
    "shield", "button_down", "button_up",  "clients", "start",       "set",          "renew",        "pause",
    "resume", "adopt",       "stop",       "clear",   "history",     "enroll",       "profile",      "replay",
    "bent",   "cut",         "cut_saving", "torn",    "shut_down",   "store_fails",  "jump",         "switched_off"};
constexpr const char* STATES[] = {"idle", "armed", "ramping", "running", "suspended", "paused", "fault"};

/// What was visited, over all episodes.
struct Tally {
  uint64_t steps{0}, energized{0}, commands{0}, boots{0}, sessions{0}, wraps{0};
  uint64_t visits[7][EVENTS]{};
  std::map<std::string, uint64_t, std::less<>> reasons, outcomes, faults;
};
Tally tally;

struct Trace {
  Ms at;
  const char* what;
  int64_t first, second;
  size_t state;
};
constexpr size_t TRACES = 60;
Trace traces[TRACES];
uint64_t traced = 0;
uint64_t seed_now = 0;
std::string last_answer, last_allowed;

[[noreturn]] void broken(const char* rule) {
  std::printf("BROKEN: %s\nseed %llu, step %llu\n", rule, static_cast<unsigned long long>(seed_now),
              static_cast<unsigned long long>(tally.steps));
  for (uint64_t at = traced > TRACES ? traced - TRACES : 0; at < traced; at++) {
    const Trace& trace = traces[at % TRACES];
    std::printf("  %12lld ms %-10s %-14s %lld %lld\n", static_cast<long long>(trace.at), STATES[trace.state],
                trace.what, static_cast<long long>(trace.first), static_cast<long long>(trace.second));
  }
  std::printf("  allowed: %s\n  answer: %s\n", last_allowed.c_str(), last_answer.c_str());
  std::exit(1);
}

/// A node in its world, from commissioning until the episode ends.
class World final : private facial_therapy::Store, private facial_therapy::Output {
 public:
  World(uint64_t seed, bool wand) : random_(seed), setup_(this->built_(wand)), model_(this->setup_, broken) {
    this->config_ = this->configured_();
    this->rtc_ = this->random_.once_in(3);
    this->liar_ = this->random_.once_in(8);
    this->patient_ = this->random_.once_in(8);
    this->disturb_ = this->random_.of({8, 15, 25, 40, 100, 400, 1500, 6000});
    this->boot_();
  }

  void run(uint64_t steps) {
    for (uint64_t step = 0; step < steps; step++) {
      try {
        this->step_();
      } catch (const PowerCut&) {
        this->model_.cut_while_saving(this->now_, this->given_.has_value() ? &*this->given_ : nullptr);
        this->given_.reset();
        this->boot_();
      }
      tally.steps++;
      tally.energized += this->model_.lit() ? 1 : 0;
    }
    this->audit_(40);
  }

 private:
  static constexpr uint64_t CLIENTS[3] = {0xa1a1a1a1a1a1a1a1, 0xb2b2b2b2b2b2b2b2, 0xc3c3c3c3c3c3c3c3};

  // --- the parts around the governor --------------------------------------------------------------------------------

  Load load(Memory::Bytes& bytes) override {
    if (!this->present_) return Load::MISSING;
    if (this->torn_) return Load::UNREADABLE;
    bytes = this->content_;
    return Load::OK;
  }
  bool save(const Memory::Bytes& bytes) override {
    if (this->model_.lit()) this->model_.saving_lit();
    if (this->cut_saving_ && !this->model_.store_fails) {
      this->cut_saving_ = false;
      if (this->random_.once_in(2)) this->content_ = bytes, this->present_ = true;
      this->note_("cut_saving", 0, 0), this->visit_(CUT_SAVING);
      throw PowerCut{};
    }
    if (this->model_.store_fails) {
      this->model_.saved(false);
      return false;
    }
    this->content_ = bytes, this->present_ = true, this->torn_ = false;
    this->model_.saved(true);
    return true;
  }
  void energize(const Levels& levels, const facial_therapy::Permit& permit) override {
    this->permit_ = permit, this->guarding_ = true;
    if (this->trip_.yes) return;
    Places next{};
    for (size_t place = 0; place < 4; place++) next[place] = levels.at[place];
    this->model_.levels(this->now_, next);
  }
  void deenergize() override {
    this->model_.levels(this->now_, {});
    this->guarding_ = false, this->trip_ = {};
  }
  facial_therapy::Forced forced(uint32_t) override { return this->trip_; }
  bool watched() const override { return true; }

  uint32_t uptime_() const { return this->model_.uptime(this->now_); }

  /// Time passes without the loop; the guard looks every 5 ms, up to 5 ms late.
  void pass_(Ms ms) {
    const Ms until = this->now_ + ms;
    if (this->guarding_ && !this->trip_.yes) {
      for (Ms due = this->now_ + this->random_.between(1, 5);; due += 5) {
        const Ms at = due + this->random_.between(0, 5);
        if (at > until) break;
        const uint32_t uptime = this->model_.uptime(at);
        const bool silent = at - this->beat_ >= (this->setup_.wand ? 40 : 100);
        const auto come = [&](uint32_t then) { return static_cast<int32_t>(uptime - then) >= 0; };
        if (!silent && !come(this->permit_.lease_end_ms) && !come(this->permit_.deadline_ms)) continue;
        this->model_.levels(at, {});
        this->model_.forced(silent);
        this->trip_ = {true, silent, uptime};
        break;
      }
    }
    if (this->uptime_() > this->model_.uptime(until)) tally.wraps++;
    this->now_ = until;
    this->model_.count(this->now_);
    this->model_.silent_for(this->now_ - this->beat_);
  }

  const char* state_() const { return STATES[static_cast<size_t>(this->governor_->state())]; }
  void note_(const char* what, int64_t first, int64_t second) {
    const size_t state = this->governor_ ? static_cast<size_t>(this->governor_->state()) : 0;
    traces[traced++ % TRACES] = {this->now_, what, first, second, state};
  }
  void visit_(Event event) { tally.visits[static_cast<size_t>(this->governor_->state())][event]++; }
  void happens_(Event event, int64_t first = 0, int64_t second = 0) {
    this->note_(EVENT_WORDS[event], first, second), this->visit_(event);
  }

  void boot_() {
    this->model_.count(this->now_);
    this->guarding_ = false, this->trip_ = {};
    this->beat_ = this->now_;
    this->boots_ = this->boots_ % 0x7FFF'FFFE + 1;
    // Near its end, the clock of the node wraps within the episode.
    const uint32_t uptime = this->random_.once_in(2) ? static_cast<uint32_t>(this->random_())
                                                     : 0u - static_cast<uint32_t>(this->random_.between(1, 200'000));
    const bool brown_out = this->boots_ > 1 && this->random_.once_in(6);
    this->model_.unreadable = this->torn_;
    this->model_.boot(this->now_, uptime - static_cast<uint32_t>(this->now_), this->boots_,
                      this->present_ && !this->torn_, brown_out);
    this->governor_ = std::unique_ptr<Governor>(new Governor(this->config_, *this, *this, this->boots_));
    tally.boots++;
    this->note_("boot", this->boots_, uptime);
    this->governor_->begin(this->uptime_(), brown_out);
    const Line line(this->governor_->telemetry(this->uptime_()).c_str());
    this->model_.remembered(line.number("record"), this->stored_());
    this->tick_();
    this->audit_(3);
  }

  void tick_() {
    this->beat_ = this->now_;
    if (!this->stuck_) this->temperature_ms_ = this->ohm_ms_ = this->now_;
    Seen seen = this->seen_;
    seen.temperature_age_ms = this->now_ - this->temperature_ms_, seen.ohm_age_ms = this->now_ - this->ohm_ms_;
    // The last digit of a real converter is never still; a frozen one is among the lies.
    if (!this->frozen_) seen.temperature_cc -= this->now_ / 1000 % 2;
    if (this->setup_.has_current) {
      seen.current_known = !this->blind_, seen.current_age_ms = seen.ohm_age_ms;
      seen.current_ua = std::max<int64_t>(int64_t{this->model_.level(0)} + this->stray_ua_, 0);
      seen.net_known = this->model_.lit(), seen.net_na = this->net_na_;
    }
    this->model_.connect(this->clients_);
    this->model_.before_tick(this->now_, seen);
    facial_therapy::Sensors sensors;
    sensors.worn_known = seen.worn_known, sensors.worn = seen.worn, sensors.shield = seen.shield;
    sensors.temperature_known = seen.temperature_known;
    sensors.temperature_cc = static_cast<int32_t>(seen.temperature_cc);
    sensors.temperature_age_ms = static_cast<uint32_t>(seen.temperature_age_ms);
    sensors.impedance_known = seen.ohm_known;
    sensors.impedance_ohm = static_cast<uint32_t>(seen.ohm);
    sensors.impedance_age_ms = static_cast<uint32_t>(seen.ohm_age_ms);
    sensors.current_known = seen.current_known, sensors.net_known = seen.net_known;
    sensors.current_age_ms = static_cast<uint32_t>(seen.current_age_ms);
    sensors.current_ua = static_cast<uint32_t>(seen.current_ua);
    sensors.net_na = static_cast<int32_t>(seen.net_na);
    sensors.charging = seen.charging, sensors.over_current = seen.over_current, sensors.button = seen.button;
    // A battery-backed clock, which is right whenever it is read.
    sensors.rtc_known = this->rtc_ && this->rtc_read_;
    sensors.rtc_s = static_cast<uint32_t>(1'790'000'000 + this->now_ / 1000);
    this->governor_->tick(this->uptime_(), sensors, this->clients_.data(), this->clients_.size());
    this->model_.after_tick(this->now_, this->state_());
    this->latched_();
    if (this->random_.once_in(12)) this->tell_();
  }
  /// Who is enrolled by what the store holds: nothing that goes over the wire says so.
  std::vector<int64_t> stored_() const {
    std::vector<int64_t> tokens;
    auto memory = std::make_unique<Memory>();
    if (!this->present_ || this->torn_ || !memory->decode(this->content_, this->config_.modality)) return tokens;
    for (const auto& profile : memory->profiles)
      if (profile.token != 0) tokens.push_back(profile.token);
    return tokens;
  }
  void tell_() {
    const Line line(this->governor_->telemetry(this->uptime_()).c_str());
    this->model_.telemetry(line, this->now_, this->state_());
  }
  void latched_() {
    if (this->faults_ == this->governor_->faults()) return;
    this->faults_ = this->governor_->faults();
    this->model_.latched.clear();
    for (size_t i = 0; i < facial_therapy::FAULTS; i++) {
      if ((this->faults_ >> i & 1) == 0) continue;
      this->model_.latched.emplace_back(facial_therapy::FAULT_WORDS[i]);
      tally.faults[facial_therapy::FAULT_WORDS[i]]++;
    }
  }

  // --- commands -----------------------------------------------------------------------------------------------------

  Command command_(Kind kind, uint64_t client) {
    Command command;
    command.kind = kind;
    command.client = hex_(client), command.session = hex_(this->model_.session());
    command.resume_key = hex_(this->model_.key());
    command.boot = this->boots_,
    command.sequence = static_cast<int32_t>(std::min<int64_t>(int64_t{this->model_.sequence(client)} + 1, INT32_MAX));
    command.not_after_ms =
        static_cast<int32_t>(this->uptime_() + static_cast<uint32_t>(this->random_.between(0, 2000)));
    if (command.not_after_ms == 0) command.not_after_ms = 1;
    return command;
  }
  static std::string hex_(uint64_t id) {
    char text[17];
    std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(id));
    return text;
  }

  void give_(const Command& command) {
    this->governor_->connect(this->clients_.data(), this->clients_.size());
    this->model_.connect(this->clients_);
    this->latched_();
    Verdict verdict = this->model_.judge(command, this->now_);
    last_allowed = verdict.repeated ? "what was answered before" : verdict.reasons.empty() ? "ok" : "";
    for (const char* reason : verdict.reasons) last_allowed.append(reason).append(" ");
    const uint32_t now = this->uptime_();
    const facial_therapy::Header header{command.client.c_str(), command.boot, command.sequence, command.not_after_ms};
    const char* session = command.session.c_str();
    const facial_therapy::Line* answer = nullptr;
    const bool opens = command.kind == Kind::START || command.kind == Kind::ENROLL;
    if (opens && verdict.reasons.empty() && !verdict.repeated) this->given_ = command;
    switch (command.kind) {
      case Kind::START:
        answer = &this->governor_->start_session(now, header, this->start_arguments_(command));
        break;
      case Kind::SET:
        answer = &this->governor_->set_levels(now, header, session, command.channels.data(), command.channels.size(),
                                              command.levels.data(), command.levels.size());
        break;
      case Kind::RENEW:
        answer = &this->governor_->renew_lease(now, header, session, command.stamp_ms);
        break;
      case Kind::PAUSE:
        answer = &this->governor_->pause_session(now, header, session);
        break;
      case Kind::RESUME:
        answer = &this->governor_->resume_session(now, header, session);
        break;
      case Kind::ADOPT:
        answer = &this->governor_->adopt_session(now, header, session, command.resume_key.c_str());
        break;
      case Kind::STOP:
        answer = &this->governor_->stop_session(now);
        break;
      case Kind::CLEAR:
        answer = &this->governor_->clear_fault(now, header, command.fault.c_str());
        break;
      case Kind::HISTORY:
        answer = &this->governor_->read_history(now, header, command.record, command.profile);
        break;
      case Kind::ENROLL:
        answer = &this->governor_->enroll_profile(now, header, command.profile);
        break;
      case Kind::PROFILE:
        answer = &this->governor_->read_profile(now, header, command.profile);
        break;
    }
    this->given_.reset();
    tally.commands++;
    last_answer = answer->c_str();
    const Line line(last_answer);
    this->note_("answer", static_cast<int64_t>(command.kind), command.sequence);
    this->model_.answered(command, verdict, line, this->governor_->accepted(), this->now_, this->state_());
    this->latched_();
    if (!verdict.repeated) {
      if (this->governor_->accepted() && opens) {
        const Line told(this->governor_->telemetry(this->uptime_()).c_str());
        if (command.kind == Kind::ENROLL) this->model_.enrolled(this->stored_(), command.profile, this->now_);
        this->model_.telemetry(told, this->now_, this->state_());
      }
      this->wait_s_ = command.kind == Kind::START && line.has("wait_s") ? line.number("wait_s") : 0;
      const std::string reason(line["reason"]);
      tally.reasons[reason]++;
      if (reason == "ok" && command.kind == Kind::START) tally.sessions++;
      if (reason == "ok" && command.kind == Kind::HISTORY) tally.outcomes[std::string(line["outcome"])]++;
    }
    this->last_[command.client == hex_(CLIENTS[1]) ? 1 : 0] = command;
  }

  facial_therapy::Start start_arguments_(const Command& command) const {
    facial_therapy::Start start{};
    start.session = command.session.c_str(), start.resume_key = command.resume_key.c_str();
    start.last_record = command.last_record, start.profile = command.profile;
    start.skin_permille = command.skin_permille, start.duration_s = command.duration_s;
    start.lease_ms = command.lease_ms, start.window_s = command.window_s;
    start.epoch_s = command.epoch_s, start.period_us = command.period_us, start.zone_s = command.zone_s;
    start.channels = command.channels.data(), start.channels_count = command.channels.size();
    start.peaks = command.levels.data(), start.peaks_count = command.levels.size();
    start.budgets = command.budgets.data(), start.budgets_count = command.budgets.size();
    return start;
  }

  Command start_(uint64_t client) {
    Command start = this->command_(Kind::START, client);
    start.session = hex_(++this->ids_ | 0x1000'0000);
    start.resume_key = hex_(this->random_() | 1);
    start.last_record = static_cast<int32_t>(this->model_.newest());
    start.profile = this->someone_();
    start.skin_permille = this->random_.of({1000, 1000, 750, 500, 1});
    const Bounds bounds(this->setup_);
    start.duration_s = static_cast<int32_t>(
        this->random_.between(1, std::min<int64_t>(bounds.duration_s(), this->random_.of({8, 60, 1200}))));
    start.lease_ms =
        static_cast<int32_t>(this->random_.between(this->random_.once_in(4) ? 1000 : 4000, bounds.lease_ms()));
    start.window_s = static_cast<int32_t>(this->random_.between(1, bounds.window_s()));
    start.epoch_s = static_cast<int32_t>(1'790'000'000 + this->now_ / 1000);
    if (this->liar_ && this->random_.once_in(20)) {
      start.epoch_s += this->random_.of({-40'000'000, -100'000, -1, 1, 70'000, 90'000, 700'000, 40'000'000});
      this->model_.lied = true;
    }
    Places peaks{}, budgets{};
    for (size_t place = 0; place < static_cast<size_t>(this->setup_.places()); place++) {
      if (!this->setup_.wand && (this->setup_.full[place] == 0 || this->random_.once_in(2))) continue;
      const bool bare = this->setup_.eye_shield == 0 || this->setup_.grade == 0;
      if (bare && place != 0 && !this->random_.once_in(20)) continue;
      peaks[place] = this->highest_(peaks, place, start.skin_permille);
      if (!this->random_.once_in(6)) peaks[place] = this->random_.between(0, std::max<int64_t>(peaks[place] / 2, 1));
      if (this->random_.once_in(120)) peaks[place]++;
      if (peaks[place] == 0) continue;
      budgets[place] = peaks[place] * this->random_.between(1, start.duration_s + 2);
      budgets[place] = std::min(budgets[place], this->most_(budgets, place, start.skin_permille));
      if (this->random_.once_in(120)) budgets[place] = this->most_(budgets, place, start.skin_permille) + 1;
      if (this->setup_.wand) continue;
      start.channels.push_back(static_cast<int32_t>(place) + 1);
    }
    for (size_t place = 0; place < 4; place++) {
      if (peaks[place] == 0 && !this->setup_.wand) continue;
      if (this->setup_.wand && place > 0) continue;
      start.levels.push_back(static_cast<int32_t>(peaks[place]));
      start.budgets.push_back(static_cast<int32_t>(budgets[place]));
    }
    start.period_us = static_cast<int32_t>(this->random_.between(
        3'334, std::clamp<int64_t>(200'000'000 / std::max<int64_t>(peaks[0], 1), 3'334, 1'000'000)));
    start.zone_s = static_cast<int32_t>(this->random_.between(1, 180));
    return start;
  }
  int32_t someone_() {
    const auto& enrolled = this->model_.enrolled();
    if (enrolled.empty() || this->random_.once_in(40)) return static_cast<int32_t>(this->random_.between(1, 7));
    return static_cast<int32_t>(enrolled[this->random_() % enrolled.size()]);
  }
  /// The last level that is allowed beside the others, and the last dose.
  int64_t highest_(Places levels, size_t place, int64_t skin) const {
    const Bounds bounds(this->setup_);
    int64_t least = 0, most = 100'000;
    while (least < most) {
      levels[place] = (least + most + 1) / 2;
      if (bounds.levels_allowed(levels, skin))
        least = levels[place];
      else
        most = levels[place] - 1;
    }
    return least;
  }
  int64_t most_(Places doses, size_t place, int64_t skin) const {
    const Bounds bounds(this->setup_);
    int64_t least = 0, most = 200'000'000;
    while (least < most) {
      doses[place] = (least + most + 1) / 2;
      if (bounds.doses_allowed(doses, skin))
        least = doses[place];
      else
        most = doses[place] - 1;
    }
    return least;
  }

  /// Any number, the likelier the more harm it may do.
  int32_t extreme_() {
    if (this->random_.once_in(3)) return static_cast<int32_t>(this->random_());
    return this->random_.of({0,       -1,        1,      2,    3,    5,      INT32_MAX, INT32_MIN, INT32_MAX - 1,
                             999,     1000,      1001,   1200, 1201, 60'000, 65'536,    80'001,    100'000'000,
                             450'001, 1'000'001, -80'000});
  }
  void bend_(Command& command) {
    switch (this->random_.between(0, 22)) {
      case 0:
        command.client = this->random_.of(
            {"", "00", "0000000000000000", "A1A1A1A1A1A1A1A1", "a1a1a1a1a1a1a1a1a", "d4d4d4d4d4d4d4d4"});
        break;
      case 1:
        command.boot = this->random_.once_in(2) ? this->boots_ - 1 : this->extreme_();
        break;
      case 2:
        command.sequence = this->random_.once_in(2) ? std::max(command.sequence, 2) - 2 : this->extreme_();
        break;
      case 3:
        command.not_after_ms =
            this->random_.once_in(2)
                ? this->extreme_()
                : static_cast<int32_t>(this->uptime_() + this->random_.of({0u, 2000u, 2001u, 0xFFFFFFFFu}));
        break;
      case 4:
        command.session = this->random_.of(
            {"", "1", "0000000000000000", "zzzzzzzzzzzzzzzz", "000000000000000A", "00000000100000011"});
        break;
      case 5:
        command.session = hex_(this->random_.between(1, 99));
        break;
      case 6:
        command.last_record = this->random_.once_in(2) ? std::max(command.last_record, 1) - 1 : this->extreme_();
        break;
      case 7:
        command.profile = this->extreme_();
        break;
      case 8:
        command.skin_permille = this->extreme_();
        break;
      case 9:
        command.duration_s = this->extreme_();
        break;
      case 10:
        command.lease_ms = this->extreme_();
        break;
      case 11:
        command.window_s = this->extreme_();
        break;
      case 12:
        command.resume_key = this->random_.of({"", "1", "0000000000000000", "00000000000000e5", "E5E5E5E5E5E5E5E5"});
        break;
      case 13:
        if (command.kind == Kind::START && !this->liar_) return;
        command.epoch_s = this->extreme_();
        this->model_.lied = true;
        break;
      case 14:
        command.period_us = this->extreme_();
        break;
      case 15:
        command.stamp_ms =
            this->random_.once_in(2)
                ? this->extreme_()
                : static_cast<int32_t>(this->uptime_() + static_cast<uint32_t>(this->random_.between(-12'000, 3)));
        break;
      case 16:
        if (!command.channels.empty())
          command.channels[0] = this->random_.once_in(2) ? command.channels.back() : this->extreme_();
        break;
      case 17:
        if (!command.levels.empty()) command.levels[0] = this->extreme_();
        break;
      case 18:
        if (!command.budgets.empty()) command.budgets[0] = this->extreme_();
        break;
      case 19:
        command.channels.resize(static_cast<size_t>(this->random_.between(0, 6)), 1);
        break;
      case 20:
        command.levels.resize(this->setup_.wand ? 1 : static_cast<size_t>(this->random_.between(0, 6)), 5);
        break;
      case 21:
        command.zone_s = this->extreme_();
        break;
      default:
        command.budgets.resize(this->setup_.wand ? 1 : static_cast<size_t>(this->random_.between(0, 6)), 5);
        break;
    }
  }

  Command any_(uint64_t client) {
    const Kind kind =
        this->random_.of({Kind::START, Kind::START, Kind::SET, Kind::SET, Kind::RENEW, Kind::PAUSE, Kind::RESUME,
                          Kind::ADOPT, Kind::STOP, Kind::CLEAR, Kind::HISTORY, Kind::ENROLL, Kind::PROFILE});
    if (kind == Kind::START) return this->start_(client);
    Command command = this->command_(kind, client);
    if (kind == Kind::RENEW)
      command.stamp_ms = static_cast<int32_t>(
          this->uptime_() - static_cast<uint32_t>(this->random_.between(0, this->random_.once_in(3) ? 12'000 : 500)));
    if (kind == Kind::CLEAR)
      command.fault = this->model_.latched.empty() || this->random_.once_in(4)
                          ? this->random_.of({"", "store", "output_watchdog", "flicker", "over_current", "fever"})
                          : this->model_.latched.front();
    if (kind == Kind::ENROLL || kind == Kind::PROFILE)
      command.profile = this->random_.once_in(3) ? static_cast<int32_t>(this->random_.between(1, 7)) : this->someone_();
    if (kind == Kind::HISTORY) command.profile = this->someone_();
    if (kind == Kind::HISTORY)
      command.record = static_cast<int32_t>(this->model_.newest() - this->random_.between(-1, 34));
    if (kind == Kind::SET) {
      for (size_t place = 0; place < static_cast<size_t>(this->setup_.places()); place++) {
        const int64_t peak = this->model_.peaks()[place];
        if (peak == 0 && !this->random_.once_in(30)) continue;
        if (this->random_.once_in(3) && !this->setup_.wand) continue;
        command.channels.push_back(static_cast<int32_t>(place) + 1);
        command.levels.push_back(static_cast<int32_t>(
            this->random_.between(1, std::max<int64_t>(peak, 1) + (this->random_.once_in(10) ? 1 : 0))));
      }
      if (this->setup_.wand) command.channels.clear(), command.levels.resize(1, 1);
    }
    return command;
  }
  /// Read records back, as the ledger does.
  void audit_(int64_t most) {
    if (this->model_.newest() < 1) return;
    for (int64_t record = this->model_.newest(); record > 0 && record > this->model_.newest() - most; record--) {
      Command history = this->command_(Kind::HISTORY, CLIENTS[2]);
      history.record = static_cast<int32_t>(record), history.profile = this->someone_();
      this->give_(history);
    }
    for (const int64_t token : std::vector<int64_t>(this->model_.enrolled())) {
      Command profile = this->command_(Kind::PROFILE, CLIENTS[2]);
      profile.profile = static_cast<int32_t>(token);
      this->give_(profile);
    }
  }

  // --- what happens -------------------------------------------------------------------------------------------------

  void step_() {
    const bool lit = this->model_.lit();
    const bool quick = lit || this->model_.flowing();
    if (this->random_.once_in(this->disturb_ * 4) && quick) {
      const Ms ms = this->random_.of({20, 38, 45, 90, 99, 101, 110, 500, 3000, 5000});
      this->happens_(STALL, ms);
      this->pass_(ms);
    } else if (quick || this->random_.once_in(3)) {
      this->pass_(this->random_.of({1, 2, 3, 4, 5, 5, 5, 7, 8, 11, 20, 33}));
    } else {
      this->pass_(this->random_.of({5, 16, 50, 100, 250, 600, 1000}));
    }
    // Who has used up its numbers must connect anew.
    std::erase_if(this->clients_, [this](uint64_t id) { return this->model_.sequence(id) > 2'000'000'000; });
    if (this->random_.once_in(this->disturb_)) this->disturbance_();
    if (!this->random_.once_in(8)) this->pilot_();
    this->visit_(TICK);
    this->tick_();
  }

  /// What a well-meant client and the person do, so that there is something to disturb.
  void pilot_() {
    const std::string& state = this->model_.state();
    if (this->terminal_) {
      if (this->random_.once_in(10)) this->cut_power_();
      return;
    }
    if (this->enrolls_ && this->seen_.button && this->random_.once_in(3)) {
      Command enroll = this->command_(Kind::ENROLL, CLIENTS[0]);
      enroll.profile = static_cast<int32_t>(this->random_.between(1, 7));
      this->happens_(ENROLL);
      return this->give_(enroll);
    }
    if (this->hold_until_ > this->now_) return;
    this->enrolls_ = false;
    if (this->hold_until_ != 0) {
      this->hold_until_ = 0;
      if (this->seen_.button) this->seen_.button = false, this->happens_(BUTTON_UP);
      return;
    }
    if (state == "fault") return this->repair_();
    if (state == "idle") {
      const bool careless = this->random_.once_in(10);
      if (!careless) this->heal_();
      if (this->model_.touching() && !careless) return this->wear_(false);
      if (this->wait_s_ > 0 && !this->random_.once_in(10)) return this->wait_();
      if (this->random_.once_in(200)) return this->rest_();
      if (this->random_.once_in(this->model_.enrolled().size() < 3 ? 3 : 60)) {
        this->press_();
        this->hold_until_ = this->now_ + 8'000, this->enrolls_ = true;
        return;
      }
      if (!this->random_.once_in(4)) return;
      this->happens_(START);
      return this->give_(this->start_(CLIENTS[0]));
    }
    if (this->model_.lease_end() - this->now_ < (this->setup_.wand ? 3'900 : 7'000) && this->random_.once_in(4) &&
        !this->neglect_) {
      Command renew = this->command_(Kind::RENEW, this->model_.client());
      renew.stamp_ms = static_cast<int32_t>(this->uptime_() - static_cast<uint32_t>(this->random_.between(0, 3)));
      this->happens_(RENEW);
      this->give_(renew);
    }
    if (this->patient_ && this->model_.flowing() && this->random_.once_in(400)) {
      this->happens_(PAUSE);
      return this->give_(this->command_(Kind::PAUSE, this->model_.client()));
    }
    if (state == "armed") {
      if (!this->random_.once_in(6)) return;
      if (!this->setup_.has_sensor() || this->random_.once_in(5)) return this->press_();
      return this->wear_(!this->model_.touching());
    }
    if (state == "suspended" || state == "paused") {
      if (!this->random_.once_in(this->random_.once_in(30) ? 60 : 12)) return;
      this->heal_();
      if (!this->model_.touching() && this->setup_.has_sensor()) return this->wear_(true);
      const int64_t choice = this->random_.between(0, 9);
      if (choice == 0) return this->press_();
      if (choice == 1) return this->patience_();
      if (this->patient_ && choice <= 6) return this->linger_();
      if (choice <= 3) {
        this->happens_(ADOPT);
        return this->give_(this->command_(Kind::ADOPT, CLIENTS[this->random_() % 2]));
      }
      this->happens_(RESUME);
      return this->give_(this->command_(Kind::RESUME, this->model_.client()));
    }
  }

  void wear_(bool on) {
    this->happens_(on ? WORN : UNWORN);
    this->seen_.worn_known = this->seen_.ohm_known = true;
    this->seen_.worn = on;
    this->seen_.ohm = on ? this->random_.between(std::max<int64_t>(this->setup_.ohm_minimum, 200), 15'000) : 10'000'000;
  }
  void press_() {
    this->seen_.button = true;
    this->hold_until_ = this->now_ + this->random_.of({50, 200, 1000, 2990, 3010});
    this->happens_(BUTTON_DOWN);
  }
  void heal_() {
    this->stuck_ = this->frozen_ = this->blind_ = false;
    this->stray_ua_ = this->net_na_ = 0;
    this->seen_.temperature_known = this->seen_.worn_known = this->seen_.ohm_known = true;
    this->seen_.temperature_cc = this->random_.between(2900, 3600);
    this->seen_.shield = true;
    this->seen_.charging = this->seen_.over_current = false;
    if (!this->random_.once_in(8)) this->model_.store_fails = false, this->neglect_ = false;
    if (this->clients_.size() < 3 || this->clients_[0] != CLIENTS[0]) this->clients_.assign(CLIENTS, CLIENTS + 3);
  }
  void repair_() {
    this->heal_();
    if (this->model_.touching()) this->wear_(false);
    const int64_t choice = this->random_.between(0, 5);
    if (choice == 0) {
      this->seen_.button = true;
      this->hold_until_ = this->now_ + this->random_.of({100, 2000, 9'900, 10'100, 11'000});
      this->happens_(BUTTON_DOWN);
    } else if (choice < 4 && !this->model_.latched.empty()) {
      Command clear = this->command_(Kind::CLEAR, CLIENTS[0]);
      clear.fault = this->model_.latched[static_cast<size_t>(this->random_()) % this->model_.latched.size()];
      this->happens_(CLEAR);
      this->give_(clear);
    }
  }
  /// As long as the node has asked for, give or take a second.
  void wait_() {
    Ms rest = this->wait_s_ * 1000 + this->random_.of({-1000, 0, 0, 1000});
    this->happens_(JUMP, rest);
    this->wait_s_ = 0;
    for (; rest > 0; rest -= 3'600'000) this->pass_(std::min<Ms>(rest, 3'600'000)), this->tick_();
  }
  /// Hours or days go by, and the loop with them.
  void rest_() {
    const Ms part = this->random_.of({60'000, 600'000, 3'600'000});
    const int64_t parts = this->random_.between(1, 24);
    this->happens_(JUMP, part, parts);
    for (int64_t i = 0; i < parts && !this->model_.live(); i++) this->pass_(part), this->tick_();
  }
  /// Ten minutes, in which what is held ends.
  void patience_() {
    this->happens_(JUMP, 600'000, 1);
    for (int i = 0; i < 61 && !this->model_.flowing(); i++) this->pass_(10'000), this->tick_();
  }
  /// Most of them; then the session goes on, until its hour is over.
  void linger_() {
    this->happens_(JUMP, 580'000, 1);
    for (int i = 0; i < 58 && !this->model_.flowing(); i++) this->pass_(9'000), this->tick_();
    if (!this->model_.live()) return;
    this->happens_(RESUME);
    this->give_(this->command_(Kind::RESUME, this->model_.client()));
  }
  void cut_power_() {
    this->happens_(CUT);
    this->terminal_ = false;
    if (this->random_.once_in(3)) this->seen_.button = false, this->hold_until_ = 0;
    if (this->random_.once_in(40) && this->present_) this->torn_ = true, this->happens_(TORN);
    if (this->random_.once_in(3)) {
      const Ms off = this->random_.of({1'000, 600'000, 20'000'000, 90'000'000, 700'000'000});
      this->happens_(SWITCHED_OFF, off);
      this->model_.levels(this->now_, {});
      this->guarding_ = false;
      this->now_ += off;
    }
    this->boot_();
  }

  void disturbance_() {
    switch (this->random_.between(0, 23)) {
      case 0:
        return this->wear_(false);
      case 1:
        return this->wear_(true);
      case 2:
        this->happens_(TEMPERATURE);
        this->seen_.temperature_cc = this->random_.of(
            {3'799, 3'800, 3'900, 3'999, 4'000, 4'050, 4'099, 4'100, 4'500, 8'000, 8'001, 500, 499, -4'000});
        return;
      case 3:
        this->happens_(LYING_SENSOR);
        this->rtc_read_ = this->random_.once_in(2);
        if (this->random_.once_in(3))
          this->seen_.temperature_known = false;
        else if (this->random_.once_in(2))
          this->stuck_ = true;
        else if (this->random_.once_in(2))
          this->frozen_ = true;
        else
          this->seen_.worn_known = this->seen_.ohm_known = false;
        return;
      case 4:
        this->happens_(OVER_CURRENT);
        if (this->random_.once_in(2)) {
          this->seen_.over_current = this->random_.once_in(3);
        } else if (this->random_.once_in(2)) {
          this->stray_ua_ = this->random_.of({0, 20, 21, -400, 60, 1000});
        } else if (this->random_.once_in(2)) {
          this->net_na_ = this->random_.of({10'000, 10'001, -10'000, -10'001, 500'000});
        } else {
          this->blind_ = this->random_.once_in(3);
        }
        return;
      case 5:
        this->happens_(CHARGING);
        this->seen_.charging = !this->seen_.charging;
        return;
      case 6:
        this->happens_(SHIELD);
        this->seen_.shield = !this->seen_.shield;
        return;
      case 7:
        if (this->random_.once_in(2)) return this->press_();
        this->seen_.button = !this->seen_.button, this->hold_until_ = 0;
        return this->happens_(this->seen_.button ? BUTTON_DOWN : BUTTON_UP);
      case 8:
        this->happens_(CLIENTS_GONE_);
        this->clients_.clear();
        for (const uint64_t id : CLIENTS)
          if (id == CLIENTS[2] || this->random_.once_in(2)) this->clients_.push_back(id);
        for (int64_t more = this->random_.between(0, 12); more > 8; more--) this->clients_.push_back(this->random_());
        return;
      case 9: {
        if (!this->random_.once_in(4)) return;
        this->neglect_ = true;  // the client stops renewing
        return;
      }
      case 10: {
        if (!this->random_.once_in(3)) return this->happens_(STOP), this->give_(this->command_(Kind::STOP, 0));
        return;
      }
      case 11:
        this->happens_(STORE_FAILS);
        this->model_.store_fails = !this->model_.store_fails;
        return;
      case 12:
        if (this->random_.once_in(4)) return this->cut_power_();
        return;
      case 13:
        this->cut_saving_ = this->random_.once_in(2);
        return;
      case 14:
        if (!this->random_.once_in(6)) return;
        this->happens_(SHUT_DOWN);
        this->governor_->shut_down(this->uptime_());
        this->model_.shut_down(this->now_, this->state_());
        this->terminal_ = true;
        return;
      case 15: {
        this->happens_(REPLAY);
        return this->give_(this->last_[this->random_() % 2]);
      }
      case 16:
      case 17:
      case 18: {
        Command command = this->any_(CLIENTS[this->random_() % 2]);
        this->bend_(command);
        if (this->random_.once_in(3)) this->bend_(command);
        this->happens_(BENT, static_cast<int64_t>(command.kind));
        return this->give_(command);
      }
      case 19:
        this->happens_(PAUSE);
        return this->give_(
            this->command_(Kind::PAUSE, this->model_.client() == 0 ? CLIENTS[0] : this->model_.client()));
      case 20: {
        this->happens_(HISTORY);
        return this->audit_(this->random_.between(1, 34));
      }
      default: {
        const Command command = this->any_(CLIENTS[this->random_.once_in(4) ? 1 : 0]);
        this->happens_(static_cast<Event>(START + static_cast<size_t>(command.kind)));
        return this->give_(command);
      }
    }
  }
  static constexpr Event CLIENTS_GONE_ = Event::CLIENTS;

  // --- how the node is built ----------------------------------------------------------------------------------------

  Setup built_(bool wand) {
    Setup setup;
    setup.wand = wand;
    setup.grade = this->random_.of({2, 2, 2, 1, 0});
    if (wand && setup.grade == 0) setup.grade = this->random_.once_in(12) ? 0 : 2;
    setup.uncertainty_permille = this->random_.of({0, 200, 200, 333, 500, 1000});
    setup.eye_shield = this->random_.of({1, 1, 2, 0});
    setup.has_worn = !wand && !this->random_.once_in(5);
    setup.has_temperature = !wand || this->random_.once_in(2);
    setup.has_current = wand && !this->random_.once_in(4);
    if (wand) setup.full = setup.peaks = {};
    if (!wand && this->random_.once_in(2))
      setup.full = {40'000, 40'000, 22'000, 22'000}, setup.peaks = {35'000, 40'000, 9'000, 22'000};
    if (!wand && this->random_.once_in(4)) setup.full[3] = setup.peaks[3] = 0;
    setup.current_ua = this->random_.of({500, 500, 300, 1'000'000});
    setup.area_mm2 = this->random_.of({25, 25, 10, 400});
    if (this->random_.once_in(4)) setup.ohm_minimum = 1, setup.ohm_maximum = 1'000'000;
    setup.duration_s = this->random_.of({1200, 900, 30, 100'000});
    return setup;
  }
  facial_therapy::Config configured_() const {
    facial_therapy::Config config;
    config.modality = this->setup_.wand ? facial_therapy::Modality::WAND : facial_therapy::Modality::MASK;
    config.grade = static_cast<facial_therapy::Grade>(this->setup_.grade);
    config.uncertainty_permille = static_cast<uint32_t>(this->setup_.uncertainty_permille);
    config.eye_shield = static_cast<facial_therapy::EyeShield>(this->setup_.eye_shield);
    config.has_worn = this->setup_.has_worn, config.has_temperature = this->setup_.has_temperature;
    config.has_button = true, config.has_current = this->setup_.has_current;
    for (size_t place = 0; place < 4; place++) {
      config.full_uw_cm2[place] = static_cast<uint32_t>(this->setup_.full[place]);
      config.peaks_uw_cm2[place] = static_cast<uint32_t>(this->setup_.peaks[place]);
    }
    config.current_ua = static_cast<uint32_t>(this->setup_.current_ua);
    config.contact_area_mm2 = static_cast<uint32_t>(this->setup_.area_mm2);
    config.impedance_minimum_ohm = static_cast<uint32_t>(this->setup_.ohm_minimum);
    config.impedance_maximum_ohm = static_cast<uint32_t>(this->setup_.ohm_maximum);
    config.duration_s = static_cast<uint32_t>(this->setup_.duration_s);
    return config;
  }

  Random random_;
  Setup setup_;
  Model model_;
  facial_therapy::Config config_{};
  std::unique_ptr<Governor> governor_;
  Ms now_{0}, beat_{0};
  int64_t disturb_{100};
  int32_t boots_{0};
  uint64_t ids_{0};
  uint32_t faults_{0};
  std::vector<uint64_t> clients_{CLIENTS, CLIENTS + 3};
  Command last_[2];
  std::optional<Command> given_;

  Seen seen_{true, false, true, true, 3300, 0, true, 10'000'000, 0, false, false, false};
  Ms temperature_ms_{0}, ohm_ms_{0}, hold_until_{0};
  bool frozen_{false}, blind_{false};
  int64_t stray_ua_{0}, net_na_{0};
  bool stuck_{false}, neglect_{false}, terminal_{false}, enrolls_{false}, liar_{false}, patient_{false}, rtc_{false},
      rtc_read_{true};
  int64_t wait_s_{0};

  // Store and guard.
  bool present_{false}, torn_{false}, cut_saving_{false};
  Memory::Bytes content_{};
  facial_therapy::Permit permit_{};
  facial_therapy::Forced trip_{};
  bool guarding_{false};
};

void report(double seconds) {
  std::printf(
      "steps %llu in %.1f s, energized %.1f %%, commands %llu, sessions %llu, boots %llu, wraps of the clock %llu\n",
      static_cast<unsigned long long>(tally.steps), seconds,
      100.0 * static_cast<double>(tally.energized) / static_cast<double>(tally.steps),
      static_cast<unsigned long long>(tally.commands), static_cast<unsigned long long>(tally.sessions),
      static_cast<unsigned long long>(tally.boots), static_cast<unsigned long long>(tally.wraps));
  std::printf("%-13s", "visits");
  for (const char* state : STATES) std::printf(" %10s", state);
  size_t visited = 0;
  for (size_t event = 0; event < EVENTS; event++) {
    std::printf("\n%-13s", EVENT_WORDS[event]);
    for (const auto& visits : tally.visits) {
      std::printf(" %10llu", static_cast<unsigned long long>(visits[event]));
      visited += visits[event] != 0 ? 1 : 0;
    }
  }
  std::printf("\nvisited %zu of %zu\n", visited, 7 * static_cast<size_t>(EVENTS));
  const auto list = [](const char* title, const auto& counts) {
    std::printf("%s", title);
    for (const auto& [name, count] : counts)
      std::printf(" %s=%llu", name.c_str(), static_cast<unsigned long long>(count));
    std::printf("\n");
  };
  list("reasons", tally.reasons), list("outcomes", tally.outcomes), list("faults", tally.faults);
  std::printf("no rule was broken\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const uint64_t steps = std::strtoull(arguments[1], nullptr, 10);
  uint64_t seed = std::strtoull(arguments[2], nullptr, 10);
  const auto began = std::chrono::steady_clock::now();
  while (tally.steps < steps) {
    seed_now = seed;
    World world(seed, seed % 2 == 1);
    world.run(std::min<uint64_t>(steps - tally.steps, 40'000));
    seed++;
  }
  report(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  return 0;
}
