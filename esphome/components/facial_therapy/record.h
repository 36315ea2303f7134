#pragma once
/// What the node remembers over reboots: its last sessions, its profiles, its age and its latched faults, and their
/// form in the store.
#include <array>
#include <cstddef>
#include <cstdint>

#include "limits.h"
#include "profiles.h"
#include "words.h"

namespace facial_therapy {

/// One session. Stored byte by byte by `Memory`: a change here is a change of `Memory::VERSION`.
struct Record {
  uint32_t number{0};   ///< rising from 1; 0 is no record
  uint64_t session{0};  ///< 0 for record 1
  uint32_t profile{0};  ///< the person's token
  uint32_t epoch_s{0};  ///< the caller's clock at start, seconds since 1970
  uint8_t channels{0};  ///< bit per place
  Outcome outcome{Outcome::OPEN};
  std::array<uint32_t, PLACES> planned{};    ///< uJ/cm2 or uC, per place
  std::array<uint32_t, PLACES> delivered{};  ///< uJ/cm2 or uC, per place
  uint32_t output_ms{0};                     ///< how long output has flowed
};

/// The durable memory. Missing or wrong means unknown, and unknown is unsafe.
class Memory {
 public:
  static constexpr uint32_t MAGIC = 0x31485446;  // "FTH1"
  static constexpr uint32_t VERSION = 2;
  static constexpr size_t RECORD_SIZE = 4 + 8 + 4 + 4 + 1 + 1 + 2 * 4 * PLACES + 4;
  static constexpr size_t PROFILE_SIZE = 4 * 3 + 4 * 4 * CHARGES;
  static constexpr size_t SIZE = 4 * 11 + RECORD_SIZE * RECORDS + PROFILE_SIZE * PROFILES + 4;
  using Bytes = std::array<uint8_t, SIZE>;

  /// Begin anew with record 1, `commissioned` or `reset`, nobody enrolled and no faults.
  void commission(Outcome outcome) {
    this->faults = this->age_s = this->epoch_zero_s = this->rtc_zero_s = this->last_profile = this->last_output_s = 0;
    this->forgot = outcome == Outcome::RESET;
    this->newest_ = 0;
    this->records_.fill(Record{});
    this->profiles.fill(Profile{});
    this->append();
    this->last().outcome = outcome;
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

  /// Add an empty record. @return the oldest, whose place it takes
  Record append() {
    this->newest_++;
    const Record oldest = this->last();
    this->last() = Record{};
    this->last().number = this->newest_;
    return oldest;
  }
  /// Undo an `append`.
  void retract(const Record& oldest) {
    this->last() = oldest;
    this->newest_--;
  }

  /// Latched faults, bit per `Fault`.
  uint32_t faults{0};
  Profiles profiles{};
  uint32_t age_s{0};          ///< of the node, when this was stored
  uint32_t epoch_zero_s{0};   ///< the callers' clock at age 0, seconds since 1970; 0: unknown
  uint32_t rtc_zero_s{0};     ///< the battery-backed clock at age 0; 0: unknown
  uint32_t last_profile{0};   ///< who had output last; 0: nobody
  uint32_t last_output_s{0};  ///< age at its end, rounded up
  bool forgot{false};         ///< begun anew after a store that could not be read

  void encode(Modality modality, Bytes& bytes) const {
    Cursor at{bytes.data()};
    at.put(MAGIC, 4), at.put(VERSION, 4), at.put(static_cast<uint64_t>(modality), 4);
    for (const uint32_t value : {this->newest_, this->faults, this->age_s, this->epoch_zero_s, this->rtc_zero_s,
                                 this->last_profile, this->last_output_s, static_cast<uint32_t>(this->forgot)})
      at.put(value, 4);
    for (const Record& record : this->records_) {
      at.put(record.number, 4), at.put(record.session, 8), at.put(record.profile, 4), at.put(record.epoch_s, 4);
      at.put(record.channels, 1), at.put(static_cast<uint64_t>(record.outcome), 1);
      for (uint32_t dose : record.planned) at.put(dose, 4);
      for (uint32_t dose : record.delivered) at.put(dose, 4);
      at.put(record.output_ms, 4);
    }
    for (const Profile& profile : this->profiles) {
      at.put(profile.token, 4), at.put(profile.counted_s, 4), at.put(profile.blue_s, 4);
      for (const Charge& charge : profile.charges)
        at.put(charge.ended_s, 4), at.put(charge.dose, 4), at.put(charge.blue, 4), at.put(charge.sessions, 4);
    }
    at.put(crc32(bytes.data(), SIZE - 4), 4);
  }

  /// Take what the store holds.
  /// @return false if it is not exactly what `encode` made for this modality; what this holds then means nothing.
  bool decode(const Bytes& bytes, Modality modality) {
    Reader at{bytes.data()};
    if (crc32(bytes.data(), SIZE - 4) != Reader{bytes.data() + SIZE - 4}.take(4)) return false;
    if (at.take(4) != MAGIC || at.take(4) != VERSION || at.take(4) != static_cast<uint64_t>(modality)) return false;
    this->newest_ = at.word();
    this->faults = at.word(), this->age_s = at.word(), this->epoch_zero_s = at.word(), this->rtc_zero_s = at.word();
    this->last_profile = at.word(), this->last_output_s = at.word(), this->forgot = at.word() != 0;
    for (Record& record : this->records_) {
      record.number = at.word(), record.session = at.take(8), record.profile = at.word(), record.epoch_s = at.word();
      record.channels = static_cast<uint8_t>(at.take(1));
      const uint64_t outcome = at.take(1);
      if (outcome >= OUTCOME_WORDS.size()) return false;
      record.outcome = static_cast<Outcome>(outcome);
      for (uint32_t& dose : record.planned) dose = at.word();
      for (uint32_t& dose : record.delivered) dose = at.word();
      record.output_ms = at.word();
    }
    for (Profile& profile : this->profiles) {
      profile.token = at.word(), profile.counted_s = at.word(), profile.blue_s = at.word();
      for (Charge& charge : profile.charges)
        charge.ended_s = at.word(), charge.dose = at.word(), charge.blue = at.word(), charge.sessions = at.word();
    }
    return this->find(this->newest_) != nullptr && this->faults >> FAULTS == 0;
  }

 private:
  /// Little endian, whatever the machine is.
  struct Cursor {
    uint8_t* at;
    void put(uint64_t value, size_t size) {
      for (size_t i = 0; i < size; i++) *this->at++ = static_cast<uint8_t>(value >> (8 * i));
    }
  };
  struct Reader {
    const uint8_t* at;
    uint64_t take(size_t size) {
      uint64_t value = 0;
      for (size_t i = 0; i < size; i++) value |= static_cast<uint64_t>(*this->at++) << (8 * i);
      return value;
    }
    uint32_t word() { return static_cast<uint32_t>(this->take(4)); }
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
