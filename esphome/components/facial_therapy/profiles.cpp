/// The people who share the node: who is enrolled, what each may still get, and which time counts.
#include <algorithm>

#include "governor.h"

namespace facial_therapy {

namespace {

/// A ceiling of one quantity over one window.
struct Window {
  Reason reason;
  uint32_t window_s;
  uint32_t Charge::* quantity;
  uint64_t most;
};

/// What a clock said at age 0; 0 if it is not set.
uint32_t zero_of(uint32_t clock_s, uint32_t age_s) {
  return clock_s >= EPOCH_MINIMUM_S && clock_s > age_s ? clock_s - age_s : 0;
}

}  // namespace

// --- starting ------------------------------------------------------------------------------------------------------

Refusal Governor::check_brown_out_() const {
  if (!this->brown_out_ || this->uptime_ms_ >= BROWN_OUT_MS) return {};
  return wait_for(Reason::BROWN_OUT, static_cast<uint32_t>((BROWN_OUT_MS - this->uptime_ms_ + 999) / 1000));
}

/// Whether this person may use the node at all now.
Refusal Governor::check_profile_(int32_t token) const {
  const auto profile = static_cast<uint32_t>(token);
  if (find(this->memory_.profiles, profile) == nullptr) return {Reason::NOT_ENROLLED, "profile"};
  return this->memory_.last_profile == 0 || this->memory_.last_profile == profile ? Refusal{} : this->check_gap_();
}

/// Whether somebody other than the person of the last output may use the node.
Refusal Governor::check_gap_() const {
  const uint32_t wait_s = until(this->age_s_(), this->memory_.last_output_s, PROFILE_GAP_S);
  if (wait_s != 0) return wait_for(Reason::PROFILE_GAP, wait_s);
  if (this->temperature_plausible_() && this->sensors_.temperature_cc > static_cast<int32_t>(PROFILE_TEMPERATURE_CC))
    return {Reason::PROFILE_GAP, "temperature"};
  if (this->contact_known_() && !this->off_seen_)
    return {Reason::PROFILE_GAP, this->config_.wand() ? "impedance" : "worn"};
  return {};
}

/// Whether the windows have room for all of it.
/// @param credit_s time switched off without which they would not; 0 if it is not needed
Refusal Governor::check_windows_(const Start& start, const Levels& budgets, uint32_t& credit_s) const {
  const Profile& profile = *find(this->memory_.profiles, static_cast<uint32_t>(start.profile));
  const Charge asked = this->charge_(budgets.at);
  const auto skin = static_cast<uint32_t>(start.skin_permille);
  const uint32_t age_s = this->age_s_();
  const Refusal refusal = this->check_windows_at_(age_s, profile, asked, skin);
  const uint64_t believed_s = uint64_t{this->memory_.epoch_zero_s} + age_s;
  const auto epoch_s = static_cast<uint32_t>(start.epoch_s);
  if (!refusal.refused() || this->memory_.epoch_zero_s == 0 || epoch_s <= believed_s) return refusal;
  credit_s = static_cast<uint32_t>(epoch_s - believed_s);
  return this->check_windows_at_(age_s + credit_s, profile, asked, skin);
}

/// Every window that has no room at one age: `each(refusal, wait_s)`, where the wait may be `NEVER`.
template <typename Each>
void Governor::each_window_(uint32_t age_s, const Profile& profile, const Charge& asked, uint32_t skin_permille,
                            Each each) const {
  static constexpr auto DOSE = &Charge::dose, BLUE_DOSE = &Charge::blue, COUNT = &Charge::sessions;
  const bool wand = this->config_.wand();
  const auto scaled = [skin_permille](uint32_t ceiling) { return uint64_t{ceiling} * skin_permille / 1000; };
  const std::array<Window, 5> mask_windows{{
      {Reason::DOSE_DAY, DAY_S, DOSE, scaled(MASK_FLUENCE_DAY_UJ_CM2)},
      {Reason::DOSE_WEEK, WEEK_S, DOSE, scaled(MASK_FLUENCE_WEEK_UJ_CM2)},
      {Reason::BLUE_WEEK, WEEK_S, BLUE_DOSE, scaled(MASK_BLUE_WEEK_UJ_CM2)},
      {Reason::SESSIONS_DAY, DAY_S, COUNT, MASK_SESSIONS_DAY},
      {Reason::SESSIONS_WEEK, WEEK_S, COUNT, MASK_SESSIONS_WEEK},
  }};
  const std::array<Window, 2> wand_windows{{
      {Reason::DOSE_DAY, DAY_S, DOSE, WAND_CHARGE_DAY_UC},
      {Reason::SESSIONS_WEEK, WEEK_S, COUNT, WAND_SESSIONS_WEEK},
  }};
  const Window* windows = wand ? wand_windows.data() : mask_windows.data();
  const size_t count = wand ? wand_windows.size() : mask_windows.size();

  for (size_t i = 0; i < count; i++) {
    const Window& window = windows[i];
    if (asked.*window.quantity == 0) continue;
    const uint32_t wait_s = profile.wait(age_s, window.window_s, window.quantity, asked.*window.quantity, window.most);
    if (wait_s == 0) continue;
    Refusal refusal = wait_for(window.reason, wait_s == NEVER ? 0 : wait_s);
    if (window.quantity != COUNT) {
      const uint64_t used = profile.sum(age_s, window.window_s, window.quantity);
      refusal.field = wand ? "budget_uc" : "budgets_uj_cm2";
      refusal.bounded = true, refusal.minimum = 1;
      refusal.maximum = used >= window.most ? 0 : this->ceilings_.uncharged(window.most - used);
    }
    each(refusal, wait_s);
  }
  const auto rest = [&](Reason reason, uint32_t since_s, uint32_t rest_s) {
    const uint32_t wait_s = until(age_s, since_s, rest_s);
    if (wait_s != 0) each(wait_for(reason, wait_s), wait_s);
  };
  rest(Reason::REST, profile.counted_s, wand ? WAND_REST_S : MASK_REST_S);
  if (asked.blue != 0) rest(Reason::REST_BLUE, profile.blue_s, MASK_BLUE_REST_S);
}

/// Every window at one age; of several refusals the one that lasts longest.
Refusal Governor::check_windows_at_(uint32_t age_s, const Profile& profile, const Charge& asked,
                                    uint32_t skin_permille) const {
  Refusal longest;
  uint32_t longest_s = 0;
  this->each_window_(age_s, profile, asked, skin_permille, [&](const Refusal& refusal, uint32_t wait_s) {
    if (wait_s > longest_s) longest = refusal, longest_s = wait_s;
  });
  return longest;
}

// --- what a session gives ------------------------------------------------------------------------------------------

/// What doses count for, as one session that counts.
Charge Governor::charge_(const std::array<uint32_t, PLACES>& doses) const {
  uint64_t total = 0;
  for (const uint32_t dose : doses) total += dose;
  return {0, this->ceilings_.charged(total), this->ceilings_.charged(doses[BLUE]), 1};
}

/// Charge the profile with all that the session may give.
void Governor::open_charge_(uint32_t credit_s) {
  const Record& record = this->memory_.last();
  Profile& profile = *find(this->memory_.profiles, record.profile);
  this->before_ = profile;
  const uint32_t age_s = this->age_s_() + credit_s;
  this->open_charged_ = this->charge_(record.planned);
  this->open_charged_.ended_s = age_s + 1;
  profile.add(age_s, this->open_charged_);
  this->generation_++;
  profile.counted_s = age_s + 1;
  if (this->open_charged_.blue != 0) profile.blue_s = age_s + 1;
}

/// Take that back, and charge what it gave.
void Governor::close_charge_() {
  const Record& record = this->memory_.last();
  Profile& profile = *find(this->memory_.profiles, record.profile);
  profile = this->before_;
  this->generation_++;
  if (!this->energized_) return;
  const uint32_t age_s = this->age_s_();
  Charge charge = this->charge_(record.delivered);
  // Rounded up channel by channel, it could be a few units more than was let through.
  charge.dose = std::min(charge.dose, this->open_charged_.dose);
  charge.blue = std::min(charge.blue, this->open_charged_.blue);
  charge.ended_s = age_s + 1;
  uint64_t delivered = 0;
  for (const uint32_t dose : record.delivered) delivered += dose;
  charge.sessions = delivered * 1000 >= this->plan_ * COUNTS_FROM_PERMILLE ? 1 : 0;
  profile.add(age_s, charge);
  if (charge.sessions != 0) {
    profile.counted_s = age_s + 1;
    if (charge.blue != 0) profile.blue_s = age_s + 1;
  }
  this->memory_.last_profile = record.profile;
  this->memory_.last_output_s = age_s + 1;
  // Time switched off is credited from here on only: an older anchor would let it age what has been had since.
  this->memory_.epoch_zero_s = zero_of(record.epoch_s, this->open_charged_.ended_s - 1);
  this->memory_.rtc_zero_s = this->rtc_zero_s_;
}

/// Close what a cut left open: in full, as it has been charged since it was opened, and no earlier than now. Age may
/// have been stored since: a credit was confirmed, or somebody was enrolled.
void Governor::close_unclosed_() {
  Record& record = this->memory_.last();
  record.outcome = Outcome::UNCLOSED;
  record.delivered = record.planned;
  Profile* profile = find(this->memory_.profiles, record.profile);
  if (profile != nullptr) profile->prolong(this->age_s_() + 1);
  this->memory_.last_profile = record.profile;
  this->memory_.last_output_s = this->age_s_() + 1;
  // Nobody knows how long it went on after it was opened, so that the time from then on is no credit.
  this->memory_.epoch_zero_s = this->memory_.rtc_zero_s = 0;
  this->save_();
}

// --- time switched off ---------------------------------------------------------------------------------------------

/// Remember what a caller's clock says, unless one is remembered. @return whether there is something to store
bool Governor::anchor_(int32_t epoch_s) {
  const auto epoch = static_cast<uint32_t>(epoch_s);
  const uint32_t age_s = this->age_s_();
  if (this->memory_.epoch_zero_s != 0 || epoch < EPOCH_MINIMUM_S || epoch <= age_s) return false;
  this->memory_.epoch_zero_s = epoch - age_s;
  return true;
}

/// Credit what the battery-backed clock has counted while the node was off: once a boot, never backwards.
void Governor::take_rtc_() {
  const auto rtc_zero = [this] { return this->sensors_.rtc_known ? zero_of(this->sensors_.rtc_s, this->age_s_()) : 0; };
  this->rtc_zero_s_ = rtc_zero();
  if (this->rtc_taken_ || this->rtc_zero_s_ == 0 || this->store_lost_ || this->live()) return;
  this->rtc_taken_ = true;
  if (this->memory_.rtc_zero_s == 0) {
    this->memory_.rtc_zero_s = this->rtc_zero_s_;
    this->save_();
  } else if (this->rtc_zero_s_ > this->memory_.rtc_zero_s) {
    this->age_ms_ += uint64_t{this->rtc_zero_s_ - this->memory_.rtc_zero_s} * 1000;
    this->generation_++;
    this->rtc_zero_s_ = rtc_zero();
  }
}

/// A person vouches for the time that the session was let through with. @return false if it cannot be stored
bool Governor::confirm_credit_() {
  if (this->credit_s_ == 0) return true;
  const uint32_t credit_s = this->credit_s_;
  this->age_ms_ += uint64_t{credit_s} * 1000;
  this->memory_.last_output_s += credit_s;  // the gap between two people is short, and no caller's clock shortens it
  this->credit_s_ = 0;
  this->generation_++;
  this->changes_++;
  if (this->save_()) return true;
  // What could not be stored is forgotten with the session, or the next start would find the windows aged.
  this->age_ms_ -= uint64_t{credit_s} * 1000;
  this->memory_.last_output_s -= credit_s;
  this->end_(Outcome::FAULT);
  return false;
}

// --- actions -------------------------------------------------------------------------------------------------------

/// The button is held for long enough, by a hand.
bool Governor::enrolling_() const {
  return this->button_ && !this->button_spent_ && this->now_ms_ - this->button_since_ms_ >= BUTTON_SHORT_MS;
}

const Line& Governor::enroll_profile(uint32_t now_ms, const Header& header, int32_t profile) {
  Verdict verdict = this->admit_(now_ms, header, false);
  if (verdict.repeated || verdict.refusal.refused()) return this->answer_(verdict, &header);
  verdict.refusal = check_range("profile", profile, MOST);
  if (!verdict.refusal.refused()) verdict.refusal = this->enroll_(static_cast<uint32_t>(profile));
  return this->answer_(verdict, &header);
}

Refusal Governor::enroll_(uint32_t token) {
  if (this->store_lost_) return {Reason::FAULTED, word(FAULT_WORDS, Fault::STORE)};
  if (find(this->memory_.profiles, token) != nullptr) return {};
  if (this->flowing()) return {Reason::BUSY};  // it is stored, and nothing is stored while output flows
  if (!this->enrolling_()) return {Reason::BUTTON_NEEDED, "profile"};
  const uint32_t age_s = this->age_s_();
  uint32_t wait_s = 0;
  Profile* free = place(this->memory_.profiles, age_s, wait_s);
  if (free == nullptr) return wait_for(Reason::PROFILES_FULL, wait_s);
  const Profile before = *free;
  *free = Profile{};
  free->token = token;
  if (this->memory_.forgot && until(age_s, 1, WEEK_S) != 0) {
    // What was had before the records were lost is unknown: a whole day of it, at that moment.
    const bool wand = this->config_.wand();
    free->add(age_s,
              {1, wand ? WAND_CHARGE_DAY_UC : MASK_FLUENCE_DAY_UJ_CM2,
               wand ? 0 : MASK_BLUE_FLUENCE_UJ_CM2 * MASK_SESSIONS_DAY, wand ? WAND_SESSIONS_DAY : MASK_SESSIONS_DAY});
    free->counted_s = 1;
    free->blue_s = wand ? 0 : 1;
  }
  if (!this->save_()) {
    *free = before;
    this->end_(Outcome::FAULT);
    return {Reason::STORE_FAILED};
  }
  this->generation_++;
  this->changes_++;
  return {};
}

const Line& Governor::read_profile(uint32_t now_ms, const Header& header, int32_t token) {
  Verdict verdict = this->admit_(now_ms, header, false);
  if (verdict.repeated || verdict.refusal.refused()) return this->answer_(verdict, &header);
  verdict.refusal = check_range("profile", token, MOST);
  const Profile* profile =
      verdict.refusal.refused() ? nullptr : find(this->memory_.profiles, static_cast<uint32_t>(token));
  if (profile == nullptr) {
    if (!verdict.refusal.refused()) verdict.refusal = {Reason::NOT_ENROLLED, "profile"};
    return this->answer_(verdict, &header);
  }
  Line& line = verdict.client->answer;
  this->begin_answer_(line, {}, &header);
  this->write_profile_(line, *profile);
  return this->finish_(line, verdict.client);
}

void Governor::write_profile_(Line& line, const Profile& profile) const {
  const uint32_t age_s = this->age_s_();
  const auto sum = [&](const char* key, uint32_t window_s, uint32_t Charge::* quantity) {
    line.pair(key, static_cast<int64_t>(profile.sum(age_s, window_s, quantity)));
  };
  line.pair("profile", int64_t{profile.token});
  line.pair("last_used", profile.token == this->memory_.last_profile ? 1 : 0);
  sum("dose_day", DAY_S, &Charge::dose);
  sum("dose_week", WEEK_S, &Charge::dose);
  sum("blue_week", WEEK_S, &Charge::blue);
  sum("sessions_day", DAY_S, &Charge::sessions);
  sum("sessions_week", WEEK_S, &Charge::sessions);
  line.pair("rest_s", int64_t{until(age_s, profile.counted_s, this->config_.wand() ? WAND_REST_S : MASK_REST_S)});
  line.pair("rest_blue_s", int64_t{until(age_s, profile.blue_s, MASK_BLUE_REST_S)});
  // The smallest session there is: one unit of dose, without blue, for the lightest skin.
  Refusals refuses(line);
  const auto tell = [&](const Refusal& refusal, uint32_t) { refuses.add(refusal); };
  this->each_window_(age_s, profile, this->charge_({1, 0, 0, 0}), 1000, tell);
  refuses.end();
}

}  // namespace facial_therapy
