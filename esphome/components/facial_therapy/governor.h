#pragma once
/// The only thing that decides whether output may flow. Pure: time and sensor values are passed in, and it knows no
/// platform.
///
///     idle -start-> armed -off-to-on edge of worn / contact-> ramping -> running -duration, budgets-> idle (completed)
///     armed, ramping, running -lease, client, contact, output watchdog-> suspended -contact found in time-> ramping
///     any live state -pause-> paused; paused, suspended -resume-> ramping, or armed if not worn or adopted
///     any live state without output so far -client-> idle (void); any -60 min from its first output-> idle (partial)
///     any live state -stop-> idle; any -fault-> fault, latched over reboots
///     no store, or an unreadable one -> fault, until the button is held for 10 s
///
/// Invariants: output is zero unless the state is ramping or running; the store is written at zero output only; a
/// session that has opened its record is in the store before the first light, and in the windows of its profile at its
/// full budgets; what is charged to a budget is never more than the budget as long as the guard keeps its time; age
/// never goes back.
#include <array>
#include <cstddef>
#include <cstdint>

#include "ceilings.h"
#include "drive.h"
#include "header.h"
#include "record.h"
#include "text.h"

namespace facial_therapy {

/// What the sensors say now. Unknown is unsafe: a value that is not known counts as its worst.
struct Sensors {
  bool worn_known{false};
  bool worn{false};    ///< mask only
  bool shield{false};  ///< mask with a sensed eye shield: it is in place
  bool temperature_known{false};
  int32_t temperature_cc{0};  ///< hundredths of a degree Celsius, at the skin
  uint32_t temperature_age_ms{0};
  bool impedance_known{false};  ///< wand only
  uint32_t impedance_ohm{0};
  uint32_t impedance_age_ms{0};
  bool charging{true};        ///< wand only
  bool over_current{false};   ///< wand only: the comparator has latched
  bool current_known{false};  ///< wand only: what flows is measured
  uint32_t current_age_ms{0};
  uint32_t current_ua{0};  ///< the highest magnitude since the last tick
  bool net_known{false};
  int32_t net_na{0};      ///< mean over whole periods, signed
  bool button{false};     ///< held down
  bool rtc_known{false};  ///< a battery-backed clock that no network sets
  uint32_t rtc_s{0};      ///< what it says, seconds since 1970
};

/// What the guard must know to end output by itself.
struct Permit {
  uint32_t lease_end_ms{0};
  uint32_t deadline_ms{0};
};

/// What the guard did since output last began.
struct Forced {
  bool yes{false};
  bool silent{false};  ///< because the loop was silent, which counts as a trip
  uint32_t at_ms{0};   ///< when output became zero
};

/// The way down: driver and guard. `Levels` are uW/cm2 or uA.
class Output {
 public:
  virtual ~Output() = default;
  /// The wand's waveform for all that is energized from now on. Called at zero.
  virtual void shape(uint32_t period_us) { static_cast<void>(period_us); }
  /// Something flows from now on, until the permit ends or the next call.
  virtual void energize(const Levels& levels, const Permit& permit) = 0;
  /// Zero when this returns. Also lifts the guard's own zero, which stands until then.
  virtual void deenergize() = 0;
  /// Whether the guard has forced zero.
  virtual Forced forced(uint32_t now_ms) = 0;
  /// Whether the output watchdog runs. Without it nothing starts.
  virtual bool watched() const = 0;
};

/// The arguments of start_session after the header, as they came. Arrays may be nullptr where their count is 0.
struct Start {
  const char* session;
  const char* resume_key;  ///< whoever has it may adopt the session; never sent out again
  int32_t last_record, profile, skin_permille, duration_s, lease_ms, window_s, epoch_s;
  const int32_t* channels;  ///< mask, wire numbers
  size_t channels_count;
  const int32_t* peaks;  ///< uW/cm2; wand: one, uA
  size_t peaks_count;
  const int32_t* budgets;  ///< uJ/cm2; wand: one, uC
  size_t budgets_count;
  int32_t period_us;  ///< wand
  int32_t zone_s;     ///< wand
};

class Governor {
 public:
  /// @param boot random, 1 to 2^31 - 1
  Governor(const Config& config, Store& store, Output& output, int32_t boot);

  /// Read the memory, close what a reboot left open, and be ready. Output is zero.
  /// @param brown_out the supply broke down, and that is why the node starts
  void begin(uint32_t now_ms, bool brown_out = false);

  /// One step: to be called every few ms, and the only place where output begins.
  /// @param clients ids of the connected channels
  void tick(uint32_t now_ms, const Sensors& sensors, const uint64_t* clients, size_t clients_count);

  // Actions. Each answers with one sealed line, which stays valid until the next action.
  const Line& start_session(uint32_t now_ms, const Header& header, const Start& start);
  const Line& set_levels(uint32_t now_ms, const Header& header, const char* session, const int32_t* channels,
                         size_t channels_count, const int32_t* levels, size_t levels_count);
  const Line& renew_lease(uint32_t now_ms, const Header& header, const char* session, int32_t stamp_ms);
  const Line& pause_session(uint32_t now_ms, const Header& header, const char* session);
  const Line& resume_session(uint32_t now_ms, const Header& header, const char* session);
  /// Take over a suspended or paused session that has delivered something and has no living lease. Changes nothing
  /// but its client.
  const Line& adopt_session(uint32_t now_ms, const Header& header, const char* session, const char* resume_key);
  const Line& clear_fault(uint32_t now_ms, const Header& header, const char* fault);
  /// @param profile whom the caller asks for: the answer says only whether the record is theirs
  const Line& read_history(uint32_t now_ms, const Header& header, int32_t record, int32_t profile);
  const Line& enroll_profile(uint32_t now_ms, const Header& header, int32_t profile);
  const Line& read_profile(uint32_t now_ms, const Header& header, int32_t profile);
  /// Anyone, always. Output is zero when it returns.
  const Line& stop_session(uint32_t now_ms);
  /// Whether the last answer was `ok`: the success flag of the native API.
  bool accepted() const { return this->accepted_; }

  /// Make a connected channel known before its first command; the next `tick` brings the whole list.
  void connect(const uint64_t* clients, size_t clients_count) { this->clients_.connect(clients, clients_count); }

  /// Zero, the session closed, and nothing starts until the next boot.
  void shut_down(uint32_t now_ms);

  /// The line of the text sensor; each call has the next number.
  const Line& telemetry(uint32_t now_ms);
  /// The line that never changes within a boot.
  const Line& description(const char* firmware);

  State state() const { return this->faults() != 0 ? State::FAULT : this->state_; }
  bool flowing() const { return this->state_ == State::RAMPING || this->state_ == State::RUNNING; }
  /// A session is open: the loop must be quick.
  bool live() const { return this->state_ != State::IDLE; }
  uint32_t faults() const { return this->memory_.faults; }
  /// Rises whenever something that telemetry tells has changed but for passing time.
  uint32_t changes() const { return this->changes_; }
  /// Wand: number of the zone, from 1, in a session; else 0. Each has had its output time when the next begins.
  uint32_t zone() const { return this->live() && this->config_.wand() ? 1 + this->output_ms_ / this->zone_ms_ : 0; }
  /// How warm the skin is: for people.
  Heat heat() const { return this->heat_; }
  /// In contact, or worn: for the sensor that people see.
  bool touching() const;

 private:
  // What a verdict of an action needs besides the refusal.
  struct Verdict {
    Clients::Client* client{nullptr};
    bool repeated{false};
    Refusal refusal{};
  };

  // --- time (governor.cpp)
  void settle_(uint32_t now_ms);
  uint32_t life_left_ms_() const;
  void watch_button_(uint32_t now_ms, bool down);
  void press_(uint32_t now_ms);
  void watch_client_();
  void step_(uint32_t now_ms);
  void drive_(uint32_t now_ms);
  uint32_t dark_ms_(uint32_t now_ms) const;

  // --- transitions (governor.cpp)
  void enter_(State state);
  void zero_();
  void energize_();
  void suspend_(Cause cause, bool brief);
  void hold_();
  void pause_();
  void arm_(uint32_t window_end_ms);
  void end_(Outcome outcome);
  void latch_(Fault fault);
  bool save_();
  void save_idle_();
  void recommission_();

  // --- sensors (sensors.cpp)
  void watch_sensors_(uint32_t now_ms);
  void watch_current_(uint32_t now_ms);
  void watch_heat_();
  bool temperature_plausible_() const;
  bool current_fresh_() const;
  bool contact_known_() const;
  bool present_() const;
  Refusal check_charging_() const;
  Refusal check_sensors_() const;
  Refusal check_heat_() const;
  Refusal check_taken_off_() const;
  Refusal ready_() const;

  // --- people and their time (profiles.cpp)
  uint32_t age_s_() const { return static_cast<uint32_t>(this->age_ms_ / 1000); }
  Charge charge_(const std::array<uint32_t, PLACES>& doses) const;
  Refusal check_brown_out_() const;
  Refusal check_profile_(int32_t token) const;
  Refusal check_gap_() const;
  Refusal check_windows_(const Start& start, const Levels& budgets, uint32_t& credit_s) const;
  Refusal check_windows_at_(uint32_t age_s, const Profile& profile, const Charge& asked, uint32_t skin_permille) const;
  template <typename Each>
  void each_window_(uint32_t age_s, const Profile& profile, const Charge& asked, uint32_t skin_permille,
                    Each each) const;
  void open_charge_(uint32_t credit_s);
  void close_charge_();
  void close_unclosed_();
  bool anchor_(int32_t epoch_s);
  void take_rtc_();
  bool confirm_credit_();
  bool enrolling_() const;
  Refusal enroll_(uint32_t token);

  // --- starting (start.cpp)
  /// What refuses any start now, whoever asks for what, in the order of a start; `ok` where something does not.
  using Standing = std::array<Refusal, 9>;
  Standing standing_() const;
  void watch_refusals_();
  Refusal check_start_(const Start& start);
  Refusal check_light_(const Start& start, Levels& peaks, Levels& budgets) const;
  Refusal check_current_(const Start& start, Levels& peaks, Levels& budgets) const;
  Refusal check_faults_() const;
  Refusal check_request_(const Start& start) const;
  Refusal check_ceilings_(const Levels& peaks) const;
  Refusal check_flicker_() const;
  Refusal open_(const Start& start, const Levels& peaks, const Levels& budgets, uint32_t credit_s);
  Refusal read_levels_(const int32_t* channels, size_t channels_count, const int32_t* levels, size_t levels_count,
                       Levels& out) const;

  // --- the other actions (actions.cpp)
  Verdict admit_(uint32_t now_ms, const Header& header, bool owned);
  Refusal check_session_(const char* session) const;
  Refusal check_adoption_(const char* session, const char* resume_key) const;
  Refusal clear_(const char* fault);
  const Line& answer_(const Verdict& verdict, const Header* header);
  void begin_answer_(Line& line, const Refusal& refusal, const Header* header);
  const Line& finish_(Line& line, Clients::Client* client);

  // --- lines (lines.cpp)
  void write_levels_(Line& line, const char* key, uint32_t (Drive::*value)() const) const;
  void write_refuses_(Line& line) const;
  void write_record_(Line& line, const Record& record, uint32_t profile) const;
  void write_profile_(Line& line, const Profile& profile) const;

  uint64_t session_id_() const { return this->live() ? this->memory_.last().session : 0; }

  const Config config_;
  const Ceilings ceilings_;
  Store& store_;
  Output& output_;
  const int32_t boot_;

  Memory memory_;
  Memory::Bytes bytes_{};   ///< its form in the store: too large for the stack of a small processor
  bool store_lost_{false};  ///< missing or unreadable: only the button begins anew
  bool unreadable_{false};  ///< which of the two
  Clients clients_;
  Line line_;
  bool accepted_{false};
  bool terminal_{true};  ///< before begin() and after shut_down()

  // Time
  uint32_t now_ms_{0};
  uint64_t uptime_ms_{0};  ///< since begin(), does not wrap
  uint64_t age_ms_{0};     ///< of the node, over reboots
  uint64_t saved_ms_{0};   ///< uptime of the last save
  bool brown_out_{false};
  uint32_t rtc_zero_s_{0};                    ///< the battery-backed clock at age 0, as of the last tick; 0: unknown
  bool rtc_taken_{false};                     ///< its credit has been taken in this boot
  std::array<uint64_t, RECORDS> ended_ms_{};  ///< per record place, in uptime; 0: unknown

  // Session
  State state_{State::IDLE};
  Cause cause_{Cause::NONE};
  std::array<Drive, PLACES> drives_{};
  std::array<OnEdges, PLACES + 1> edges_{};  ///< per place, and all together
  uint64_t client_{0};
  uint64_t resume_key_{0};
  bool adopted_{false};    ///< and not resumed since: only a new edge begins output
  Profile before_{};       ///< the profile as it was before this session
  Charge open_charged_{};  ///< what the session may give
  uint64_t plan_{0};       ///< what it could give, nominal, all channels: the lesser of budgets and peaks x duration
  uint32_t credit_s_{0};   ///< time switched off that only the caller vouches for, until a press confirms it
  uint32_t duration_ms_{0};
  uint32_t period_ms_{1};    ///< wand: rounded up
  uint32_t zone_ms_{1};      ///< wand: output time after which a cue says to move on
  uint32_t unlifted_ms_{0};  ///< wand: output time since contact was last seen lost
  uint32_t output_ms_{0};
  uint32_t lease_ms_{0};
  uint32_t lease_end_ms_{0};
  bool lease_lives_{false};
  uint32_t window_end_ms_{0};  ///< armed: end of the window; suspended, paused: end of the session
  bool held_{false};           ///< the 10 min run, also while armed again
  uint32_t kept_end_ms_{0};    ///< their end
  bool off_seen_armed_{false};
  bool brief_{false};  ///< contact may be found again
  uint32_t brief_end_ms_{0};
  bool energized_{false};        ///< output has flowed in this session
  uint64_t first_output_ms_{0};  ///< uptime of its first output
  bool lit_{false};              ///< output is above zero now
  bool fresh_{false};            ///< put on, and nothing has lit yet
  uint32_t contacts_{0};
  uint32_t contacts_since_resume_{0};
  uint32_t watchdog_trips_{0};

  // Sensors
  Sensors sensors_{};
  Heat heat_{Heat::NONE};
  uint32_t amplitude_ua_{0};  ///< what may flow: the level, or the former one until a period or the cut is over
  uint32_t amplitude_at_ms_{0};
  uint32_t frozen_ms_{0};  ///< output time since the temperature last changed
  bool ticked_{false};
  bool off_seen_{false};       ///< worn / contact was off since the last session
  bool session_ended_{false};  ///< in this boot, and energized
  bool button_{false};
  bool button_spent_{false};  ///< this press has done its work
  bool button_told_{false};   ///< what telemetry says of it
  uint32_t button_since_ms_{0};
  bool button_recent_{false};
  uint32_t button_at_ms_{0};

  uint64_t refused_{0};     ///< a bit per reason that refused a start when telemetry last had something new
  uint32_t generation_{0};  ///< rises with every change of the list of profiles, or of a profile's counters
  uint32_t telemetry_{0};
  uint32_t changes_{0};
};

}  // namespace facial_therapy
