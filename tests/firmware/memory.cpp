// What each part of a node takes, in bytes: for test_memory.py.
#include <cstdio>

#include "../../esphome/components/facial_therapy/guard.h"
#include "../../esphome/components/facial_therapy/mask_driver.h"
#include "../../esphome/components/facial_therapy/store_esp32.h"
#include "../../esphome/components/facial_therapy/wand_driver.h"

int main() {
  using namespace esphome::facial_therapy;
  std::printf("%zu %zu %zu %zu %zu %zu\n", sizeof(facial_therapy::Governor), facial_therapy::Memory::SIZE,
              sizeof(facial_therapy::Line), sizeof(Guard), sizeof(MaskDriver) + sizeof(WandDriver), sizeof(Esp32Store));
}
