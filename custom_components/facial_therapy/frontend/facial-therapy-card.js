// The card of Facial Therapy for Home Assistant: one element, no build step, and nothing that is fetched from anywhere else.

const DOMAIN = "facial_therapy";
const TAG = "facial-therapy-card";
const CHANNELS = ["red", "near_infrared", "blue", "amber"];
const WAIT_MINUTES = 30;
const ASK_AGAIN_S = 60;
const AROUND = 2 * Math.PI * 104;

// --- words ----------------------------------------------------------------------------------------------------------------------

const WORDS = {
  en: {
    states: {
      idle: "Ready", not_ready: "Not ready", waiting: "Waiting", armed: "Armed", ramping: "Rising", running: "Running", suspended: "Interrupted", paused: "Paused",
      stopping: "Stopping", lost: "No answer", fault: "Fault", off: "Switched off", unavailable: "Not available", empty: "Nothing here yet", offline: "No connection",
    },
    outcomes: {
      completed: "completed", partial: "partly given", stopped: "stopped", interrupted: "interrupted", fault: "ended by a fault", void: "never began", uncertain: "uncertain",
    },
    causes: {
      contact_mask: "Put it back on to go on.", contact_wand: "Back to the skin to go on.", lease: "Home Assistant was gone for a moment.",
      owner: "Home Assistant was gone for a moment.", guard: "The device stopped itself.",
    },
    red: "Red", near_infrared: "Near-infrared", blue: "Blue", amber: "Amber", current: "Current",
    person: "For", program: "Program", start: "Start", start_off: "Start when it is on", pause: "Pause", resume: "Resume", stop: "Stop", confirm: "Clear the fault",
    put_on_mask: "Put the mask on", put_on_wand: "Put the wand to your skin", switch_on_mask: "Switch the mask on", switch_on_wand: "Switch the wand on",
    rising: "The output rises gently.", ready_at: "Ready at", kept_until: "Kept until {time}", left: "{time} left", ends_at: "Ends at {time}", of: "{given} of {planned}",
    lease: "Stops by itself at {time}", dark: "Dark since {time} at the latest", stopping: "Waiting until the device confirms zero.",
    lost_mask: "The mask does not answer.", lost_wand: "The wand does not answer.", temperature: "At the skin", worn: "Worn", not_worn: "Not worn", contact: "On the skin",
    no_contact: "Lifted", contact_label: "Contact", dose: "Dose", zone: "Zone", charging: "Charging", zone_next: "Zone {zone}: move on",
    last: "Last: {program}, {outcome} at {time}", uncertain: "The last session is uncertain: 0 to {planned}. It counts in full until the device tells.",
    personal: "Not today, for a reason of the person's own. Their settings say why.", only_look: "You may look and stop.", nobody: "Choose who it is for.",
    empty: "There is no mask or wand. Add one under Settings, Devices & services.", unavailable: "It is not set up at the moment.",
    offline: "The page has lost Home Assistant and tries again.", stop_waits: "The stop is sent as soon as Home Assistant is back. Take the device off now.",
    time_left: "Time left", describe: "A mask or wand: start, watch, pause, stop.",
  },
  de: {
    states: {
      idle: "Bereit", not_ready: "Nicht bereit", waiting: "Wartet", armed: "Scharf", ramping: "Steigt an", running: "Läuft", suspended: "Unterbrochen", paused: "Pause",
      stopping: "Stoppt", lost: "Keine Antwort", fault: "Störung", off: "Ausgeschaltet", unavailable: "Nicht verfügbar", empty: "Noch nichts da", offline: "Keine Verbindung",
    },
    outcomes: {
      completed: "vollständig", partial: "teilweise gegeben", stopped: "gestoppt", interrupted: "unterbrochen", fault: "durch eine Störung beendet", void: "nie begonnen",
      uncertain: "ungewiss",
    },
    causes: {
      contact_mask: "Wieder aufsetzen, dann geht es weiter.", contact_wand: "Wieder an die Haut, dann geht es weiter.", lease: "Home Assistant war kurz weg.",
      owner: "Home Assistant war kurz weg.", guard: "Das Gerät hat sich selbst gestoppt.",
    },
    red: "Rot", near_infrared: "Nahinfrarot", blue: "Blau", amber: "Bernstein", current: "Strom",
    person: "Für", program: "Programm", start: "Starten", start_off: "Starten, sobald es an ist", pause: "Pause", resume: "Fortsetzen", stop: "Stopp", confirm: "Störung löschen",
    put_on_mask: "Maske aufsetzen", put_on_wand: "Stab an die Haut halten", switch_on_mask: "Maske einschalten", switch_on_wand: "Stab einschalten",
    rising: "Die Leistung steigt sanft an.", ready_at: "Bereit um", kept_until: "Bleibt bis {time}", left: "noch {time}", ends_at: "Endet um {time}", of: "{given} von {planned}",
    lease: "Stoppt von selbst um {time}", dark: "Dunkel spätestens seit {time}", stopping: "Wartet, bis das Gerät null bestätigt.",
    lost_mask: "Die Maske antwortet nicht.", lost_wand: "Der Stab antwortet nicht.", temperature: "An der Haut", worn: "Aufgesetzt", not_worn: "Nicht aufgesetzt", contact: "An der Haut",
    no_contact: "Abgehoben", contact_label: "Kontakt", dose: "Dosis", zone: "Zone", charging: "Lädt", zone_next: "Zone {zone}: weiterführen",
    last: "Zuletzt: {program}, {outcome} um {time}", uncertain: "Die letzte Sitzung ist ungewiss: 0 bis {planned}. Sie zählt ganz, bis das Gerät es sagt.",
    personal: "Heute nicht, aus einem persönlichen Grund. Er steht in den Einstellungen der Person.", only_look: "Ansehen und stoppen ist erlaubt.", nobody: "Bitte auswählen, für wen.",
    empty: "Es gibt keine Maske und keinen Stab. Hinzufügen unter Einstellungen, Geräte & Dienste.", unavailable: "Es ist gerade nicht eingerichtet.",
    offline: "Die Seite hat Home Assistant verloren und versucht es weiter.", stop_waits: "Der Stopp wird gesendet, sobald Home Assistant wieder da ist. Bitte jetzt abnehmen.",
    time_left: "Verbleibende Zeit", describe: "Maske oder Stab: starten, zusehen, anhalten, stoppen.",
  },
};

const languageOf = (hass) => hass?.locale?.language ?? hass?.language ?? "en";
const wordsOf = (hass) => WORDS[languageOf(hass).split("-")[0]] ?? WORDS.en;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

// --- numbers and times ------------------------------------------------------------------------------------------------------------

const clock = (seconds) => {
  const whole = Math.max(0, Math.ceil(seconds - 0.05));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

const timeOfDay = (hass, at, { seconds = false, today } = {}) => {
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

const number = (hass, value, digits) => new Intl.NumberFormat(languageOf(hass), { maximumFractionDigits: digits }).format(value);

const total = (dose) => Object.values(dose.fluence_j_cm2).reduce((sum, value) => sum + value, 0);

const doseText = (hass, dose, modality) =>
  modality === "wand" ? `${number(hass, dose.charge_ma_min, 2)} mA·min` : `${number(hass, total(dose), 1)} J/cm²`;

// --- one subscription for all cards of a page ---------------------------------------------------------------------------------------

class Feed {
  static #all = new Map();

  static of(hass) {
    const key = `${languageOf(hass)}`;
    const feeds = Feed.#all.get(hass.connection) ?? new Map();
    Feed.#all.set(hass.connection, feeds);
    if (!feeds.has(key)) feeds.set(key, new Feed(hass.connection, key));
    return feeds.get(key);
  }

  #connection;
  #language;
  #listeners = new Set();
  #unsubscribe = null;
  #retry = 0;
  #round = 0;
  #at = 0;
  #taken = 0;

  devices = null; // by entry id; null: nothing has been heard yet
  live = false;

  constructor(connection, language) {
    this.#connection = connection;
    this.#language = language;
  }

  // The server's time: the browser's own clock may be wrong, its stopwatch is not.
  get now() {
    return this.#at + (performance.now() - this.#taken) / 1000;
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
      [this.#at, this.#taken, this.live] = [event.now, performance.now(), true];
      const before = whole ? {} : this.devices;
      const devices = { ...before };
      for (const [id, news] of Object.entries(event.devices ?? {})) devices[id] = { ...before[id], ...news, id };
      for (const id of event.removed ?? []) delete devices[id];
      [this.devices, whole] = [devices, false];
      this.#tell();
    };
    try {
      const unsubscribe = await this.#connection.subscribeMessage(take, { type: `${DOMAIN}/subscribe`, language: this.#language }, { resubscribe: false });
      if (round === this.#round) this.#unsubscribe = unsubscribe;
      else unsubscribe().catch(() => {});
    } catch {
      // Home Assistant answers before it has loaded everything.
      if (round === this.#round && this.#listeners.size) this.#retry = setTimeout(this.#begin, 1000);
    }
  };

  #lost = () => {
    this.#round++;
    this.#unsubscribe = null;
    this.live = false;
    this.#tell();
  };

  #end() {
    this.#round++;
    clearTimeout(this.#retry);
    this.#connection.removeEventListener("ready", this.#begin);
    this.#connection.removeEventListener("disconnected", this.#lost);
    this.#unsubscribe?.().catch(() => {});
    this.#unsubscribe = null;
  }

  #tell() {
    for (const listener of [...this.#listeners]) listener();
  }
}

// --- what a device looks like -------------------------------------------------------------------------------------------------------
// A pure function of what is known and of the time, so that every state can be looked at by itself.

const look = ({ device, now, hass, words, live, answer, stopWaits }) => {
  const at = (moment, options) => timeOfDay(hass, moment, { today: now, ...options });
  const exact = (moment) => at(moment, { seconds: true });
  const view = { tone: "calm", state: "idle", time: "", share: 0, note: "", hint: "", lights: [], facts: [], lease: "", primary: null, choose: false, tick: null };
  if (!device) return { ...view, tone: "off", state: "empty", hint: words.empty };
  const { modality, session, state } = device;
  const mask = modality === "mask";
  const count = (until, whole) => {
    const left = Math.max(0, until - now);
    Object.assign(view, { time: clock(left), share: whole ? Math.min(1, left / whole) : 0, tick: left > 0 ? left : null });
  };
  // The unit once, after the last number.
  const measured = (lights) => {
    for (const light of lights) light.text = light.level ? number(hass, light.level, 0) : "";
    if (lights.at(-1)?.text) lights.at(-1).text += " mW/cm²";
  };
  const lease = (whole) => {
    if (!device.lease_ends_at) return;
    const over = now >= device.lease_ends_at;
    view.lease = fill(over && (state === "lost" || !live) ? words.dark : words.lease, { time: exact(device.lease_ends_at) });
    if (whole && !over) count(device.lease_ends_at, whole);
    if (!over) view.tick = Math.min(view.tick ?? Infinity, device.lease_ends_at - now);
  };

  if (state === "unavailable") return { ...view, tone: "off", state, hint: words.unavailable };
  if (session) {
    const { planned, delivered } = session;
    const levels = session.levels ?? {};
    view.title = session.program;
    view.who = session.person;
    if (mask) {
      view.lights = Object.keys(planned?.fluence_j_cm2 ?? {}).map((channel) => ({ channel, level: levels[channel] ?? 0 }));
      measured(view.lights);
      if (device.temperature_c !== null) view.facts.push([words.temperature, `${device.temperature_c} °C`]);
    } else {
      const hertz = session.frequency_hz ? ` · ${number(hass, session.frequency_hz, 1)} Hz` : "";
      view.lights = [{ channel: "current", level: session.current_ua ?? 0, text: session.current_ua ? `${number(hass, session.current_ua, 0)} µA${hertz}` : "" }];
      if (session.zone) view.facts.push([words.zone, session.zone]);
    }
    if (device.worn !== null && device.worn !== undefined) {
      view.facts.push([words.contact_label, mask ? (device.worn ? words.worn : words.not_worn) : device.worn ? words.contact : words.no_contact]);
    }
    if (planned) {
      const given = doseText(hass, delivered, modality).split(" ")[0];
      view.facts.push([words.dose, fill(words.of, { given, planned: doseText(hass, planned, modality) })]);
    }
  }

  if (["waiting", "armed", "lost"].includes(state)) view.facts = [];
  const kept = () => {
    if (session?.left_s !== null && session?.left_s !== undefined) {
      Object.assign(view, { time: clock(session.left_s), share: session.duration_s ? session.left_s / session.duration_s : 0 });
    }
    if (session?.kept_until) view.note = fill(words.kept_until, { time: at(session.kept_until) });
  };

  switch (state) {
    case "waiting":
      Object.assign(view, { tone: "wait", state, hint: words[`switch_on_${modality}`] });
      if (session?.window_ends_at) count(session.window_ends_at, WAIT_MINUTES * 60);
      break;
    case "armed":
      Object.assign(view, { tone: "wait", state, hint: words[`put_on_${modality}`] });
      if (session?.window_ends_at) count(session.window_ends_at, session.window_s ?? 60);
      break;
    case "running":
      Object.assign(view, { tone: "run", state: session?.phase ?? state, primary: "pause" });
      if (session?.ends_at) {
        count(session.ends_at, session.duration_s);
        view.note = fill(words.ends_at, { time: at(session.ends_at) });
      }
      if (session?.phase === "ramping") view.hint = words.rising;
      lease();
      break;
    case "suspended":
      kept();
      Object.assign(view, { tone: "hold", state, primary: "resume", hint: words.causes[session?.cause === "contact" ? `contact_${modality}` : session?.cause] ?? "" });
      break;
    case "paused":
      kept();
      Object.assign(view, { tone: "hold", state, primary: "resume" });
      break;
    case "stopping":
      Object.assign(view, { tone: "hold", state, hint: words.stopping });
      lease(mask ? 10 : 5);
      break;
    case "lost":
      Object.assign(view, { tone: "bad", state, hint: words[`lost_${modality}`] });
      lease(mask ? 10 : 5);
      break;
    case "fault":
      Object.assign(view, { tone: "bad", state, share: 1, title: words.states.fault, phase: device.fault?.name, hint: device.refusals[0]?.message ?? "", primary: device.entities.confirm ? "confirm" : null });
      break;
    default:
      idle();
  }

  function idle() {
    const refusal = (answer && !answer.allowed ? answer.refusals : device.refusals)[0];
    const off = !device.connected;
    view.choose = true;
    view.primary = off ? "start_off" : "start";
    if (answer?.allowed && answer.duration_s) {
      view.time = clock(answer.duration_s);
      view.lights = Object.entries(answer.levels ?? {}).map(([channel, level]) => ({ channel, level }));
      measured(view.lights);
      for (const light of view.lights) light.level = 0;
      if (answer.current_ua) view.lights = [{ channel: "current", level: 0, text: `${number(hass, answer.current_ua, 0)} µA` }];
      view.facts = [[words.dose, doseText(hass, answer.planned, modality)]];
    }
    if (off) Object.assign(view, { tone: "off", state: "off", hint: words[`switch_on_${modality}`], time: "" });
    else if (refusal) {
      Object.assign(view, { tone: "wait", state: "not_ready", hint: refusal.message || words.personal, blocked: true, time: "", lights: [], facts: [] });
      if (refusal.allowed_at > now) Object.assign(view, { title: words.ready_at, phase: "", time: at(refusal.allowed_at), tick: refusal.allowed_at - now });
    }
    const { last } = device;
    if (last?.outcome === "uncertain" && last.planned) {
      Object.assign(view, { after: fill(words.uncertain, { planned: doseText(hass, last.planned, modality) }), warn: true });
    } else if (last?.ended_at) {
      view.after = fill(words.last, { program: last.program, outcome: words.outcomes[last.outcome], time: at(last.ended_at) });
    }
  }

  if (!live) {
    Object.assign(view, { tone: "bad", state: "offline", hint: stopWaits ? words.stop_waits : words.offline, primary: null, choose: false });
    if (device.lease_ends_at) lease();
  }
  if (!device.may_control) {
    Object.assign(view, { primary: null, choose: false, watch: words.only_look });
  }
  view.stoppable = !["idle", "fault"].includes(state);
  return view;
};

// --- the element ----------------------------------------------------------------------------------------------------------------------

const STYLE = `
:host { --red: #f0443a; --near_infrared: #a3294b; --blue: #4a7dff; --amber: #f2a20c; --current: #0d9f95; --stop: #c1271d;
  --ink: var(--primary-text-color, #1c1c1c); --soft: var(--secondary-text-color, #616161); --line: var(--divider-color, #e0e0e0);
  --paper: var(--ha-card-background, var(--card-background-color, #fff)); display: block; height: 100%; }
:host([dark]) { --near_infrared: #d0577c; }
ha-card { display: block; height: 100%; overflow: hidden; container-type: inline-size; color: var(--ink); }
.card { --tint: var(--line); box-sizing: border-box; min-height: 100%; padding: 16px; display: grid; gap: 14px; grid-template: auto auto 1fr auto / minmax(0, 1fr); font-variant-numeric: tabular-nums; }
.card[data-tone=run] { --tint: var(--glow); } .card[data-tone=wait] { --tint: #e09a12; } .card[data-tone=hold] { --tint: #7d8aa5; } .card[data-tone=bad] { --tint: #d2453b; }
header { display: flex; align-items: center; gap: 10px; min-width: 0; }
header svg { flex: none; width: 28px; height: 28px; color: var(--soft); }
h2 { margin: 0; font-size: 18px; font-weight: 500; flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.stage { position: relative; display: grid; place-items: center; width: min(100%, 270px); margin: 0 auto; aspect-ratio: 1; }
.stage::before { content: ""; position: absolute; inset: 2%; border-radius: 50%; background: radial-gradient(closest-side, var(--tint), transparent); opacity: 0; transition: opacity 1.2s; }
[data-tone=run] .stage::before { opacity: .2; } [data-tone=wait] .stage::before { opacity: .1; }
.ring { position: absolute; inset: 0; width: 100%; height: 100%; transform: rotate(-90deg); }
[dir=rtl] .ring { transform: rotate(-90deg) scaleY(-1); }
.ring circle { fill: none; stroke-width: 12; }
.track { stroke: var(--line); opacity: .55; } .arc { stroke: var(--tint); stroke-linecap: round; }
[data-tone=run] .arc { stroke: url(#light); } [data-tone=hold] .arc { stroke-dasharray: none; opacity: .75; }
.middle { position: relative; text-align: center; padding: 0 14%; display: grid; gap: 2px; justify-items: center; }
.title { font-size: 15px; color: var(--soft); overflow-wrap: anywhere; }
.time { font-size: 60px; line-height: 1.05; font-weight: 400; letter-spacing: -.02em; } .time:empty { display: none; } .time.long { font-size: 38px; letter-spacing: 0; }
.phase { font-size: 19px; font-weight: 500; overflow-wrap: anywhere; } .time:empty + .phase { font-size: 26px; } .note { font-size: 15px; color: var(--soft); }
.side { display: grid; grid-template-columns: minmax(0, 1fr); gap: 12px; align-content: start; }
.hint { margin: 0; font-size: 17px; line-height: 1.4; text-align: center; } .hint.big { font-size: 24px; font-weight: 500; line-height: 1.25; }
.lights { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 8px; justify-content: center; }
.lights li { display: flex; align-items: center; gap: 8px; font-size: 14px; padding: 6px 12px 6px 8px; border-radius: 99px; background: color-mix(in srgb, var(--color) 10%, transparent); }
[dir=rtl] .lights li { padding: 6px 8px 6px 12px; }
.dot { width: 16px; height: 16px; border-radius: 50%; border: 2px solid var(--color); box-sizing: border-box; background: color-mix(in srgb, var(--color) calc(var(--level) * 100%), transparent); box-shadow: 0 0 calc(var(--level) * 12px) var(--color); }
.near_infrared .dot { border-style: dashed; }
.facts { margin: 0; display: flex; flex-wrap: wrap; justify-content: center; gap: 8px 24px; text-align: center; }
.facts dt { font-size: 13px; color: var(--soft); } .facts dd { margin: 0; font-size: 17px; }
.lease, .after, .watch { margin: 0; font-size: 15px; text-align: center; color: var(--soft); } .lease { color: var(--ink); }
.after.warn { color: var(--ink); border-inline-start: 4px solid #e09a12; padding-inline-start: 10px; text-align: start; }
.problem { margin: 0; padding: 12px 14px; border-radius: 12px; font-size: 15px; line-height: 1.4; background: color-mix(in srgb, #d2453b 12%, transparent); border: 1px solid #d2453b; }
.choice { display: grid; grid-template-columns: 1fr 1fr; gap: 10px; } .choice label { display: grid; gap: 4px; font-size: 13px; color: var(--soft); min-width: 0; }
select { font: inherit; font-size: 16px; color: var(--ink); background: var(--paper); border: 1px solid var(--soft); border-radius: 12px; min-height: 48px; padding: 0 12px; width: 100%; }
.actions { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 10px; }
button { font: inherit; font-size: 18px; font-weight: 500; min-height: 56px; min-width: 48px; padding: 8px 14px; border-radius: 16px; border: 2px solid transparent; cursor: pointer; touch-action: manipulation; }
.primary { background: var(--ink); color: var(--paper); } .primary[disabled] { background: transparent; color: var(--soft); border-color: var(--line); cursor: default; }
.stop { background: transparent; color: var(--ink); border-color: var(--stop); } .stop.now { background: var(--stop); color: #fff; }
button:focus-visible, select:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px; }
[hidden], .card :is(p, ul, dl, div):empty { display: none !important; }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); display: block !important; }
@container (min-width: 620px) {
  .card { grid-template: auto 1fr auto / minmax(0, 5fr) minmax(0, 6fr); column-gap: 28px; align-items: center; }
  header, .actions, .said { grid-column: 1 / -1; } .stage { width: min(100%, 340px); } .time { font-size: 78px; } .time.long { font-size: 46px; } .hint.big { font-size: 30px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }
@media (forced-colors: active) { .arc, .dot { forced-color-adjust: none; } }
`;

const ICONS = {
  mask: '<path d="M12 2C6.8 2 4 5 4 9.6 4 15.800 8.400 22 12 22s8-6.200 8-12.400C20 5 17.200 2 12 2z"/><path d="M7 10.500q2-1.600 4 0M13 10.500q2-1.600 4 0M10 16q2 1.200 4 0"/>',
  wand: '<path d="M5 21 14.500 11.500M17 4.500a2 2 0 1 0 .1 0M19.500 9.500a2 2 0 1 0 .1 0M14.500 11.500 17 8.500M14.500 11.500l3.600-.4"/>',
};

const TEMPLATE = `<style>${STYLE}</style><ha-card><div class="card">
<header><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.500" stroke-linecap="round" aria-hidden="true"></svg><h2></h2></header>
<div class="stage"><svg class="ring" viewBox="0 0 240 240" aria-hidden="true"><defs><linearGradient id="light"><stop offset="0"/><stop offset="1"/></linearGradient></defs>
<circle class="track" cx="120" cy="120" r="104"/><circle class="arc" cx="120" cy="120" r="104"/></svg>
<div class="middle"><div class="title"></div><div class="time" role="timer"></div><div class="phase"></div><div class="note"></div></div></div>
<div class="side"><p class="hint"></p><ul class="lights"></ul><dl class="facts"></dl><p class="lease"></p><p class="after"></p><p class="watch"></p>
<div class="choice"><label><span></span><select name="program"></select></label><label><span></span><select name="person"></select></label></div>
<div role="alert" class="alert"></div></div>
<div class="actions"><button type="button" class="primary"></button><button type="button" class="stop"></button></div>
<div class="said" role="status"></div></div></ha-card>`;

const set = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

// Rebuilds a list only when it has another shape, so that what somebody reads or has in focus stays.
const list = (parent, items, make, update) => {
  const shape = items.map(([key]) => key).join("|");
  if (parent.dataset.shape !== shape) {
    parent.dataset.shape = shape;
    parent.replaceChildren(...items.map(([key, value]) => make(key, value)));
  }
  items.forEach(([key, value], index) => update(parent.children[index], value, key));
};

const element = (name, className, ...children) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
};

class FacialTherapyCard extends HTMLElement {
  #config = {};
  #hass;
  #feed;
  #stopListening;
  #timer = 0;
  #visible = true;
  #watcher;
  #parts;
  #spoken;
  #problem = "";
  #stopWaits = false;
  #busy = false;
  #choice = {}; // what somebody chose here, until the device has it
  #answer = null; // to the newest question whether it would be allowed
  #asked = "";
  #askedAt = 0;

  static getStubConfig(hass) {
    const ours = Object.values(hass?.entities ?? {}).find((entity) => entity.platform === DOMAIN && entity.device_id && entity.translation_key === "session");
    return ours ? { device: ours.device_id } : {};
  }

  static getConfigForm() {
    return {
      schema: [{ name: "device", selector: { device: { entity: [{ integration: DOMAIN, domain: "switch" }] } } }],
      computeLabel: (field, localize) => localize?.("ui.panel.lovelace.editor.card.generic.device") || "Device",
    };
  }

  getGridOptions() {
    return { columns: 12, min_columns: 6, rows: "auto" };
  }

  getCardSize() {
    return 8;
  }

  setConfig(config) {
    if (config.device !== undefined && typeof config.device !== "string") throw new Error("device: the id of a mask or wand is expected");
    this.#config = config;
    this.#asked = "";
    this.#render();
  }

  // Set at every change of any state of the home: nothing is done but where something of ours is new.
  set hass(hass) {
    const before = this.#hass;
    this.#hass = hass;
    this.toggleAttribute("dark", Boolean(hass?.themes?.darkMode));
    if (before?.connection === hass.connection && languageOf(before) === languageOf(hass)) return;
    if (this.isConnected) this.#follow();
  }

  connectedCallback() {
    if (!this.#parts) this.#build();
    this.#watcher = new IntersectionObserver(([entry]) => {
      this.#visible = entry.isIntersecting;
      this.#render();
    });
    this.#watcher.observe(this);
    document.addEventListener("visibilitychange", this.#render);
    if (this.#hass) this.#follow();
  }

  disconnectedCallback() {
    this.#watcher.disconnect();
    document.removeEventListener("visibilitychange", this.#render);
    clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #follow() {
    this.#stopListening?.();
    this.#feed = Feed.of(this.#hass);
    this.#stopListening = this.#feed.listen(this.#heard);
    this.#render();
  }

  #build() {
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = TEMPLATE;
    const find = (selector) => root.querySelector(selector);
    this.#parts = Object.fromEntries(
      ["card", "arc", "title", "time", "phase", "note", "hint", "lights", "facts", "lease", "after", "watch", "choice", "alert", "primary", "stop", "said"].map((name) => [name, find(`.${name}`)]),
    );
    Object.assign(this.#parts, { icon: find("header svg"), name: find("h2"), stops: [...root.querySelectorAll("stop")], selects: [...root.querySelectorAll("select")] });
    this.#parts.arc.style.strokeDasharray = AROUND;
    this.#parts.stop.addEventListener("click", () => this.#stop());
    this.#parts.primary.addEventListener("click", () => this.#act(this.#parts.primary.dataset.action));
    for (const select of this.#parts.selects) select.addEventListener("change", () => this.#choose(select.name, select.value));
  }

  get #device() {
    const devices = Object.values(this.#feed?.devices ?? {});
    return this.#config.device ? devices.find((device) => device.device_id === this.#config.device) : devices[0];
  }

  #heard = () => {
    if (this.#stopWaits && this.#feed.live) this.#stop();
    const device = this.#device;
    if (device?.session) this.#choice = {};
    for (const field of ["program", "person"]) if (device && this.#choice[field] === device[field]) delete this.#choice[field];
    this.#render();
  };

  // --- what is shown ------------------------------------------------------------------------------------------------------------------

  #render = () => {
    clearTimeout(this.#timer);
    if (!this.#parts || !this.#hass || !this.#feed?.devices) return;
    if (document.hidden || !this.#visible) return;
    const [hass, words, device, now] = [this.#hass, wordsOf(this.#hass), this.#device, this.#feed.now];
    const view = look({ device, now, hass, words, live: this.#feed.live, answer: this.#answer, stopWaits: this.#stopWaits });
    const parts = this.#parts;
    const { card } = parts;
    card.dataset.tone = view.tone;
    const rtl = hass.translationMetadata?.translations?.[languageOf(hass)]?.isRTL;
    card.dir = rtl ? "rtl" : "ltr";
    const modality = device?.modality ?? "mask";
    if (parts.icon.dataset.of !== modality) Object.assign(parts.icon, { innerHTML: ICONS[modality] }).dataset.of = modality;
    set(parts.name, device?.name ?? "Facial Therapy");

    const lit = view.lights.filter((light) => light.level > 0).map((light) => `var(--${light.channel})`);
    const colors = lit.length ? lit : view.lights.map((light) => `var(--${light.channel})`);
    card.style.setProperty("--glow", colors[0] ?? "var(--line)");
    parts.stops.forEach((stop, index) => (stop.style.stopColor = colors[index ? colors.length - 1 : 0] ?? "var(--line)"));
    parts.arc.style.strokeDashoffset = AROUND * (1 - view.share);
    parts.arc.style.visibility = view.share > 0 ? "" : "hidden";

    set(parts.title, view.title ? `${view.title}${view.who ? ` · ${view.who}` : ""}` : "");
    set(parts.time, view.time);
    parts.time.classList.toggle("long", view.time.length > 5);
    parts.time.setAttribute("aria-label", words.time_left);
    set(parts.phase, view.phase ?? words.states[view.state]);
    set(parts.note, view.note);
    set(parts.hint, view.hint);
    parts.hint.classList.toggle("big", ["armed", "waiting"].includes(view.state));
    const peak = (light) => (modality === "wand" ? Math.max(device.session?.current_ua ?? 0, 1) : Math.max(...view.lights.map((each) => each.level), 1));
    list(
      parts.lights,
      view.lights.map((light) => [light.channel, light]),
      (channel) => element("li", channel, element("span", "dot"), element("span")),
      (item, light, channel) => {
        item.style.setProperty("--color", `var(--${channel})`);
        item.style.setProperty("--level", String(light.level / peak(light)));
        set(item.lastChild, `${words[channel]} ${light.text}`.trim());
      },
    );
    list(
      parts.facts,
      view.facts,
      () => element("div", "", element("dt"), element("dd")),
      (item, value, label) => {
        set(item.firstChild, label);
        set(item.lastChild, String(value));
      },
    );
    set(parts.lease, view.lease);
    set(parts.after, view.after ?? "");
    parts.after.classList.toggle("warn", Boolean(view.warn));
    set(parts.watch, view.watch ?? "");
    this.#renderChoice(view, device, words);
    if (parts.alert.textContent !== this.#problem) parts.alert.replaceChildren(...(this.#problem ? [element("p", "problem", this.#problem)] : []));

    const { primary, stop } = parts;
    primary.hidden = !view.primary;
    if (view.primary) {
      primary.dataset.action = view.primary;
      set(primary, words[view.primary]);
      // Without a disabled attribute it keeps the focus, and says why it does nothing.
      primary.disabled = Boolean(view.blocked);
    }
    set(stop, words.stop);
    stop.classList.toggle("now", Boolean(view.stoppable) || !this.#feed.live);
    stop.hidden = view.state === "empty";
    this.#speak(view, words);
    if (view.choose && this.#feed.live) this.#ask(device, now);
    if (view.tick !== null) this.#timer = setTimeout(this.#render, Math.max(50, (view.tick % 1) * 1000 + 60));
    else if (view.choose) this.#timer = setTimeout(this.#render, ASK_AGAIN_S * 1000);
  };

  #renderChoice(view, device, words) {
    const { choice, selects } = this.#parts;
    choice.hidden = !view.choose || !device?.people?.length;
    if (choice.hidden) return;
    for (const select of selects) {
      const person = select.name === "person";
      const options = person ? device.people.map((name) => [name, name]) : Object.entries(device.programs);
      if (person && !this.#chosen("person")) options.unshift(["", words.nobody]);
      set(select.previousElementSibling, words[select.name]);
      const shape = JSON.stringify(options);
      if (select.dataset.shape !== shape) {
        select.dataset.shape = shape;
        select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
      }
      select.value = this.#chosen(select.name) ?? "";
    }
  }

  // Phases, not seconds.
  #speak(view, words) {
    const text = [words.states[view.state], view.hint, view.facts.find(([label]) => label === words.zone)?.join(" ")].filter(Boolean).join(". ");
    if (this.#spoken === text) return;
    // What is there when the page opens is read, not announced.
    if (this.#spoken !== undefined) set(this.#parts.said, text);
    this.#spoken = text;
  }

  // --- what is done -------------------------------------------------------------------------------------------------------------------

  #chosen(field) {
    return this.#choice[field] ?? this.#device?.[field];
  }

  async #choose(field, value) {
    this.#choice[field] = value;
    this.#problem = "";
    this.#asked = "";
    this.#render();
    const entity_id = this.#device?.entities[field];
    if (entity_id) await this.#call("select", "select_option", { option: value }, { entity_id });
  }

  // Whether it would be allowed, before anybody presses anything.
  async #ask(device, now) {
    const [person, program] = [this.#chosen("person"), this.#chosen("program")];
    const question = JSON.stringify([device.id, person, program, device.connected, device.refusals, device.last?.ended_at]);
    const due = this.#answer?.refusals?.[0]?.allowed_at;
    if (question === this.#asked && now - this.#askedAt < ASK_AGAIN_S && !(due && due < now && this.#askedAt < due)) return;
    [this.#asked, this.#askedAt] = [question, now];
    if (!person || !device.connected) {
      this.#answer = null;
      return;
    }
    try {
      const answer = await this.#hass.connection.sendMessagePromise({
        type: `${DOMAIN}/check`, entry_id: device.id, person, program, language: languageOf(this.#hass),
      });
      if (question === this.#asked) this.#answer = answer;
    } catch {
      this.#answer = null;
    }
    this.#render();
  }

  async #act(action) {
    const device = this.#device;
    if (!device || this.#busy) return;
    const target = { device_id: device.device_id };
    this.#busy = true;
    this.#asked = "";
    if (action === "pause" || action === "resume") await this.#call(DOMAIN, `${action}_session`, {}, target);
    else if (action === "confirm") await this.#call("button", "press", {}, { entity_id: device.entities.confirm });
    else if (this.#chosen("program") === "manual" && device.entities.session) await this.#call("switch", "turn_on", {}, { entity_id: device.entities.session });
    else {
      const data = { program: this.#chosen("program"), person: this.#chosen("person") };
      if (action === "start_off") data.wait = { minutes: WAIT_MINUTES };
      await this.#call(DOMAIN, "start_session", data, target);
    }
    this.#busy = false;
  }

  async #stop() {
    const device = this.#device;
    this.#stopWaits = false;
    const done = await this.#call(DOMAIN, device?.device_id ? "stop_session" : "stop_all", {}, device?.device_id ? { device_id: device.device_id } : undefined);
    if (done === "lost") {
      // Stop always wins: it is sent again as soon as somebody hears it.
      this.#stopWaits = true;
      this.#problem = "";
      this.#render();
    }
  }

  async #call(domain, action, data, target) {
    this.#problem = "";
    this.#render();
    try {
      await this.#hass.callService(domain, action, data, target, false);
      return "done";
    } catch (error) {
      if (error === 3 || error?.code === 3 || error?.error?.code === 3) return "lost";
      this.#problem = await this.#sentence(error);
      this.#render();
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
        // The message in English will do.
      }
    }
    return message ?? String(error);
  }
}

// Home Assistant puts another registry in place of the browser's while it starts: what is defined before that is never found.
const define = () => customElements.get(TAG) || customElements.define(TAG, FacialTherapyCard);
if (document.querySelector("home-assistant")) customElements.whenDefined("home-assistant").then(define);
else define();

window.customCards ??= [];
if (!window.customCards.some(({ type }) => type === TAG)) {
  window.customCards.push({
    type: TAG,
    name: "Facial Therapy",
    description: (WORDS[(document.documentElement.lang || "en").split("-")[0]] ?? WORDS.en).describe,
    preview: true,
    documentationURL: "https://github.com/facial-therapy/facial-therapy",
    getEntitySuggestion: (hass, entityId) => {
      const entity = hass.entities?.[entityId];
      return entity?.platform === DOMAIN && entity.device_id ? { config: { type: `custom:${TAG}`, device: entity.device_id } } : null;
    },
  });
}
