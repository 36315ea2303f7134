// The store of the host nodes behind a C interface, on a disk whose power is cut or that fails at a step and a byte of
// our choice: for test_store.py. The linker leads open, write, fsync, rename and read of the store here (--wrap).
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "../../esphome/components/facial_therapy/store_host.h"

namespace {

using esphome::facial_therapy::HostStore;
using facial_therapy::Memory;

struct Cut {};

/// What happens at the step that was chosen.
enum class Blow : int32_t { NOTHING, CUT, ERROR };

Blow blow{Blow::NOTHING};
int32_t at_step{0};   // counted from 0
uint64_t at_byte{0};  // how much of a write at that step still gets through
int32_t step{0};      // of the save under way
uint64_t portion{0};  // the most that one write takes; 0: all
bool synced{true};    // what was written last has reached the disk
bool renamed{false};  // the last rename has not reached the disk
bool counting{false};

/// @return whether this step fails. A cut never returns: nothing after it happens.
bool strikes() {
  if (!counting || step++ != at_step || blow == Blow::NOTHING) return false;
  if (blow == Blow::CUT) throw Cut{};
  errno = EIO;
  return true;
}

}  // namespace

extern "C" {

int __real_open(const char* path, int flags, ...);
ssize_t __real_write(int file, const void* bytes, size_t size);
ssize_t __real_read(int file, void* bytes, size_t size);
int __real_fsync(int file);
int __real_rename(const char* from, const char* to);

int __wrap_open(const char* path, int flags, ...) {
  int mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, int);
    va_end(rest);
  }
  return strikes() ? -1 : __real_open(path, flags, mode);
}

ssize_t __wrap_write(int file, const void* bytes, size_t size) {
  synced = false;
  if (counting && blow != Blow::NOTHING && step == at_step && at_byte < size) {
    // As much as gets through before it happens.
    if (__real_write(file, bytes, at_byte) < 0) return -1;
    strikes();
    return -1;
  }
  step++;
  return __real_write(file, bytes, portion != 0 && portion < size ? portion : size);
}

ssize_t __wrap_read(int file, void* bytes, size_t size) {
  return strikes() ? -1 : __real_read(file, bytes, portion != 0 && portion < size ? portion : size);
}

// A step before it, and a step after it.
int __wrap_fsync(int file) {
  if (strikes()) return -1;
  if (renamed)
    renamed = false;
  else
    synced = true;
  const int result = __real_fsync(file);
  return strikes() ? -1 : result;
}

// Declared not to throw: it cannot be cut here, and does not count as a step then. After the fsync, which is the same,
// and after it, at the next step, it is.
int __wrap_rename(const char* from, const char* to) {
  if (blow == Blow::ERROR && strikes()) return -1;
  renamed = true;
  return __real_rename(from, to);
}

uint32_t store_size() { return Memory::SIZE; }

// Save, with a blow at a step. @return 1 saved, 0 refused, -1 cut
int32_t store_save(const uint8_t* from, int32_t what, int32_t at, uint64_t byte, uint64_t most) {
  Memory::Bytes bytes;
  std::memcpy(bytes.data(), from, bytes.size());
  blow = static_cast<Blow>(what), at_step = at, at_byte = byte, step = 0, portion = most;
  synced = true, renamed = false, counting = true;
  int32_t result = -1;
  try {
    result = HostStore{}.save(bytes) ? 1 : 0;
  } catch (const Cut&) {
  }
  counting = false;
  return result;
}
int32_t store_steps() { return step; }
int32_t store_synced() { return synced; }
int32_t store_renamed() { return renamed; }

// @return 0 read, 1 missing, 2 unreadable
int32_t store_load(uint8_t* to, int32_t fails, uint64_t most) {
  Memory::Bytes bytes{};
  blow = fails >= 0 ? Blow::ERROR : Blow::NOTHING, at_step = fails, step = 0, portion = most;
  counting = true;
  const auto result = static_cast<int32_t>(HostStore{}.load(bytes));
  counting = false;
  std::memcpy(to, bytes.data(), bytes.size());
  return result;
}

}  // extern "C"
