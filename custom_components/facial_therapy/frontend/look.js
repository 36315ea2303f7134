// What the card of a device shows: a pure function of the device and the time, so that each state can be tested by itself.

import { clock, doseText, number, timeOfDay } from "./shared.js";

export const WAIT_MINUTES = 30;
const CAUSES = ["contact", "lease", "client", "output_watchdog"];

export const look = ({ device, now, hass, words, live, answer, stopWaits }) => {
  const at = (moment, options) => timeOfDay(hass, moment, { today: now, ...options });
  const exact = (moment) => at(moment, { seconds: true });
  const view = { tone: "calm", state: "idle", time: "", share: 0, note: "", hint: "", lights: [], facts: [], lease: "", primary: null, choose: false, tick: null };
  if (!device) return { ...view, tone: "off", state: "empty", hint: words("empty") };
  const { modality, session, state } = device;
  const mask = modality === "mask";
  const count = (until, whole) => {
    const left = Math.max(0, until - now);
    Object.assign(view, { time: clock(left), share: whole ? Math.min(1, left / whole) : 0, tick: left > 0 ? left : null });
  };
  // The unit follows only the last number.
  const measured = (lights) => {
    for (const light of lights) light.text = light.level ? number(hass, light.level, 0) : "";
    if (lights.at(-1)?.text) lights.at(-1).text += " mW/cm²";
  };
  const lease = (whole) => {
    if (!device.lease_ends_at) return;
    const over = now >= device.lease_ends_at;
    view.lease = words(over && (state === "lost" || !live) ? "dark" : "lease", { time: exact(device.lease_ends_at) });
    if (whole && !over) count(device.lease_ends_at, whole);
    if (!over) view.tick = Math.min(view.tick ?? Infinity, device.lease_ends_at - now);
  };

  if (state === "unavailable") return { ...view, tone: "off", state, hint: words("unavailable") };
  if (session) {
    const { planned, delivered } = session;
    const levels = session.levels ?? {};
    view.title = session.program;
    view.who = session.person;
    if (mask) {
      view.lights = Object.keys(planned?.fluence_j_cm2 ?? {}).map((channel) => ({ channel, level: levels[channel] ?? 0 }));
      measured(view.lights);
      if (device.temperature_c !== null) view.facts.push([words("temperature"), `${device.temperature_c} °C`]);
    } else {
      const hertz = session.frequency_hz ? ` · ${number(hass, session.frequency_hz, 1)} Hz` : "";
      view.lights = [{ channel: "current", level: session.current_ua ?? 0, text: session.current_ua ? `${number(hass, session.current_ua, 0)} µA${hertz}` : "" }];
      if (session.zone) view.facts.push([words("zone"), session.zone]);
    }
    if (device.worn !== null && device.worn !== undefined) {
      view.facts.push([words("contact_label"), mask ? (device.worn ? words("worn") : words("not_worn")) : device.worn ? words("contact") : words("no_contact")]);
    }
    if (planned) {
      const deliveredText = doseText(hass, delivered, modality).split(" ")[0];
      view.facts.push([words("dose"), words("of", { delivered: deliveredText, planned: doseText(hass, planned, modality) })]);
    }
  }

  if (["waiting", "armed", "lost"].includes(state)) view.facts = [];
  const kept = () => {
    if (session?.left_s !== null && session?.left_s !== undefined) {
      Object.assign(view, { time: clock(session.left_s), share: session.duration_s ? session.left_s / session.duration_s : 0 });
    }
    if (session?.kept_until) view.note = words("kept_until", { time: at(session.kept_until) });
  };

  switch (state) {
    case "waiting":
      Object.assign(view, { tone: "wait", state, hint: words(`switch_on_${modality}`) });
      if (session?.window_ends_at) count(session.window_ends_at, WAIT_MINUTES * 60);
      break;
    case "armed":
      Object.assign(view, { tone: "wait", state, hint: words(`put_on_${modality}`) });
      if (session?.window_ends_at) count(session.window_ends_at, session.window_s ?? 60);
      break;
    case "running":
      Object.assign(view, { tone: "run", state: session?.phase ?? state, primary: "pause" });
      if (session?.ends_at) {
        count(session.ends_at, session.duration_s);
        view.note = words("ends_at", { time: at(session.ends_at) });
      }
      if (session?.phase === "ramping") view.hint = words("rising");
      lease();
      break;
    case "suspended":
      kept();
      Object.assign(view, { tone: "hold", state, primary: "resume", hint: CAUSES.includes(session?.cause) ? words(`cause_${session.cause === "contact" ? `contact_${modality}` : session.cause}`) : "" });
      break;
    case "paused":
      kept();
      Object.assign(view, { tone: "hold", state, primary: "resume" });
      break;
    case "stopping":
      Object.assign(view, { tone: "hold", state, hint: words("stopping") });
      lease(mask ? 10 : 5);
      break;
    case "lost":
      Object.assign(view, { tone: "bad", state, hint: words(`lost_${modality}`) });
      lease(mask ? 10 : 5);
      break;
    case "fault":
      Object.assign(view, { tone: "bad", state, share: 1, title: words("state_fault"), phase: device.fault?.name, hint: device.refusals[0]?.message ?? "", primary: device.entities.confirm ? "confirm" : null });
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
      view.facts = [[words("dose"), doseText(hass, answer.planned, modality)]];
    }
    if (off) Object.assign(view, { tone: "off", state: "off", hint: words(`switch_on_${modality}`), time: "" });
    else if (refusal) {
      Object.assign(view, { tone: "wait", state: "not_ready", hint: refusal.message || words("personal"), blocked: true, time: "", lights: [], facts: [] });
      if (refusal.allowed_at > now) Object.assign(view, { title: words("ready_at"), phase: "", time: at(refusal.allowed_at), tick: refusal.allowed_at - now });
    }
    const { last } = device;
    if (last?.outcome === "uncertain" && last.planned) {
      Object.assign(view, { after: words("uncertain", { planned: doseText(hass, last.planned, modality) }), warn: true });
    } else if (last?.ended_at) {
      view.after = words("last", { program: last.program, outcome: words(`outcome_${last.outcome}`), time: at(last.ended_at) });
    }
  }

  if (!live) {
    Object.assign(view, { tone: "bad", state: "offline", hint: stopWaits ? words("stop_waits") : words("offline"), primary: null, choose: false });
    if (device.lease_ends_at) lease();
  }
  if (!device.may_control) {
    Object.assign(view, { primary: null, choose: false, watch: words("only_look") });
  }
  view.stoppable = !["idle", "fault"].includes(state);
  return view;
};
