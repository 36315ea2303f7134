// The dashboard strategy of Facial Therapy: generates the dashboard from all devices and people whenever it is opened.

import { DOMAIN, define, wordNow, wordsOf } from "./shared.js";

const STRATEGY = "facial-therapy";
const NOTHING = ["unknown", "unavailable"];

const heading = (text, icon, badges = []) => ({ type: "heading", heading: text, icon, badges });
const section = (...cards) => ({ type: "grid", cards });
const domain = (entity) => entity.entity_id.split(".")[0];

// Tiles to read first, buttons last; the time of a button's last press is hidden.
const KINDS = ["sensor", "binary_sensor", "calendar", "event", "switch", "select", "light", "number", "button"];
// No control for numbers: Home Assistant's has no accessible name. Pressing the tile opens a dialog that has one.
const FEATURES = { switch: { type: "toggle" }, select: { type: "select-options" }, light: { type: "light-brightness" } };
const tile = (entity) => {
  const [kind, plain] = [domain(entity), { type: "tile", entity: entity.entity_id, name: { type: "entity" } }];
  if (kind === "button") return { ...plain, hide_state: true, tap_action: { action: "toggle" } };
  const wide = { ...plain, grid_options: { columns: "full" } };
  if (kind === "sensor") wide.visibility = [{ condition: "state", entity: entity.entity_id, state_not: "unknown" }];
  return FEATURES[kind] ? { ...wide, features: [FEATURES[kind]], features_position: "inline", hide_state: kind === "select" } : wide;
};
const tiles = (entities) => entities.toSorted((one, other) => KINDS.indexOf(domain(one)) - KINDS.indexOf(domain(other))).map(tile);

class FacialTherapyDashboard extends HTMLElement {
  static async generate(_config, hass) {
    const words = await wordsOf(hass, "dashboard");
    const ours = Object.values(hass.entities).filter((entity) => entity.platform === DOMAIN && entity.device_id && !entity.hidden);
    const homes = Map.groupBy(ours, (entity) => entity.device_id);
    const has = (entities, kind, key) => entities.find((entity) => domain(entity) === kind && entity.translation_key === key);
    const nameOf = (id) => hass.devices[id]?.name_by_user || hass.devices[id]?.name || "";
    // Devices with a session first, then by name.
    const goesOn = ([, entities]) => !["idle", ...NOTHING].includes(hass.states[has(entities, "sensor", "session")?.entity_id]?.state ?? "idle");
    const devices = [...homes]
      .filter(([, entities]) => has(entities, "switch", "session"))
      .sort((one, other) => goesOn(other) - goesOn(one) || nameOf(one[0]).localeCompare(nameOf(other[0])));
    const people = [...homes].filter(([, entities]) => has(entities, "sensor", "sessions_this_week"));
    const view = (path, icon, sections, columns = 3) => ({ type: "sections", path, title: words(path), icon, max_columns: columns, sections });
    if (!devices.length) {
      return { views: [view("tonight", "mdi:face-woman-shimmer", [section({ type: "markdown", text_only: true, content: words("empty") })])] };
    }

    // People with a planned or current evening first.
    const known = (entity, nothing) => Boolean(entity) && ![...NOTHING, nothing].includes(hass.states[entity.entity_id]?.state ?? "unknown");
    const awaited = ([, entities]) => known(has(entities, "sensor", "next_session")) || known(has(entities, "sensor", "routine_step"), "idle");
    const evening = ([id]) => section({ type: "custom:facial-therapy-routine-card", person: id });
    const tonight = [
      ...people.filter(awaited).map(evening),
      ...devices.map(([id]) => section({ type: "custom:facial-therapy-card", device: id })),
      ...people.filter((person) => !awaited(person)).map(evening),
    ];

    const week = people.map(([id]) => section({ type: "custom:facial-therapy-week-card", person: id }));

    const sensors = devices.map(([, entities]) => has(entities, "sensor", "session")?.entity_id).filter(Boolean);
    // Measurements of the node and of our enabled entities, for as long as the recorder keeps them.
    const measures = ([id]) => Object.values(hass.entities).filter(
      (entity) => entity.device_id === id && !entity.hidden && ["°C", "°F", "Ω"].includes(hass.states[entity.entity_id]?.attributes.unit_of_measurement),
    ).map((entity) => entity.entity_id).filter((entity) => domain({ entity_id: entity }) === "sensor");
    // Back to the last session, since a few minutes are only a dot in a whole evening.
    const hours = ([, entities]) => {
      const since = Date.parse(hass.states[has(entities, "sensor", "session")?.entity_id]?.last_changed);
      return Math.min(24, Math.max(1, Math.ceil((Date.now() - since) / 3_600_000 + 0.5) || 1));
    };
    const measured = devices
      .filter((device) => measures(device).length)
      .map((device) =>
        section(heading(`${nameOf(device[0])}: ${words("sensors")}`, "mdi:thermometer"), { type: "history-graph", entities: measures(device), hours_to_show: hours(device) }),
      );
    const sessions = [{ type: "history-graph", entities: sensors, hours_to_show: 24 }, { type: "logbook", target: { entity_id: sensors }, hours_to_show: 168, grid_options: { rows: 8 } }];
    const history = [...measured, section(heading(words("history"), "mdi:history"), ...sessions)];

    const all = (icon) => ([id, entities]) => section(heading(nameOf(id), icon), ...tiles(entities));
    const rest = [...devices.map(all("mdi:tune-variant")), ...people.map(all("mdi:account"))];

    const keys = [["binary_sensor", "ready"], ["sensor", "ready_at"], ["binary_sensor", "fault"], ["button", "stop"], ["button", "confirm"]];
    const guarded = (entities) => keys.map(([kind, key]) => has(entities, kind, key)).filter(Boolean);
    const safety = [
      section(heading(words("safety"), "mdi:shield-check"), { type: "markdown", content: words("text") }),
      ...devices.map(([id, entities]) => section(heading(nameOf(id), "mdi:shield-check"), ...tiles(guarded(entities)))),
    ];

    return {
      title: words("name"),
      views: [
        view("tonight", "mdi:face-woman-shimmer", tonight),
        ...(week.length ? [view("week", "mdi:chart-bar", week)] : []),
        view("history", "mdi:history", history, 2),
        view("devices", "mdi:tune-variant", rest),
        view("safety", "mdi:shield-check", safety),
      ],
    };
  }
}

const TAG = `ll-strategy-dashboard-${STRATEGY}`;
define(TAG, FacialTherapyDashboard);

window.customStrategies ??= [];
if (!window.customStrategies.some(({ type }) => type === STRATEGY)) {
  window.customStrategies.push({
    type: STRATEGY,
    strategyType: "dashboard",
    name: "Facial Therapy",
    get description() {
      return wordNow("dashboard_description");
    },
    documentationURL: "https://github.com/facial-therapy/facial-therapy",
  });
}
