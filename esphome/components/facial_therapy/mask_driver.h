#pragma once
#include "esphome/core/defines.h"

// ESPHome compiles every file for every node, and ESP-IDF has only the driver headers of the components that the
// node includes: each driver exists in the builds of its own modality only.
#ifdef FACIAL_THERAPY_MASK
#include <array>
#include <cstdint>

#include "driver.h"
#include "pin.h"
#include "witness.h"

namespace esphome::facial_therapy {

/// Up to four LED channels by PWM, and a red indicator that is on while near-infrared is, which nobody sees. On host it
/// reports to the witness instead.
class MaskDriver final : public Driver {
 public:
  /// @param full_uw_cm2 nominal irradiance at 100 % drive @param pin GPIO number, -1 on host
  void add_channel(uint32_t place, uint32_t full_uw_cm2, int pin) {
    this->full_uw_cm2_[place] = full_uw_cm2;
    this->pins_[place] = Pin(pin);
  }
  void set_indicator(int pin) { this->indicator_ = Pin(pin); }
  void set_pwm_hz(uint32_t pwm_hz) { this->pwm_hz_ = pwm_hz; }
  void gates_low() override;
  void setup() override;

 private:
  void apply_(const Levels& levels) override;

  std::array<uint32_t, PLACES> full_uw_cm2_{};
  std::array<Pin, PLACES> pins_{};
  Pin indicator_;
  uint32_t pwm_hz_{16'000};
#ifdef USE_HOST
  Witness witness_;
#else
  uint32_t pwm_bits_{0};
  bool ready_{false};
#endif
};

}  // namespace esphome::facial_therapy

#endif  // FACIAL_THERAPY_MASK
