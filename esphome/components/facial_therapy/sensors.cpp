/// What the sensors mean: what ends output, and whether it may begin.
#include <algorithm>

#include "clock.h"
#include "governor.h"

namespace facial_therapy {

void Governor::watch_sensors_(uint32_t now_ms) {
  if (this->contact_known_() && !this->touching())
    this->off_seen_ = this->off_seen_armed_ = true, this->unlifted_ms_ = 0;
  if (this->sensors_.over_current && this->config_.wand()) return this->latch_(Fault::OVER_CURRENT);
  if (this->config_.has_current) this->watch_current_(now_ms);
  if (!this->config_.has_temperature) return;
  this->watch_heat_();
  if (!this->live()) return;
  if (!this->temperature_plausible_() || this->frozen_ms_ >= TEMPERATURE_FROZEN_MS)
    return this->latch_(Fault::TEMPERATURE_SENSOR);
  if (this->sensors_.temperature_cc >= static_cast<int32_t>(TEMPERATURE_LATCH_CC))
    return this->latch_(Fault::OVER_TEMPERATURE);
  if (this->sensors_.temperature_cc >= static_cast<int32_t>(TEMPERATURE_STOP_CC)) this->end_(Outcome::STOPPED);
}

/// Compare what is measured with what is driven, also in the dark: a switch may fail short.
void Governor::watch_current_(uint32_t now_ms) {
  const uint32_t level_ua = this->lit_ ? this->drives_[0].level() : 0;
  const uint32_t lag_ms = this->lit_ ? this->period_ms_ : WAND_CUT_MS;
  if (level_ua >= this->amplitude_ua_ || now_ms - this->amplitude_at_ms_ >= lag_ms)
    this->amplitude_ua_ = level_ua, this->amplitude_at_ms_ = now_ms;
  if (!this->current_fresh_()) {
    if (this->flowing()) this->latch_(Fault::OVER_CURRENT);
    return;
  }
  const uint32_t most_ua =
      std::max(this->amplitude_ua_ * WAND_OVER_CURRENT_PERMILLE / 1000, this->amplitude_ua_ + WAND_OVER_CURRENT_UA);
  if (this->sensors_.current_ua > most_ua) return this->latch_(Fault::OVER_CURRENT);
  const auto most_na = static_cast<int32_t>(WAND_NET_CURRENT_NA);
  if (this->lit_ && this->sensors_.net_known && (this->sensors_.net_na > most_na || this->sensors_.net_na < -most_na))
    this->latch_(Fault::NET_CHARGE);
}

/// Warn, derate, and either back again only half a degree lower, so that noise changes nothing.
void Governor::watch_heat_() {
  if (!this->temperature_plausible_()) return;
  const int32_t now_cc = this->sensors_.temperature_cc;
  const auto least_cc = [this](Heat heat, uint32_t from_cc) {
    return static_cast<int32_t>(this->heat_ >= heat ? from_cc - TEMPERATURE_BACK_CC : from_cc);
  };
  const Heat heat = now_cc >= least_cc(Heat::DERATED, TEMPERATURE_DERATE_CC) ? Heat::DERATED
                    : now_cc >= least_cc(Heat::WARM, TEMPERATURE_WARN_CC)    ? Heat::WARM
                                                                             : Heat::NONE;
  if (heat == this->heat_) return;
  this->heat_ = heat;
  this->changes_++;
}

bool Governor::temperature_plausible_() const {
  return this->sensors_.temperature_known && this->sensors_.temperature_age_ms < TEMPERATURE_STALE_MS &&
         this->sensors_.temperature_cc >= static_cast<int32_t>(TEMPERATURE_LEAST_CC) &&
         this->sensors_.temperature_cc <= static_cast<int32_t>(TEMPERATURE_MOST_CC);
}

bool Governor::current_fresh_() const {
  return this->sensors_.current_known && this->sensors_.current_age_ms < WAND_CURRENT_STALE_MS;
}

bool Governor::contact_known_() const {
  if (this->config_.wand())
    return this->sensors_.impedance_known && this->sensors_.impedance_age_ms < IMPEDANCE_STALE_MS;
  return this->config_.has_worn && this->sensors_.worn_known;
}

bool Governor::touching() const {
  if (!this->contact_known_()) return false;
  if (!this->config_.wand()) return this->sensors_.worn;
  const uint32_t least = std::max(this->config_.impedance_minimum_ohm, WAND_IMPEDANCE_MINIMUM_OHM);
  const uint32_t most = std::min(this->config_.impedance_maximum_ohm, WAND_IMPEDANCE_OHM);
  return this->sensors_.impedance_ohm >= least && this->sensors_.impedance_ohm <= most;
}

/// Output may flow as far as the sensors of presence are concerned.
bool Governor::present_() const {
  if (this->config_.wand()) {
    // Nothing senses that it moves. What can be seen is that it was lifted, and nobody keeps it down for longer.
    return this->touching() && !this->sensors_.charging && this->unlifted_ms_ < WAND_ZONE_S * 1000;
  }
  if (this->config_.eye_shield == EyeShield::SENSED && !this->sensors_.shield &&
      (this->drives_[NEAR_INFRARED].used() || this->drives_[BLUE].used()))
    return false;
  return !this->config_.has_worn || this->touching();
}

Refusal Governor::check_charging_() const {
  return this->config_.wand() && this->sensors_.charging ? Refusal{Reason::CHARGING} : Refusal{};
}

/// Whether every sensor that a session needs has a value to go by.
Refusal Governor::check_sensors_() const {
  if ((this->config_.wand() || this->config_.has_worn) && !this->contact_known_())
    return {Reason::SENSOR_NOT_READY, this->config_.wand() ? "impedance" : "worn"};
  if (this->config_.has_current && !this->current_fresh_()) return {Reason::SENSOR_NOT_READY, "current"};
  if (!this->config_.has_temperature)
    return this->config_.wand() ? Refusal{} : Refusal{Reason::SENSOR_NOT_READY, "temperature"};
  if (!this->temperature_plausible_()) return {Reason::SENSOR_NOT_READY, "temperature"};
  return {};
}

Refusal Governor::check_heat_() const {
  const bool hot = this->config_.has_temperature && this->temperature_plausible_() &&
                   this->sensors_.temperature_cc >= static_cast<int32_t>(TEMPERATURE_STOP_CC);
  return hot ? Refusal{Reason::TOO_HOT} : Refusal{};
}

/// Whether it was seen off since the last session, or since boot.
Refusal Governor::check_taken_off_() const {
  if (this->live() || !this->contact_known_() || this->off_seen_) return {};
  // Since boot nobody knows whether it was off in between; since a session of this boot it was not.
  if (!this->session_ended_) return {Reason::SENSOR_NOT_READY, this->config_.wand() ? "impedance" : "worn"};
  return {Reason::FAULTED, word(FAULT_WORDS, Fault::WORN_STUCK)};
}

/// Whether output could begin now, but for presence.
Refusal Governor::ready_() const {
  for (const Refusal& refusal : {this->check_charging_(), this->check_sensors_(), this->check_heat_()})
    if (refusal.refused()) return refusal;
  return {};
}

}  // namespace facial_therapy
