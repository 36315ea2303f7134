#pragma once
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "esphome/components/binary_sensor/binary_sensor.h"
#include "esphome/components/sensor/sensor.h"
#include "esphome/components/text_sensor/text_sensor.h"
#include "esphome/core/automation.h"
#include "esphome/core/component.h"
#include "esphome/core/defines.h"
#include "governor.h"
#include "guard.h"
#ifdef FACIAL_THERAPY_WAND
#include "wand_driver.h"
#else
#include "mask_driver.h"
#endif
#ifdef USE_HOST
#include "store_host.h"
#else
#include "store_esp32.h"
#endif
#ifdef USE_OTA_STATE_LISTENER
#include "esphome/components/ota/ota_backend.h"
#endif
#ifdef USE_TIME
#include "esphome/components/time/real_time_clock.h"
#endif

namespace esphome::facial_therapy {

using ::facial_therapy::Config;
using ::facial_therapy::EyeShield;
using ::facial_therapy::Grade;
using ::facial_therapy::Modality;

/// Glue: sensors -> governor -> driver, actions -> governor, governor -> text sensors. It decides nothing.
class FacialTherapy final : public Component,
#ifdef USE_OTA_STATE_LISTENER
                            public ota::OTAGlobalStateListener,
#endif
                            private ::facial_therapy::Output {
 public:
  // --- the YAML, before setup()
  /// Gates low, before anything is set up; in safe mode nothing else of this component runs.
  void gates_low() {
    this->watchdog_.low();
    this->driver_.gates_low();
  }
  void set_calibration(Grade grade, uint32_t uncertainty_permille);
  void set_eye_shield(EyeShield eye_shield) { this->config_.eye_shield = eye_shield; }
  void set_duration_s(uint32_t duration_s) { this->config_.duration_s = duration_s; }
#ifdef FACIAL_THERAPY_WAND
  void set_current(uint32_t current_ua, uint32_t contact_area_mm2);
  void set_impedance(sensor::Sensor* impedance, uint32_t minimum_ohm, uint32_t maximum_ohm);
  void set_charging(binary_sensor::BinarySensor* charging) { this->charging_ = charging; }
  /// What flows, uA, signed.
  void set_sensed_current(sensor::Sensor* sensed_current);
  void set_pins(int enable, int positive, int negative, int amplitude, int comparator, uint32_t full_ua) {
    this->driver_.set_pins(enable, positive, negative, amplitude, comparator, full_ua);
  }
  void add_zone_trigger(Trigger<uint32_t>* trigger) { this->zone_triggers_.push_back(trigger); }
  /// What is driven at this moment, signed: for a simulated sense.
  int32_t driven_ua() { return this->driver_.driven().current_ua; }
#else
  void add_channel(uint32_t place, uint32_t full_uw_cm2, uint32_t peak_uw_cm2, int pin);
  void set_indicator(int pin) { this->driver_.set_indicator(pin); }
  void set_pwm_hz(uint32_t pwm_hz) { this->driver_.set_pwm_hz(pwm_hz); }
  void set_worn(binary_sensor::BinarySensor* worn);
  void set_shield(binary_sensor::BinarySensor* shield) { this->shield_ = shield; }
#endif
  void set_watchdog(int pin) { this->watchdog_ = Pin(pin); }
  void set_temperature(sensor::Sensor* temperature);
  void set_button(binary_sensor::BinarySensor* button);
#ifdef USE_TIME
  void set_rtc(time::RealTimeClock* rtc) { this->rtc_ = rtc; }
#endif
  void set_telemetry(text_sensor::TextSensor* telemetry) { this->telemetry_ = telemetry; }
  void set_description(text_sensor::TextSensor* description) { this->description_ = description; }

  // --- Component
  void setup() override;
  void loop() override;
  void dump_config() override;
  void on_safe_shutdown() override { this->shut_down(); }
  void on_shutdown() override { this->shut_down(); }
  // Before the API server, whose port a host node may still change.
  float get_setup_priority() const override { return setup_priority::HARDWARE; }
#ifdef USE_OTA_STATE_LISTENER
  void on_ota_global_state(ota::OTAState state, float progress, uint8_t error, ota::OTAComponent* component) override;
#endif

  // --- the actions of the contract; `answer` and `accepted` tell of the last one
#ifdef FACIAL_THERAPY_WAND
  void start_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                     const std::string& session, const std::string& resume_key, int32_t last_record, int32_t profile,
                     int32_t skin_permille, int32_t duration_s, int32_t lease_ms, int32_t window_s, int32_t epoch_s,
                     int32_t peak_ua, int32_t period_us, int32_t zone_s, int32_t budget_uc);
  void set_levels(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                  const std::string& session, int32_t level_ua);
#else
  void start_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                     const std::string& session, const std::string& resume_key, int32_t last_record, int32_t profile,
                     int32_t skin_permille, int32_t duration_s, int32_t lease_ms, int32_t window_s, int32_t epoch_s,
                     const std::vector<int32_t>& channels, const std::vector<int32_t>& peaks_uw_cm2,
                     const std::vector<int32_t>& budgets_uj_cm2);
  void set_levels(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                  const std::string& session, const std::vector<int32_t>& channels,
                  const std::vector<int32_t>& levels_uw_cm2);
#endif
  void renew_lease(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                   const std::string& session, int32_t stamp_ms);
  void pause_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                     const std::string& session);
  void resume_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                      const std::string& session);
  void adopt_session(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                     const std::string& session, const std::string& resume_key);
  void clear_fault(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms,
                   const std::string& fault);
  void read_history(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms, int32_t record,
                    int32_t profile);
  void enroll_profile(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms, int32_t profile);
  void read_profile(const std::string& client, int32_t boot, int32_t sequence, int32_t not_after_ms, int32_t profile);
  void stop_session();
  bool accepted() const { return this->governor_.has_value() && this->governor_->accepted(); }
  const std::string& answer() const { return this->answer_; }

  /// The skin is warm, from 38 degrees on: for the sensor that people see.
  bool warm() const { return this->governor_.has_value() && this->governor_->heat() != ::facial_therapy::Heat::NONE; }
  /// In contact, or worn: for the sensor that people see.
  bool touching() const { return this->governor_.has_value() && this->governor_->touching(); }
  void shut_down();

 private:
  /// A sensor's last value and when it came.
  struct Reading {
    float value{NAN};
    uint32_t at_ms{0};
  };

#ifdef FACIAL_THERAPY_WAND
  void shape(uint32_t period_us) override;
  void sense_(float current_ua);
#endif
  void energize(const ::facial_therapy::Levels& levels, const Permit& permit) override;
  void deenergize() override;
  Forced forced(uint32_t now_ms) override;
  bool watched() const override { return this->guard_.running(); }

  ::facial_therapy::Sensors read_sensors_(uint32_t now_ms);
  size_t read_clients_();
  /// Make the caller known, so that its first command need not wait for the next loop.
  uint32_t before_command_();
  void take_(const ::facial_therapy::Line& line) { this->answer_.assign(line.c_str(), line.size()); }
  void publish_(uint32_t now_ms);

  Config config_{};
  Pin watchdog_;  ///< a pulse at every step in which output is allowed keeps the supply on
  bool watchdog_high_{false};
#ifdef FACIAL_THERAPY_WAND
  static constexpr Modality MODALITY = Modality::WAND;
  WandDriver driver_{};
  Guard guard_{driver_, ::facial_therapy::WAND_SILENCE_MS};
  binary_sensor::BinarySensor* charging_{nullptr};
  Reading impedance_{};
  ::facial_therapy::NetCurrent net_{};
  uint32_t current_at_ms_{0};
  bool current_known_{false};
  uint32_t current_ua_{0};  ///< the highest magnitude since the last tick
  uint32_t period_us_{0};
  bool lit_{false};
  std::vector<Trigger<uint32_t>*> zone_triggers_{};
  uint32_t zone_{0};
#else
  static constexpr Modality MODALITY = Modality::MASK;
  MaskDriver driver_{};
  Guard guard_{driver_, ::facial_therapy::MASK_SILENCE_MS};
  binary_sensor::BinarySensor* worn_{nullptr};
  binary_sensor::BinarySensor* shield_{nullptr};
#endif
#ifdef USE_HOST
  HostStore store_{};
#else
  Esp32Store store_{};
#endif
  // Last of the parts, since it uses all the others.
  std::optional<::facial_therapy::Governor> governor_;

  Reading temperature_{};
  binary_sensor::BinarySensor* button_{nullptr};
#ifdef USE_TIME
  time::RealTimeClock* rtc_{nullptr};
#endif
  text_sensor::TextSensor* telemetry_{nullptr};
  text_sensor::TextSensor* description_{nullptr};

  std::array<uint64_t, ::facial_therapy::Clients::MAXIMUM> clients_{};
  std::string answer_;
  uint32_t published_ms_{0};
  uint32_t published_changes_{0};
  uint32_t calm_interval_ms_{0};
  bool quick_{false};
};

}  // namespace esphome::facial_therapy
