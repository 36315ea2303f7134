#pragma once
/// Who commands, and in which order.
#include <array>
#include <cstddef>
#include <cstdint>

#include "clock.h"
#include "limits.h"
#include "text.h"
#include "words.h"

namespace facial_therapy {

/// The first four arguments of every action but stop, as they came.
struct Envelope {
  const char* owner;  ///< zero-terminated
  int32_t boot;
  int32_t sequence;
  int32_t not_after_ms;  ///< node uptime, its 32 bits read as signed
};

/// The channels that are connected, and the last command of each with its answer.
class Owners {
 public:
  static constexpr size_t MAXIMUM = 10;

  struct Owner {
    uint64_t id{0};
    int32_t sequence{0};
    Line answer;  ///< to the command of this sequence
    bool connected{false};
  };

  /// Take the list of connected owners; ids that are 0 or too many are ignored, and such a client owns nothing.
  void connect(const uint64_t* ids, size_t count) {
    for (Owner& owner : this->owners_) {
      owner.connected = false;
      for (size_t i = 0; i < count; i++) owner.connected |= owner.id != 0 && owner.id == ids[i];
      if (!owner.connected && owner.id != 0) owner.id = 0, owner.sequence = 0, owner.answer.clear();
    }
    for (size_t i = 0; i < count; i++) {
      if (ids[i] == 0 || this->find(ids[i]) != nullptr) continue;
      for (Owner& owner : this->owners_) {
        if (owner.id != 0) continue;
        owner.id = ids[i], owner.connected = true;
        break;
      }
    }
  }

  Owner* find(uint64_t id) {
    for (Owner& owner : this->owners_)
      if (id != 0 && owner.id == id) return &owner;
    return nullptr;
  }
  bool connected(uint64_t id) { return this->find(id) != nullptr; }

 private:
  std::array<Owner, MAXIMUM> owners_{};
};

/// The envelope's own verdict. `repeated`: answer with the owner's stored line, and do nothing.
struct Admission {
  Reason reason{Reason::OK};
  Owners::Owner* owner{nullptr};
  bool repeated{false};
};

/// Check boot, owner, sequence and not_after, in this order. @param needed the only owner that may do it, 0 for anyone
inline Admission admit(const Envelope& envelope, int32_t boot, Owners& owners, uint64_t needed, uint32_t now_ms) {
  if (envelope.boot != boot) return {Reason::WRONG_BOOT};
  Owners::Owner* owner = owners.find(parse_id(envelope.owner));
  if (owner == nullptr) return {Reason::NOT_OWNER};
  if (envelope.sequence > 0 && envelope.sequence == owner->sequence) return {Reason::OK, owner, true};
  if (needed != 0 && owner->id != needed) return {Reason::NOT_OWNER};
  if (envelope.sequence <= owner->sequence) return {Reason::STALE};
  if (envelope.not_after_ms == 0 || static_cast<uint32_t>(envelope.not_after_ms) - now_ms > NOT_AFTER_MS)
    return {Reason::STALE};
  return {Reason::OK, owner, false};
}

}  // namespace facial_therapy
