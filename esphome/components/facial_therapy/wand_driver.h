#pragma once
#include <cstdint>

#include "driver.h"
#include "witness.h"

namespace esphome::facial_therapy {

/// The amplitude of the wand's current. Only the host has one yet: it reports to the witness. The schema refuses other
/// platforms.
class WandDriver final : public Driver {
 public:
  void gates_low() override;
  void setup() override {}

 private:
  void apply_(const Levels& levels) override;

#ifdef USE_HOST
  Witness witness_;
#endif
};

}  // namespace esphome::facial_therapy
