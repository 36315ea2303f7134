#include "mask_driver.h"

#include <algorithm>

#ifdef USE_ESP32
#include <driver/gpio.h>
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

void MaskDriver::gates_low() {
  for (int pin : this->pins_) {
    if (pin < 0) continue;
    // Not gpio_reset_pin: it turns a pull-up on, which would open the gate for a moment.
    const auto gpio = static_cast<gpio_num_t>(pin);
    gpio_set_level(gpio, 0);
    gpio_config_t config{};
    config.pin_bit_mask = uint64_t{1} << pin;
    config.mode = GPIO_MODE_OUTPUT;
    config.pull_down_en = GPIO_PULLDOWN_ENABLE;
    gpio_config(&config);
    gpio_set_level(gpio, 0);
  }
}

void MaskDriver::setup() {
  ledc_timer_config_t timer{};
  timer.speed_mode = LEDC_LOW_SPEED_MODE;
  timer.duty_resolution = static_cast<ledc_timer_bit_t>(PWM_BITS);
  timer.timer_num = LEDC_TIMER_0;
  timer.freq_hz = PWM_HZ;
  timer.clk_cfg = LEDC_AUTO_CLK;
  bool ready = ledc_timer_config(&timer) == ESP_OK;
  for (uint32_t place = 0; place < PLACES; place++) {
    if (this->pins_[place] < 0) continue;
    ledc_channel_config_t channel{};
    channel.gpio_num = this->pins_[place];
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
  for (uint32_t place = 0; place < PLACES; place++) {
    const uint32_t full = this->full_uw_cm2_[place];
    if (this->pins_[place] < 0 || full == 0) continue;
    const auto channel = static_cast<ledc_channel_t>(place);
    // Rounded down: the duty never exceeds what was decided.
    const uint64_t duty = (uint64_t{levels.at[place]} << PWM_BITS) / full;
    if (duty == 0) {
      ledc_stop(LEDC_LOW_SPEED_MODE, channel, 0);  // at once, not at the end of the PWM period
      continue;
    }
    ledc_set_duty(LEDC_LOW_SPEED_MODE, channel, static_cast<uint32_t>(std::min<uint64_t>(duty, 1u << PWM_BITS)));
    ledc_update_duty(LEDC_LOW_SPEED_MODE, channel);
  }
}

#endif

}  // namespace esphome::facial_therapy
