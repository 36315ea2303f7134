#pragma once
#ifdef USE_HOST
#include <array>
#include <cstdint>

namespace esphome::facial_therapy {

/// Tells an independent process what the drivers of a host node do: one line per change of level, appended to the file
/// that the environment variable FACIAL_THERAPY_WITNESS names. Not thread safe; the driver's lock covers it.
class Witness {
 public:
  static constexpr uint32_t CHANNELS = 5;

  /// Report the start of the program: whatever a former one left, its gates are low.
  void boot();
  /// @param channel 1 to 5, as on the wire @param ppm of full scale
  void level(uint32_t channel, uint32_t ppm);

 private:
  void write_(const char* what, uint32_t value);

  int file_{-1};
  std::array<uint32_t, CHANNELS + 1> ppm_{};
};

}  // namespace esphome::facial_therapy
#endif
