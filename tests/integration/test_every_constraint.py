"""Every constraint of the gate is needed by the real action: without it, a reason is missing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
import json
from types import MappingProxyType
from typing import Any, Final

import pytest

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.device import EyeShield
from custom_components.facial_therapy.core.gate import permit
from custom_components.facial_therapy.core.model import Grade, Modality
from custom_components.facial_therapy.core.person import Hold, Verdict
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.core import NOW as THEN, counters
from tests.core.gate.test_budget import CASES
from tests.integration import test_reasons as provoke
from tests.integration.test_reasons import NOW, SMALL, Provoke, asking, the_person
from tests.integration.world import MACS, World


def light(duration_s: float = 60, **channels: float) -> Provoke:
    """Ask for light, in mW/cm²."""
    return asking(channels=channels, duration_s=duration_s)


def current(duration_s: float = 60, **changes: Any) -> Provoke:
    """Ask for current."""
    return asking(duration_s=duration_s, **changes)


def both(first: Provoke, **changes: Any) -> Provoke:
    """Do something first, and ask for something else."""
    return provoke._both(first, **changes)


def device(provoked: Provoke, **changes: Any) -> Provoke:
    """Ask another device."""

    async def prepare(world: World) -> dict[str, Any]:
        await provoke.the_device(**changes)(world)
        world.device.disconnect()
        await world.pass_time(1)
        world.device.connect()
        await world.pass_time(1)
        return await provoked(world)

    return prepare


def counted(provoked: Provoke, **changes: Any) -> Provoke:
    """Let the node count something for the person."""

    async def prepare(world: World) -> dict[str, Any]:
        world.coordinator.engine.counted({world.person.profile: counters(**changes)})
        return await provoked(world)

    return prepare


async def full_disk(world: World) -> dict[str, Any]:
    world.hass.data[LEDGER].failure = "No space left on device"
    return {}


async def not_known(world: World) -> dict[str, Any]:
    world.coordinator.engine.counted({})
    return {}


MASK_CASES: Final[dict[str, Callable[[], Provoke]]] = {
    "modality": lambda: asking(current_ua=50),
    "selection": lambda: asking(channels={}),
    "channels": lambda: light(violet=1),
    "duration": lambda: light(red=1, duration_s=1201),
    "irradiance": lambda: light(red=81),
    "window": lambda: asking(window_s=1801),
    "calibration": lambda: device(light(amber=1), grade=Grade.NONE),
    "eye_shield": lambda: device(light(near_infrared=1), eye_shield=EyeShield.NONE),
    "skin": lambda: both(skin("v"), channels={"blue": 1}),
    "total_irradiance": lambda: light(red=29.1, near_infrared=29.1, amber=16.6),
    "exposure_ratio": lambda: light(red=16.68, blue=16.666, amber=16.666),
    "fluence": lambda: light(amber=16, duration_s=1200),
    "fluence_session": lambda: light(red=27, near_infrared=27, amber=1, duration_s=1200),
    "adult": lambda: the_person(adult=False),
    "screened": lambda: the_person(screenings={}),
    "unexpired": lambda: the_person(screenings=provoke.screening(days_ago=91)),
    "fit": lambda: the_person(screenings=provoke.screening(Verdict.BLOCKED)),
    "on_hold": lambda: the_person(
        holds={
            Modality.MASK: Hold(
                until=NOW() + timedelta(days=9), hard_until=NOW() + timedelta(days=2)
            )
        }
    ),
    "redness": lambda: the_person(redness_until=NOW() + timedelta(hours=70)),
    "red_flag": lambda: the_person(red_flag_at=NOW()),
    "skin_fine": lambda: the_person(not_fine_until=NOW() + timedelta(hours=1)),
    "online": lambda: provoke.offline,
    "fresh": lambda: provoke.stale,
    "sound": lambda: provoke.faulted,
    "free": lambda: provoke.busy,
    "cool": lambda: provoke.hot,
    "taken_off": lambda: provoke.still_worn,
    "enrolled": lambda: not_known,
    "ledger_readable": lambda: provoke.unreadable,
    "ledger_writable": lambda: full_disk,
    "node_refuses": lambda: provoke.brown_out,
    "profile_refuses": lambda: counted(asking(), refuses=(Refusal(reason=Reason.TOO_SOON),)),
    "node_rest": lambda: counted(asking(), rest_s=600),
    "node_rest_blue": lambda: counted(light(blue=1), rest_blue_s=600),
    "other_session": lambda: provoke.other_session,
    "clock_untrusted": lambda: provoke.untrusted_clock,
}
WAND_CASES: Final[dict[str, Callable[[], Provoke]]] = {
    "peak_current": lambda: current(current_ua=501),
    "frequency": lambda: current(frequency_hz=301),
    "charge": lambda: current(current_ua=200, duration_s=900),
    "half_period_charge": lambda: current(current_ua=251, frequency_hz=1),
    "unplugged": lambda: provoke.charging,
}


def skin(skin_type: str) -> Provoke:
    """Give the person another skin type."""

    async def prepare(world: World) -> dict[str, Any]:
        entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
        world.hass.config_entries.async_update_entry(
            entry, data={**entry.data, "skin_type": skin_type}
        )
        await world.hass.async_block_till_done()
        return {}

    return prepare


BUDGET: Final = {case[0]: case[1] for case in reversed(CASES)}
LARGE: Final[dict[str, dict[str, Any]]] = {
    "fluence": {"channels": {"red": 30}, "duration_s": 600},
    "charge": {"current_ua": 250, "duration_s": 300},
    "blue": {"channels": {"blue": 15}, "duration_s": 600},
    "rest_blue": {"channels": {"blue": 5}},
    "treatment": {"duration_s": 600},
}
"""Requests that have no room beside the recorded doses."""


def recorded(name: str) -> Provoke:
    """Write the sessions of a case of the core's tests into the ledger, and ask for more."""
    about = BUDGET[name]

    async def prepare(world: World) -> dict[str, Any]:
        shift = NOW() - THEN
        for number, record in enumerate(about.situation.history.records):
            assert record.ended_at is not None
            await world.hass.data[LEDGER].async_open(
                world.hass,
                replace(
                    record,
                    session_id=f"{number + 1:016x}",
                    mac=MACS[record.modality],
                    person_id=world.person.person_id,
                    started_at=record.started_at + shift,
                    ended_at=record.ended_at + shift,
                ),
            )
        await world.hass.async_block_till_done()
        return LARGE.get(name) or LARGE.get(name.partition("_")[0], {})

    return prepare


PROVOKED: Final[Mapping[str, tuple[Modality, Callable[[], Provoke]]]] = {
    **{name: (Modality.MASK, case) for name, case in MASK_CASES.items()},
    **{name: (Modality.WAND, case) for name, case in WAND_CASES.items()},
    **{
        name: (about.situation.device.modality, partial(recorded, name))
        for name, about in BUDGET.items()
    },
}
NOT_OF_A_START: Final = {"same_person": "of an adoption: session/test_restart.py"}


def test_every_constraint_is_removed_once() -> None:
    assert PROVOKED.keys() | NOT_OF_A_START.keys() == permit.CONSTRAINTS.keys()


@pytest.mark.parametrize(
    ("name", "modality"), [(name, modality) for name, (modality, _) in PROVOKED.items()], ids=str
)
async def test_without_a_constraint_the_action_has_a_reason_less(
    world: World, name: str, modality: Modality, monkeypatch: pytest.MonkeyPatch
) -> None:
    await skin("ii")(world)
    changes = await PROVOKED[name][1]()(world)
    request = {"device_id": world.device_id, "person": "Ada", **SMALL[modality], **changes}

    async def answer() -> list[str]:
        found: Any = await world.hass.services.async_call(
            DOMAIN, "check_session", request, blocking=True, return_response=True
        )
        return [json.dumps(each, default=str) for each in found["reasons"]]

    before = await answer()
    kept = {each: rule for each, rule in permit.CONSTRAINTS.items() if each != name}
    monkeypatch.setattr(permit, "CONSTRAINTS", MappingProxyType(kept))
    after = await answer()
    assert len(after) < len(before), before
    assert set(after) <= set(before)
