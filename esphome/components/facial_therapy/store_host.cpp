#include "store_host.h"

#ifdef USE_HOST
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "esphome/core/application.h"

namespace esphome::facial_therapy {

using ::facial_therapy::Memory;

namespace {

/// A file descriptor that closes itself.
struct File {
  explicit File(int number) : number(number) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (this->number >= 0) ::close(this->number);
  }
  int number;
};

bool write_all(int file, const uint8_t* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(file, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written, size -= static_cast<size_t>(written);
  }
  return true;
}

}  // namespace

std::string HostStore::directory_() const {
  for (const char* name : {"FACIAL_THERAPY_STATE", "ESPHOME_PREFDIR"}) {
    const char* directory = std::getenv(name);
    if (directory != nullptr && *directory != '\0') return directory;
  }
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.facial_therapy";
}

std::string HostStore::path_() const { return this->directory_() + "/" + App.get_name().str() + ".records"; }

HostStore::Load HostStore::load(Memory::Bytes& bytes) {
  const File file(::open(this->path_().c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number < 0) return errno == ENOENT ? Load::MISSING : Load::UNREADABLE;
  // One byte more than there may be: a longer file is another file.
  std::array<uint8_t, Memory::SIZE + 1> found;
  size_t size = 0;
  while (size < found.size()) {
    const ssize_t part = ::read(file.number, found.data() + size, found.size() - size);
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return Load::UNREADABLE;
    if (part == 0) break;
    size += static_cast<size_t>(part);
  }
  if (size != bytes.size()) return Load::UNREADABLE;
  std::copy_n(found.begin(), bytes.size(), bytes.begin());
  return Load::OK;
}

bool HostStore::save(const Memory::Bytes& bytes) {
  std::error_code error;
  std::filesystem::create_directories(this->directory_(), error);
  const std::string path = this->path_(), temporary = path + ".new";
  {
    const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (file.number < 0 || !write_all(file.number, bytes.data(), bytes.size()) || ::fsync(file.number) != 0)
      return false;
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return false;
  const File directory(::open(this->directory_().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.number < 0 || ::fsync(directory.number) != 0) return false;
  Memory::Bytes back;
  return this->load(back) == Load::OK && back == bytes;
}

}  // namespace esphome::facial_therapy
#endif
