/// The action start_session: arguments in their order, state, ceilings; then the record, and the session is armed.
#include <algorithm>

#include "clock.h"
#include "governor.h"

namespace facial_therapy {

namespace {

const char* first_fault(uint32_t faults) {
  for (size_t i = 0; i < FAULTS; i++)
    if ((faults >> i & 1) != 0) return FAULT_WORDS[i];
  return "-";
}

}  // namespace

const Line& Governor::start_session(uint32_t now_ms, const Header& header, const Start& start) {
  Verdict verdict = this->admit_(now_ms, header, false);
  if (verdict.repeated || verdict.refusal.refused()) return this->answer_(verdict, &header);
  Levels peaks, budgets;
  Refusal refusal = this->check_start_(start);
  if (!refusal.refused())
    refusal =
        this->config_.wand() ? this->check_current_(start, peaks, budgets) : this->check_light_(start, peaks, budgets);
  const Standing standing = this->standing_();
  for (size_t i = 0; i + 1 < standing.size(); i++)
    if (!refusal.refused()) refusal = standing[i];
  if (!refusal.refused()) refusal = this->check_request_(start);
  bool anchored = false;
  uint32_t credit_s = 0;
  if (!refusal.refused()) {
    anchored = this->anchor_(start.epoch_s);
    refusal = this->check_profile_(start.profile);
  }
  if (!refusal.refused()) refusal = this->check_ceilings_(peaks);
  if (!refusal.refused() && standing.back().refused()) {
    refusal = standing.back();
    // Worn since the last session, and the same person wants the next one: that is no face.
    if (refusal.reason == Reason::FAULTED) this->latch_(Fault::WORN_STUCK);
  }
  if (!refusal.refused()) refusal = this->check_windows_(start, budgets, credit_s);
  if (!refusal.refused()) refusal = this->open_(start, peaks, budgets, credit_s);
  if (refusal.refused() && anchored) this->save_();
  if (!refusal.refused()) {
    this->client_ = verdict.client->id;
    this->lease_ms_ = static_cast<uint32_t>(start.lease_ms);
    this->lease_end_ms_ = now_ms + this->lease_ms_;
    this->lease_lives_ = true;
    this->contacts_since_resume_ = 0;
    this->arm_(now_ms + static_cast<uint32_t>(start.window_s) * 1000);
  }
  verdict.refusal = refusal;
  return this->answer_(verdict, &header);
}

/// The arguments that both modalities have, in their order.
Refusal Governor::check_start_(const Start& start) {
  if (parse_id(start.session) == 0) return {Reason::BAD_SESSION};
  if (parse_id(start.resume_key) == 0) return {Reason::WRONG_KEY};
  Refusal refusal = check_range("last_record", start.last_record, MOST);
  if (!refusal.refused()) refusal = check_range("profile", start.profile, MOST);
  if (!refusal.refused()) refusal = check_range("skin_permille", start.skin_permille, 1000);
  if (!refusal.refused()) refusal = check_range("duration_s", start.duration_s, this->ceilings_.duration_s());
  if (!refusal.refused())
    refusal = check_range("lease_ms", start.lease_ms, this->ceilings_.lease_ms(), LEASE_MINIMUM_MS);
  if (!refusal.refused()) refusal = check_range("window_s", start.window_s, this->ceilings_.window_s());
  if (!refusal.refused()) refusal = check_range("epoch_s", start.epoch_s, MOST);
  return refusal;
}

Refusal Governor::check_light_(const Start& start, Levels& peaks, Levels& budgets) const {
  static constexpr const char *PEAKS = "peaks_uw_cm2", *BUDGETS = "budgets_uj_cm2";
  Refusal refusal = this->read_levels_(start.channels, start.channels_count, start.peaks, start.peaks_count, peaks);
  if (refusal.refused()) {
    refusal.field = refusal.reason == Reason::OUT_OF_BOUNDS ? PEAKS : refusal.field;
    if (refusal.bounded)
      refusal.maximum = this->ceilings_.peak(refusal.channel - 1, static_cast<uint32_t>(start.skin_permille));
    return refusal;
  }
  const auto skin = static_cast<uint32_t>(start.skin_permille);
  refusal = this->ceilings_.check_peaks(peaks, skin, PEAKS);
  if (refusal.refused()) return refusal;
  refusal = this->read_levels_(start.channels, start.channels_count, start.budgets, start.budgets_count, budgets);
  if (refusal.refused()) {
    refusal.field = refusal.reason == Reason::OUT_OF_BOUNDS ? BUDGETS : refusal.field;
    if (refusal.bounded) refusal.maximum = this->ceilings_.budget(refusal.channel - 1, skin);
    return refusal;
  }
  return this->ceilings_.check_budgets(budgets, skin, BUDGETS);
}

Refusal Governor::check_current_(const Start& start, Levels& peaks, Levels& budgets) const {
  const int32_t peak_ua = start.peaks_count == 1 ? start.peaks[0] : 0;
  const int32_t budget_uc = start.budgets_count == 1 ? start.budgets[0] : 0;
  Refusal refusal = check_range("peak_ua", peak_ua, this->ceilings_.peak(0, 1000));
  if (refusal.refused()) return refusal;
  const uint32_t period_us = this->ceilings_.period_us(static_cast<uint32_t>(peak_ua));
  refusal = check_range("period_us", start.period_us, period_us, WAND_PERIOD_MINIMUM_US);
  if (refusal.refused()) return refusal;
  refusal = check_range("zone_s", start.zone_s, WAND_ZONE_S);
  if (refusal.refused()) return refusal;
  refusal = check_range("budget_uc", budget_uc, this->ceilings_.budget(0, 1000));
  if (refusal.refused()) return refusal;
  peaks.at[0] = static_cast<uint32_t>(peak_ua);
  budgets.at[0] = static_cast<uint32_t>(budget_uc);
  return {};
}

/// Read one entry per channel. Only shape and sign are checked: the ceiling is the caller's.
Refusal Governor::read_levels_(const int32_t* channels, size_t channels_count, const int32_t* levels,
                               size_t levels_count, Levels& out) const {
  if (channels_count == 0 || channels_count > PLACES || channels_count != levels_count)
    return {Reason::BAD_CHANNEL, "channels"};
  uint32_t seen = 0;
  for (size_t i = 0; i < channels_count; i++) {
    const int32_t number = channels[i];
    if (number < 1 || number > PLACES || this->config_.full_uw_cm2[static_cast<size_t>(number) - 1] == 0 ||
        (seen >> number & 1) != 0)
      return {Reason::BAD_CHANNEL, "channels"};
    seen |= 1u << number;
  }
  for (size_t i = 0; i < channels_count; i++) {
    if (levels[i] < 1) return out_of_bounds("", 1, 1, static_cast<uint32_t>(channels[i]));
    out.at[static_cast<size_t>(channels[i]) - 1] = static_cast<uint32_t>(levels[i]);
  }
  return {};
}

Refusal Governor::check_faults_() const {
  return this->faults() != 0 ? Refusal{Reason::FAULTED, first_fault(this->faults())} : Refusal{};
}

/// Telemetry tells of the same list: what it names refuses a start, and what it does not name does not. Last what may
/// latch, so that whoever is refused for another reason latches nothing.
Governor::Standing Governor::standing_() const {
  return {this->terminal_ ? Refusal{Reason::WRONG_STATE} : Refusal{},
          this->check_faults_(),
          this->live() ? Refusal{Reason::BUSY} : Refusal{},
          this->check_brown_out_(),
          this->check_charging_(),
          this->check_sensors_(),
          this->check_heat_(),
          this->check_flicker_(),
          this->check_taken_off_()};
}

/// Tell at once when another reason refuses a start, or one less; how long each lasts is known without that.
void Governor::watch_refusals_() {
  if (this->live()) return;
  uint64_t refused = 0;
  for (const Refusal& refusal : this->standing_()) refused |= uint64_t{1} << static_cast<uint32_t>(refusal.reason);
  if (this->memory_.last_profile != 0) refused |= uint64_t{1} << static_cast<uint32_t>(this->check_gap_().reason);
  if (refused == this->refused_) return;
  this->refused_ = refused;
  this->changes_++;
}

Refusal Governor::check_request_(const Start& start) const {
  if (this->memory_.holds(parse_id(start.session))) return {Reason::BAD_SESSION};
  if (static_cast<uint32_t>(start.last_record) != this->memory_.newest()) return {Reason::UNSEEN_SESSION};
  return {};
}

Refusal Governor::check_ceilings_(const Levels& peaks) const {
  const bool shielded = this->config_.eye_shield == EyeShield::FIXED ||
                        (this->config_.eye_shield == EyeShield::SENSED && this->sensors_.shield);
  if (!this->config_.wand() && !shielded && (peaks.at[NEAR_INFRARED] != 0 || peaks.at[BLUE] != 0))
    return {Reason::EYE_SHIELD_MISSING, "channels"};
  if (this->config_.grade == Grade::NONE &&
      (this->config_.wand() || peaks.at[NEAR_INFRARED] != 0 || peaks.at[BLUE] != 0 || peaks.at[AMBER] != 0))
    return {Reason::NOT_CALIBRATED, "channels"};
  return {};
}

/// Whether light that begins now, in whatever color, would be the on-edge too many.
Refusal Governor::check_flicker_() const {
  if (this->config_.wand()) return {};
  uint32_t longest_ms = 0;
  for (const OnEdges& edges : this->edges_) longest_ms = std::max(longest_ms, edges.wait_ms(this->now_ms_));
  return longest_ms == 0 ? Refusal{} : wait_for(Reason::TOO_SOON, (longest_ms + 999) / 1000);
}

/// Open the record and count it for the profile, in full and durably, before anything can be energized.
Refusal Governor::open_(const Start& start, const Levels& peaks, const Levels& budgets, uint32_t credit_s) {
  const Record oldest = this->memory_.append();
  Record& record = this->memory_.last();
  record.session = parse_id(start.session);
  record.profile = static_cast<uint32_t>(start.profile);
  record.epoch_s = static_cast<uint32_t>(start.epoch_s);
  record.planned = budgets.at;
  for (size_t place = 0; place < PLACES; place++)
    if (peaks.at[place] != 0) record.channels |= static_cast<uint8_t>(1u << place);
  this->open_charge_(credit_s);
  if (!this->save_()) {
    *find(this->memory_.profiles, record.profile) = this->before_;
    this->memory_.retract(oldest);
    return {Reason::STORE_FAILED};
  }
  this->credit_s_ = credit_s;
  this->plan_ = 0;
  for (size_t place = 0; place < PLACES; place++)
    this->plan_ +=
        std::min<uint64_t>(budgets.at[place], uint64_t{peaks.at[place]} * static_cast<uint32_t>(start.duration_s));
  this->ended_ms_[record.number % RECORDS] = 0;
  this->period_ms_ = (static_cast<uint32_t>(start.period_us) + 999) / 1000;
  for (size_t place = 0; place < PLACES; place++) {
    if (this->config_.wand())
      this->drives_[place].plan(peaks.at[place], budgets.at[place], WAND_RAMP_MS, 0, this->period_ms_);
    else
      this->drives_[place].plan(peaks.at[place], budgets.at[place], MASK_RAMP_MS, OFF_BEFORE_ON_MS);
  }
  this->output_.shape(static_cast<uint32_t>(start.period_us));
  this->duration_ms_ = static_cast<uint32_t>(start.duration_s) * 1000;
  this->zone_ms_ = static_cast<uint32_t>(start.zone_s) * 1000;
  this->output_ms_ = 0;
  this->contacts_ = this->watchdog_trips_ = 0;
  this->energized_ = this->held_ = this->adopted_ = false;
  this->resume_key_ = parse_id(start.resume_key);
  return {};
}

}  // namespace facial_therapy
