// The dashboard of Facial Therapy: laid out anew from what there is whenever it is opened, so that nobody has to write or mend one.

import { DOMAIN, define, wordNow, wordsOf } from "./shared.js";

const STRATEGY = "facial-therapy";
const NOTHING = ["unknown", "unavailable"];

const heading = (text, icon, badges = []) => ({ type: "heading", heading: text, icon, badges });
const tile = (entity, options = {}) => ({ type: "tile", entity: entity.entity_id, name: { type: "entity" }, ...options });
const section = (...cards) => ({ type: "grid", cards });
const domain = (entity) => entity.entity_id.split(".")[0];

class FacialTherapyDashboard extends HTMLElement {
  static async generate(_config, hass) {
    const words = await wordsOf(hass, "dashboard");
    const ours = Object.values(hass.entities).filter((entity) => entity.platform === DOMAIN && entity.device_id && !entity.hidden);
    const homes = Map.groupBy(ours, (entity) => entity.device_id);
    const has = (entities, kind, key) => entities.find((entity) => domain(entity) === kind && entity.translation_key === key);
    const nameOf = (id) => hass.devices[id]?.name_by_user || hass.devices[id]?.name || "";
    const devices = [...homes].filter(([, entities]) => has(entities, "switch", "session"));
    const people = [...homes].filter(([, entities]) => has(entities, "sensor", "sessions_this_week"));
    const view = (path, icon, sections) => ({ type: "sections", path, title: words(path), icon, max_columns: 3, sections });
    if (!devices.length) {
      return { views: [view("tonight", "mdi:face-woman-shimmer", [section({ type: "markdown", text_only: true, content: words("empty") })])] };
    }

    // Who has an evening to come, or is in the middle of one, looks for it first.
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
    // What is measured, by the node itself or by what of ours somebody has enabled: drawn as long as the recorder keeps it.
    const measures = ([id]) => Object.values(hass.entities).filter(
      (entity) => entity.device_id === id && !entity.hidden && ["°C", "°F", "Ω"].includes(hass.states[entity.entity_id]?.attributes.unit_of_measurement),
    ).map((entity) => entity.entity_id).filter((entity) => domain({ entity_id: entity }) === "sensor");
    const measured = devices.filter((device) => measures(device).length)
      .map((device) => section({ type: "history-graph", title: `${nameOf(device[0])}: ${words("sensors")}`, entities: measures(device), hours_to_show: 6 }));
    const history = [...measured, section({ type: "history-graph", entities: sensors, hours_to_show: 24 }), section({ type: "logbook", target: { entity_id: sensors }, hours_to_show: 168, grid_options: { rows: 8 } })];

    const all = (icon) => ([id, entities]) => section(heading(nameOf(id), icon), ...entities.map((entity) => tile(entity)));
    const rest = [...devices.map(all("mdi:tune-variant")), ...people.map(all("mdi:account"))];

    const keys = [["binary_sensor", "ready"], ["sensor", "ready_at"], ["binary_sensor", "fault"], ["button", "stop"], ["button", "confirm"]];
    const safety = [
      section(heading(words("safety"), "mdi:shield-check"), { type: "markdown", content: words("text") }),
      ...devices.map(([id, entities]) => section(heading(nameOf(id), "mdi:shield-check"), ...keys.map(([kind, key]) => has(entities, kind, key)).filter(Boolean).map((entity) => tile(entity)))),
      ...people.map(([id, entities]) => {
        const told = entities.filter((entity) => /ready|block|screen|due|next|week/.test(entity.translation_key ?? ""));
        return section(heading(nameOf(id), "mdi:account"), ...told.map((entity) => tile(entity)));
      }),
    ];

    return {
      title: words("name"),
      views: [
        view("tonight", "mdi:face-woman-shimmer", tonight),
        ...(week.length ? [view("week", "mdi:chart-bar", week)] : []),
        view("history", "mdi:history", history),
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
