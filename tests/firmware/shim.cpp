// The governor behind a C interface, for tests that own the time: a store that can fail, an output that keeps its own
// count of what flowed, and a guard that is modeled (WATCHDOG_PERIOD_MS apart, silence, lease, deadline) because the
// real one is a thread.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "../../esphome/components/facial_therapy/governor.h"

namespace {

using namespace facial_therapy;

struct Change {
  uint32_t at_ms;
  uint32_t place;
  uint32_t level;
};

struct FakeStore final : Store {
  bool present{false};
  bool unreadable{false};
  bool fail_save{false};
  uint32_t saves{0};
  std::vector<uint8_t> bytes;
  const Levels* output{nullptr};
  uint32_t saves_while_lit{0};

  Load load(Memory::Bytes& out) override {
    if (!present) return Load::MISSING;
    if (unreadable || bytes.size() != out.size()) return Load::UNREADABLE;
    std::memcpy(out.data(), bytes.data(), out.size());
    return Load::OK;
  }
  bool save(const Memory::Bytes& in) override {
    saves++;
    if (output != nullptr && output->any()) saves_while_lit++;
    if (fail_save) return false;
    present = true, unreadable = false;
    bytes.assign(in.begin(), in.end());
    return true;
  }
};

struct FakeOutput final : Output {
  const uint32_t* now{nullptr};
  uint32_t silence_ms{0};
  bool guarded{true};
  Levels levels{};
  Permit permit{};
  bool armed{false};
  Forced trip{};
  uint32_t heartbeat_ms{0};
  uint32_t since_ms{0};
  uint64_t flowed[PLACES]{};  // level x ms
  uint32_t lit_ms{0};
  uint32_t highest[PLACES]{};
  std::vector<Change> changes;

  void count(uint32_t until_ms) {
    const uint32_t ms = until_ms - since_ms;
    for (size_t place = 0; place < PLACES; place++) flowed[place] += uint64_t{levels.at[place]} * ms;
    if (levels.any()) lit_ms += ms;
    since_ms = until_ms;
  }
  void set(const Levels& next, uint32_t at_ms) {
    count(at_ms);
    for (uint32_t place = 0; place < PLACES; place++) {
      if (levels.at[place] != next.at[place]) changes.push_back({at_ms, place, next.at[place]});
      if (next.at[place] > highest[place]) highest[place] = next.at[place];
    }
    levels = next;
  }

  void energize(const Levels& next, const Permit& next_permit) override {
    permit = next_permit, armed = true;
    if (!trip.yes) set(next, *now);
  }
  void deenergize() override {
    set(Levels{}, *now);
    armed = false, trip = {};
  }
  Forced forced(uint32_t) override { return trip; }
  bool runs{true};
  bool watched() const override { return runs; }

  /// What the guard does while time passes to `*now`, at its own period.
  void look(uint32_t from_ms) {
    if (!guarded) return;
    for (uint32_t at = from_ms + WATCHDOG_PERIOD_MS; armed && !trip.yes && reached(*now, at);
         at += WATCHDOG_PERIOD_MS) {
      const bool silent = at - heartbeat_ms >= silence_ms;
      if (silent || reached(at, permit.lease_end_ms) || reached(at, permit.deadline_ms)) {
        set(Levels{}, at);
        trip = {true, silent, at};
      }
    }
  }
};

struct Node {
  Config config{};
  FakeStore store{};
  FakeOutput output{};
  Sensors sensors{};
  std::vector<uint64_t> clients{};
  uint32_t now{0};
  uint32_t sensed_at{0};
  int32_t stray_ua{0};
  bool frozen{false};
  std::unique_ptr<Governor> governor{};

  void boot(int32_t id, bool brown_out) {
    output.deenergize();
    output.silence_ms = config.wand() ? WAND_SILENCE_MS : MASK_SILENCE_MS;
    output.heartbeat_ms = now;
    governor = std::make_unique<Governor>(config, store, output, id);
    governor->begin(now, brown_out);
  }
  void pass(uint32_t ms) {
    const uint32_t before = now;
    now += ms;
    output.look(before);
  }
  void tick() {
    output.heartbeat_ms = now;
    // The last digit of a real converter is never still.
    Sensors noisy = sensors;
    if (!frozen) noisy.temperature_cc -= static_cast<int32_t>((now - sensed_at) / 1000 % 2);
    noisy.current_ua = static_cast<uint32_t>(std::max(static_cast<int32_t>(output.levels.at[0]) + stray_ua, 0));
    governor->tick(now, noisy, clients.data(), clients.size());
  }
};

}  // namespace

extern "C" {

struct ShimConfig {
  int32_t wand, grade, uncertainty_permille, eye_shield, has_worn, has_temperature, has_button, has_current;
  uint32_t full_uw_cm2[4], peaks_uw_cm2[4];
  uint32_t current_ua, contact_area_mm2, impedance_minimum_ohm, impedance_maximum_ohm, duration_s;
};

struct ShimSensors {
  int32_t worn_known, worn, shield, temperature_known, temperature_cc;
  uint32_t temperature_age_ms;
  int32_t impedance_known;
  uint32_t impedance_ohm, impedance_age_ms;
  int32_t charging, over_current, button, rtc_known;
  uint32_t rtc_s;
  int32_t current_known, stray_ua, net_known, net_na;
  uint32_t current_age_ms;
};

struct ShimHeader {
  const char* client;
  int32_t boot, sequence, not_after_ms;
};

struct ShimStart {
  const char *session, *resume_key;
  int32_t last_record, profile, skin_permille, duration_s, lease_ms, window_s, epoch_s;
  const int32_t* channels;
  uint32_t channels_count;
  const int32_t* peaks;
  uint32_t peaks_count;
  const int32_t* budgets;
  uint32_t budgets_count;
  int32_t period_us, zone_s;
};

Node* shim_new(const ShimConfig* from, uint32_t now_ms) {
  Node* node = new Node;
  Config& config = node->config;
  config.modality = from->wand ? Modality::WAND : Modality::MASK;
  config.grade = static_cast<Grade>(from->grade);
  config.uncertainty_permille = static_cast<uint32_t>(from->uncertainty_permille);
  config.eye_shield = static_cast<EyeShield>(from->eye_shield);
  config.has_worn = from->has_worn, config.has_temperature = from->has_temperature,
  config.has_button = from->has_button, config.has_current = from->has_current;
  for (size_t place = 0; place < PLACES; place++) {
    config.full_uw_cm2[place] = from->full_uw_cm2[place];
    config.peaks_uw_cm2[place] = from->peaks_uw_cm2[place];
  }
  config.current_ua = from->current_ua, config.contact_area_mm2 = from->contact_area_mm2;
  config.impedance_minimum_ohm = from->impedance_minimum_ohm,
  config.impedance_maximum_ohm = from->impedance_maximum_ohm;
  config.duration_s = from->duration_s;
  node->now = now_ms;
  node->output.now = &node->now;
  node->output.since_ms = now_ms;
  node->store.output = &node->output.levels;
  return node;
}
void shim_free(Node* node) { delete node; }

// A boot, also after a power cut at any moment: output falls to zero, nothing is closed.
void shim_boot(Node* node, int32_t id, int32_t brown_out) { node->boot(id, brown_out != 0); }
void shim_shut_down(Node* node) { node->governor->shut_down(node->now); }

void shim_sensors(Node* node, const ShimSensors* from) {
  node->sensors.worn_known = from->worn_known != 0, node->sensors.worn = from->worn != 0;
  node->sensors.shield = from->shield != 0;
  node->sensors.temperature_known = from->temperature_known != 0;
  node->sensors.temperature_cc = from->temperature_cc;
  node->sensors.temperature_age_ms = from->temperature_age_ms;
  node->sensors.impedance_known = from->impedance_known != 0, node->sensors.impedance_ohm = from->impedance_ohm;
  node->sensors.impedance_age_ms = from->impedance_age_ms;
  node->sensors.charging = from->charging != 0, node->sensors.over_current = from->over_current != 0;
  node->sensors.button = from->button != 0;
  node->sensors.rtc_known = from->rtc_known != 0, node->sensors.rtc_s = from->rtc_s;
  node->sensors.current_known = from->current_known != 0, node->sensors.current_age_ms = from->current_age_ms;
  node->sensors.net_known = from->net_known != 0, node->sensors.net_na = from->net_na;
  node->stray_ua = from->stray_ua;
  node->sensed_at = node->now;
}
void shim_frozen(Node* node, int32_t frozen) { node->frozen = frozen != 0; }
void shim_clients(Node* node, const uint64_t* ids, uint32_t count) { node->clients.assign(ids, ids + count); }

// Time passes in steps, with a tick after each; the last step is what is left.
void shim_run(Node* node, uint32_t ms, uint32_t step_ms) {
  while (ms > 0) {
    const uint32_t step = ms < step_ms ? ms : step_ms;
    node->pass(step);
    node->tick();
    ms -= step;
  }
}
void shim_tick(Node* node) { node->tick(); }
// Time passes and the loop is silent.
void shim_stall(Node* node, uint32_t ms) { node->pass(ms); }

// How much memory a node needs for the governor, its records included.
uint32_t shim_size() { return sizeof(Governor); }
uint32_t shim_now(Node* node) { return node->now; }
uint32_t shim_level(Node* node, uint32_t place) { return node->output.levels.at[place]; }
uint32_t shim_highest(Node* node, uint32_t place) { return node->output.highest[place]; }
uint64_t shim_flowed(Node* node, uint32_t place) {
  node->output.count(node->now);
  return node->output.flowed[place];
}
uint32_t shim_lit_ms(Node* node) {
  node->output.count(node->now);
  return node->output.lit_ms;
}
uint32_t shim_changes(Node* node) { return static_cast<uint32_t>(node->output.changes.size()); }
void shim_change(Node* node, uint32_t index, uint32_t* at_ms, uint32_t* place, uint32_t* level) {
  const Change& change = node->output.changes[index];
  *at_ms = change.at_ms, *place = change.place, *level = change.level;
}
int32_t shim_state(Node* node) { return static_cast<int32_t>(node->governor->state()); }
uint32_t shim_faults(Node* node) { return node->governor->faults(); }
int32_t shim_accepted(Node* node) { return node->governor->accepted(); }
uint32_t shim_telemetry_changes(Node* node) { return node->governor->changes(); }
// Whether the output watchdog can be started at the next boot.
void shim_watched(Node* node, int32_t watched) { node->output.runs = watched != 0; }
void shim_guarded(Node* node, int32_t guarded) { node->output.guarded = guarded != 0; }

// The store: what it holds, and how it fails.
void shim_store_fail(Node* node, int32_t fail) { node->store.fail_save = fail != 0; }
void shim_store_unreadable(Node* node, int32_t unreadable) { node->store.unreadable = unreadable != 0; }
uint32_t shim_store_saves(Node* node) { return node->store.saves; }
uint32_t shim_store_saves_while_lit(Node* node) { return node->store.saves_while_lit; }
uint32_t shim_store_size(Node* node) {
  return node->store.present ? static_cast<uint32_t>(node->store.bytes.size()) : 0;
}
void shim_store_read(Node* node, uint8_t* out) { std::copy(node->store.bytes.begin(), node->store.bytes.end(), out); }
void shim_store_write(Node* node, const uint8_t* bytes, uint32_t size, int32_t present) {
  node->store.present = present != 0;
  node->store.bytes.assign(bytes, bytes + size);
}

// The actions. Strings stay valid until the next call.
const char* shim_start(Node* node, const ShimHeader* header, const ShimStart* start) {
  return node->governor
      ->start_session(
          node->now, {header->client, header->boot, header->sequence, header->not_after_ms},
          {start->session, start->resume_key, start->last_record, start->profile, start->skin_permille,
           start->duration_s, start->lease_ms, start->window_s, start->epoch_s, start->channels, start->channels_count,
           start->peaks, start->peaks_count, start->budgets, start->budgets_count, start->period_us, start->zone_s})
      .c_str();
}
const char* shim_set_levels(Node* node, const ShimHeader* e, const char* session, const int32_t* channels,
                            uint32_t channels_count, const int32_t* levels, uint32_t levels_count) {
  return node->governor
      ->set_levels(node->now, {e->client, e->boot, e->sequence, e->not_after_ms}, session, channels, channels_count,
                   levels, levels_count)
      .c_str();
}
const char* shim_renew(Node* node, const ShimHeader* e, const char* session, int32_t stamp_ms) {
  return node->governor->renew_lease(node->now, {e->client, e->boot, e->sequence, e->not_after_ms}, session, stamp_ms)
      .c_str();
}
const char* shim_pause(Node* node, const ShimHeader* e, const char* session) {
  return node->governor->pause_session(node->now, {e->client, e->boot, e->sequence, e->not_after_ms}, session).c_str();
}
const char* shim_resume(Node* node, const ShimHeader* e, const char* session) {
  return node->governor->resume_session(node->now, {e->client, e->boot, e->sequence, e->not_after_ms}, session).c_str();
}
const char* shim_adopt(Node* node, const ShimHeader* e, const char* session, const char* resume_key) {
  return node->governor
      ->adopt_session(node->now, {e->client, e->boot, e->sequence, e->not_after_ms}, session, resume_key)
      .c_str();
}
const char* shim_clear(Node* node, const ShimHeader* e, const char* fault) {
  return node->governor->clear_fault(node->now, {e->client, e->boot, e->sequence, e->not_after_ms}, fault).c_str();
}
const char* shim_history(Node* node, const ShimHeader* e, int32_t record, int32_t profile) {
  return node->governor->read_history(node->now, {e->client, e->boot, e->sequence, e->not_after_ms}, record, profile)
      .c_str();
}
const char* shim_enroll(Node* node, const ShimHeader* e, int32_t profile) {
  return node->governor->enroll_profile(node->now, {e->client, e->boot, e->sequence, e->not_after_ms}, profile).c_str();
}
const char* shim_profile(Node* node, const ShimHeader* e, int32_t profile) {
  return node->governor->read_profile(node->now, {e->client, e->boot, e->sequence, e->not_after_ms}, profile).c_str();
}
const char* shim_stop(Node* node) { return node->governor->stop_session(node->now).c_str(); }
// As the glue does before a command.
void shim_connect(Node* node) { node->governor->connect(node->clients.data(), node->clients.size()); }
const char* shim_telemetry(Node* node) { return node->governor->telemetry(node->now).c_str(); }
const char* shim_description(Node* node) { return node->governor->description("1.0.0").c_str(); }

}  // extern "C"
