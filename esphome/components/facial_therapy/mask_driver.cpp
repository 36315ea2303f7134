#include "mask_driver.h"

#ifdef FACIAL_THERAPY_MASK

#include <algorithm>

#ifdef USE_ESP32
#include <driver/ledc.h>
#endif

namespace esphome::facial_therapy {

#ifdef USE_HOST

void MaskDriver::gates_low() { this->witness_.boot(); }

void MaskDriver::setup() {}

void MaskDriver::apply_(const Levels& levels) {
  for (uint32_t place = 0; place < PLACES; place++) {
    const uint32_t full = this->full_uw_cm2_[place];
    if (full == 0) continue;
    const uint64_t ppm = uint64_t{levels.at[place]} * 1'000'000 / full;
    this->witness_.level(place + 1, static_cast<uint32_t>(std::min<uint64_t>(ppm, 1'000'000)));
  }
}

#endif

#ifdef USE_ESP32

// The counter runs at 80 MHz: 12 bits are possible up to 19.5 kHz, 10 bits up to 78 kHz.
static constexpr uint32_t CLOCK_HZ = 80'000'000;

void MaskDriver::gates_low() {
  for (const Pin& pin : this->pins_) pin.low();
  this->indicator_.low();
}

void MaskDriver::setup() {
  this->pwm_bits_ = this->pwm_hz_ <= CLOCK_HZ >> 12 ? 12 : 10;
  ledc_timer_config_t timer{};
  timer.speed_mode = LEDC_LOW_SPEED_MODE;
  timer.duty_resolution = static_cast<ledc_timer_bit_t>(this->pwm_bits_);
  timer.timer_num = LEDC_TIMER_0;
  timer.freq_hz = this->pwm_hz_;
  timer.clk_cfg = LEDC_AUTO_CLK;
  bool ready = this->pwm_hz_ >= ::facial_therapy::PWM_MINIMUM_HZ && ledc_timer_config(&timer) == ESP_OK;
  for (uint32_t place = 0; place < PLACES && ready; place++) {
    if (!this->pins_[place].used()) continue;
    ledc_channel_config_t channel{};
    channel.gpio_num = this->pins_[place].number();
    channel.speed_mode = LEDC_LOW_SPEED_MODE;
    channel.channel = static_cast<ledc_channel_t>(place);
    channel.timer_sel = LEDC_TIMER_0;
    channel.duty = 0;
    ready &= ledc_channel_config(&channel) == ESP_OK;
  }
  this->ready_ = ready;
  if (!ready) this->gates_low();
}

void MaskDriver::apply_(const Levels& levels) {
  if (!this->ready_) return;
  const bool near_infrared = levels.at[::facial_therapy::NEAR_INFRARED] != 0;
  if (near_infrared) this->indicator_.write(true);  // before what it warns of
  for (uint32_t place = 0; place < PLACES; place++) {
    const uint32_t full = this->full_uw_cm2_[place];
    if (!this->pins_[place].used() || full == 0) continue;
    const auto channel = static_cast<ledc_channel_t>(place);
    // Rounded down: the duty never exceeds what was decided.
    const uint64_t duty = (uint64_t{levels.at[place]} << this->pwm_bits_) / full;
    if (duty == 0) {
      ledc_stop(LEDC_LOW_SPEED_MODE, channel, 0);  // at once, not at the end of the PWM period
      continue;
    }
    ledc_set_duty(LEDC_LOW_SPEED_MODE, channel,
                  static_cast<uint32_t>(std::min<uint64_t>(duty, uint64_t{1} << this->pwm_bits_)));
    ledc_update_duty(LEDC_LOW_SPEED_MODE, channel);
  }
  if (!near_infrared) this->indicator_.write(false);
}

#endif

}  // namespace esphome::facial_therapy

#endif  // FACIAL_THERAPY_MASK
