#pragma once
/// One channel of a session: its level, its ramp and the dose that has flowed.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "clock.h"
#include "limits.h"

namespace facial_therapy {

/// Levels are uW/cm2 or uA, doses in thousandths of uJ/cm2 or uC: level x ms, which adds up without a remainder.
///
/// The level only changes in `advance` and `cut`, so level x time since then is exactly what flowed:
/// or, where a falling level lags, less than what is counted.
class Drive {
 public:
  /// Begin a session, at zero. @param ramp_ms from zero to the peak @param off_ms at zero before it may be on again
  /// @param lag_ms how long the former level may go on when it falls, but not to zero
  void plan(uint32_t peak, uint32_t budget, uint32_t ramp_ms, uint32_t off_ms, uint32_t lag_ms = 0) {
    const bool resting = this->resting_;
    const uint32_t off_since_ms = this->off_since_ms_;
    *this = Drive{};
    this->peak_ = this->target_ = peak, this->budget_ = budget, this->ramp_ms_ = ramp_ms, this->off_ms_ = off_ms;
    this->lag_ms_ = lag_ms;
    this->resting_ = resting, this->off_since_ms_ = off_since_ms;  // a new session does not shorten the dark time
  }

  /// Where the next `advance` leads: at once downwards, along the ramp upwards.
  void aim(uint32_t level, uint32_t now_ms) {
    this->target_ = std::min(level, this->peak_);
    this->ramp_from_ = this->level_;
    this->ramp_since_ms_ = now_ms;
  }

  /// Half of the level, because the skin is warm: down at once, up again along the ramp.
  void derate(bool on, uint32_t now_ms) {
    if (on == this->derated_) return;
    this->derated_ = on;
    this->ramp_from_ = this->level_;
    this->ramp_since_ms_ = now_ms;
  }

  /// Begin the ramp from zero.
  void begin(uint32_t now_ms) { this->ramp_from_ = 0, this->ramp_since_ms_ = now_ms; }

  /// Zero, now.
  void cut(uint32_t now_ms) {
    if (this->level_ != 0) this->resting_ = true, this->off_since_ms_ = now_ms;
    this->level_ = 0;
  }

  /// Count what has flowed at the present level.
  void flow(uint32_t ms) { this->dose_ += uint64_t{this->level_} * ms; }

  /// The level from now on. @param ahead_ms how long it may have to stay if nobody looks any more: that dose is kept
  /// free
  uint32_t advance(uint32_t now_ms, uint32_t ahead_ms) {
    this->rest(now_ms);
    if (this->spent_ || this->target_ == 0) {
      this->cut(now_ms);
      this->ramp_from_ = 0, this->ramp_since_ms_ = now_ms;
      return 0;
    }
    if (this->resting_) {
      this->ramp_from_ = 0, this->ramp_since_ms_ = now_ms;
      return 0;
    }
    const uint64_t ramp = uint64_t{this->peak_} * (now_ms - this->ramp_since_ms_) / this->ramp_ms_;
    const uint32_t goal = this->goal_();
    uint32_t next = static_cast<uint32_t>(std::min<uint64_t>(this->ramp_from_ + ramp, goal));
    if (next == goal) this->ramp_from_ = next, this->ramp_since_ms_ = now_ms;
    const uint64_t lag = next < this->level_ ? uint64_t{this->level_ - next} * this->lag_ms_ : 0;
    if (this->dose_ + lag + uint64_t{next} * (ahead_ms + this->lag_ms_) > uint64_t{this->budget_} * 1000) {
      this->spent_ = true;
      this->cut(now_ms);
      return 0;
    }
    if (next == 0)
      this->cut(now_ms);
    else
      this->dose_ += lag;  // counted at once, since nobody knows how much of it flows
    return this->level_ = next;
  }

  /// Forget a dark time that has passed. Called often, so that no age outgrows the clock.
  void rest(uint32_t now_ms) {
    if (this->resting_ && now_ms - this->off_since_ms_ >= this->off_ms_) this->resting_ = false;
  }

  uint32_t level() const { return this->level_; }
  uint32_t peak() const { return this->peak_; }
  uint32_t budget() const { return this->budget_; }
  bool used() const { return this->peak_ != 0; }
  /// It is to give something.
  bool aimed() const { return this->target_ != 0 && !this->spent_; }
  /// Its budget is reached, as near as a step of the loop allows.
  bool spent() const { return this->spent_; }
  bool at_target() const { return this->spent_ || this->level_ == this->goal_(); }
  /// uJ/cm2 or uC, rounded up: what is reported is never less than what flowed.
  uint32_t delivered() const { return static_cast<uint32_t>((this->dose_ + 999) / 1000); }

 private:
  uint32_t goal_() const { return this->derated_ ? (this->target_ + 1) / 2 : this->target_; }

  uint64_t dose_{0};
  uint32_t peak_{0};
  uint32_t budget_{0};
  uint32_t ramp_ms_{1};
  uint32_t off_ms_{0};
  uint32_t lag_ms_{0};
  uint32_t target_{0};
  uint32_t level_{0};
  uint32_t ramp_from_{0};
  uint32_t ramp_since_ms_{0};
  uint32_t off_since_ms_{0};
  bool spent_{false};
  bool resting_{false};
  bool derated_{false};
};

/// Counts the times that light went from zero to something, over a sliding window.
class OnEdges {
 public:
  /// @return whether one more is allowed now; it is counted then.
  bool allow(uint32_t now_ms) {
    this->forget(now_ms);
    if (this->count_ == this->at_ms_.size()) return false;
    this->at_ms_[this->count_++] = now_ms;
    return true;
  }

  /// How long until one more is allowed.
  uint32_t wait_ms(uint32_t now_ms) const {
    if (this->count_ < this->at_ms_.size()) return 0;
    const uint32_t age_ms = now_ms - this->at_ms_[0];
    return age_ms >= ON_EDGES_WINDOW_MS ? 0 : ON_EDGES_WINDOW_MS - age_ms;
  }

  void forget(uint32_t now_ms) {
    size_t kept = 0;
    for (size_t i = 0; i < this->count_; i++)
      if (now_ms - this->at_ms_[i] < ON_EDGES_WINDOW_MS) this->at_ms_[kept++] = this->at_ms_[i];
    this->count_ = kept;
  }

 private:
  size_t count_{0};
  std::array<uint32_t, ON_EDGES> at_ms_{};
};

}  // namespace facial_therapy
