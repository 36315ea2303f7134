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
struct Header {
  const char* client;  ///< zero-terminated
  int32_t boot;
  int32_t sequence;
  int32_t not_after_ms;  ///< node uptime, its 32 bits read as signed
};

/// The channels that are connected, and the last command of each with its answer.
class Clients {
 public:
  static constexpr size_t MAXIMUM = 10;

  struct Client {
    uint64_t id{0};
    int32_t sequence{0};
    Line answer;  ///< to the command of this sequence
    bool connected{false};
  };

  /// Take the list of connected clients; ids that are 0 or too many are ignored, and such a client owns nothing.
  void connect(const uint64_t* ids, size_t count) {
    for (Client& client : this->clients_) {
      client.connected = false;
      for (size_t i = 0; i < count; i++) client.connected |= client.id != 0 && client.id == ids[i];
      if (!client.connected && client.id != 0) client.id = 0, client.sequence = 0, client.answer.clear();
    }
    for (size_t i = 0; i < count; i++) {
      if (ids[i] == 0 || this->find(ids[i]) != nullptr) continue;
      for (Client& client : this->clients_) {
        if (client.id != 0) continue;
        client.id = ids[i], client.connected = true;
        break;
      }
    }
  }

  Client* find(uint64_t id) {
    for (Client& client : this->clients_)
      if (id != 0 && client.id == id) return &client;
    return nullptr;
  }
  bool connected(uint64_t id) { return this->find(id) != nullptr; }

 private:
  std::array<Client, MAXIMUM> clients_{};
};

/// The header's own verdict. `repeated`: answer with the client's stored line, and do nothing.
struct Admission {
  Reason reason{Reason::OK};
  Clients::Client* client{nullptr};
  bool repeated{false};
};

/// Check boot, client, sequence and not_after, in this order. @param needed the only client that may do it, 0 for
/// anyone
inline Admission admit(const Header& header, int32_t boot, Clients& clients, uint64_t needed, uint32_t now_ms) {
  if (header.boot != boot) return {Reason::WRONG_BOOT};
  Clients::Client* client = clients.find(parse_id(header.client));
  if (client == nullptr) return {Reason::NOT_CLIENT};
  if (header.sequence > 0 && header.sequence == client->sequence) return {Reason::OK, client, true};
  if (needed != 0 && client->id != needed) return {Reason::NOT_CLIENT};
  if (header.sequence <= client->sequence) return {Reason::STALE};
  if (header.not_after_ms == 0 || static_cast<uint32_t>(header.not_after_ms) - now_ms > NOT_AFTER_MS)
    return {Reason::STALE};
  return {Reason::OK, client, false};
}

}  // namespace facial_therapy
