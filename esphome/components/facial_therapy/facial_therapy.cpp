#include "facial_therapy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "esphome/components/api/api_server.h"
#include "esphome/core/application.h"
#include "esphome/core/hal.h"
#include "esphome/core/helpers.h"
#include "esphome/core/log.h"

#ifdef USE_HOST
#include <sys/resource.h>
#endif
#ifdef USE_ESP32
#include <esp_system.h>
#endif

namespace esphome::facial_therapy {

static const char* const TAG = "facial_therapy";

// While a session lives the loop is to come round this often; the guard trips at many times this.
static constexpr uint32_t QUICK_INTERVAL_MS = 4;
static constexpr uint32_t TELEMETRY_LIVE_MS = 1000;
static constexpr uint32_t TELEMETRY_IDLE_MS = 10'000;

void FacialTherapy::set_calibration(Grade grade, uint32_t uncertainty_permille) {
  this->config_.grade = grade;
  this->config_.uncertainty_permille = uncertainty_permille;
}

void FacialTherapy::set_temperature(sensor::Sensor* temperature) {
  this->config_.has_temperature = true;
  temperature->add_on_state_callback([this](float value) { this->temperature_ = {value, millis()}; });
}

void FacialTherapy::set_button(binary_sensor::BinarySensor* button) {
  this->config_.has_button = true;
  this->button_ = button;
}

#ifdef FACIAL_THERAPY_WAND

void FacialTherapy::set_current(uint32_t current_ua, uint32_t contact_area_mm2) {
  this->config_.current_ua = current_ua;
  this->config_.contact_area_mm2 = contact_area_mm2;
}

void FacialTherapy::set_impedance(sensor::Sensor* impedance, uint32_t minimum_ohm, uint32_t maximum_ohm) {
  this->config_.impedance_minimum_ohm = minimum_ohm;
  this->config_.impedance_maximum_ohm = maximum_ohm;
  impedance->add_on_state_callback([this](float value) { this->impedance_ = {value, millis()}; });
}

void FacialTherapy::set_sensed_current(sensor::Sensor* sensed_current) {
  this->config_.has_current = true;
  sensed_current->add_on_state_callback([this](float value) { this->sense_(value); });
}

void FacialTherapy::sense_(float current_ua) {
  // The range keeps the conversion to whole numbers defined; what is beyond it is no reading.
  if (!std::isfinite(current_ua) || std::fabs(current_ua) > 100'000) return;
  const uint32_t now_ms = millis();
  this->current_known_ = true;
  this->current_at_ms_ = now_ms;
  this->current_ua_ = std::max(this->current_ua_, static_cast<uint32_t>(std::ceil(std::fabs(current_ua))));
  const ::facial_therapy::Waveform::Half half = this->driver_.driven();
  if (half.current_ua != 0) this->net_.sample(now_ms, half, static_cast<int32_t>(std::lround(current_ua * 1000)));
}

#else

void FacialTherapy::add_channel(uint32_t place, uint32_t full_uw_cm2, uint32_t peak_uw_cm2, int pin) {
  this->config_.full_uw_cm2[place] = full_uw_cm2;
  this->config_.peaks_uw_cm2[place] = peak_uw_cm2;
  this->driver_.add_channel(place, full_uw_cm2, pin);
}

void FacialTherapy::set_worn(binary_sensor::BinarySensor* worn) {
  this->config_.has_worn = true;
  this->worn_ = worn;
}

#endif

/// Whether the supply broke down, and that is why the node starts.
static bool after_brown_out() {
#ifdef USE_ESP32
  return esp_reset_reason() == ESP_RST_BROWNOUT;
#else
  const char* reset = std::getenv("FACIAL_THERAPY_RESET");
  return reset != nullptr && std::strcmp(reset, "brown_out") == 0;
#endif
}

// --- Component -----------------------------------------------------------------------------------------------------

void FacialTherapy::setup() {
  this->driver_.setup();
#ifdef USE_HOST
  if (const char* port = std::getenv("FACIAL_THERAPY_PORT"))
    api::global_api_server->set_port(static_cast<uint16_t>(std::atoi(port)));
  // Best effort, granted to root only: on a busy machine the guard would take a late loop for a dead one.
  ::setpriority(PRIO_PROCESS, 0, -15);
#endif
#ifdef USE_OTA_STATE_LISTENER
  ota::get_global_ota_callback()->add_global_state_listener(this);
#endif
  this->config_.modality = MODALITY;
  const auto boot = static_cast<int32_t>(std::max(random_uint32() >> 1, uint32_t{1}));
  this->answer_.reserve(::facial_therapy::Line::MAXIMUM);
  this->governor_.emplace(this->config_, this->store_, static_cast<::facial_therapy::Output&>(*this), boot);
  this->guard_.start();  // first: a node that nothing watches begins with a fault
  this->governor_->begin(millis(), after_brown_out());
  if (this->description_ != nullptr)
    this->description_->publish_state(this->governor_->description(ESPHOME_PROJECT_VERSION).c_str());
  this->publish_(millis());
}

void FacialTherapy::loop() {
  const uint32_t now_ms = millis();
  this->guard_.beat(now_ms);
  const size_t clients = this->read_clients_();
  this->governor_->tick(now_ms, this->read_sensors_(now_ms), this->clients_.data(), clients);

  if (this->governor_->live() != this->quick_) {
    this->quick_ = this->governor_->live();
    if (this->quick_) this->calm_interval_ms_ = App.get_loop_interval();
    App.set_loop_interval(this->quick_ ? std::min(this->calm_interval_ms_, QUICK_INTERVAL_MS)
                                       : this->calm_interval_ms_);
  }
#ifdef FACIAL_THERAPY_WAND
  const uint32_t zone = this->governor_->zone();
  if (zone > this->zone_ && this->zone_ != 0)
    for (Trigger<uint32_t>* trigger : this->zone_triggers_) trigger->trigger(zone);
  this->zone_ = zone;
#endif
  const uint32_t every_ms = this->governor_->live() ? TELEMETRY_LIVE_MS : TELEMETRY_IDLE_MS;
  if (this->governor_->changes() != this->published_changes_ || now_ms - this->published_ms_ >= every_ms)
    this->publish_(now_ms);
}

void FacialTherapy::dump_config() {
  ESP_LOGCONFIG(TAG, "Facial therapy:\n  %s", this->governor_->description(ESPHOME_PROJECT_VERSION).c_str());
}

void FacialTherapy::shut_down() {
  if (this->governor_.has_value()) this->governor_->shut_down(millis());
}

#ifdef USE_OTA_STATE_LISTENER
void FacialTherapy::on_ota_global_state(ota::OTAState state, float progress, uint8_t error,
                                        ota::OTAComponent* component) {
  if (state == ota::OTA_STARTED) this->shut_down();
}
#endif

void FacialTherapy::publish_(uint32_t now_ms) {
  this->published_ms_ = now_ms;
  this->published_changes_ = this->governor_->changes();
  if (this->telemetry_ != nullptr) this->telemetry_->publish_state(this->governor_->telemetry(now_ms).c_str());
}

// --- sensors -------------------------------------------------------------------------------------------------------

size_t FacialTherapy::read_clients_() {
  size_t count = 0;
  for (const auto& client : api::global_api_server->active_clients()) {
    const char* name = client->get_name();
    if (count < this->clients_.size() && std::strncmp(name, "ft-", 3) == 0)
      this->clients_[count++] = ::facial_therapy::parse_id(name + 3);
  }
  return count;
}

::facial_therapy::Sensors FacialTherapy::read_sensors_(uint32_t now_ms) {
  ::facial_therapy::Sensors sensors;
  // The range keeps the conversion to whole numbers defined; a sensor that reports such values counts as broken anyway.
  if (std::isfinite(this->temperature_.value) && std::fabs(this->temperature_.value) < 10'000) {
    sensors.temperature_known = true;
    sensors.temperature_cc = static_cast<int32_t>(std::ceil(this->temperature_.value * 100));
    sensors.temperature_age_ms = now_ms - this->temperature_.at_ms;
  }
#ifdef FACIAL_THERAPY_WAND
  if (std::isfinite(this->impedance_.value) && this->impedance_.value >= 0) {
    sensors.impedance_known = true;
    sensors.impedance_ohm = static_cast<uint32_t>(std::min(this->impedance_.value, 100'000'000.0f));
    sensors.impedance_age_ms = now_ms - this->impedance_.at_ms;
  }
  sensors.over_current = this->driver_.latched();
  sensors.current_known = this->current_known_;
  sensors.current_age_ms = now_ms - this->current_at_ms_;
  sensors.current_ua = std::exchange(this->current_ua_, 0);
  sensors.net_known = this->lit_ && this->net_.known();
  sensors.net_na = this->net_.mean_na();
  sensors.charging = this->charging_ != nullptr && (!this->charging_->has_state() || this->charging_->state);
#else
  sensors.worn_known = this->worn_ != nullptr && this->worn_->has_state();
  sensors.worn = sensors.worn_known && this->worn_->state;
  sensors.shield = this->shield_ != nullptr && this->shield_->has_state() && this->shield_->state;
  sensors.charging = false;
#endif
#ifdef USE_TIME
  if (this->rtc_ != nullptr) {
    const auto rtc_s = static_cast<int64_t>(this->rtc_->timestamp_now());
    sensors.rtc_known = rtc_s > 0 && rtc_s <= UINT32_MAX;
    sensors.rtc_s = sensors.rtc_known ? static_cast<uint32_t>(rtc_s) : 0;
  }
#endif
  sensors.button = this->button_ != nullptr && this->button_->has_state() && this->button_->state;
  return sensors;
}

// --- output --------------------------------------------------------------------------------------------------------

#ifdef FACIAL_THERAPY_WAND
void FacialTherapy::shape(uint32_t period_us) {
  this->period_us_ = period_us;
  this->driver_.shape(period_us);
}
#endif

void FacialTherapy::energize(const ::facial_therapy::Levels& levels, const Permit& permit) {
#ifdef FACIAL_THERAPY_WAND
  if (!this->lit_) this->net_.begin(millis(), this->period_us_);
  this->lit_ = true;
#endif
  this->watchdog_high_ = !this->watchdog_high_;
  this->watchdog_.write(this->watchdog_high_);
  // The guard first: there is no moment in which something flows that nothing watches.
  this->guard_.arm(permit);
  this->driver_.write(levels);
}

void FacialTherapy::deenergize() {
  this->guard_.disarm();
  this->driver_.release();
  this->watchdog_.write(this->watchdog_high_ = false);
#ifdef FACIAL_THERAPY_WAND
  this->lit_ = false;
#endif
}

Forced FacialTherapy::forced(uint32_t now_ms) {
  this->guard_.look(now_ms);
  return this->guard_.forced();
}

// --- actions -------------------------------------------------------------------------------------------------------

uint32_t FacialTherapy::before_command_() {
  const size_t count = this->read_clients_();
  this->governor_->connect(this->clients_.data(), count);
  return millis();
}

#ifdef FACIAL_THERAPY_WAND

void FacialTherapy::start_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                  const std::string& session, const std::string& resume_key, int32_t last_record,
                                  int32_t profile, int32_t skin_permille, int32_t duration_s, int32_t lease_ms,
                                  int32_t window_s, int32_t epoch_s, int32_t peak_ua, int32_t period_us, int32_t zone_s,
                                  int32_t budget_uc) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->start_session(
      now_ms, {client.c_str(), boot, sequence, not_after_ms},
      {session.c_str(), resume_key.c_str(), last_record, profile, skin_permille, duration_s, lease_ms, window_s,
       epoch_s, nullptr, 0, &peak_ua, 1, &budget_uc, 1, period_us, zone_s}));
}

void FacialTherapy::set_levels(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                               const std::string& session, int32_t level_ua) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->set_levels(now_ms, {client.c_str(), boot, sequence, not_after_ms}, session.c_str(),
                                          nullptr, 0, &level_ua, 1));
}

#else

void FacialTherapy::start_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                  const std::string& session, const std::string& resume_key, int32_t last_record,
                                  int32_t profile, int32_t skin_permille, int32_t duration_s, int32_t lease_ms,
                                  int32_t window_s, int32_t epoch_s, const std::vector<int32_t>& channels,
                                  const std::vector<int32_t>& peaks_uw_cm2,
                                  const std::vector<int32_t>& budgets_uj_cm2) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->start_session(
      now_ms, {client.c_str(), boot, sequence, not_after_ms},
      {session.c_str(), resume_key.c_str(), last_record, profile, skin_permille, duration_s, lease_ms, window_s,
       epoch_s, channels.data(), channels.size(), peaks_uw_cm2.data(), peaks_uw_cm2.size(), budgets_uj_cm2.data(),
       budgets_uj_cm2.size(), 0, 0}));
}

void FacialTherapy::set_levels(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                               const std::string& session, const std::vector<int32_t>& channels,
                               const std::vector<int32_t>& levels_uw_cm2) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->set_levels(now_ms, {client.c_str(), boot, sequence, not_after_ms}, session.c_str(),
                                          channels.data(), channels.size(), levels_uw_cm2.data(),
                                          levels_uw_cm2.size()));
}

#endif

void FacialTherapy::renew_lease(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                const std::string& session, int32_t stamp_ms) {
  const uint32_t now_ms = this->before_command_();
  this->take_(
      this->governor_->renew_lease(now_ms, {client.c_str(), boot, sequence, not_after_ms}, session.c_str(), stamp_ms));
}

void FacialTherapy::pause_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                  const std::string& session) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->pause_session(now_ms, {client.c_str(), boot, sequence, not_after_ms}, session.c_str()));
}

void FacialTherapy::resume_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                   const std::string& session) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->resume_session(now_ms, {client.c_str(), boot, sequence, not_after_ms}, session.c_str()));
}

void FacialTherapy::adopt_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                  const std::string& session, const std::string& resume_key) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->adopt_session(now_ms, {client.c_str(), boot, sequence, not_after_ms}, session.c_str(),
                                             resume_key.c_str()));
}

void FacialTherapy::clear_fault(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                const std::string& fault) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->clear_fault(now_ms, {client.c_str(), boot, sequence, not_after_ms}, fault.c_str()));
}

void FacialTherapy::read_history(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                 int32_t record, int32_t profile) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->read_history(now_ms, {client.c_str(), boot, sequence, not_after_ms}, record, profile));
}

void FacialTherapy::enroll_profile(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                   int32_t profile) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->enroll_profile(now_ms, {client.c_str(), boot, sequence, not_after_ms}, profile));
}

void FacialTherapy::read_profile(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                                 int32_t profile) {
  const uint32_t now_ms = this->before_command_();
  this->take_(this->governor_->read_profile(now_ms, {client.c_str(), boot, sequence, not_after_ms}, profile));
}

void FacialTherapy::stop_session() { this->take_(this->governor_->stop_session(millis())); }

}  // namespace esphome::facial_therapy
