#pragma once
#include <array>
#include <cstdint>

#include "driver.h"
#include "witness.h"

namespace esphome::facial_therapy {

/// Up to four LED channels by PWM at 16 kHz. On host it reports to the witness instead.
class MaskDriver final : public Driver {
 public:
  static constexpr uint32_t PWM_HZ = 16'000;
  static constexpr uint32_t PWM_BITS = 12;
  static_assert(PWM_HZ >= ::facial_therapy::PWM_MINIMUM_HZ);

  /// @param full_uw_cm2 nominal irradiance at 100 % drive @param pin GPIO number, -1 on host
  void add_channel(uint32_t place, uint32_t full_uw_cm2, int pin) {
    this->full_uw_cm2_[place] = full_uw_cm2;
    this->pins_[place] = pin;
  }
  void gates_low() override;
  void setup() override;

 private:
  void apply_(const Levels& levels) override;

  std::array<uint32_t, PLACES> full_uw_cm2_{};
  std::array<int, PLACES> pins_{-1, -1, -1, -1};
#ifdef USE_HOST
  Witness witness_;
#else
  bool ready_{false};
#endif
};

}  // namespace esphome::facial_therapy
