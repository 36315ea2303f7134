#pragma once
#ifdef USE_ESP32
#include <driver/gpio.h>
#endif

namespace esphome::facial_therapy {

/// One pin that the component owns. A number below 0, and every pin of a host node, is none.
class Pin {
 public:
  Pin() = default;
  explicit Pin(int number) : number_(number) {}

  bool used() const { return this->number_ >= 0; }
  int number() const { return this->number_; }

  /// An output that is low from the first moment on, before anything is set up.
  void low() const {
#ifdef USE_ESP32
    if (!this->used()) return;
    // Not gpio_reset_pin: it turns a pull-up on, which would open a gate for a moment.
    gpio_set_level(this->gpio_(), 0);
    gpio_config_t config{};
    config.pin_bit_mask = uint64_t{1} << this->number_;
    config.mode = GPIO_MODE_OUTPUT;
    config.pull_down_en = GPIO_PULLDOWN_ENABLE;
    gpio_config(&config);
    gpio_set_level(this->gpio_(), 0);
#endif
  }

  /// An input that reads high when nothing drives it: a broken wire is the worse of both.
  void listen() const {
#ifdef USE_ESP32
    if (!this->used()) return;
    gpio_config_t config{};
    config.pin_bit_mask = uint64_t{1} << this->number_;
    config.mode = GPIO_MODE_INPUT;
    config.pull_up_en = GPIO_PULLUP_ENABLE;
    gpio_config(&config);
#endif
  }

  void write(bool high) const {
#ifdef USE_ESP32
    if (this->used()) gpio_set_level(this->gpio_(), high ? 1 : 0);
#else
    static_cast<void>(high);
#endif
  }

  bool read() const {
#ifdef USE_ESP32
    return this->used() && gpio_get_level(this->gpio_()) != 0;
#else
    return false;
#endif
  }

 private:
#ifdef USE_ESP32
  gpio_num_t gpio_() const { return static_cast<gpio_num_t>(this->number_); }
#endif

  int number_{-1};
};

}  // namespace esphome::facial_therapy
