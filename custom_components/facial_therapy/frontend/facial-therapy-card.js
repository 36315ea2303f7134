// The card of a mask or wand: a countdown ring, the dose, Start, Pause, and Stop at all times. look.js decides what it shows.

import { Card, DOMAIN, STYLE as SHARED, define, element, isPerson, languageOf, list, offer, set } from "./shared.js";
import { WAIT_MINUTES, look } from "./look.js";

const TAG = "facial-therapy-card";
const CHECK_AGAIN_S = 60;
const AROUND = 2 * Math.PI * 104;

const STYLE = `${SHARED}
.card { --tint: var(--line); display: grid; gap: 14px; grid-template: auto auto 1fr auto / minmax(0, 1fr); }
.card[data-tone=run] { --tint: var(--glow); } .card[data-tone=wait] { --tint: #e09a12; } .card[data-tone=hold] { --tint: #7d8aa5; } .card[data-tone=bad] { --tint: #d2453b; }
header { display: flex; align-items: center; gap: 10px; min-width: 0; }
header svg { flex: none; width: 28px; height: 28px; color: var(--soft); }
.stage { position: relative; display: grid; place-items: center; width: min(100%, 270px); margin: 0 auto; aspect-ratio: 1; }
.stage::before { content: ""; position: absolute; inset: 2%; border-radius: 50%; background: radial-gradient(closest-side, var(--tint), transparent); opacity: 0; transition: opacity 1.2s; }
[data-tone=run] .stage::before { opacity: .2; } [data-tone=wait] .stage::before { opacity: .1; }
.ring { position: absolute; inset: 0; width: 100%; height: 100%; transform: rotate(-90deg); }
[dir=rtl] .ring { transform: rotate(-90deg) scaleY(-1); }
.ring circle { fill: none; stroke-width: 12; }
.track { stroke: var(--line); opacity: .55; } .arc { stroke: var(--tint); stroke-linecap: round; }
[data-tone=run] .arc { stroke: url(#light); } [data-tone=hold] .arc { stroke-dasharray: none; opacity: .75; }
.middle { position: relative; text-align: center; padding: 0 14%; display: grid; gap: 2px; justify-items: center; }
.title { font-size: 16px; color: var(--soft); overflow-wrap: anywhere; }
.time { font-size: 64px; line-height: 1.05; font-weight: 400; letter-spacing: -.02em; } .time:empty { display: none; } .time.long { font-size: 38px; letter-spacing: 0; }
.phase { font-size: 21px; font-weight: 500; overflow-wrap: anywhere; } .time:empty + .phase { font-size: 26px; } .note { font-size: 16px; color: var(--soft); }
.side { display: grid; grid-template-columns: minmax(0, 1fr); gap: 12px; align-content: start; }
.hint.big { font-size: 24px; font-weight: 500; line-height: 1.25; }
.lights { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 8px; justify-content: center; }
.lights li { display: flex; align-items: center; gap: 8px; font-size: 14px; padding: 6px 12px 6px 8px; border-radius: 99px; background: color-mix(in srgb, var(--color) 10%, transparent); }
[dir=rtl] .lights li { padding: 6px 8px 6px 12px; }
.dot { width: 16px; height: 16px; border-radius: 50%; border: 2px solid var(--color); box-sizing: border-box; background: color-mix(in srgb, var(--color) calc(var(--level) * 100%), transparent); box-shadow: 0 0 calc(var(--level) * 12px) var(--color); }
.near_infrared .dot { border-style: dashed; }
.facts { margin: 0; display: flex; flex-wrap: wrap; justify-content: center; gap: 8px 16px; text-align: center; }
.facts dt { font-size: 13px; color: var(--soft); } .facts dd { margin: 0; font-size: 17px; }
.lease, .after, .watch { margin: 0; font-size: 15px; text-align: center; color: var(--soft); } .lease { color: var(--ink); }
.after.warn { color: var(--ink); border-inline-start: 4px solid #e09a12; padding-inline-start: 10px; text-align: start; }
.choice { display: grid; grid-template-columns: 1fr 1fr; gap: 10px; } .choice label { display: grid; gap: 4px; font-size: 13px; color: var(--soft); min-width: 0; }
select { font: inherit; font-size: 16px; color: var(--ink); background: var(--paper); border: 1px solid var(--soft); border-radius: 12px; min-height: 48px; padding: 0 12px; width: 100%; }
@container (min-width: 620px) {
  .card { grid-template: auto 1fr auto / minmax(0, 5fr) minmax(0, 6fr); column-gap: 28px; align-items: center; }
  header, .actions, .said { grid-column: 1 / -1; } .stage { width: min(100%, 340px); } .time { font-size: 78px; } .time.long { font-size: 46px; } .hint.big { font-size: 30px; }
}
@media (forced-colors: active) { .arc, .dot { forced-color-adjust: none; } }
`;

const ICONS = {
  mask: '<path d="M12 2C6.8 2 4 5 4 9.6 4 15.800 8.400 22 12 22s8-6.200 8-12.400C20 5 17.200 2 12 2z"/><path d="M7 10.500q2-1.600 4 0M13 10.500q2-1.600 4 0M10 16q2 1.200 4 0"/>',
  wand: '<path d="M5 21 14.500 11.500M17 4.500a2 2 0 1 0 .1 0M19.500 9.500a2 2 0 1 0 .1 0M14.500 11.500 17 8.500M14.500 11.500l3.600-.4"/>',
};

const TEMPLATE = `<style>${STYLE}</style><ha-card><div class="card">
<header><svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.500" stroke-linecap="round" aria-hidden="true"></svg><h2 class="name"></h2></header>
<div class="stage"><svg class="ring" viewBox="0 0 240 240" aria-hidden="true"><defs><linearGradient id="light"><stop offset="0"/><stop offset="1"/></linearGradient></defs>
<circle class="track" cx="120" cy="120" r="104"/><circle class="arc" cx="120" cy="120" r="104"/></svg>
<div class="middle"><div class="title"></div><div class="time" role="timer"></div><div class="phase"></div><div class="note"></div></div></div>
<div class="side"><p class="hint"></p><ul class="lights"></ul><dl class="facts"></dl><p class="lease"></p><p class="after"></p><p class="watch"></p>
<div class="choice"><label><span></span><select name="program"></select></label><label><span></span><select name="person"></select></label></div>
<div role="alert" class="alert"></div></div>
<div class="actions"><button type="button" class="primary"></button><button type="button" class="stop"></button></div>
<div class="said" role="status"></div></div></ha-card>`;

class FacialTherapyCard extends Card {
  #spoken;
  #stopWaits = false;
  #busy = false;
  #choice = {}; // what somebody chose here, until the device has it
  #answer = null; // to the newest question whether it would be allowed
  #checkedFor = "";
  #checkedAt = 0;

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

  get template() {
    return TEMPLATE;
  }

  build() {
    const { arc, stop, primary } = this.parts;
    this.parts.stops = [...this.shadowRoot.querySelectorAll("stop")];
    this.parts.selects = [...this.shadowRoot.querySelectorAll("select")];
    arc.style.strokeDasharray = AROUND;
    stop.addEventListener("click", () => this.#stop());
    primary.addEventListener("click", () => this.#act(primary.dataset.action));
    for (const select of this.parts.selects) select.addEventListener("change", () => this.#choose(select.name, select.value));
  }

  follows(language) {
    return { type: `${DOMAIN}/subscribe`, language };
  }

  // Devices by entry id. The first event has everything, later ones only changes.
  merge(before, event) {
    const devices = { ...before };
    for (const [id, news] of Object.entries(event.devices ?? {})) devices[id] = { ...devices[id], ...news, id };
    for (const id of event.removed ?? []) delete devices[id];
    return devices;
  }

  get #device() {
    const devices = Object.values(this.feed?.value ?? {});
    return this.config.device ? devices.find((device) => device.device_id === this.config.device) : devices[0];
  }

  onEvent() {
    if (this.#stopWaits && this.feed.live) this.#stop();
    const device = this.#device;
    if (device?.session) this.#choice = {};
    for (const field of ["program", "person"]) if (device && this.#choice[field] === device[field]) delete this.#choice[field];
  }

  // --- display ------------------------------------------------------------------------------------------------------------------

  show() {
    const { hass, words, feed, parts } = this;
    const [device, now] = [this.#device, feed.now];
    const view = look({ device, now, hass, words, live: this.feed.live, answer: this.#answer, stopWaits: this.#stopWaits });
    const { card } = parts;
    card.dataset.tone = view.tone;
    const modality = device?.modality ?? "mask";
    if (parts.icon.dataset.of !== modality) Object.assign(parts.icon, { innerHTML: ICONS[modality] }).dataset.of = modality;
    set(parts.name, device?.name ?? "Facial Therapy");

    const active = view.lights.filter((light) => light.level > 0).map((light) => `var(--${light.channel})`);
    const colors = active.length ? active : view.lights.map((light) => `var(--${light.channel})`);
    card.style.setProperty("--glow", colors[0] ?? "var(--line)");
    parts.stops.forEach((stop, index) => (stop.style.stopColor = colors[index ? colors.length - 1 : 0] ?? "var(--line)"));
    parts.arc.style.strokeDashoffset = AROUND * (1 - view.share);
    parts.arc.style.visibility = view.share > 0 ? "" : "hidden";

    set(parts.title, view.title ? `${view.title}${view.who ? ` · ${view.who}` : ""}` : "");
    set(parts.time, view.time);
    parts.time.classList.toggle("long", view.time.length > 5);
    parts.time.setAttribute("aria-label", words("time_left"));
    set(parts.phase, view.phase ?? words(`state_${view.state}`));
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
        set(item.lastChild, `${words(channel)} ${light.text}`.trim());
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
    this.announceProblem();

    const { primary, stop } = parts;
    primary.hidden = !view.primary;
    if (view.primary) {
      primary.dataset.action = view.primary;
      set(primary, words(view.primary));
      // Not `disabled`, so that the button keeps the focus and can say why it does nothing.
      primary.disabled = Boolean(view.blocked);
    }
    set(stop, words("stop"));
    stop.classList.toggle("now", Boolean(view.stoppable) || !this.feed.live);
    stop.hidden = view.state === "empty";
    this.#speak(view, words);
    if (view.choose && this.feed.live) this.#check(device, now);
    if (view.tick !== null) return Math.max(0.05, (view.tick % 1) + 0.06);
    return view.choose ? CHECK_AGAIN_S : null;
  }

  #renderChoice(view, device, words) {
    const { choice, selects } = this.parts;
    choice.hidden = !view.choose || !device?.people?.length;
    if (choice.hidden) return;
    for (const select of selects) {
      const person = select.name === "person";
      const options = person ? device.people.map((name) => [name, name]) : Object.entries(device.programs);
      if (person && !this.#chosen("person")) options.unshift(["", words("nobody")]);
      set(select.previousElementSibling, words(select.name));
      const shape = JSON.stringify(options);
      if (select.dataset.shape !== shape) {
        select.dataset.shape = shape;
        select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
      }
      select.value = this.#chosen(select.name) ?? "";
    }
  }

  // Announce phases, not seconds.
  #speak(view, words) {
    const text = [words(`state_${view.state}`), view.hint, view.facts.find(([label]) => label === words("zone"))?.join(" ")].filter(Boolean).join(". ");
    if (this.#spoken === text) return;
    // The first state of a page is read, not announced.
    if (this.#spoken !== undefined) set(this.parts.said, text);
    this.#spoken = text;
  }

  // --- actions -------------------------------------------------------------------------------------------------------------------

  #chosen(field) {
    return this.#choice[field] ?? this.#device?.[field];
  }

  async #choose(field, value) {
    this.#choice[field] = value;
    this.problem = "";
    this.#checkedFor = "";
    this.render();
    const entity_id = this.#device?.entities[field];
    if (entity_id) await this.call("select", "select_option", { option: value }, { entity_id });
  }

  // Check whether a session is allowed before somebody presses Start.
  async #check(device, now) {
    const [person, program] = [this.#chosen("person"), this.#chosen("program")];
    const question = JSON.stringify([device.id, person, program, device.connected, device.refusals, device.last?.ended_at]);
    const due = this.#answer?.refusals?.[0]?.allowed_at;
    if (question === this.#checkedFor && now - this.#checkedAt < CHECK_AGAIN_S && !(due && due < now && this.#checkedAt < due)) return;
    [this.#checkedFor, this.#checkedAt] = [question, now];
    if (!person || !device.connected) {
      this.#answer = null;
      return;
    }
    try {
      const answer = await this.hass.connection.sendMessagePromise({
        type: `${DOMAIN}/check`, entry_id: device.id, person, program, language: languageOf(this.hass),
      });
      if (question === this.#checkedFor) this.#answer = answer;
    } catch {
      this.#answer = null;
    }
    this.render();
  }

  async #act(action) {
    const device = this.#device;
    if (!device || this.#busy) return;
    const target = { device_id: device.device_id };
    this.#busy = true;
    this.#checkedFor = "";
    if (action === "pause" || action === "resume") await this.call(DOMAIN, `${action}_session`, {}, target);
    else if (action === "confirm") await this.call("button", "press", {}, { entity_id: device.entities.confirm });
    else if (this.#chosen("program") === "manual" && device.entities.session) await this.call("switch", "turn_on", {}, { entity_id: device.entities.session });
    else {
      const data = { program: this.#chosen("program"), person: this.#chosen("person") };
      if (action === "start_off") data.wait = { minutes: WAIT_MINUTES };
      await this.call(DOMAIN, "start_session", data, target);
    }
    this.#busy = false;
  }

  async #stop() {
    const device = this.#device;
    this.#stopWaits = false;
    const done = await this.call(DOMAIN, device?.device_id ? "stop_session" : "stop_all", {}, device?.device_id ? { device_id: device.device_id } : undefined);
    if (done === "lost") {
      // Stop always wins: it is sent again as soon as the connection is back.
      this.#stopWaits = true;
      this.problem = "";
      this.render();
    }
  }
}

define(TAG, FacialTherapyCard);
offer(TAG, "Facial Therapy", "session", "device", (hass, entity) => !isPerson(hass, entity));
