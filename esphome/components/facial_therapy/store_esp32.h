#pragma once
#ifdef USE_ESP32
#include "record.h"

namespace esphome::facial_therapy {

/// One blob in an NVS namespace of our own: ESPHome's preferences report success before anything is durable.
class Esp32Store final : public ::facial_therapy::Store {
 public:
  Load load(::facial_therapy::Memory::Bytes& bytes) override;
  bool save(const ::facial_therapy::Memory::Bytes& bytes) override;

 private:
  ::facial_therapy::Memory::Bytes back_{};  // too large for the stack of the loop
};

}  // namespace esphome::facial_therapy
#endif
