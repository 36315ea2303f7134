#pragma once
/// The text form of the contract: one line of `key=value` pairs that ends in `crc=XXXX`.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace facial_therapy {

/// CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF.
inline uint16_t crc16(const char* bytes, size_t size) {
  uint16_t crc = 0xFFFF;
  for (size_t i = 0; i < size; i++) {
    crc = static_cast<uint16_t>(crc ^ (static_cast<uint16_t>(static_cast<uint8_t>(bytes[i])) << 8));
    for (int bit = 0; bit < 8; bit++) crc = static_cast<uint16_t>((crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1);
  }
  return crc;
}

/// One line under construction. What does not fit makes the whole line empty: half a line would be a wrong line.
class Line {
 public:
  /// A line is at most this long, by contract.
  static constexpr size_t MAXIMUM = 600;

  void clear() { this->size_ = 0, this->text_[0] = '\0', this->full_ = false; }

  void pair(const char* key, const char* value) {
    this->key(key);
    this->text(value);
  }
  void pair(const char* key, int64_t value) {
    this->key(key);
    this->number(value);
  }
  /// `-` for an absent value.
  void none(const char* key) { this->pair(key, "-"); }
  /// 16 lower-case hex digits; `-` for 0, which is no id.
  void id(const char* key, uint64_t value) {
    if (value == 0) return this->none(key);
    this->key(key);
    for (int shift = 60; shift >= 0; shift -= 4) this->put_(HEX_LOWER[(value >> shift) & 0xF]);
  }
  void key(const char* key) {
    if (this->size_ != 0) this->put_(' ');
    this->text(key);
    this->put_('=');
  }
  void text(const char* text) {
    for (; *text != '\0'; text++) this->put_(*text);
  }
  void number(int64_t value) {
    if (value < 0) this->put_('-');
    uint64_t rest = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
    std::array<char, 20> digits;
    size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    while (count > 0) this->put_(digits[--count]);
  }
  /// Append the checksum; the line is then complete.
  void seal() {
    const uint16_t crc = crc16(this->text_.data(), this->size_);
    this->text(" crc=");
    for (int shift = 12; shift >= 0; shift -= 4) this->put_(HEX_UPPER[(crc >> shift) & 0xF]);
    if (this->full_) this->clear();
  }

  /// Zero-terminated.
  const char* c_str() const { return this->text_.data(); }
  size_t size() const { return this->size_; }

 private:
  static constexpr const char* HEX_LOWER = "0123456789abcdef";
  static constexpr const char* HEX_UPPER = "0123456789ABCDEF";

  void put_(char c) {
    if (this->size_ >= MAXIMUM) {
      this->full_ = true;
      return;
    }
    this->text_[this->size_++] = c;
    this->text_[this->size_] = '\0';
  }

  size_t size_{0};
  bool full_{false};
  std::array<char, MAXIMUM + 1> text_{};
};

/// Read 16 lower-case hex digits.
/// @return the id; 0 if the text is anything else, which makes 0000000000000000 no id.
inline uint64_t parse_id(const char* text) {
  uint64_t id = 0;
  for (int i = 0; i < 16; i++) {
    const char c = text[i];
    if (c >= '0' && c <= '9')
      id = id << 4 | static_cast<uint64_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      id = id << 4 | static_cast<uint64_t>(c - 'a' + 10);
    else
      return 0;
  }
  return text[16] == '\0' ? id : 0;
}

}  // namespace facial_therapy
