#include "wand_driver.h"

#ifdef FACIAL_THERAPY_WAND

#include <algorithm>

#include "esphome/core/hal.h"

#ifdef USE_ESP32
#include <esp_attr.h>
#include <esp_rom_sys.h>
#endif

namespace esphome::facial_therapy {

void WandDriver::apply_(const Levels& levels) {
  const uint32_t level_ua = levels.at[0];
#ifdef USE_HOST
  const uint64_t ppm = uint64_t{level_ua} * 1'000'000 / ::facial_therapy::WAND_HARDWARE_CURRENT_UA;
  this->witness_.level(::facial_therapy::WAND_NUMBER, static_cast<uint32_t>(std::min<uint64_t>(ppm, 1'000'000)));
#endif
  if (level_ua == 0)
    this->zero_();
  else
    this->begin_(level_ua);
}

#ifdef USE_HOST

void WandDriver::gates_low() { this->witness_.boot(); }

void WandDriver::setup() { this->waveform_ = Waveform((random_uint32() & 1) != 0); }

void WandDriver::begin_(uint32_t level_ua) {
  this->wanted_ua_ = level_ua;
  if (this->running_) return;
  this->running_ = true;
  this->waveform_.begin(this->period_us_);
  this->half_ = this->waveform_.next(level_ua);
  this->half_since_us_ = micros();
}

void WandDriver::zero_() { this->running_ = false; }

Waveform::Half WandDriver::driven() {
  LockGuard lock(this->mutex_);
  if (!this->running_) return {};
  while (micros() - this->half_since_us_ >= this->half_.duration_us) {
    this->half_since_us_ += this->half_.duration_us;
    this->half_ = this->waveform_.next(this->wanted_ua_);
  }
  return this->half_;
}

#endif

#ifdef USE_ESP32

// The first turn comes from the timer too: a timer that is dead enables nothing.
static constexpr uint32_t FIRST_TURN_US = 100;
// A turn that is this late means that the timer has died with one direction on.
static constexpr uint32_t LATE_US = 10'000;

void WandDriver::gates_low() {
  this->enable_.low(), this->positive_.low(), this->negative_.low(), this->amplitude_.low();
  this->comparator_.listen();
}

void WandDriver::setup() {
  this->waveform_ = Waveform((random_uint32() & 1) != 0);
  dac_oneshot_config_t dac{};
  dac.chan_id = this->amplitude_.number() == 25 ? DAC_CHAN_0 : DAC_CHAN_1;
  gptimer_config_t timer{};
  timer.clk_src = GPTIMER_CLK_SRC_DEFAULT;
  timer.direction = GPTIMER_COUNT_UP;
  timer.resolution_hz = 1'000'000;
  gptimer_event_callbacks_t callbacks{};
  callbacks.on_alarm = &WandDriver::turned;
  this->ready_ = dac_oneshot_new_channel(&dac, &this->dac_) == ESP_OK &&
                 dac_oneshot_output_voltage(this->dac_, 0) == ESP_OK &&
                 gptimer_new_timer(&timer, &this->timer_) == ESP_OK &&
                 gptimer_register_event_callbacks(this->timer_, &callbacks, this) == ESP_OK &&
                 gptimer_enable(this->timer_) == ESP_OK;
}

void WandDriver::begin_(uint32_t level_ua) {
  if (!this->ready_) return;
  portENTER_CRITICAL(&this->spin_);
  this->wanted_ua_ = level_ua;
  const bool running = this->running_;
  const bool dead = running && micros() - this->half_since_us_ >= this->half_.duration_us + LATE_US;
  if (!running) {
    this->running_ = true;
    this->waveform_.begin(this->period_us_);
    this->half_ = {FIRST_TURN_US, 0, 0};
    this->half_since_us_ = micros();
  }
  portEXIT_CRITICAL(&this->spin_);
  if (running && !dead) return;
  gptimer_alarm_config_t alarm{};
  alarm.alarm_count = FIRST_TURN_US;
  if (!dead && gptimer_set_raw_count(this->timer_, 0) == ESP_OK &&
      gptimer_set_alarm_action(this->timer_, &alarm) == ESP_OK && gptimer_start(this->timer_) == ESP_OK)
    return;
  this->ready_ = false;  // until the next boot
  this->zero_();
}

void WandDriver::zero_() {
  portENTER_CRITICAL(&this->spin_);
  const bool was_running = this->running_;
  this->running_ = false;
  this->enable_.write(false);
  this->positive_.write(false);
  this->negative_.write(false);
  portEXIT_CRITICAL(&this->spin_);
  if (!was_running) return;
  gptimer_stop(this->timer_);
  dac_oneshot_output_voltage(this->dac_, 0);
}

Waveform::Half WandDriver::driven() {
  portENTER_CRITICAL(&this->spin_);
  const Waveform::Half half = this->running_ ? this->half_ : Waveform::Half{};
  portEXIT_CRITICAL(&this->spin_);
  return half;
}

bool IRAM_ATTR WandDriver::turned(gptimer_handle_t, const gptimer_alarm_event_data_t* event, void* driver) {
  static_cast<WandDriver*>(driver)->turn_(event->alarm_value);
  return false;
}

/// In the interrupt. Counted from the alarm and not from now, so that both halves are equally long however late it
/// comes.
void IRAM_ATTR WandDriver::turn_(uint64_t now_us) {
  portENTER_CRITICAL_ISR(&this->spin_);
  if (this->running_) {
    this->positive_.write(false);
    this->negative_.write(false);
    esp_rom_delay_us(DEAD_TIME_US);
    this->half_ = this->waveform_.next(this->wanted_ua_);
    this->half_since_us_ = micros();
    const bool negative = this->half_.current_ua < 0;
    const auto magnitude_ua = static_cast<uint32_t>(negative ? -this->half_.current_ua : this->half_.current_ua);
    // Rounded down: what flows never exceeds what was decided.
    const uint32_t code = std::min(magnitude_ua * CODES / this->full_ua_, CODES);
    dac_oneshot_output_voltage(this->dac_, static_cast<uint8_t>(code));
    gptimer_alarm_config_t alarm{};
    alarm.alarm_count = now_us + this->half_.duration_us;
    gptimer_set_alarm_action(this->timer_, &alarm);
    (negative ? this->negative_ : this->positive_).write(true);
    this->enable_.write(true);
  }
  portEXIT_CRITICAL_ISR(&this->spin_);
}

#endif

}  // namespace esphome::facial_therapy

#endif  // FACIAL_THERAPY_WAND
