#pragma once
/// The wand's current over time, and what flows in the sum of it. Pure: the driver brings the time and the sense
/// values.
///
///     amplitude  ____      ____      ____          Both halves of a period are equally long, and the amplitude only
///               |    |    |    |    |    |         changes where a period begins: whatever the loop asks for, a whole
///     zero      |    |    |    |    |    |         period adds up to nothing.
///                    |____|    |____|    |____
///
/// Each output begins with the polarity that the one before did not begin with. Periods themselves do not alternate:
/// two halves of one polarity side by side would double the charge of a half (M20). What alternates is what can be left
/// over: a cut does not wait for the end of a period.
#include <algorithm>
#include <cstdint>

#include "limits.h"

namespace facial_therapy {

/// A symmetric biphasic square wave, half period by half period.
class Waveform {
 public:
  /// What flows until the next call: amplitude in uA, its sign the polarity.
  struct Half {
    uint32_t duration_us{0};
    int32_t current_ua{0};
  };

  /// @param first polarity of the first output after boot: drawn, since nothing of the last one is remembered
  explicit Waveform(bool first = false) : begins_negative_(first) {}

  /// Begin an output at the start of a period. @param period_us rounded down to an even number, so that halves are
  /// equal
  void begin(uint32_t period_us) {
    this->half_us_ = std::max(period_us / 2, uint32_t{1});
    this->begins_negative_ = !this->begins_negative_;
    this->second_ = false;
    this->amplitude_ua_ = 0;
  }

  /// The half period that begins now. @param wanted_ua looked at where a period begins, and nowhere else
  Half next(uint32_t wanted_ua) {
    if (!this->second_) this->amplitude_ua_ = wanted_ua;
    const bool negative = this->begins_negative_ != this->second_;
    this->second_ = !this->second_;
    const auto amplitude_ua = static_cast<int32_t>(this->amplitude_ua_);
    return {this->half_us_, negative ? -amplitude_ua : amplitude_ua};
  }

 private:
  uint32_t half_us_{1};
  uint32_t amplitude_ua_{0};
  bool begins_negative_;
  bool second_{false};
};

/// The mean current over whole periods, from samples whose polarity is known.
///
/// Halves are equally long, so it is half of the sum of both means: how often and when in a half it was sampled does
/// not matter. A window in which one polarity was never seen goes on; after WAND_NET_PATIENCE_MS it counts as direct
/// current.
class NetCurrent {
 public:
  /// Begin with an output. @param period_us as the waveform's
  void begin(uint32_t now_ms, uint32_t period_us) {
    *this = NetCurrent{};
    const uint32_t period_ms = std::max((period_us + 999) / 1000, uint32_t{1});
    this->window_ms_ = (WAND_NET_WINDOW_MS + period_ms - 1) / period_ms * period_ms;
    this->since_ms_ = now_ms;
  }

  /// Take one reading. @param negative the polarity that is driven @param current_na signed, nA
  void sample(uint32_t now_ms, bool negative, int32_t current_na) {
    Side& side = negative ? this->negative_ : this->positive_;
    side.sum_na += current_na;
    side.count++;
    const uint32_t passed_ms = now_ms - this->since_ms_;
    const bool both = this->positive_.count != 0 && this->negative_.count != 0;
    if (passed_ms < (both ? this->window_ms_ : std::max(this->window_ms_, WAND_NET_PATIENCE_MS))) return;
    this->mean_na_ = (this->positive_.mean() + this->negative_.mean()) / 2;
    this->known_ = true;
    this->positive_ = this->negative_ = Side{};
    this->since_ms_ = now_ms;
  }

  bool known() const { return this->known_; }
  /// nA, signed; of the last window that is complete.
  int32_t mean_na() const { return static_cast<int32_t>(this->mean_na_); }

 private:
  struct Side {
    int64_t sum_na{0};
    uint32_t count{0};
    int64_t mean() const { return this->count == 0 ? 0 : this->sum_na / this->count; }
  };

  uint32_t window_ms_{WAND_NET_WINDOW_MS};
  uint32_t since_ms_{0};
  Side positive_{}, negative_{};
  int64_t mean_na_{0};
  bool known_{false};
};

}  // namespace facial_therapy
