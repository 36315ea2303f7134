#pragma once
#include <cstdint>

void esp_rom_delay_us(uint32_t us);
