// Shared by all cards: texts, numbers and times, one subscription for all cards of a page, and the base class of a card.

export const DOMAIN = "facial_therapy";

// --- texts of translations/, in the language of the user ------------------------------------------------------------------------------

export const languageOf = (hass) => hass?.locale?.language ?? hass?.language ?? "en";

// The frontend answers a second request at once, before the texts of the first one are loaded, so all wait for the first.
const loading = new Map();
const loaded = (hass) => {
  const language = languageOf(hass);
  if (!loading.has(language)) {
    const words = hass.loadBackendTranslation("common", DOMAIN);
    loading.set(language, words);
    words.catch(() => loading.delete(language));
  }
  return loading.get(language);
};

// Returns a function that formats the text of a key with values.
export const wordsOf = async (hass, prefix = "card") => {
  const localize = await loaded(hass);
  return (key, values) => localize(`component.${DOMAIN}.common.${prefix}_${key}`, values) || "";
};

// Texts for lists of the frontend that are shown before any card; empty until a card or dashboard has been opened.
export const wordNow = (key) => {
  const hass = document.querySelector("home-assistant")?.hass;
  return hass?.localize?.(`component.${DOMAIN}.common.${key}`) || "";
};

// --- numbers and times ----------------------------------------------------------------------------------------------------------------

export const clock = (seconds) => {
  const whole = Math.max(0, Math.ceil(seconds - 0.05));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

export const timeOfDay = (hass, at, { seconds = false, today } = {}) => {
  const { time_format: format, time_zone: zone } = hass?.locale ?? {};
  const options = { hour: "2-digit", minute: "2-digit" };
  if (seconds) options.second = "2-digit";
  if (format === "12" || format === "24") options.hourCycle = format === "12" ? "h12" : "h23";
  if (zone === "server") options.timeZone = hass.config?.time_zone;
  const date = new Date(at * 1000);
  if (today !== undefined) {
    const days = (moment) => new Intl.DateTimeFormat("en-CA", { timeZone: options.timeZone }).format(new Date(moment * 1000));
    if (days(at) !== days(today)) options.weekday = "short";
  }
  return new Intl.DateTimeFormat(languageOf(hass), options).format(date);
};

export const number = (hass, value, digits) => new Intl.NumberFormat(languageOf(hass), { maximumFractionDigits: digits }).format(value);

export const lightOf = (dose) => Object.values(dose.fluence_j_cm2).reduce((sum, value) => sum + value, 0);

export const doseText = (hass, dose, modality) =>
  modality === "wand" ? `${number(hass, dose.charge_ma_min, 2)} mA·min` : `${number(hass, lightOf(dose), 1)} J/cm²`;

// --- one subscription for all cards of a page -----------------------------------------------------------------------------------------

export class Feed {
  static #all = new WeakMap();

  // `merge(before, event)` returns the value after an event; `before` is null at the first one of a subscription.
  static of(connection, message, merge) {
    const key = JSON.stringify(message);
    const feeds = Feed.#all.get(connection) ?? new Map();
    Feed.#all.set(connection, feeds);
    if (!feeds.has(key)) feeds.set(key, new Feed(connection, message, merge));
    return feeds.get(key);
  }

  #connection;
  #message;
  #merge;
  #listeners = new Set();
  #unsubscribe = null;
  #retry = 0;
  #round = 0;
  #at = 0;
  #receivedAt = 0;

  value = null; // null before the first event
  live = false;
  refused = null; // why there is nothing to hear: a code of Home Assistant's

  constructor(connection, message, merge) {
    this.#connection = connection;
    this.#message = message;
    this.#merge = merge;
  }

  // The server's time: the browser's clock may be wrong, but it measures durations correctly.
  get now() {
    return this.#at + (performance.now() - this.#receivedAt) / 1000;
  }

  listen(listener) {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#connection.addEventListener("ready", this.#begin);
      this.#connection.addEventListener("disconnected", this.#lost);
      this.#begin();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    };
  }

  #begin = async () => {
    const round = ++this.#round;
    clearTimeout(this.#retry);
    let whole = true;
    const take = (event) => {
      if (round !== this.#round) return;
      [this.#at, this.#receivedAt, this.live, this.refused] = [event.now, performance.now(), true, null];
      this.value = this.#merge(whole ? null : this.value, event);
      whole = false;
      this.#notify();
    };
    try {
      const unsubscribe = await this.#connection.subscribeMessage(take, this.#message, { resubscribe: false });
      if (round === this.#round) this.#unsubscribe = unsubscribe;
      else unsubscribe().catch(() => {});
    } catch (error) {
      if (round !== this.#round || !this.#listeners.size) return;
      // Home Assistant answers before everything is loaded, and permissions or people may have changed, so try again later.
      const unknown = error?.code === "unknown_command" || !error?.code;
      this.#retry = setTimeout(this.#begin, unknown ? 1000 : 10000);
      if (unknown) return;
      this.refused = error.code;
      this.#notify();
    }
  };

  #lost = () => {
    this.#round++;
    this.#unsubscribe = null;
    this.live = false;
    this.#notify();
  };

  #end() {
    this.#round++;
    clearTimeout(this.#retry);
    this.#connection.removeEventListener("ready", this.#begin);
    this.#connection.removeEventListener("disconnected", this.#lost);
    this.#unsubscribe?.().catch(() => {});
    this.#unsubscribe = null;
  }

  #notify() {
    for (const listener of [...this.#listeners]) listener();
  }
}

// --- elements -------------------------------------------------------------------------------------------------------------------------

export const element = (name, className, ...children) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
};

export const set = (part, text) => {
  if (part.textContent !== text) part.textContent = text;
};

// Rebuild a list only when its shape changes, so that focus and reading position stay.
export const list = (parent, items, make, update) => {
  const shape = `${items.length} ${items.map(([key]) => key).join("|")}`;
  if (parent.dataset.shape !== shape) {
    parent.dataset.shape = shape;
    parent.replaceChildren(...items.map(([key, value]) => make(key, value)));
  }
  items.forEach(([key, value], index) => update(parent.children[index], value, key));
};

export const STYLE = `
:host { --red: #f0443a; --near_infrared: #a3294b; --blue: #4a7dff; --amber: #f2a20c; --current: #0d9f95; --stop: #c1271d;
  --ink: var(--primary-text-color, #1c1c1c); --soft: var(--secondary-text-color, #616161); --line: var(--divider-color, #e0e0e0);
  --paper: var(--ha-card-background, var(--card-background-color, #fff)); display: block; height: 100%; }
:host([dark]) { --near_infrared: #d0577c; }
ha-card { display: block; height: 100%; overflow: hidden; container-type: inline-size; color: var(--ink); }
.card { box-sizing: border-box; min-height: 100%; padding: 16px; font-variant-numeric: tabular-nums; }
h2 { margin: 0; font-size: 18px; font-weight: 500; flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.hint { margin: 0; font-size: 17px; line-height: 1.4; text-align: center; }
.actions { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 10px; }
button { font: inherit; font-size: 18px; font-weight: 500; min-height: 56px; min-width: 48px; padding: 8px 14px; border-radius: 16px; border: 2px solid transparent; cursor: pointer; touch-action: manipulation; }
.primary { background: var(--ink); color: var(--paper); } .primary[disabled] { background: transparent; color: var(--soft); border-color: var(--line); cursor: default; }
.stop { background: transparent; color: var(--ink); border-color: var(--stop); } .stop.now { background: var(--stop); color: #fff; }
button:focus-visible, select:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px; }
.problem { margin: 0; padding: 12px 14px; border-radius: 12px; font-size: 15px; line-height: 1.4; background: color-mix(in srgb, #d2453b 12%, transparent); border: 1px solid #d2453b; }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); display: block !important; }
[hidden], .card :is(p, ul, dl, div):empty { display: none !important; }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }
`;

// --- a card ---------------------------------------------------------------------------------------------------------------------------
// A card defines its parts (`template`, `build`), its subscriptions (`follows`, `merge`), and how it is
// shown (`show`, which returns the seconds until the next update, or null).

export class Card extends HTMLElement {
  config = {};
  parts;
  feed;
  words;
  problem = "";
  #hass;
  #stopListening;
  #timer = 0;
  #visible = true;
  #watcher;

  setConfig(config) {
    for (const field of ["device", "person"]) {
      if (config[field] !== undefined && typeof config[field] !== "string") throw new Error(`${field}: an id is expected`);
    }
    this.config = config;
    if (this.isConnected && this.#hass) this.#follow();
  }

  get hass() {
    return this.#hass;
  }

  // Home Assistant sets this at every change of any state, so return early unless something of ours changed.
  set hass(hass) {
    const before = this.#hass;
    this.#hass = hass;
    this.toggleAttribute("dark", Boolean(hass?.themes?.darkMode));
    if (before?.connection === hass.connection && languageOf(before) === languageOf(hass)) return;
    if (this.isConnected) this.#follow();
  }

  connectedCallback() {
    if (!this.parts) {
      this.attachShadow({ mode: "open" }).innerHTML = this.template;
      this.parts = Object.fromEntries([...this.shadowRoot.querySelectorAll("[class]")].map((part) => [part.getAttribute("class").split(" ")[0], part]));
      this.build();
    }
    this.#watcher = new IntersectionObserver(([entry]) => {
      this.#visible = entry.isIntersecting;
      this.render();
    });
    this.#watcher.observe(this);
    document.addEventListener("visibilitychange", this.render);
    if (this.#hass) this.#follow();
  }

  disconnectedCallback() {
    this.#watcher.disconnect();
    document.removeEventListener("visibilitychange", this.render);
    clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  async #follow() {
    this.#stopListening?.();
    this.feed = Feed.of(this.#hass.connection, this.follows(languageOf(this.#hass)), this.merge);
    this.#stopListening = this.feed.listen(() => {
      this.onEvent();
      this.render();
    });
    const hass = this.#hass;
    const words = await wordsOf(hass);
    if (languageOf(hass) !== languageOf(this.#hass)) return;
    this.words = words;
    this.render();
  }

  build() {}

  onEvent() {}

  render = () => {
    clearTimeout(this.#timer);
    if (!this.parts || !this.words || !(this.feed?.value || this.feed?.refused)) return;
    if (document.hidden || !this.#visible) return;
    const language = languageOf(this.#hass);
    this.parts.card.dir = this.#hass.translationMetadata?.translations?.[language]?.isRTL ? "rtl" : "ltr";
    const seconds = this.show();
    if (seconds !== null) this.#timer = setTimeout(this.render, seconds * 1000);
  };

  // Announce a problem; an empty one removes it.
  announceProblem() {
    const { alert } = this.parts;
    if (alert.textContent !== this.problem) alert.replaceChildren(...(this.problem ? [element("p", "problem", this.problem)] : []));
  }

  // Returns "done", "refused" after announcing `problem`, or "lost" without a connection.
  async call(domain, action, data, target) {
    this.problem = "";
    this.render();
    try {
      await this.#hass.callService(domain, action, data, target, false);
      return "done";
    } catch (error) {
      if (error === 3 || error?.code === 3 || error?.error?.code === 3) return "lost";
      this.problem = await this.#sentence(error);
      this.render();
      return "refused";
    }
  }

  async #sentence(error) {
    const { translation_domain: domain, translation_key: key, translation_placeholders: values, message } = error ?? {};
    if (domain && key) {
      try {
        const localize = await this.#hass.loadBackendTranslation("exceptions", domain);
        const text = localize(`component.${domain}.exceptions.${key}.message`, values);
        if (text) return text;
      } catch {
        // Fall back to the English message.
      }
    }
    return message ?? String(error);
  }
}

// A card of a person, who is selected by their device.
export class PersonCard extends Card {
  static getStubConfig(hass) {
    const ours = Object.values(hass?.entities ?? {}).find((entity) => entity.platform === DOMAIN && entity.device_id && entity.translation_key === "sessions_this_week");
    return ours ? { person: ours.device_id } : {};
  }

  static getConfigForm() {
    return {
      schema: [{ name: "person", selector: { device: { entity: [{ integration: DOMAIN, domain: "calendar" }] } } }],
      computeLabel: () => wordNow("card_person_field"),
    };
  }

  getGridOptions() {
    return { columns: 12, min_columns: 6, rows: "auto" };
  }

  getCardSize() {
    return 7;
  }

  follows(language) {
    return { type: `${DOMAIN}/person`, language, ...(this.config.person ? { person: this.config.person } : {}) };
  }

  merge(_before, event) {
    return event.person;
  }

  // The text in place of an empty card, or empty.
  get nothing() {
    if (!this.feed.refused) return this.feed.live ? "" : this.words("offline");
    return this.words(this.feed.refused === "unauthorized" ? "private" : "no_person");
  }
}

// --- registration ---------------------------------------------------------------------------------------------------------------------

// Home Assistant replaces the browser's custom element registry while it starts; elements defined before are never found.
export const define = (tag, type) => {
  const now = () => customElements.get(tag) || customElements.define(tag, type);
  if (document.querySelector("home-assistant")) customElements.whenDefined("home-assistant").then(now);
  else now();
};

// Return whether an entity belongs to a person.
export const isPerson = (hass, { device_id: id }) =>
  Object.values(hass.entities).some((entity) => entity.device_id === id && entity.translation_key === "sessions_this_week");

// Add a card to the card picker, and suggest it for the entities for which `fits` is true.
export const offer = (type, name, key, field, fits) => {
  window.customCards ??= [];
  if (window.customCards.some((card) => card.type === type)) return;
  window.customCards.push({
    type,
    name,
    get description() {
      return wordNow(`card_picker_${key}`);
    },
    preview: true,
    documentationURL: "https://github.com/facial-therapy/facial-therapy",
    getEntitySuggestion: (hass, entityId) => {
      const entity = hass.entities?.[entityId];
      return entity?.platform === DOMAIN && entity.device_id && fits(hass, entity) ? { config: { type: `custom:${type}`, [field]: entity.device_id } } : null;
    },
  });
};
