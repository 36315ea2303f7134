// The card of a person's evening: the current step, the next ones, Done, Skip, and Stop at all times.

import { DOMAIN, PersonCard, STYLE as SHARED, clock, define, element, isPerson, list, offer, set, timeOfDay } from "./shared.js";

const TAG = "facial-therapy-routine-card";
// Steps that need a confirmation; all others end by themselves.
const CONFIRMED = ["hand", "waiting", "off", "asked", "held", "adopted", "suspended"];
const BUSY = ["leaving", "ending", "stranded"];

const STYLE = `${SHARED}
.card { display: flex; flex-direction: column; gap: 16px; } h2 { flex: none; }
.steps { list-style: none; margin: 0; padding: 0; display: flex; gap: 6px; }
.steps li { flex: 1; height: 10px; border-radius: 5px; background: var(--line); }
.steps li.done { background: var(--current); } .steps li.skipped, .steps li.refused, .steps li.dropped { background: repeating-linear-gradient(135deg, var(--soft) 0 3px, transparent 3px 7px); }
.steps li.now { background: var(--ink); }
.stage { flex: 1; display: grid; gap: 8px; justify-items: center; align-content: center; text-align: center; min-height: 170px; }
.count { font-size: 17px; color: var(--soft); }
.say { font-size: 38px; line-height: 1.2; font-weight: 500; overflow-wrap: anywhere; text-wrap: balance; }
.time { font-size: 56px; line-height: 1.05; font-variant-numeric: tabular-nums; }
.next { margin: 0; font-size: 21px; text-align: center; } .next b { font-weight: 500; }
.then { margin: 0; font-size: 17px; text-align: center; color: var(--soft); }
.skip[hidden] + .stop { grid-column: 1 / -1; }
.skip, .quiet .primary { background: transparent; color: var(--ink); border-color: var(--soft); }
.actions .primary { min-height: 72px; font-size: 22px; } .actions { grid-auto-flow: row; grid-template-columns: 1fr 1fr; } .actions .primary { grid-column: 1 / -1; }
.quiet .stage { min-height: 72px; } .quiet .say { font-size: 28px; }
.quiet .actions { grid-template-columns: 3fr 2fr; } .quiet .actions .primary { min-height: 56px; font-size: 18px; grid-column: auto; } .quiet .primary:not([hidden]) ~ .stop { grid-column: auto; }
@container (min-width: 620px) { .say { font-size: 48px; } .time { font-size: 64px; } .actions { grid-template-columns: 2fr 1fr 1fr; } .actions .primary { grid-column: auto; } }
`;

const TEMPLATE = `<style>${STYLE}</style><ha-card><div class="card"><h2 class="name"></h2><ul class="steps"></ul>
<div class="stage"><div class="count"></div><div class="say"></div><div class="time" role="timer"></div></div>
<div class="below"><p class="next"></p><p class="then"></p><div role="alert" class="alert"></div></div>
<div class="actions"><button type="button" class="primary"></button><button type="button" class="skip"></button><button type="button" class="stop"></button></div>
<div class="said" role="status"></div></div></ha-card>`;

class FacialTherapyRoutineCard extends PersonCard {
  #spoken;
  #stopWaits = false;

  get template() {
    return TEMPLATE;
  }

  build() {
    const { primary, skip, stop } = this.parts;
    primary.addEventListener("click", () => this.#do(primary.dataset.action));
    skip.addEventListener("click", () => this.#do("skip_step"));
    stop.addEventListener("click", () => this.#stop());
  }

  onEvent() {
    if (this.#stopWaits && this.feed.live) this.#stop();
  }

  show() {
    const { parts, words, feed, hass } = this;
    const person = feed.refused ? null : feed.value;
    set(parts.name, person ? words("routine_title", { name: person.name }) : "Facial Therapy");
    const routine = person?.routine;
    const steps = routine?.goes_on ? routine.steps : [];
    const index = steps.findIndex((step) => step.now);
    const next = steps.find((step, at) => at > index && !step.result);
    const left = routine?.goes_on && routine.until ? Math.max(0, routine.until - feed.now) : null;

    list(
      parts.steps,
      steps.map((step, at) => [`${at} ${step.act}`, step]),
      () => element("li", "", element("span", "said")),
      (item, step) => {
        item.className = step.now ? "now" : (step.result ?? "");
        set(item.firstChild, [words(`act_${step.act}`), step.result && words(`result_${step.result}`)].filter(Boolean).join(", "));
      },
    );
    set(parts.count, steps.length ? words("step_of", { index: index + 1, count: steps.length }) : "");
    const idle = routine && !routine.goes_on;
    const calm = routine && words(routine.due ? "due" : "not_due");
    set(parts.say, this.nothing || (routine?.goes_on ? routine.say : (routine?.say && !routine.due ? routine.say : calm)) || "");
    // Nothing is highlighted unless a person is waited for.
    parts.card.classList.toggle("quiet", Boolean(this.nothing || (idle && !routine.due)));
    set(parts.time, left === null ? "" : clock(left));
    parts.time.setAttribute("aria-label", words("time_left"));
    if (idle && routine.next_at && !routine.due) this.#next(words("step_next"), timeOfDay(hass, routine.next_at, { today: feed.now }));
    else if (!steps.length) parts.next.replaceChildren();
    else if (next) this.#next(words("step_next"), `${words(`act_${next.act}`)}`);
    else this.#next("", words("step_last"));
    const kept = idle && person.week?.goal ? words("kept", person.week) : "";
    set(parts.then, steps.length && routine.ends_at ? words("done_at", { time: timeOfDay(hass, routine.ends_at, { today: feed.now }) }) : kept);
    this.announceProblem();

    const open = Boolean(routine) && feed.live;
    const confirms = open && CONFIRMED.includes(routine.state);
    const { primary, skip, stop } = parts;
    primary.hidden = !open || (routine.goes_on && !confirms);
    primary.dataset.action = routine?.goes_on ? "confirm_step" : "start_routine";
    set(primary, words(!routine?.goes_on ? "begin" : routine.state === "hand" ? "step_done" : "step_go_on"));
    skip.hidden = !open || !routine.goes_on || BUSY.includes(routine.state);
    set(skip, words("skip"));
    set(stop, words("stop"));
    stop.classList.toggle("now", Boolean(routine?.goes_on) || !(feed.live || feed.refused));
    this.#speak();
    return left ? Math.max(0.05, (left % 1) + 0.06) : null;
  }

  #next(title, text) {
    const { next } = this.parts;
    if (next.dataset.of === `${title} ${text}` && next.firstChild) return;
    next.dataset.of = `${title} ${text}`;
    next.replaceChildren(...(title ? [`${title}: `] : []), element("b", "", text));
  }

  // Announce steps, not seconds.
  #speak() {
    const text = this.parts.say.textContent;
    if (this.#spoken === text) return;
    if (this.#spoken !== undefined) set(this.parts.said, text);
    this.#spoken = text;
  }

  get #person() {
    return this.feed?.value?.name ? { person: this.feed.value.name } : {};
  }

  async #do(action) {
    await this.call(DOMAIN, action, this.#person);
  }

  // Without a routine to stop, stop everything.
  async #stop() {
    this.#stopWaits = false;
    const goesOn = this.feed?.value?.routine.goes_on && !this.feed.refused;
    const done = await (goesOn ? this.call(DOMAIN, "stop_routine", this.#person) : this.call(DOMAIN, "stop_all", {}));
    if (done === "lost") {
      this.#stopWaits = true;
      this.problem = this.words("stop_waits");
      this.render();
    }
  }
}

define(TAG, FacialTherapyRoutineCard);
offer(TAG, "Facial Therapy: evening", "routine", "person", (hass, entity) => isPerson(hass, entity) && !/fluence|charge|week/.test(entity.translation_key));
