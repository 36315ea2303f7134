#pragma once
/// The numbers of the contract and of docs/safety.md, typed by hand: a slip in the firmware's own must not be copied.
#include <algorithm>
#include <array>
#include <cstdint>

namespace proof {

using Ms = int64_t;  ///< time that never wraps
using Places = std::array<int64_t, 4>;

/// How a node is built.
struct Setup {
  bool wand{false};
  int grade{2};  ///< 0 none, 1 declared, 2 measured
  int64_t uncertainty_permille{200};
  int eye_shield{1};  ///< 0 none, 1 fixed, 2 sensed
  bool has_worn{true};
  bool has_temperature{true};
  bool has_current{false};
  Places full{80'000, 80'000, 40'000, 50'000};
  Places peaks{80'000, 80'000, 40'000, 50'000};
  int64_t current_ua{500};
  int64_t area_mm2{25};
  int64_t ohm_minimum{500};
  int64_t ohm_maximum{15'000};
  int64_t duration_s{1200};

  int places() const { return this->wand ? 1 : 4; }
  bool has_sensor() const { return this->wand || this->has_worn; }
};

/// What is allowed at all on a node that is built like this.
struct Bounds {
  explicit Bounds(const Setup& from) : setup(from) {}
  Setup setup;

  static constexpr Places IRRADIANCE{80'000, 80'000, 40'000, 50'000};               // uW/cm2
  static constexpr Places FLUENCE{60'000'000, 60'000'000, 30'000'000, 30'000'000};  // uJ/cm2
  static constexpr int64_t UNCALIBRATED = 6'000'000;                                // uJ/cm2
  static constexpr Ms RED_HOT_CC = 4100, STOP_CC = 4000;

  int64_t charge() const {
    return 1000 + std::max<int64_t>(this->setup.uncertainty_permille, this->setup.grade == 2 ? 200 : 500);
  }
  int64_t duration_s() const {
    int64_t most = std::min<int64_t>(this->setup.duration_s, this->setup.wand ? 900 : 1200);
    if (this->setup.grade == 1) most = std::min<int64_t>(most, 600);
    if (this->setup.grade == 0) most = std::min<int64_t>(most, 60);
    return most;
  }
  Ms lease_ms() const { return this->setup.wand ? 5'000 : 10'000; }
  int64_t window_s() const { return this->setup.wand ? 300 : 1'800; }
  Ms contact_window_ms() const { return this->setup.wand ? 5'000 : 20'000; }
  Ms silence_ms() const { return this->setup.wand ? 40 : 100; }
  Ms ramp_ms() const { return this->setup.wand ? 5'000 : 3'000; }

  /// Levels of one moment: each, all together, and the sum of E / EL; nominal in, charged compared.
  bool levels_allowed(const Places& level, int64_t skin_permille) const {
    if (this->setup.wand) {
      const int64_t hard = std::min<int64_t>(500, 20 * this->setup.area_mm2);
      return level[0] <= this->setup.current_ua && level[0] * this->charge() <= hard * 1000;
    }
    int64_t total = 0, ratio = 0;
    for (size_t place = 0; place < 4; place++) {
      if (level[place] > this->setup.full[place] || level[place] > this->setup.peaks[place]) return false;
      if (level[place] * this->charge() > IRRADIANCE[place] * skin_permille) return false;
      total += level[place];
      // E / 200 or E / 364 mW/cm2, over the product of both.
      ratio += level[place] * this->charge() * (place == 1 ? 200'000 : 364'000);
    }
    return total * this->charge() <= 120'000 * skin_permille && ratio <= int64_t{200'000} * 364 * 500 * skin_permille;
  }

  /// Doses of one session, uJ/cm2 or uC.
  bool doses_allowed(const Places& dose, int64_t skin_permille) const {
    if (this->setup.wand) return dose[0] * this->charge() <= 450'000 * int64_t{1000};
    int64_t total = 0;
    for (size_t place = 0; place < 4; place++) {
      const int64_t hard = this->setup.grade == 0 ? std::min(FLUENCE[place], UNCALIBRATED) : FLUENCE[place];
      if (dose[place] * this->charge() > hard * skin_permille) return false;
      total += dose[place];
    }
    return total * this->charge() <= (this->setup.grade == 0 ? UNCALIBRATED : 100'000'000) * skin_permille;
  }

  bool period_allowed(int64_t period_us, int64_t peak_ua) const {
    return period_us >= 3'334 && period_us <= 1'000'000 &&
           peak_ua * period_us * this->charge() <= int64_t{2} * 150 * 1'000'000 * 1000;
  }
};

}  // namespace proof
