// The card of a person's week: delivered and planned doses by day, the limits, and the newest sessions.

import { PersonCard, STYLE as SHARED, define, doseText, element, isPerson, languageOf, lightOf, list, number, offer, set, timeOfDay } from "./shared.js";

const TAG = "facial-therapy-week-card";
const CHANNELS = ["red", "near_infrared", "blue", "amber"];
const SHOWN = 5;

const STYLE = `${SHARED}
.card { display: grid; gap: 18px; grid-template-columns: minmax(0, 1fr); align-content: start; }
h3 { margin: 0 0 8px; font-size: 15px; font-weight: 500; color: var(--soft); }
.charts { display: grid; gap: 18px; } .chart[hidden] { display: none; }
.days { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(7, 1fr); gap: 6px; }
.days li { display: grid; grid-template-rows: 18px 92px auto; justify-items: center; gap: 4px; font-size: 14px; color: var(--soft); min-width: 0; }
.weeks { grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 4px; } .weeks li { grid-template-columns: minmax(0, 1fr); white-space: nowrap; } .weeks li:last-child > :not(.pile) { justify-self: end; }
.days li.today { color: var(--ink); font-weight: 600; }
.pile { width: min(100%, 34px); height: 100%; display: flex; flex-direction: column-reverse; border-radius: 8px; overflow: hidden; background: color-mix(in srgb, var(--line) 45%, transparent); box-sizing: border-box; }
.planned .pile { outline: 2px dashed var(--soft); outline-offset: -2px; }
.today .pile { box-shadow: inset 0 0 0 2px var(--ink); }
.bar { width: 100%; height: calc(var(--share) * 100%); background: var(--color); } .bar + .bar { border-bottom: 2px solid var(--paper); }
.meters, .sessions { list-style: none; margin: 0; padding: 0; display: grid; gap: 12px; }
.meters li, .sessions li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 4px 12px; font-size: 15px; }
.meters li > :last-child, .sessions li > :last-child { grid-column: 1 / -1; }
.track { height: 12px; border-radius: 6px; background: color-mix(in srgb, var(--line) 60%, transparent); overflow: hidden; display: flex; }
.fill { width: calc(var(--share) * 100%); background: var(--color); } .full .fill { background: #d2453b; }
.maybe { width: calc(var(--share) * 100%); background: repeating-linear-gradient(135deg, var(--color) 0 4px, transparent 4px 8px); }
.num { color: var(--soft); white-space: nowrap; }
.kept, .footnote { margin: 0; font-size: 15px; color: var(--soft); text-align: center; }
.key { list-style: none; margin: 10px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 16px; justify-content: center; font-size: 14px; color: var(--soft); }
.key li { display: flex; align-items: center; gap: 6px; } .key li::before { content: ""; width: 12px; height: 12px; border-radius: 4px; background: var(--color); box-sizing: border-box; }
.key li.plan::before { background: none; border: 2px dashed var(--soft); }
@container (min-width: 620px) { .card { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); column-gap: 32px; } h2, .hint, .kept, .footnote { grid-column: 1 / -1; } }
`;

const TEMPLATE = `<style>${STYLE}</style><ha-card><div class="card"><h2 class="name"></h2><p class="hint"></p>
<div class="charts"><section class="light chart"><h3></h3><ul class="days"></ul><ul class="key"></ul></section><section class="charge chart"><h3></h3><ul class="days"></ul></section>
<section class="light-weeks chart"><h3></h3><ul class="days weeks"></ul></section><section class="charge-weeks chart"><h3></h3><ul class="days weeks"></ul></section></div>
<ul class="meters"></ul><section class="newest"><h3></h3><ul class="sessions"></ul></section><p class="kept"></p><p class="footnote"></p></div></ha-card>`;

const share = (part, whole) => String(whole > 0 ? Math.min(1, part / whole) : 0);

class FacialTherapyWeekCard extends PersonCard {
  get template() {
    return TEMPLATE;
  }

  show() {
    const { parts, words, feed } = this;
    const person = feed.refused ? null : feed.value;
    set(parts.name, person ? words("week_title", { name: person.name }) : "Facial Therapy");
    const week = person?.week;
    const some = Boolean(week?.sessions.length);
    set(parts.hint, this.nothing || (some || !week ? "" : words("delivered_none")));
    for (const name of ["charts", "meters", "newest", "kept", "footnote"]) parts[name].hidden = !week;
    if (!week) return null;
    const days = this.#days(week);
    const weeks = this.#weeks(week);
    this.#chart(parts.light, "light", days("mask"), "mask");
    this.#chart(parts.charge, "charge", days("wand"), "wand");
    this.#chart(parts["light-weeks"], "light_weeks", weeks("mask"), "mask");
    this.#chart(parts["charge-weeks"], "charge_weeks", weeks("wand"), "wand");
    const wand = week.days.some((day) => day.left.some(({ modality }) => modality === "wand"));
    parts.charge.hidden = !wand && !week.days.some((day) => day.charge_ma_min);
    // The current week is shown by days instead.
    parts["light-weeks"].hidden = !week.weeks.slice(0, -1).some((each) => lightOf(each));
    parts["charge-weeks"].hidden = !week.weeks.slice(0, -1).some((each) => each.charge_ma_min);
    const channels = CHANNELS.filter((channel) => [...week.days, ...week.weeks].some((each) => each.fluence_j_cm2[channel]));
    list(
      parts.key,
      [...channels, ...(week.days.some((day) => day.left.some(({ kind }) => kind === "planned")) ? ["plan"] : [])].map((key) => [key]),
      (key) => element("li", key),
      (item, _value, key) => {
        item.style.setProperty("--color", `var(--${key})`);
        set(item, words(key === "plan" ? "planned_day" : key));
      },
    );
    this.#meters(week);
    this.#sessions(week);
    set(parts.kept, week.goal ? words("kept", { done: week.done, goal: week.goal }) : "");
    set(parts.footnote, some ? words("meter_note") : "");
    return null;
  }

  #date(day, style) {
    return new Intl.DateTimeFormat(languageOf(this.hass), { ...style, timeZone: "UTC" }).format(new Date(`${day}T12:00Z`));
  }

  #days(week) {
    const { words } = this;
    return (modality) =>
      week.days.map((day) => {
        const kinds = day.left.filter((each) => each.modality === modality).map(({ kind }) => kind);
        const [planned, skipped] = [kinds.includes("planned"), kinds.includes("skipped")];
        const also = [day.today && words("today"), planned && words("planned_day"), skipped && words("skipped_day")];
        return { at: day.day, dose: day, name: this.#date(day.day, { weekday: "short" }), long: this.#date(day.day, { weekday: "long" }), today: day.today, planned, skipped, also };
      });
  }

  // A date under every fourth column, since more do not fit on a phone.
  #weeks({ weeks }) {
    return () =>
      weeks.map((each, index) => {
        const name = this.#date(each.week, { day: "numeric", month: "short" });
        return { at: each.week, dose: each, name: index % 4 === 3 ? name : "\u00a0", long: name, today: index === weeks.length - 1, also: [], bare: true };
      });
  }

  // One bar per column, with a text for screen readers.
  #chart(chart, title, columns, modality) {
    const { words, hass } = this;
    const mask = modality === "mask";
    const parts = ({ fluence_j_cm2: light, charge_ma_min: charge }) =>
      mask ? CHANNELS.filter((channel) => light[channel]).map((channel) => [channel, light[channel]]) : charge ? [["current", charge]] : [];
    const sum = (dose) => (mask ? lightOf(dose) : dose.charge_ma_min);
    const most = Math.max(...columns.map(({ dose }) => sum(dose)));
    const fullest = columns.findLast(({ dose }) => sum(dose) === most).at;
    set(chart.querySelector("h3"), `${words(title)}, ${mask ? "J/cm²" : "mA·min"}`);
    list(
      chart.querySelector("ul"),
      columns.map((column) => [column.at, column]),
      () => element("li", "", element("span", "num"), element("span", "pile"), element("span"), element("span", "said")),
      (item, { at, dose, name, long, today, planned, skipped, also, bare }) => {
        item.classList.toggle("today", today);
        item.classList.toggle("planned", Boolean(planned));
        const [amount, pile, label, said] = item.children;
        // Only the fullest week has a number, which is the height of the chart.
        const labelled = sum(dose) && (!bare || at === fullest);
        set(amount, labelled ? number(hass, sum(dose), mask ? (sum(dose) < 10 ? 1 : 0) : 2) : skipped ? "–" : "");
        list(
          pile,
          parts(dose),
          () => element("span", "bar"),
          (bar, value, channel) => {
            bar.style.setProperty("--color", `var(--${channel})`);
            bar.style.setProperty("--share", share(value, most));
          },
        );
        for (const part of [amount, label]) part.ariaHidden = "true";
        set(label, name);
        set(said, [long, doseText(hass, dose, modality), ...also].filter(Boolean).join(", "));
      },
    );
  }

  #meters(week) {
    const { words, hass, parts } = this;
    const color = (key) => (key.includes("charge") || key.includes("wand") ? "current" : "red");
    const drawn = Object.entries(week.meters).filter(([key, { used }]) => used > 0 || !color(key).includes("current"));
    list(
      parts.meters,
      drawn,
      () => element("li", "", element("span"), element("span", "num"), element("div", "track", element("span", "fill"))),
      (item, { used, most, unit }, key) => {
        const [name, text, track] = item.children;
        set(name, words(`meter_${key}`));
        const digits = unit === "1" ? 0 : unit === "J/cm²" ? 1 : 2;
        const of = words("meter_of", { used: number(hass, used, digits), most: number(hass, most, digits) });
        set(text, unit === "1" ? of : `${of} ${unit}`);
        track.firstChild.style.setProperty("--share", share(used, most));
        track.firstChild.style.setProperty("--color", `var(--${color(key)})`);
        item.classList.toggle("full", used >= most && unit !== "1");
      },
    );
  }

  #sessions(week) {
    const { words, hass, parts, feed } = this;
    set(parts.newest.querySelector("h3"), words("sessions"));
    parts.newest.hidden = !week.sessions.length;
    list(
      parts.sessions,
      week.sessions.slice(0, SHOWN).map((session) => [`${session.at}`, session]),
      () => element("li", "", element("span"), element("span", "num"), element("div", "track", element("span", "fill"), element("span", "maybe"))),
      (item, { modality, program, at, planned, at_least: least, at_most: most }) => {
        const amount = (dose) => (modality === "wand" ? dose.charge_ma_min : lightOf(dose));
        const [name, text, track] = item.children;
        const day = new Intl.DateTimeFormat(languageOf(hass), { weekday: "short", timeZone: hass.locale?.time_zone === "server" ? hass.config?.time_zone : undefined });
        set(name, [program, `${day.format(new Date(at * 1000))} ${timeOfDay(hass, at, { today: at })}`].filter(Boolean).join(" · "));
        const delivered = doseText(hass, most, modality).split(" ")[0];
        const range = amount(least) < amount(most) ? `${doseText(hass, least, modality).split(" ")[0]}–${delivered}` : delivered;
        set(text, words("of", { delivered: range, planned: doseText(hass, planned, modality) }));
        const color = modality === "wand" ? "current" : (Object.keys(planned.fluence_j_cm2)[0] ?? "red");
        track.children[0].style.setProperty("--share", share(amount(least), amount(planned)));
        track.children[1].style.setProperty("--share", share(amount(most) - amount(least), amount(planned)));
        for (const part of track.children) part.style.setProperty("--color", `var(--${color})`);
      },
    );
  }
}

define(TAG, FacialTherapyWeekCard);
offer(TAG, "Facial Therapy: week", "week", "person", (hass, entity) => isPerson(hass, entity) && /fluence|charge|week/.test(entity.translation_key));
