#pragma once
/// The people who share a node, as tokens, and what each of them has had: rolling windows of dose, sessions and rest.
///
/// Times are ages of the node in seconds. Whatever does not fit is kept longer, never shorter.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "limits.h"

namespace facial_therapy {

/// What time alone does not cure.
inline constexpr uint32_t NEVER = std::numeric_limits<uint32_t>::max();

/// What one session gave, or may give while it is open. Doses are charged.
struct Charge {
  uint32_t ended_s{0};   ///< rounded up; 0: no charge. Later than now: time that only a caller vouched for
  uint32_t dose{0};      ///< uJ/cm2 of all channels, or uC
  uint32_t blue{0};      ///< uJ/cm2 of it that is blue
  uint32_t sessions{0};  ///< that count
};

/// Seconds until something of this age leaves its window.
constexpr uint32_t until(uint32_t age_s, uint32_t ended_s, uint32_t window_s) {
  if (ended_s == 0) return 0;
  if (ended_s >= age_s) return ended_s - age_s + window_s;
  return age_s - ended_s >= window_s ? 0 : window_s - (age_s - ended_s);
}

/// One of the people. Stored by `Memory`: a change here is a change of `Memory::VERSION`.
class Profile {
 public:
  uint32_t token{0};      ///< 0: the place is free
  uint32_t counted_s{0};  ///< end of the last session that counts; 0: none
  uint32_t blue_s{0};     ///< end of the last one of them with blue
  std::array<Charge, CHARGES> charges{};

  /// The sum of one quantity over a window.
  uint64_t sum(uint32_t age_s, uint32_t window_s, uint32_t Charge::* quantity) const {
    uint64_t total = 0;
    for (const Charge& charge : this->charges)
      if (until(age_s, charge.ended_s, window_s) != 0) total += charge.*quantity;
    return total;
  }

  /// Seconds until `asked` more fit below a ceiling; `NEVER` if they never do.
  uint32_t wait(uint32_t age_s, uint32_t window_s, uint32_t Charge::* quantity, uint64_t asked, uint64_t most) const {
    if (asked > most) return NEVER;
    if (this->sum(age_s, window_s, quantity) + asked <= most) return 0;
    uint32_t best = NEVER;
    for (const Charge& charge : this->charges) {
      const uint32_t ahead_s = until(age_s, charge.ended_s, window_s);
      if (ahead_s != 0 && ahead_s < best && this->sum(age_s + ahead_s, window_s, quantity) + asked <= most)
        best = ahead_s;
    }
    return best;
  }

  /// Seconds until the week knows nothing of this profile any more.
  uint32_t busy_s(uint32_t age_s) const {
    uint32_t longest = 0;
    for (const Charge& charge : this->charges) longest = std::max(longest, until(age_s, charge.ended_s, WEEK_S));
    return longest;
  }

  /// Add one. In a full week the two oldest become one, at the later time.
  void add(uint32_t age_s, const Charge& charge) {
    const auto old = [&](const Charge& one) { return until(age_s, one.ended_s, WEEK_S) == 0; };
    const auto end = std::remove_if(this->charges.begin(), this->charges.end(), old);
    auto count = static_cast<size_t>(end - this->charges.begin());
    std::fill(end, this->charges.end(), Charge{});
    if (count == this->charges.size()) {
      std::sort(this->charges.begin(), this->charges.end(),
                [](const Charge& one, const Charge& other) { return one.ended_s < other.ended_s; });
      Charge& first = this->charges[0];
      const Charge& second = this->charges[1];
      first = {second.ended_s, plus_(first.dose, second.dose), plus_(first.blue, second.blue),
               plus_(first.sessions, second.sessions)};
      std::move(this->charges.begin() + 2, this->charges.end(), this->charges.begin() + 1);
      count--;
    }
    this->charges[count] = charge;
  }

  /// Date what was added last at this age, unless it is dated later: nobody knows when it ended.
  void prolong(uint32_t ended_s) {
    const auto empty = [](const Charge& one) { return one.ended_s == 0; };
    const auto end = std::find_if(this->charges.begin(), this->charges.end(), empty);
    if (end == this->charges.begin()) return;
    Charge& last = *(end - 1);
    last.ended_s = std::max(last.ended_s, ended_s);
    this->counted_s = std::max(this->counted_s, last.ended_s);
    if (last.blue != 0) this->blue_s = std::max(this->blue_s, last.ended_s);
  }

 private:
  static uint32_t plus_(uint32_t one, uint32_t other) {
    return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{one} + other, NEVER));
  }
};

/// Everybody who is enrolled.
using Profiles = std::array<Profile, PROFILES>;

/// The profile of this token, or nullptr. Takes constant `Profiles` too.
template <typename All>
auto find(All& profiles, uint32_t token) -> decltype(profiles.data()) {
  for (auto& profile : profiles)
    if (token != 0 && profile.token == token) return &profile;
  return nullptr;
}

/// The place for one more: a free one, or that of the profile whose windows are empty longest.
/// @return nullptr if everybody had something within a week; `wait_s` is then when the first of them will not have.
inline Profile* place(Profiles& profiles, uint32_t age_s, uint32_t& wait_s) {
  Profile* found = nullptr;
  wait_s = NEVER;
  const auto last_s = [](const Profile& profile) {
    uint32_t latest = 0;
    for (const Charge& charge : profile.charges) latest = std::max(latest, charge.ended_s);
    return latest;
  };
  for (Profile& profile : profiles) {
    if (profile.token == 0) return &profile;
    const uint32_t busy_s = profile.busy_s(age_s);
    if (busy_s != 0)
      wait_s = std::min(wait_s, busy_s);
    else if (found == nullptr || last_s(profile) < last_s(*found))
      found = &profile;
  }
  return found;
}

}  // namespace facial_therapy
