#pragma once
/// The contract's text form, read by code that shares nothing with the firmware.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace proof {

/// CRC-16/CCITT-FALSE by table: the firmware shifts bit by bit.
inline uint16_t checksum(std::string_view text) {
  static const auto table = [] {
    std::array<uint16_t, 256> made{};
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t rest = byte << 8;
      for (int bit = 0; bit < 8; bit++) rest = (rest << 1) ^ ((rest >> 15 & 1) * 0x1021u);
      made[byte] = static_cast<uint16_t>(rest);
    }
    return made;
  }();
  uint32_t sum = 0xFFFF;
  for (const char c : text) sum = (sum << 8 ^ table[(sum >> 8 ^ static_cast<uint8_t>(c)) & 0xFF]) & 0xFFFF;
  return static_cast<uint16_t>(sum);
}

/// One line, taken apart. `wrong` says what is not as the contract has it, or nullptr.
class Line {
 public:
  explicit Line(std::string_view text) : text_(text), wrong_(this->read_()) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  const char* wrong() const { return this->wrong_; }
  const std::string& text() const { return this->text_; }
  std::string_view operator[](std::string_view key) const {
    for (const auto& [name, value] : this->pairs_)
      if (name == key) return value;
    return {};
  }
  bool has(std::string_view key) const { return !(*this)[key].empty(); }
  int64_t number(std::string_view key) const { return number_((*this)[key]); }

  /// `number:value` pairs into `out[number - 1]`, the wand's 5 into `out[0]`; the rest is untouched.
  void levels(std::string_view key, std::array<int64_t, 4>& out) const {
    std::string_view rest = (*this)[key];
    while (!rest.empty() && rest != "-") {
      const size_t comma = rest.find(',');
      const std::string_view pair = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
      const int64_t place = number_(pair.substr(0, pair.find(':')));
      out[place == 5 ? 0 : static_cast<size_t>(place - 1) & 3] = number_(pair.substr(pair.find(':') + 1));
    }
  }

  static int64_t whole(std::string_view text) { return number_(text); }

 private:
  static int64_t number_(std::string_view text) {
    int64_t value = 0;
    const bool negative = !text.empty() && text[0] == '-';
    for (const char c : text.substr(negative ? 1 : 0)) value = value * 10 + (c - '0');
    return negative ? -value : value;
  }
  const char* read_() {
    const size_t end = this->text_.rfind(" crc=");
    if (this->text_.size() > 600) return "longer than 600 characters";
    if (end == std::string::npos || this->text_.size() != end + 9) return "no checksum at its end";
    static constexpr const char* DIGITS = "0123456789ABCDEF";
    uint32_t sum = checksum(std::string_view(this->text_).substr(0, end));
    for (size_t at = end + 8; at > end + 4; at--, sum >>= 4)
      if (this->text_[at] != DIGITS[sum & 0xF]) return "a wrong checksum";
    for (size_t at = 0; at < end;) {
      size_t stop = this->text_.find(' ', at);
      if (stop == std::string::npos || stop > end) stop = end;
      const size_t equals = this->text_.find('=', at);
      if (equals == std::string::npos || equals <= at || equals + 1 >= stop) return "no key=value";
      this->pairs_.emplace_back(std::string_view(this->text_).substr(at, equals - at),
                                std::string_view(this->text_).substr(equals + 1, stop - equals - 1));
      at = stop + 1;
    }
    return nullptr;
  }

  std::string text_;
  std::vector<std::pair<std::string_view, std::string_view>> pairs_;
  const char* wrong_;
};

}  // namespace proof
