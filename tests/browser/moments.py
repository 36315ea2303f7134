"""Feed the card every moment of a session, on a page without Home Assistant."""

from collections.abc import Mapping
from datetime import date, timedelta
import json
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page, Route

from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.web.card import SCRIPTS

INTEGRATION: Final = Path(__file__).resolve().parents[2] / "custom_components" / "facial_therapy"
CARD: Final = INTEGRATION / "frontend" / "facial-therapy-card.js"
PLACE: Final = "http://cards.test/"
"""Where the page gets its files: from our folder, never from a network."""
NOW: Final = 1_795_550_645.0
"""Tuesday, 24 November, 21:04:05 in Amsterdam."""
LIGHT: Final[Mapping[str, str]] = {
    "primary-text-color": "#141414",
    "secondary-text-color": "#5e5e5e",
    "divider-color": "#e0e0e0",
    "card-background-color": "#ffffff",
    "primary-background-color": "#f5f6f8",
}
DARK: Final[Mapping[str, str]] = {
    "primary-text-color": "#e1e1e1",
    "secondary-text-color": "#9b9b9b",
    "divider-color": "#3a3a3a",
    "card-background-color": "#1c1c1c",
    "primary-background-color": "#111111",
}

WORDS: Final = {
    f"component.facial_therapy.common.{key}": text
    for key, text in json.loads((INTEGRATION / "translations" / "en.json").read_text())[
        "common"
    ].items()
}

type Device = dict[str, Any]

PROGRAMS: Final = {
    "fine_lines": "Fine lines",
    "uneven_tone": "Uneven tone",
    "puffiness": "Puffiness",
    "manual": "Manual",
}
PLANNED: Final = {"fluence_j_cm2": {"red": 16.8, "near_infrared": 16.8}, "charge_ma_min": 0}


def mask(**changes: Any) -> Device:
    """Return a mask that is ready, with changes."""
    return {
        "device_id": "mask",
        "name": "Bathroom mask",
        "modality": "mask",
        "state": "idle",
        "may_control": True,
        "entities": {
            "session": "switch.mask_session",
            "program": "select.mask_program",
            "person": "select.mask_person",
            "confirm": "button.mask_confirm",
        },
        "connected": True,
        "channels": ["red", "near_infrared", "amber"],
        "programs": PROGRAMS,
        "program": "fine_lines",
        "people": ["Ada", "Grace"],
        "person": "Ada",
        "refusals": [],
        "fault": None,
        "lease_ends_at": None,
        "worn": False,
        "temperature_c": 33,
        "charging": False,
        "session": None,
        "last": None,
        **changes,
    }


def session(**changes: Any) -> Device:
    """Return a session of a mask, with changes."""
    return {
        "person": "Ada",
        "program": "Fine lines",
        "duration_s": 600,
        "frequency_hz": None,
        "planned": PLANNED,
        "delivered": {"fluence_j_cm2": {"red": 5.2, "near_infrared": 5.2}, "charge_ma_min": 0},
        "ends_at": None,
        "window_ends_at": None,
        "window_s": 60,
        "levels": {},
        "current_ua": 0,
        **changes,
    }


RUNNING: Final = session(
    phase="running", ends_at=NOW + 412, levels={"red": 28, "near_infrared": 28}
)
RAMPING: Final = {
    **RUNNING,
    "phase": "ramping",
    "ends_at": NOW + 598,
    "levels": {"red": 11, "near_infrared": 11},
}
ENDED: Final = {
    "person": "Ada",
    "program": "Fine lines",
    "planned": PLANNED,
    "delivered": PLANNED,
    "outcome": "completed",
    "ended_at": NOW - 90_000,
}
FAULTED: Final = {
    "reason": "faulted",
    "message": "The device has stopped for safety: Too hot. Fix the cause, then press Confirm.",
    "allowed_at": None,
}
REST: Final = {
    "reason": "rest",
    "message": "The skin still rests from the last session. Possible from Wednesday 19:04.",
    "allowed_at": NOW + 79_200,
}
CHARGING: Final = {
    "reason": "charging",
    "message": "The device is charging. Unplug it first.",
    "allowed_at": None,
}
MOMENTS: Final[Mapping[str, Device | None]] = {
    "ready": mask(last=ENDED),
    "not ready": mask(refusals=[REST], last={**ENDED, "ended_at": NOW - 7200}),
    "refused": mask(refusals=[CHARGING], charging=True, last=ENDED),
    "waiting": mask(
        state="waiting",
        connected=False,
        session=session(planned=None, duration_s=None, window_ends_at=NOW + 1320),
    ),
    "armed": mask(state="armed", session=session(window_ends_at=NOW + 47)),
    "ramping": mask(
        state="running",
        worn=True,
        lease_ends_at=NOW + 9,
        session={
            **RUNNING,
            "phase": "ramping",
            "ends_at": NOW + 598,
            "levels": {"red": 11, "near_infrared": 11},
        },
    ),
    "running": mask(
        state="running", worn=True, temperature_c=36, lease_ends_at=NOW + 9, session=RUNNING
    ),
    "suspended": mask(
        state="suspended",
        temperature_c=35,
        session=session(phase=None, left_s=301, kept_until=NOW + 580, cause="contact"),
    ),
    "paused": mask(
        state="paused",
        worn=True,
        temperature_c=35,
        session=session(phase=None, left_s=301, kept_until=NOW + 580, cause="person"),
    ),
    "stopping": mask(
        state="stopping", worn=True, temperature_c=36, lease_ends_at=NOW + 7, session=session()
    ),
    "lost": mask(
        state="lost",
        connected=False,
        worn=None,
        temperature_c=None,
        lease_ends_at=NOW + 8,
        session=session(),
    ),
    "fault": mask(
        state="fault",
        fault={"fault": "over_temperature", "name": "Too hot"},
        refusals=[FAULTED],
        temperature_c=41,
    ),
    "uncertain": mask(last={**ENDED, "outcome": "uncertain", "ended_at": NOW - 600}),
    "off": mask(
        connected=False,
        worn=None,
        temperature_c=None,
        refusals=[
            {"reason": "device_offline", "message": "The device is off.", "allowed_at": None}
        ],
    ),
    "unavailable": {
        "device_id": "mask",
        "name": "Bathroom mask",
        "modality": "mask",
        "state": "unavailable",
        "may_control": True,
        "entities": {},
    },
    "empty": None,
    "wand": mask(
        device_id="wand",
        name="Wand",
        modality="wand",
        state="running",
        channels=[],
        worn=True,
        lease_ends_at=NOW + 4,
        session={
            **RUNNING,
            "ends_at": NOW + 187,
            "duration_s": 300,
            "levels": {},
            "current_ua": 200,
            "frequency_hz": 8.3,
            "zone": 2,
            "planned": {"fluence_j_cm2": {}, "charge_ma_min": 0.98},
            "delivered": {"fluence_j_cm2": {}, "charge_ma_min": 0.37},
        },
    ),
    "read only": mask(
        state="running", may_control=False, worn=True, lease_ends_at=NOW + 9, session=RUNNING
    ),
}
"""Every state of the session sensor, and what else a card can look like."""
assert {moment["state"] for moment in MOMENTS.values() if moment} >= set(SessionState)

_DAYS: Final = [f"2026-11-{day}" for day in range(23, 30)]
_TODAY: Final = 1
_DELIVERED: Final = {
    0: {"red": 16.8, "near_infrared": 16.8},
    _TODAY: {"red": 12.0, "near_infrared": 12.0, "amber": 4.0},
}
_WEEKS: Final = [
    *(
        ({"red": red, "near_infrared": 0.9 * red}, 0.1 * red)
        for red in (0, 8.4, 16.8, 33.6, 25.2, 33.6, 0, 50.4, 50.4, 33.6, 42.0)
    ),
    ({"red": 28.8, "near_infrared": 28.8, "amber": 4.0}, 0.81),
]
WEEK: Final[Device] = {
    "days": [
        {
            "day": day,
            "today": index == _TODAY,
            "left": [{"modality": "mask", "kind": "planned"}]
            if index in (3, 5)
            else [{"modality": "wand", "kind": "skipped"}]
            if index == 2
            else [],
            "fluence_j_cm2": _DELIVERED.get(index, {}),
            "charge_ma_min": 0.81 if index == 0 else 0,
        }
        for index, day in enumerate(_DAYS)
    ],
    "weeks": [
        {
            "week": (date(2026, 9, 7) + timedelta(weeks=index)).isoformat(),
            "fluence_j_cm2": light,
            "charge_ma_min": charge,
        }
        for index, (light, charge) in enumerate(_WEEKS)
    ],
    "meters": {
        "light_day": {"used": 33.6, "most": 50, "unit": "J/cm²"},
        "light_week": {"used": 73.9, "most": 200, "unit": "J/cm²"},
        "charge_day": {"used": 0.97, "most": 1.5, "unit": "mA·min"},
        "sessions_mask": {"used": 2, "most": 4, "unit": "1"},
        "sessions_wand": {"used": 1, "most": 2, "unit": "1"},
    },
    "sessions": [
        {
            "at": NOW - ago,
            "modality": modality,
            "program": program,
            "outcome": "completed",
            "planned": planned,
            "at_least": {"fluence_j_cm2": {"red": least}, "charge_ma_min": least},
            "at_most": {"fluence_j_cm2": {"red": most}, "charge_ma_min": most},
        }
        for ago, modality, program, planned, least, most in (
            (
                600,
                "mask",
                "Uneven tone",
                {"fluence_j_cm2": {"red": 33.6}, "charge_ma_min": 0},
                12,
                28,
            ),
            (86_400, "mask", "Fine lines", PLANNED, 33.6, 33.6),
            (
                87_000,
                "wand",
                "Fine lines",
                {"fluence_j_cm2": {}, "charge_ma_min": 0.98},
                0.81,
                0.81,
            ),
        )
    ],
    "done": 2,
    "goal": 4,
    "streak": 3,
}
NO_WEEK: Final[Device] = {
    **WEEK,
    "days": [{**day, "left": [], "fluence_j_cm2": {}, "charge_ma_min": 0} for day in WEEK["days"]],
    "weeks": [{**week, "fluence_j_cm2": {}, "charge_ma_min": 0} for week in WEEK["weeks"]],
    "meters": {key: {**meter, "used": 0} for key, meter in WEEK["meters"].items()},
    "sessions": [],
    "goal": 0,
}
_ACTS: Final = ("cleanse", "gel", "wand", "rinse", "mask", "serum")


def routine(state: str | None, index: int, say: str, **changes: Any) -> Device:
    """Return a person in a step of their routine, with changes."""
    steps = [
        {
            "act": act,
            "result": "skipped" if at == 1 else "done" if at < index else None,
            "now": at == index,
            "duration_s": 60,
        }
        for at, act in enumerate(_ACTS)
    ]
    goes_on = state not in (None, "over")
    routine = {"state": state, "goes_on": goes_on, "due": False, "say": say}
    shown = {
        **routine,
        "until": None,
        "steps": steps if state else [],
        "ends_at": NOW + 1500,
        "next_at": None,
    }
    return {"name": "Ada", "week": WEEK, "routine": {**shown, **changes}}


NOBODY: Final[Device] = {"refused": "not_found"}
PRIVATE: Final[Device] = {"refused": "unauthorized"}
WEEKS: Final[Mapping[str, Device]] = {
    "week": routine(None, 0, ""),
    "empty week": {**routine(None, 0, ""), "week": NO_WEEK},
    "nobody": NOBODY,
    "private": PRIVATE,
}
ROUTINES: Final[Mapping[str, Device]] = {
    "due": routine(None, 0, "", due=True),
    "not due": routine(None, 0, "", next_at=NOW + 172_555),
    "no plan": {**routine(None, 0, ""), "week": {**WEEK, "goal": 0}},
    "by hand": routine("hand", 0, "Cleanse your face"),
    "to put on": routine("armed", 4, "Put the mask on, and close your eyes", until=NOW + 47),
    "running": routine("running", 2, "Cheeks", until=NOW + 187),
    "gap": routine("gap", 4, "Let your skin rest a few minutes", until=NOW + 240),
    "held": routine("held", 4, "The mask waits: put it on and confirm"),
    "last": routine("hand", 5, "Put on your serum"),
    "over": routine("over", 6, "Done for tonight", next_at=NOW + 172_555),
    "nobody": NOBODY,
    "private": PRIVATE,
}
CARDS: Final[Mapping[str, Mapping[str, Device]]] = {
    "facial-therapy-week-card": WEEKS,
    "facial-therapy-routine-card": ROUTINES,
}

ALLOWED: Final = {
    "allowed": True,
    "refusals": [],
    "duration_s": 600,
    "planned": PLANNED,
    "levels": {"red": 28, "near_infrared": 28},
    "current_ua": None,
}

# A home that only tells, and a card around ours as Home Assistant has it: what the card asks for
# and calls is kept in `calls`.
_HOME: Final = """
window.calls = [];
customElements.define("ha-card", class extends HTMLElement {
    constructor() {
        super();
        const style = "background: var(--card-background-color); border-radius: 12px;"
          + "border: 1px solid var(--divider-color); box-sizing: border-box;";
        this.attachShadow({mode: "open"}).innerHTML =
          `<style>:host { ${style} }</style><slot></slot>`;
    }
});
window.home = (device, {
  language = "en", dark = false, answer = null, fail = null, now, rtl = false, words = window.words,
} = {}) => {
    const heard = {ready: [], disconnected: []};
    let feed = () => {};
    const connection = {
        addEventListener: (name, listener) => heard[name].push(listener),
        removeEventListener: (name, listener) =>
          heard[name].splice(heard[name].indexOf(listener), 1),
        subscribeMessage: async (listener, message) => {
            calls.push(message);
            feed = listener;
            if (device?.refused) throw {code: device.refused};
            listener(message.type.endsWith("person")
              ? {now, person: device} : {now, devices: device ? {entry: device} : {}});
            return async () => { feed = () => {}; };
        },
        sendMessagePromise: async message => {
            calls.push(message);
            return answer ?? {
              allowed: !(device?.refusals?.length), refusals: device?.refusals ?? [], ...allowed};
        },
    };
    const hass = {
        connection,
        locale: {language, time_format: "24", time_zone: "local"},
        config: {time_zone: "Europe/Amsterdam"},
        themes: {darkMode: dark},
        translationMetadata: {translations: {[language]: {isRTL: rtl}}},
        entities: {},
        callService: async (...call) => { calls.push(call); if (fail) throw fail; },
        loadBackendTranslation: async category => (key, values) =>
            category === "common"
              ? (words[key] ?? "").replace(/\\{(\\w+)\\}/g, (_, name) => values?.[name] ?? "") : "",
    };
    return {hass, feed: event => feed(event),
      fire: name => heard[name].forEach(listener => listener())};
};
window.show = (into, device, options, config = {}, tag = "facial-therapy-card") => {
    const home = window.home(device, options);
    const card = document.createElement(tag);
    card.setConfig({type: `custom:${tag}`, ...config});
    into.append(card);
    card.hass = home.hass;
    return {card, ...home};
};
"""


def _theme(colors: Mapping[str, str]) -> str:
    return "".join(f"--{name}: {value};" for name, value in colors.items())


async def open_page(page: Page, *, dark: bool = False) -> None:
    """Open an empty page in a theme, with the card and a home that can be shown in it."""
    style = f"""
        html {{ {_theme(DARK if dark else LIGHT)}
          background: var(--primary-background-color);
          font-family: "Noto Sans", Roboto, sans-serif; }}
        body {{ margin: 0; padding: 16px; }}
        main {{ display: grid; gap: 16px; align-items: stretch;
          grid-template-columns: repeat(var(--columns, 1), minmax(0, var(--width, 400px))); }}
    """
    await serve(
        page,
        f"<!doctype html><html lang=en><head><title>Card</title><style>{style}</style></head>"
        "<body><main></main></body></html>",
    )
    await page.evaluate(
        f"window.allowed = {json.dumps(ALLOWED)}; window.words = {json.dumps(WORDS)}"
    )
    await page.add_script_tag(content=_HOME)
    for script in SCRIPTS:
        await page.add_script_tag(url=f"{PLACE}{script}", type="module")
    for tag in (CARD.stem, *CARDS):
        await page.wait_for_function("tag => Boolean(customElements.get(tag))", arg=tag)


async def serve(page: Page, html: str) -> None:
    """Open a page of our own beside our files."""

    async def answer(route: Route) -> None:
        file = CARD.parent / route.request.url.removeprefix(PLACE)
        await (
            route.fulfill(path=file, content_type="text/javascript")
            if file.is_file()
            else route.fulfill(body=html, content_type="text/html")
        )

    await page.route(f"{PLACE}**", answer)
    await page.goto(PLACE)


async def show(page: Page, device: Device | None, **options: Any) -> None:
    """Show one card more; the page has it as `shown`."""
    config, tag = options.pop("config", {}), options.pop("tag", "facial-therapy-card")
    if german := options.pop("german", None):
        options["words"] = {
            **WORDS,
            **{f"component.facial_therapy.common.card_{key}": text for key, text in german.items()},
        }
    show = (
        "([device, options, config, tag]) => {"
        " window.shown = show(document.querySelector('main'), device, options, config, tag); }"
    )
    await page.evaluate(show, [device, {"now": NOW, **options}, config, tag])


async def feed(page: Page, now: float = NOW, **changes: Any) -> None:
    """Tell the newest card what has changed of its device."""
    await page.evaluate("event => shown.feed(event)", {"now": now, "devices": {"entry": changes}})


async def calls(page: Page) -> list[Any]:
    """Return what the cards have asked for and called."""
    found: list[Any] = await page.evaluate("calls")
    return found
