/// Telemetry, description and history entries.
#include <algorithm>

#include "clock.h"
#include "governor.h"

namespace facial_therapy {

void Governor::write_levels_(Line& line, const char* key, uint32_t (Drive::*value)() const) const {
  line.key(key);
  bool any = false;
  for (size_t place = 0; this->live() && place < this->config_.places(); place++) {
    if (!this->drives_[place].used()) continue;
    line.text(any ? "," : "");
    line.number(this->config_.number(place));
    line.text(":");
    line.number((this->drives_[place].*value)());
    any = true;
  }
  line.text(any ? "" : "-");
}

/// What would refuse any start now, and of any profile but the one of the last output.
void Governor::write_refuses_(Line& line) const {
  Refusals told(line);
  for (const Refusal& refusal : this->standing_()) told.add(refusal);
  if (this->memory_.last_profile != 0) told.add(this->check_gap_());
  told.end();
}

const Line& Governor::telemetry(uint32_t now_ms) {
  Line& line = this->line_;
  line.clear();
  line.pair("telemetry", int64_t{++this->telemetry_});
  line.pair("boot", this->boot_);
  line.pair("uptime_ms", int64_t{now_ms});
  line.pair("state", word(STATE_WORDS, this->state()));
  line.id("session", this->session_id_());
  line.pair("record", int64_t{this->memory_.newest()});
  if (this->config_.wand() || this->config_.has_worn)
    line.pair("worn", this->touching() ? 1 : 0);
  else
    line.none("worn");
  if (this->config_.has_temperature && this->sensors_.temperature_known)
    line.pair("temperature_cc", this->sensors_.temperature_cc);
  else
    line.none("temperature_cc");
  line.pair("heat", word(HEAT_WORDS, this->heat_));
  if (this->config_.wand() && this->sensors_.impedance_known)
    line.pair("impedance_ohm", int64_t{this->sensors_.impedance_ohm});
  else
    line.none("impedance_ohm");
  line.pair("charging", this->config_.wand() && this->sensors_.charging ? 1 : 0);
  const char* fault = "-";
  for (size_t i = FAULTS; i > 0; i--)
    if ((this->faults() >> (i - 1) & 1) != 0) fault = FAULT_WORDS[i - 1];
  line.pair("fault", fault);
  line.pair("cause", word(CAUSE_WORDS, this->cause_));
  const bool live = this->live();
  line.pair("output_ms", int64_t{live ? this->output_ms_ : 0});
  line.pair("left_ms", int64_t{live ? this->duration_ms_ - this->output_ms_ : 0});
  line.pair("lease_ms", int64_t{this->lease_lives_ ? left(now_ms, this->lease_end_ms_) : 0});
  const uint32_t window_ms = std::min(left(now_ms, this->window_end_ms_), this->life_left_ms_());
  line.pair("window_ms", int64_t{live && !this->flowing() ? window_ms : 0});
  this->write_levels_(line, "levels", &Drive::level);
  this->write_levels_(line, "delivered", &Drive::delivered);
  if (this->zone() != 0)
    line.pair("zone", int64_t{this->zone()});
  else
    line.none("zone");
  line.pair("contacts", int64_t{live ? this->contacts_ : 0});
  line.pair("watchdog_trips", int64_t{live ? this->watchdog_trips_ : 0});
  line.pair("button", this->enrolling_() ? 1 : 0);
  line.key("profiles");
  line.number(std::count_if(this->memory_.profiles.begin(), this->memory_.profiles.end(),
                            [](const Profile& profile) { return profile.token != 0; }));
  line.text(":");
  line.number(this->generation_);
  this->write_refuses_(line);
  line.pair("needs_button", this->credit_s_ != 0 ? 1 : 0);
  line.seal();
  return line;
}

const Line& Governor::description(const char* firmware) {
  Line& line = this->line_;
  line.clear();
  line.pair("contract", "1.0");
  line.pair("modality", word(MODALITY_WORDS, this->config_.modality));
  line.pair("firmware", firmware);
  // The three lists name the same channels, in the same order.
  const auto list = [&](const char* key, bool pairs, auto value) {
    line.key(key);
    bool any = false;
    for (size_t place = 0; !this->config_.wand() && place < PLACES; place++) {
      if (this->config_.full_uw_cm2[place] == 0) continue;
      line.text(any ? "," : "");
      line.number(static_cast<int64_t>(place) + 1);
      line.text(pairs ? ":" : "");
      if (pairs) line.number(value(place));
      any = true;
    }
    if (!any) line.text("-");
  };
  list("channels", false, [](size_t) { return 0; });
  list("full_uw_cm2", true, [this](size_t place) { return this->config_.full_uw_cm2[place]; });
  line.pair("grade", word(GRADE_WORDS, this->config_.grade));
  line.pair("uncertainty_permille", int64_t{this->ceilings_.uncertainty()});
  line.pair("eye_shield", word(EYE_SHIELD_WORDS, this->config_.eye_shield));
  line.pair("worn_sensor", this->config_.wand() || this->config_.has_worn ? 1 : 0);
  line.pair("temperature_sensor", this->config_.has_temperature ? 1 : 0);
  line.pair("button", this->config_.has_button ? 1 : 0);
  if (this->config_.wand())
    line.pair("contact_area_mm2", int64_t{this->config_.contact_area_mm2});
  else
    line.none("contact_area_mm2");
  line.pair("duration_s", int64_t{this->ceilings_.duration_s()});
  if (this->config_.wand()) {
    line.key("peaks");
    line.number(WAND_NUMBER), line.text(":"), line.number(this->ceilings_.peak(0, 1000));
  } else {
    list("peaks", true, [this](size_t place) { return this->ceilings_.peak(place, 1000); });
  }
  line.seal();
  return line;
}

void Governor::write_record_(Line& line, const Record& record, uint32_t profile) const {
  const bool open = this->live() && record.number == this->memory_.newest();
  line.pair("entry", int64_t{record.number});
  line.id("entry_session", record.session);
  line.pair("of_profile", record.profile == profile ? 1 : 0);
  const auto list = [&](const char* key, auto value) {
    line.key(key);
    bool any = false;
    for (size_t place = 0; place < PLACES; place++) {
      if ((record.channels >> place & 1) == 0) continue;
      line.text(any ? "," : "");
      line.number(this->config_.number(place));
      line.text(":");
      line.number(value(place));
      any = true;
    }
    line.text(any ? "" : "-");
  };
  list("planned", [&](size_t place) { return record.planned[place]; });
  list("delivered", [&](size_t place) { return open ? this->drives_[place].delivered() : record.delivered[place]; });
  line.pair("output_ms", int64_t{open ? this->output_ms_ : record.output_ms});
  line.pair("outcome", word(OUTCOME_WORDS, record.outcome));
  const uint64_t ended_ms = this->ended_ms_[record.number % RECORDS];
  if (ended_ms != 0 && !open)
    line.pair("age_s", static_cast<int64_t>((this->uptime_ms_ + 1 - ended_ms) / 1000));
  else
    line.none("age_s");
}

}  // namespace facial_therapy
