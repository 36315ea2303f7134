#include "witness.h"

#ifdef USE_HOST
#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "esphome/core/application.h"

namespace esphome::facial_therapy {

void Witness::boot() {
  const char* path = std::getenv("FACIAL_THERAPY_WITNESS");
  if (path == nullptr || this->file_ >= 0) return;
  this->file_ = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  this->write_("boot", 0);
}

void Witness::level(uint32_t channel, uint32_t ppm) {
  if (channel > CHANNELS || this->ppm_[channel] == ppm) return;
  this->ppm_[channel] = ppm;
  char number[12];
  std::snprintf(number, sizeof(number), "%" PRIu32, channel);
  this->write_(number, ppm);
}

void Witness::write_(const char* what, uint32_t value) {
  if (this->file_ < 0) return;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  char line[160];
  const int size =
      std::snprintf(line, sizeof(line), "%" PRId64 " %s %d %s %" PRIu32 "\n",
                    int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec, App.get_name().c_str(), ::getpid(), what, value);
  // One write per line: other processes append to the same file.
  if (size > 0 && ::write(this->file_, line, static_cast<size_t>(size)) != size) this->file_ = -1;
}

}  // namespace esphome::facial_therapy
#endif
