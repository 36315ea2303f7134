// The drivers of the ESP32 on a chip that is made up: what they do to pins, PWM, converter and timer, one call at a
// time.
#include <driver/ledc.h>
#include <nvs.h>

#include <array>
#include <cstring>
#include <vector>

#include "../../esphome/components/facial_therapy/guard.h"
#include "../../esphome/components/facial_therapy/mask_driver.h"
#include "../../esphome/components/facial_therapy/store_esp32.h"
#include "../../esphome/components/facial_therapy/wand_driver.h"

namespace {

constexpr int NEVER = -1;

struct Chip {
  uint64_t now_us{1'000'000};
  std::array<int, 40> level{}, mode{}, pull{}, held{};
  std::array<int, 4> duty{}, channel_pin{};
  uint32_t pwm_hz{0};
  int pwm_bits{0}, code{NEVER}, dac_channel{NEVER};
  bool fail{false};  // every call that sets something up

  bool timer_runs{false};
  uint64_t timer_zero_us{0}, alarm{0};
  bool alarm_set{false};
  gptimer_alarm_cb_t on_alarm{nullptr};
  void* user{nullptr};

  int critical{0};
  // What must never be: both directions of the bridge on, or a turn without dead time.
  int positive{NEVER}, negative{NEVER}, both{0}, short_turns{0};
  uint64_t off_us{0};
  std::vector<std::array<uint64_t, 3>> turns{};  // us, 1 positive or 2 negative, code

  std::vector<uint8_t> blob{};
  uint32_t random{0};
} chip;

void wrote(int pin, int value) {
  const bool bridge = pin == chip.positive || pin == chip.negative;
  if (bridge && value == 0 && chip.level[static_cast<size_t>(pin)] != 0) chip.off_us = chip.now_us;
  chip.level[static_cast<size_t>(pin)] = value;
  if (!bridge || value == 0) return;
  const int other = pin == chip.positive ? chip.negative : chip.positive;
  if (chip.level[static_cast<size_t>(other)] != 0) chip.both++;
  if (chip.now_us - chip.off_us < esphome::facial_therapy::WandDriver::DEAD_TIME_US) chip.short_turns++;
  chip.turns.push_back({chip.now_us, pin == chip.positive ? 1u : 2u, static_cast<uint64_t>(chip.code)});
}

esp_err_t set_up() { return chip.fail ? ESP_FAIL : ESP_OK; }

}  // namespace

esp_err_t gpio_config(const gpio_config_t* config) {
  for (size_t pin = 0; pin < chip.mode.size(); pin++) {
    if ((config->pin_bit_mask >> pin & 1) == 0) continue;
    chip.mode[pin] = config->mode;
    chip.pull[pin] = config->pull_up_en == GPIO_PULLUP_ENABLE       ? 1
                     : config->pull_down_en == GPIO_PULLDOWN_ENABLE ? -1
                                                                    : 0;
  }
  return ESP_OK;
}
esp_err_t gpio_set_level(gpio_num_t pin, uint32_t level) {
  wrote(pin, static_cast<int>(level));
  return ESP_OK;
}
// An input that nobody drives follows its pull.
int gpio_get_level(gpio_num_t pin) {
  const auto at = static_cast<size_t>(pin);
  return chip.held[at] != 0 ? chip.held[at] - 1 : chip.pull[at] > 0;
}

esp_err_t ledc_timer_config(const ledc_timer_config_t* config) {
  chip.pwm_hz = config->freq_hz, chip.pwm_bits = config->duty_resolution;
  return set_up();
}
esp_err_t ledc_channel_config(const ledc_channel_config_t* config) {
  chip.channel_pin[static_cast<size_t>(config->channel)] = config->gpio_num;
  return set_up();
}
esp_err_t ledc_set_duty(ledc_mode_t, ledc_channel_t channel, uint32_t duty) {
  chip.duty[static_cast<size_t>(channel)] = static_cast<int>(duty);
  return ESP_OK;
}
esp_err_t ledc_update_duty(ledc_mode_t, ledc_channel_t) { return ESP_OK; }
esp_err_t ledc_stop(ledc_mode_t, ledc_channel_t channel, uint32_t) {
  chip.duty[static_cast<size_t>(channel)] = 0;
  return ESP_OK;
}

esp_err_t dac_oneshot_new_channel(const dac_oneshot_config_t* config, dac_oneshot_handle_t*) {
  chip.dac_channel = config->chan_id;
  return set_up();
}
esp_err_t dac_oneshot_output_voltage(dac_oneshot_handle_t, uint8_t value) {
  chip.code = value;
  return ESP_OK;
}

esp_err_t gptimer_new_timer(const gptimer_config_t* config, gptimer_handle_t*) {
  return config->resolution_hz == 1'000'000 ? set_up() : ESP_FAIL;
}
esp_err_t gptimer_register_event_callbacks(gptimer_handle_t, const gptimer_event_callbacks_t* callbacks, void* user) {
  chip.on_alarm = callbacks->on_alarm, chip.user = user;
  return ESP_OK;
}
esp_err_t gptimer_enable(gptimer_handle_t) { return ESP_OK; }
esp_err_t gptimer_start(gptimer_handle_t) {
  if (chip.fail || chip.timer_runs) return ESP_FAIL;
  chip.timer_runs = true;
  return ESP_OK;
}
esp_err_t gptimer_stop(gptimer_handle_t) {
  chip.timer_runs = false;
  return ESP_OK;
}
esp_err_t gptimer_set_raw_count(gptimer_handle_t, uint64_t count) {
  chip.timer_zero_us = chip.now_us - count;
  return ESP_OK;
}
esp_err_t gptimer_set_alarm_action(gptimer_handle_t, const gptimer_alarm_config_t* config) {
  chip.alarm = config->alarm_count, chip.alarm_set = true;
  return ESP_OK;
}

void critical(portMUX_TYPE* mux, int change) { mux->depth += change, chip.critical += change; }
void esp_rom_delay_us(uint32_t us) { chip.now_us += us; }

esp_err_t esp_timer_create(const esp_timer_create_args_t*, esp_timer_handle_t*) { return ESP_OK; }
esp_err_t esp_timer_start_periodic(esp_timer_handle_t, uint64_t) { return ESP_OK; }

esp_err_t nvs_open(const char*, nvs_open_mode_t mode, nvs_handle_t*) {
  return mode == NVS_READONLY && chip.blob.empty() ? ESP_ERR_NVS_NOT_FOUND : set_up();
}
esp_err_t nvs_get_blob(nvs_handle_t, const char*, void* value, size_t* size) {
  *size = std::min(*size, chip.blob.size());
  std::memcpy(value, chip.blob.data(), *size);
  return ESP_OK;
}
esp_err_t nvs_set_blob(nvs_handle_t, const char*, const void* value, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(value);
  chip.blob.assign(bytes, bytes + size);
  return ESP_OK;
}
esp_err_t nvs_commit(nvs_handle_t) { return ESP_OK; }
void nvs_close(nvs_handle_t) {}

namespace esphome {

uint32_t millis() { return static_cast<uint32_t>(chip.now_us / 1000); }
uint32_t micros() { return static_cast<uint32_t>(chip.now_us); }
uint32_t random_uint32() { return chip.random++; }

}  // namespace esphome

using namespace esphome::facial_therapy;

extern "C" {

void chip_reset(int32_t dirty) {
  chip = Chip{};
  if (dirty != 0) chip.level.fill(1);  // what a crash may have left
}
void chip_fail(int32_t fail) { chip.fail = fail != 0; }
int32_t chip_level(int32_t pin) { return chip.level[static_cast<size_t>(pin)]; }
int32_t chip_mode(int32_t pin) { return chip.mode[static_cast<size_t>(pin)]; }
int32_t chip_pull(int32_t pin) { return chip.pull[static_cast<size_t>(pin)]; }
void chip_hold(int32_t pin, int32_t level) { chip.held[static_cast<size_t>(pin)] = level + 1; }
int32_t chip_duty(int32_t channel) { return chip.duty[static_cast<size_t>(channel)]; }
uint32_t chip_pwm_hz() { return chip.pwm_hz; }
int32_t chip_pwm_bits() { return chip.pwm_bits; }
int32_t chip_code() { return chip.code; }
int32_t chip_timer_runs() { return chip.timer_runs; }
int32_t chip_critical() { return chip.critical; }
int32_t chip_both() { return chip.both; }
int32_t chip_short_turns() { return chip.short_turns; }
uint32_t chip_turns() { return static_cast<uint32_t>(chip.turns.size()); }
uint64_t chip_turn(uint32_t index, uint32_t what) { return chip.turns[index][what]; }
// Time passes; the alarm comes `late_us` after its time.
void chip_pass(uint32_t us, uint32_t late_us) {
  const uint64_t end_us = chip.now_us + us;
  while (chip.timer_runs && chip.alarm_set && chip.timer_zero_us + chip.alarm + late_us <= end_us) {
    chip.now_us = std::max(chip.now_us, chip.timer_zero_us + chip.alarm + late_us);
    chip.alarm_set = false;
    const gptimer_alarm_event_data_t event{chip.now_us - chip.timer_zero_us, chip.alarm};
    chip.on_alarm(nullptr, &event, chip.user);
  }
  chip.now_us = std::max(chip.now_us, end_us);
}
// Time passes and the timer is dead.
void chip_freeze(uint32_t us) { chip.now_us += us; }

MaskDriver* mask_new(int32_t red, int32_t near_infrared, int32_t indicator, uint32_t full_uw_cm2, uint32_t pwm_hz) {
  auto* driver = new MaskDriver;
  driver->add_channel(::facial_therapy::RED, full_uw_cm2, red);
  driver->add_channel(::facial_therapy::NEAR_INFRARED, full_uw_cm2, near_infrared);
  driver->set_indicator(indicator);
  driver->set_pwm_hz(pwm_hz);
  return driver;
}
WandDriver* wand_new(int32_t enable, int32_t positive, int32_t negative, int32_t amplitude, int32_t comparator,
                     uint32_t full_ua) {
  chip.positive = positive, chip.negative = negative;
  auto* driver = new WandDriver;
  driver->set_pins(enable, positive, negative, amplitude, comparator, full_ua);
  return driver;
}
void driver_free(Driver* driver) { delete driver; }
void driver_gates_low(Driver* driver) { driver->gates_low(); }
void driver_setup(Driver* driver) { driver->setup(); }
void driver_write(Driver* driver, uint32_t red_or_current, uint32_t near_infrared) {
  Levels levels;
  levels.at[0] = red_or_current, levels.at[1] = near_infrared;
  driver->write(levels);
}
void driver_force_zero(Driver* driver) { driver->force_zero(); }
void driver_release(Driver* driver) { driver->release(); }
void wand_shape(WandDriver* driver, uint32_t period_us) { driver->shape(period_us); }
int32_t wand_driven_ua(WandDriver* driver) { return driver->driven().current_ua; }
int32_t wand_latched(WandDriver* driver) { return driver->latched(); }

// The store, kept and read back; and one that does not keep.
int32_t store_keeps() {
  Esp32Store store;
  ::facial_therapy::Memory::Bytes bytes{}, back{};
  if (store.load(back) != Esp32Store::Load::MISSING) return 0;
  bytes[3] = 7;
  return store.save(bytes) && store.load(back) == Esp32Store::Load::OK && back == bytes;
}
int32_t store_fails() {
  chip.fail = true;
  Esp32Store store;
  return store.save({}) ? 0 : 1;
}

}  // extern "C"
