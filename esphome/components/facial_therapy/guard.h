#pragma once
#include <atomic>
#include <cstdint>

#include "driver.h"
#include "governor.h"

#ifdef USE_HOST
#include <thread>
#endif
#ifdef USE_ESP32
#include <esp_timer.h>
#endif

namespace esphome::facial_therapy {

using ::facial_therapy::Forced;
using ::facial_therapy::Permit;

/// Outside the loop, and can only force zero: when lease or deadline has passed, or the loop is silent.
///
/// The loop tells it by atomics; nothing that blocks the loop can block it.
class Guard {
 public:
  /// @param silence_ms how long the loop may be silent while output flows
  Guard(Driver& driver, uint32_t silence_ms) : driver_(driver), silence_ms_(silence_ms) {}

  /// Begin to look, every WATCHDOG_PERIOD_MS and for ever.
  void start();
  /// Whether it looks. If it could not be started, nothing may.
  bool running() const { return this->running_; }

  /// The loop lives.
  void beat(uint32_t now_ms) { this->heartbeat_ms_.store(now_ms, std::memory_order_release); }
  /// Output flows under this permit.
  void arm(const Permit& permit);
  /// Output is zero: nothing to watch, and what was forced is forgotten.
  void disarm();
  /// Look now. Also called by the loop itself, so that a frozen process finds out what was due.
  void look(uint32_t now_ms);
  Forced forced() const;

 private:
#ifdef USE_HOST
  void run_();
  std::thread thread_;
#endif
#ifdef USE_ESP32
  esp_timer_handle_t timer_{nullptr};
#endif

  Driver& driver_;
  const uint32_t silence_ms_;
  bool running_{false};
  Mutex looking_;
  std::atomic<bool> armed_{false};
  std::atomic<bool> tripped_{false};
  std::atomic<bool> silent_{false};
  std::atomic<uint32_t> heartbeat_ms_{0};
  std::atomic<uint32_t> lease_end_ms_{0};
  std::atomic<uint32_t> deadline_ms_{0};
  std::atomic<uint32_t> tripped_ms_{0};
};

}  // namespace esphome::facial_therapy
