#pragma once
#include <cstdint>

namespace esphome {

class Mutex {
 public:
  void lock() {}
  void unlock() {}
};

class LockGuard {
 public:
  explicit LockGuard(Mutex& mutex) : mutex_(mutex) { mutex.lock(); }
  ~LockGuard() { this->mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

uint32_t random_uint32();

}  // namespace esphome
