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
  /// What flows until the next call: amplitude in uA, its sign the polarity, and which period of the output it is in.
  struct Half {
    uint32_t duration_us{0};
    int32_t current_ua{0};
    uint32_t period{0};
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
    this->period_ = 0;
  }

  /// The half period that begins now. @param wanted_ua looked at where a period begins, and nowhere else
  Half next(uint32_t wanted_ua) {
    if (!this->second_) this->amplitude_ua_ = wanted_ua, this->period_++;
    const bool negative = this->begins_negative_ != this->second_;
    this->second_ = !this->second_;
    const auto amplitude_ua = static_cast<int32_t>(this->amplitude_ua_);
    return {this->half_us_, negative ? -amplitude_ua : amplitude_ua, this->period_};
  }

 private:
  uint32_t half_us_{1};
  uint32_t amplitude_ua_{0};
  uint32_t period_{0};
  bool begins_negative_;
  bool second_{false};
};

/// The mean current over whole periods, from samples whose period and polarity are known.
///
/// Halves are equally long, so it is half of the sum of both means: how often and when in a half it was sampled does
/// not matter. Windows begin and end where periods do, or a ramp would look like direct current. A window in which one
/// polarity was never seen, or that does not end, goes on for WAND_NET_PATIENCE_MS and then counts as it was sampled.
class NetCurrent {
 public:
  /// Begin with an output. @param period_us as the waveform's
  void begin(uint32_t now_ms, uint32_t period_us) {
    *this = NetCurrent{};
    this->periods_ = std::max((WAND_NET_WINDOW_MS * 1000 + period_us - 1) / period_us, uint32_t{1});
    this->since_ms_ = now_ms;
  }

  /// Take one reading. @param half what is driven @param current_na signed, nA
  void sample(uint32_t now_ms, const Waveform::Half& half, int32_t current_na) {
    const bool both = this->positive_.count != 0 && this->negative_.count != 0;
    const bool whole = this->first_ != 0 && half.period - this->first_ >= this->periods_;
    if ((whole && both) || now_ms - this->since_ms_ >= WAND_NET_PATIENCE_MS) {
      // Late, halves are not even any more: every sample counts alike.
      this->mean_na_ = whole && both ? (this->positive_.mean() + this->negative_.mean()) / 2 : this->all_mean_();
      this->known_ = true;
      this->positive_ = this->negative_ = Side{};
      this->first_ = half.period;
      this->since_ms_ = now_ms;
    }
    if (this->first_ == 0) this->first_ = half.period;
    Side& side = half.current_ua < 0 ? this->negative_ : this->positive_;
    side.sum_na += current_na;
    side.count++;
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

  int64_t all_mean_() const {
    return Side{this->positive_.sum_na + this->negative_.sum_na, this->positive_.count + this->negative_.count}.mean();
  }

  uint32_t periods_{1};  ///< how many make a window
  uint32_t first_{0};    ///< period in which this window began, from 1
  uint32_t since_ms_{0};
  Side positive_{}, negative_{};
  int64_t mean_na_{0};
  bool known_{false};
};

}  // namespace facial_therapy
