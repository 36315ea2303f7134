#pragma once
/// What may be asked of this node at all: the compiled ceilings on charged values, the node's own, and its
/// calibration's.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "limits.h"
#include "text.h"
#include "words.h"

namespace facial_therapy {

/// What the YAML says of the node. Checked there; what passes here is still held to the compiled ceilings.
struct Config {
  Modality modality{Modality::MASK};
  Grade grade{Grade::NONE};
  uint32_t uncertainty_permille{0};  ///< as entered; `uncertainty` is what counts
  EyeShield eye_shield{EyeShield::NONE};
  bool has_worn{false};         ///< mask: a worn sensor; the wand always senses contact
  bool has_temperature{false};  ///< a mask without it never starts
  bool has_button{false};
  bool has_current{false};                      ///< wand: what flows is measured; the schema asks for it
  std::array<uint32_t, PLACES> full_uw_cm2{};   ///< nominal irradiance at 100 % drive, 0: no such channel
  std::array<uint32_t, PLACES> peaks_uw_cm2{};  ///< the node's own ceilings, nominal
  uint32_t current_ua{0};                       ///< the wand's own ceiling, nominal
  uint32_t contact_area_mm2{0};                 ///< of one electrode
  uint32_t impedance_minimum_ohm{500};          ///< window of skin contact, inside the hard one
  uint32_t impedance_maximum_ohm{15'000};
  uint32_t duration_s{0};  ///< the node's own ceiling

  bool wand() const { return this->modality == Modality::WAND; }
  /// Wire number of a place.
  uint32_t number(size_t place) const { return this->wand() ? WAND_NUMBER : static_cast<uint32_t>(place) + 1; }
  /// How many places this modality uses.
  size_t places() const { return this->wand() ? 1 : size_t{PLACES}; }
};

/// Why something is refused, and what would be allowed.
struct Refusal {
  Reason reason{Reason::OK};
  const char* field{nullptr};  ///< the argument's name, or the fault's
  bool bounded{false};         ///< whether the next two mean something
  int64_t minimum{0};
  int64_t maximum{0};
  uint32_t channel{0};  ///< wire number, 0 if it is not about one
  uint32_t wait_s{0};   ///< when time alone would cure it; 0: never

  bool refused() const { return this->reason != Reason::OK; }
};

/// Writes `refuses=reason:wait_s,...` into a line, each reason once; `-` if there is none.
class Refusals {
 public:
  explicit Refusals(Line& line) : line_(line) { line.key("refuses"); }
  void add(const Refusal& refusal) {
    const uint64_t bit = uint64_t{1} << static_cast<uint32_t>(refusal.reason);
    if (!refusal.refused() || (this->told_ & bit) != 0) return;
    this->line_.text(this->told_ == 0 ? "" : ",");
    this->line_.text(word(REASON_WORDS, refusal.reason));
    this->line_.text(":");
    this->line_.number(refusal.wait_s);
    this->told_ |= bit;
  }
  void end() { this->line_.text(this->told_ == 0 ? "-" : ""); }

 private:
  Line& line_;
  uint64_t told_{0};
};

/// The refusal of a number outside its bounds; a maximum below the minimum means nothing is allowed now.
constexpr Refusal out_of_bounds(const char* field, int64_t minimum, int64_t maximum, uint32_t channel = 0) {
  return {Reason::OUT_OF_BOUNDS, field, true, minimum, maximum, channel, 0};
}

/// The refusal of what time alone cures.
constexpr Refusal wait_for(Reason reason, uint32_t wait_s) { return {reason, nullptr, false, 0, 0, 0, wait_s}; }

/// The most that an argument can be.
inline constexpr int64_t MOST = std::numeric_limits<int32_t>::max();

/// Refuse a number outside its bounds, both included.
constexpr Refusal check_range(const char* field, int32_t value, int64_t maximum, int64_t minimum = 1) {
  return value >= minimum && value <= maximum ? Refusal{} : out_of_bounds(field, minimum, maximum);
}

/// A request in wire units, per place; 0 is "not asked for".
struct Levels {
  std::array<uint32_t, PLACES> at{};

  bool any() const {
    return std::any_of(this->at.begin(), this->at.end(), [](uint32_t level) { return level != 0; });
  }
};

/// The compiled ceilings, applied. All sums are whole numbers, so that a bound holds to the last unit.
class Ceilings {
 public:
  explicit Ceilings(const Config& config) : config_(config) {}

  /// U in permille, never below what the grade may claim.
  uint32_t uncertainty() const {
    if (this->config_.grade == Grade::MEASURED)
      return std::max(this->config_.uncertainty_permille, MEASURED_UNCERTAINTY_PERMILLE);
    return std::max(this->config_.uncertainty_permille, DECLARED_UNCERTAINTY_PERMILLE);
  }

  uint32_t duration_s() const {
    uint32_t most = std::min(this->config_.duration_s, this->config_.wand() ? WAND_SESSION_S : MASK_SESSION_S);
    if (this->config_.grade == Grade::DECLARED) most = std::min(most, DECLARED_SESSION_S);
    if (this->config_.grade == Grade::NONE) most = std::min(most, UNCALIBRATED_SESSION_S);
    return most;
  }
  uint32_t lease_ms() const { return this->config_.wand() ? WAND_LEASE_MS : MASK_LEASE_MS; }
  uint32_t window_s() const { return this->config_.wand() ? WAND_WINDOW_S : MASK_WINDOW_S; }

  /// The highest nominal level of a place, alone, for this skin.
  uint32_t peak(size_t place, uint32_t skin_permille) const {
    if (this->config_.wand()) {
      const uint64_t density = uint64_t{WAND_CURRENT_DENSITY_UA_CM2} * this->config_.contact_area_mm2 / 100;
      const uint64_t hard = std::min<uint64_t>(WAND_CURRENT_UA, density);
      return std::min(this->config_.current_ua, this->nominal_(hard, 1000));
    }
    const uint32_t node = std::min(this->config_.full_uw_cm2[place], this->config_.peaks_uw_cm2[place]);
    return std::min(node, this->nominal_(IRRADIANCE_UW_CM2[place], skin_permille));
  }

  /// The highest nominal dose of a place, alone, for this skin.
  uint32_t budget(size_t place, uint32_t skin_permille) const {
    if (this->config_.wand()) return this->nominal_(WAND_CHARGE_UC, 1000);
    uint32_t hard = FLUENCE_UJ_CM2[place];
    if (this->config_.grade == Grade::NONE) hard = std::min(hard, UNCALIBRATED_FLUENCE_UJ_CM2);
    return this->nominal_(hard, skin_permille);
  }

  /// What a nominal dose counts for, rounded up.
  uint32_t charged(uint64_t nominal) const {
    const uint64_t charged = (nominal * (1000 + this->uncertainty()) + 999) / 1000;
    const bool floor = this->config_.grade == Grade::NONE && !this->config_.wand() && nominal != 0;
    return static_cast<uint32_t>(floor ? std::max<uint64_t>(charged, UNCALIBRATED_FLUENCE_UJ_CM2) : charged);
  }
  /// The most nominal dose whose charged value is this at most.
  uint32_t uncharged(uint64_t charged) const { return this->nominal_(charged, 1000); }

  /// The longest period that keeps peak x half period inside its ceiling.
  uint32_t period_us(uint32_t peak_ua) const {
    // uA x us = pC, and the ceiling is on half of the period.
    const uint64_t most = uint64_t{2} * WAND_HALF_PERIOD_CHARGE_UC * 1'000'000 * 1000 /
                          (uint64_t{std::max<uint32_t>(peak_ua, 1)} * (1000 + this->uncertainty()));
    return static_cast<uint32_t>(std::min<uint64_t>(most, WAND_PERIOD_US));
  }

  /// Check peaks one by one and together, places in `order` of the request.
  Refusal check_peaks(const Levels& peaks, uint32_t skin_permille, const char* field) const {
    uint64_t total = 0, ratio = 0;
    for (size_t place = 0; place < this->config_.places(); place++) {
      const uint64_t asked = peaks.at[place];
      if (asked == 0) continue;
      const uint32_t number = this->config_.number(place);
      const uint32_t alone = this->peak(place, skin_permille);
      if (asked > alone) return out_of_bounds(field, 1, alone, number);
      if (this->config_.wand()) continue;
      // Both sums are compared without dividing: nominal x (1000 + U) <= ceiling x skin.
      const uint64_t charge = 1000 + this->uncertainty();
      const uint64_t most_total = uint64_t{MASK_TOTAL_IRRADIANCE_UW_CM2} * skin_permille / charge;
      const uint64_t weight = place == NEAR_INFRARED ? NEAR_INFRARED_WEIGHT : WEIGHT;
      const uint64_t most_ratio = RATIO_CEILING * skin_permille / charge;
      const uint64_t room_total = most_total - total, room_ratio = (most_ratio - ratio) / weight;
      const uint64_t room = std::min(room_total, room_ratio);
      if (asked > room) return out_of_bounds(field, 1, static_cast<int64_t>(room), number);
      total += asked, ratio += asked * weight;
    }
    return {};
  }

  /// Check budgets one by one and together.
  Refusal check_budgets(const Levels& budgets, uint32_t skin_permille, const char* field) const {
    uint64_t room = this->nominal_(
        this->config_.grade == Grade::NONE ? UNCALIBRATED_FLUENCE_UJ_CM2 : MASK_FLUENCE_UJ_CM2, skin_permille);
    for (size_t place = 0; place < this->config_.places(); place++) {
      const uint64_t asked = budgets.at[place];
      uint64_t most = this->budget(place, skin_permille);
      if (!this->config_.wand()) most = std::min(most, room);
      if (asked > most) return out_of_bounds(field, 1, static_cast<int64_t>(most), this->config_.number(place));
      room -= this->config_.wand() ? 0 : asked;
    }
    return {};
  }

 private:
  static constexpr std::array<uint32_t, PLACES> IRRADIANCE_UW_CM2{
      MASK_RED_IRRADIANCE_UW_CM2, MASK_NEAR_INFRARED_IRRADIANCE_UW_CM2, MASK_BLUE_IRRADIANCE_UW_CM2,
      MASK_AMBER_IRRADIANCE_UW_CM2};
  static constexpr std::array<uint32_t, PLACES> FLUENCE_UJ_CM2{
      MASK_RED_FLUENCE_UJ_CM2, MASK_NEAR_INFRARED_FLUENCE_UJ_CM2, MASK_BLUE_FLUENCE_UJ_CM2, MASK_AMBER_FLUENCE_UJ_CM2};
  // E/EL over a common denominator: E1/200 + E2/364 <= r  <=>  91 E1 + 50 E2 <= 18200 r (all in mW/cm2).
  static constexpr uint64_t WEIGHT = 91, NEAR_INFRARED_WEIGHT = 50;
  static constexpr uint64_t RATIO_CEILING =
      uint64_t{MASK_EXPOSURE_LIMIT_UW_CM2} * WEIGHT * MASK_EXPOSURE_RATIO_PERMILLE / 1000;
  static_assert(MASK_EXPOSURE_LIMIT_UW_CM2 * WEIGHT == MASK_NEAR_INFRARED_EXPOSURE_LIMIT_UW_CM2 * NEAR_INFRARED_WEIGHT);

  /// The largest nominal value whose charged value is inside a ceiling.
  uint32_t nominal_(uint64_t ceiling, uint32_t skin_permille) const {
    return static_cast<uint32_t>(ceiling * skin_permille / (1000 + this->uncertainty()));
  }

  const Config& config_;
};

}  // namespace facial_therapy
