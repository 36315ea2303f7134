#pragma once
/// What the node remembers over reboots: its last sessions and its latched faults, and their form in the store.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "limits.h"
#include "words.h"

namespace facial_therapy {

/// One session. Stored byte by byte by `Memory`: a change here is a change of `Memory::VERSION`.
struct Record {
  uint32_t number{0};   ///< rising from 1; 0 is no record
  uint64_t session{0};  ///< 0 for record 1
  uint32_t subject{0};  ///< the person's token
  uint32_t epoch_s{0};  ///< the caller's clock at start, seconds since 1970
  uint8_t channels{0};  ///< bit per place
  Outcome outcome{Outcome::OPEN};
  std::array<uint32_t, PLACES> planned{};    ///< uJ/cm2 or uC, per place
  std::array<uint32_t, PLACES> delivered{};  ///< uJ/cm2 or uC, per place
  uint32_t output_ms{0};                     ///< how long output has flowed
};

/// The durable memory. Missing means commissioning; present but wrong means unknown, and unknown is unsafe.
class Memory {
 public:
  static constexpr uint32_t MAGIC = 0x31485446;  // "FTH1"
  static constexpr uint32_t VERSION = 1;
  static constexpr size_t RECORD_SIZE = 4 + 8 + 4 + 4 + 1 + 1 + 2 * 4 * PLACES + 4;
  static constexpr size_t SIZE = 4 * 5 + RECORD_SIZE * RECORDS + 4;
  using Bytes = std::array<uint8_t, SIZE>;

  /// Begin anew with record 1, `commissioned`, and no faults.
  void commission() {
    *this = Memory{};
    Record& first = this->append();
    first.outcome = Outcome::COMMISSIONED;
  }

  /// Number of the newest record; never 0 once commissioned.
  uint32_t newest() const { return this->newest_; }

  /// The record of this number, or nullptr if it is not held.
  const Record* find(uint32_t number) const {
    const Record& record = this->records_[number % RECORDS];
    return number != 0 && record.number == number ? &record : nullptr;
  }
  Record& last() { return this->records_[this->newest_ % RECORDS]; }
  const Record& last() const { return this->records_[this->newest_ % RECORDS]; }

  /// Whether a session of this id is remembered.
  bool holds(uint64_t session) const {
    for (const Record& record : this->records_)
      if (record.number != 0 && record.session == session) return true;
    return false;
  }

  /// Add an empty record, which takes the place of the oldest.
  Record& append() {
    this->newest_++;
    Record& record = this->last();
    record = Record{};
    record.number = this->newest_;
    return record;
  }

  /// Latched faults, bit per `Fault`.
  uint32_t faults{0};

  Bytes encode(Modality modality) const {
    Bytes bytes{};
    Cursor at{bytes.data()};
    at.put(MAGIC, 4), at.put(VERSION, 4), at.put(static_cast<uint64_t>(modality), 4);
    at.put(this->newest_, 4), at.put(this->faults, 4);
    for (const Record& record : this->records_) {
      at.put(record.number, 4), at.put(record.session, 8), at.put(record.subject, 4), at.put(record.epoch_s, 4);
      at.put(record.channels, 1), at.put(static_cast<uint64_t>(record.outcome), 1);
      for (uint32_t dose : record.planned) at.put(dose, 4);
      for (uint32_t dose : record.delivered) at.put(dose, 4);
      at.put(record.output_ms, 4);
    }
    at.put(crc32(bytes.data(), SIZE - 4), 4);
    return bytes;
  }

  /// Take what the store holds.
  /// @return false if it is not exactly what `encode` made for this modality; nothing has changed then.
  bool decode(const Bytes& bytes, Modality modality) {
    Cursor at{const_cast<uint8_t*>(bytes.data())};
    if (crc32(bytes.data(), SIZE - 4) != Cursor{const_cast<uint8_t*>(bytes.data()) + SIZE - 4}.take(4)) return false;
    if (at.take(4) != MAGIC || at.take(4) != VERSION || at.take(4) != static_cast<uint64_t>(modality)) return false;
    Memory memory;
    memory.newest_ = static_cast<uint32_t>(at.take(4));
    memory.faults = static_cast<uint32_t>(at.take(4));
    for (Record& record : memory.records_) {
      record.number = static_cast<uint32_t>(at.take(4)), record.session = at.take(8);
      record.subject = static_cast<uint32_t>(at.take(4)), record.epoch_s = static_cast<uint32_t>(at.take(4));
      record.channels = static_cast<uint8_t>(at.take(1));
      const uint64_t outcome = at.take(1);
      if (outcome >= OUTCOME_WORDS.size()) return false;
      record.outcome = static_cast<Outcome>(outcome);
      for (uint32_t& dose : record.planned) dose = static_cast<uint32_t>(at.take(4));
      for (uint32_t& dose : record.delivered) dose = static_cast<uint32_t>(at.take(4));
      record.output_ms = static_cast<uint32_t>(at.take(4));
    }
    if (memory.find(memory.newest_) == nullptr || memory.faults >> FAULTS != 0) return false;
    *this = memory;
    return true;
  }

 private:
  /// Little endian, whatever the machine is.
  struct Cursor {
    uint8_t* at;
    void put(uint64_t value, size_t size) {
      for (size_t i = 0; i < size; i++) *this->at++ = static_cast<uint8_t>(value >> (8 * i));
    }
    uint64_t take(size_t size) {
      uint64_t value = 0;
      for (size_t i = 0; i < size; i++) value |= static_cast<uint64_t>(*this->at++) << (8 * i);
      return value;
    }
  };

  static uint32_t crc32(const uint8_t* bytes, size_t size) {
    uint32_t crc = 0xFFFF'FFFF;
    for (size_t i = 0; i < size; i++) {
      crc ^= bytes[i];
      for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB8'8320 : 0);
    }
    return ~crc;
  }

  uint32_t newest_{0};
  std::array<Record, RECORDS> records_{};
};

/// Where the memory lives. Called at zero output only: a write may block for as long as it likes.
class Store {
 public:
  enum class Load : uint8_t { OK, MISSING, UNREADABLE };

  virtual ~Store() = default;
  /// UNREADABLE covers everything between "never written" and "read in full".
  virtual Load load(Memory::Bytes& bytes) = 0;
  /// Write in full, durably, and read it back.
  /// @return whether what was read back is what was written.
  virtual bool save(const Memory::Bytes& bytes) = 0;
};

}  // namespace facial_therapy
