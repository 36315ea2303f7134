#include "guard.h"

#include "clock.h"
#include "esphome/core/hal.h"

#ifdef USE_HOST
#include <pthread.h>
#include <sched.h>
#include <time.h>
#endif

namespace esphome::facial_therapy {

using ::facial_therapy::reached;
using ::facial_therapy::WATCHDOG_PERIOD_MS;

void Guard::arm(const Permit& permit) {
  this->lease_end_ms_.store(permit.lease_end_ms, std::memory_order_relaxed);
  this->deadline_ms_.store(permit.deadline_ms, std::memory_order_relaxed);
  this->armed_.store(true, std::memory_order_release);
}

void Guard::disarm() {
  LockGuard lock(this->looking_);  // a look that is under way ends first, so that none outlives this
  this->armed_.store(false, std::memory_order_release);
  this->tripped_.store(false, std::memory_order_release);
}

void Guard::look(uint32_t now_ms) {
  LockGuard lock(this->looking_);
  if (!this->armed_.load(std::memory_order_acquire) || this->tripped_.load(std::memory_order_acquire)) return;
  const uint32_t heartbeat_ms = this->heartbeat_ms_.load(std::memory_order_acquire);
  // A heartbeat newer than `now_ms` is one that came between the two readings.
  const bool silent = reached(now_ms, heartbeat_ms) && now_ms - heartbeat_ms >= this->silence_ms_;
  if (!silent && !reached(now_ms, this->lease_end_ms_.load(std::memory_order_relaxed)) &&
      !reached(now_ms, this->deadline_ms_.load(std::memory_order_relaxed)))
    return;
  this->driver_.force_zero();
  this->tripped_ms_.store(now_ms, std::memory_order_relaxed);
  this->silent_.store(silent, std::memory_order_relaxed);
  this->tripped_.store(true, std::memory_order_release);
}

Forced Guard::forced() const {
  if (!this->tripped_.load(std::memory_order_acquire)) return {};
  return {true, this->silent_.load(std::memory_order_relaxed), this->tripped_ms_.load(std::memory_order_relaxed)};
}

#ifdef USE_HOST

void Guard::start() {
  this->thread_ = std::thread([this] { this->run_(); });
  sched_param priority{};
  priority.sched_priority = 10;
  // Granted to root only; without it the kernel's fair share has to do.
  pthread_setschedparam(this->thread_.native_handle(), SCHED_RR, &priority);
  this->thread_.detach();
  this->running_ = true;
}

void Guard::run_() {
  timespec next{};
  ::clock_gettime(CLOCK_MONOTONIC, &next);
  for (;;) {
    next.tv_nsec += long{WATCHDOG_PERIOD_MS} * 1'000'000;
    if (next.tv_nsec >= 1'000'000'000) next.tv_sec++, next.tv_nsec -= 1'000'000'000;
    // Absolute times: a late wake-up does not make the next one later.
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr) != 0) {
    }
    this->look(millis());
  }
}

#endif

#ifdef USE_ESP32

void Guard::start() {
  esp_timer_create_args_t arguments{};
  arguments.callback = [](void* guard) { static_cast<Guard*>(guard)->look(millis()); };
  arguments.arg = this;
  arguments.dispatch_method = ESP_TIMER_TASK;
  arguments.name = "output_watchdog";
  this->running_ = esp_timer_create(&arguments, &this->timer_) == ESP_OK &&
                   esp_timer_start_periodic(this->timer_, uint64_t{WATCHDOG_PERIOD_MS} * 1000) == ESP_OK;
}

#endif

}  // namespace esphome::facial_therapy
