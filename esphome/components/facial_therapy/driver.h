#pragma once
/// What is below the governor: sets levels on pins, and can always be forced to zero from outside the loop.
#include <array>
#include <cstdint>

#include "ceilings.h"
#include "esphome/core/helpers.h"

namespace esphome::facial_therapy {

using ::facial_therapy::Levels;
using ::facial_therapy::PLACES;

/// Linear, no gamma: full scale is 1 000 000 ppm. A forced zero stands until `release`.
class Driver {
 public:
  virtual ~Driver() = default;
  /// Drive every gate low. Called before any setup(), and again whenever something is in doubt.
  virtual void gates_low() = 0;
  /// Configure the hardware; gates stay low.
  virtual void setup() = 0;

  /// Set the levels, unless zero is forced. @param levels uW/cm2 or uA, per place
  void write(const Levels& levels) {
    LockGuard lock(this->mutex_);
    if (!this->forced_) this->apply_(levels);
  }
  /// Zero when this returns, and nothing else until `release`. Called from the guard.
  void force_zero() {
    LockGuard lock(this->mutex_);
    this->forced_ = true;
    this->apply_(Levels{});
  }
  /// Zero when this returns; `write` counts again.
  void release() {
    LockGuard lock(this->mutex_);
    this->apply_(Levels{});
    this->forced_ = false;
  }

 protected:
  virtual void apply_(const Levels& levels) = 0;

  Mutex mutex_;

 private:
  bool forced_{false};
};

}  // namespace esphome::facial_therapy
