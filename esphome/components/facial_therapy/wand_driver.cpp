#include "wand_driver.h"

#include <algorithm>

namespace esphome::facial_therapy {

#ifdef USE_HOST

void WandDriver::gates_low() { this->witness_.boot(); }

void WandDriver::apply_(const Levels& levels) {
  const uint64_t ppm = uint64_t{levels.at[0]} * 1'000'000 / ::facial_therapy::WAND_HARDWARE_CURRENT_UA;
  this->witness_.level(::facial_therapy::WAND_NUMBER, static_cast<uint32_t>(std::min<uint64_t>(ppm, 1'000'000)));
}

#endif

}  // namespace esphome::facial_therapy
