#pragma once
#include "esphome/core/defines.h"

// ESPHome compiles every file for every node, and ESP-IDF has only the driver headers of the components that the
// node includes: each driver exists in the builds of its own modality only.
#ifdef FACIAL_THERAPY_WAND
#include <atomic>
#include <cstdint>

#include "driver.h"
#include "pin.h"
#include "waveform.h"
#include "witness.h"

#ifdef USE_ESP32
#include <driver/dac_oneshot.h>
#include <driver/gptimer.h>
#include <freertos/FreeRTOS.h>
#endif

namespace esphome::facial_therapy {

using ::facial_therapy::Waveform;

/// The wand's current: a bridge that a hardware timer turns over, and the set point of a current source.
///
///     amplitude  8-bit converter: 255 is `full_ua`, which the hardware cannot exceed
///     enable     supply of the source; the comparator's latch and the external watchdog cut it too
///     positive, negative   the two directions of the bridge, never both
///
/// On host it reports the amplitude to the witness, and `driven_ua` is what an ideal bridge would give.
class WandDriver final : public Driver {
 public:
  /// Both directions are off for this long at every turn.
  static constexpr uint32_t DEAD_TIME_US = 2;
  static constexpr uint32_t CODES = 255;

  /// @param first polarity of the first output after boot @param full_ua what the largest code gives
  void set_pins(int enable, int positive, int negative, int amplitude, int comparator, uint32_t full_ua) {
    this->enable_ = Pin(enable), this->positive_ = Pin(positive), this->negative_ = Pin(negative);
    this->amplitude_ = Pin(amplitude), this->comparator_ = Pin(comparator);
    this->full_ua_ = full_ua;
  }
  void gates_low() override;
  void setup() override;

  /// The waveform of the outputs to come. Called at zero.
  void shape(uint32_t period_us) { this->period_us_ = period_us; }
  /// What is driven at this moment.
  Waveform::Half driven();
  /// The comparator has cut the supply, or is not there.
  bool latched() const { return this->comparator_.read(); }

 private:
  void apply_(const Levels& levels) override;
  void begin_(uint32_t level_ua);
  void zero_();

  Pin enable_, positive_, negative_, amplitude_, comparator_;
  uint32_t full_ua_{::facial_therapy::WAND_HARDWARE_CURRENT_UA};
  uint32_t period_us_{::facial_therapy::WAND_PERIOD_US};
  Waveform waveform_;
  bool running_{false};
  uint32_t wanted_ua_{0};
  Waveform::Half half_{};
  uint32_t half_since_us_{0};

#ifdef USE_HOST
  Witness witness_;
#endif
#ifdef USE_ESP32
  static bool turned(gptimer_handle_t timer, const gptimer_alarm_event_data_t* event, void* driver);
  void turn_(uint64_t now_us);

  portMUX_TYPE spin_ = portMUX_INITIALIZER_UNLOCKED;
  gptimer_handle_t timer_{nullptr};
  dac_oneshot_handle_t dac_{nullptr};
  bool ready_{false};
#endif
};

}  // namespace esphome::facial_therapy

#endif  // FACIAL_THERAPY_WAND
