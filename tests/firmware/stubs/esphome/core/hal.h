#pragma once
#include <cstdint>

namespace esphome {

uint32_t millis();
uint32_t micros();

}  // namespace esphome
