"""Every reason to refuse is provoked through the real action, and has its sentence."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest

from custom_components.facial_therapy.const import CONF_ELIGIBILITY, DOMAIN
from custom_components.facial_therapy.core.device import EyeShield
from custom_components.facial_therapy.core.model import Fault, Grade, Modality
from custom_components.facial_therapy.core.person import Hold, Screening, Verdict
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.storage.ledger import LEDGER
from custom_components.facial_therapy.storage.serialize import eligibility_out
from tests.fake_device import MASK, WAND, FakeDevice
from tests.integration.world import PROFILE, World, device_entry, esphome_entry

type Provoke = Callable[[World], Awaitable[dict[str, Any]]]

SMALL: dict[Modality, dict[str, Any]] = {
    Modality.MASK: {"program": "manual", "channels": {"red": 10}, "duration_s": 60},
    Modality.WAND: {"program": "manual", "current_ua": 50, "frequency_hz": 8.3, "duration_s": 60},
}
WAND_ONLY = {Reason.CHARGING}


def asking(**changes: Any) -> Provoke:
    """Ask for something that is wrong by itself."""

    async def provoke(_world: World) -> dict[str, Any]:
        return changes

    return provoke


def the_device(**changes: Any) -> Provoke:
    """Let the device be another one."""

    async def provoke(world: World) -> dict[str, Any]:
        world.device._device = world.device._device.__replace__(**changes)
        return {}

    return provoke


def the_node_says(reason: Reason) -> Provoke:
    """Let the node refuse the start, as only a node can know."""

    async def provoke(world: World) -> dict[str, Any]:
        world.device.refuse = Refusal(reason=reason)
        return {}

    return provoke


def the_person(**changes: Any) -> Provoke:
    """Let the person stand otherwise."""

    async def provoke(world: World) -> dict[str, Any]:
        entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
        eligibility = eligibility_out(world.person.eligibility.__replace__(**changes))
        world.hass.config_entries.async_update_entry(
            entry, data={**entry.data, CONF_ELIGIBILITY: eligibility}
        )
        await world.hass.async_block_till_done()
        return {}

    return provoke


def given(
    days: float = 0, minutes: float = 1, again: dict[str, Any] | None = None, **session: Any
) -> Provoke:
    """Log an external session of the person."""

    async def provoke(world: World) -> dict[str, Any]:
        data: dict[str, Any] = {
            "modality": "mask",
            "channels": {"red": 10},
            "duration_s": 60,
            **session,
        }
        data = {key: value for key, value in data.items() if value is not None}
        started_at = dt_util.utcnow() - timedelta(
            days=days, minutes=minutes, seconds=data["duration_s"]
        )
        await world.hass.services.async_call(
            DOMAIN, "log_session", {**data, "started_at": started_at.isoformat()}, blocking=True
        )
        return again or {}

    return provoke


def screening(
    verdict: Verdict = Verdict.CLEAR, *, days_ago: float = 0
) -> dict[Modality, Screening]:
    """A screening of a while ago."""
    at = dt_util.utcnow() - timedelta(days=days_ago)
    return dict.fromkeys(
        Modality,
        Screening(verdict=verdict, screened_at=at, expires_at=at + timedelta(days=90), blue=True),
    )


async def offline(world: World) -> dict[str, Any]:
    world.device.disconnect()
    return {}


async def unloaded(world: World) -> dict[str, Any]:
    world.entry.mock_state(world.hass, world.esphome.state)
    return {}


async def stale(world: World) -> dict[str, Any]:
    world.freezer.tick(timedelta(seconds=40))
    return {}


async def charging(world: World) -> dict[str, Any]:
    world.device.charging = True
    world.device.report()
    return {}


async def no_temperature(world: World) -> dict[str, Any]:
    world.device.temperature_c = None
    world.device.report()
    return {}


async def hot(world: World) -> dict[str, Any]:
    world.device.heat(40)
    world.device.report()
    return {}


async def faulted(world: World) -> dict[str, Any]:
    world.device.latch(Fault.OUTPUT_WATCHDOG)
    await world.hass.async_block_till_done()
    return {}


async def still_worn(world: World) -> dict[str, Any]:
    await world.coordinator.async_start(world.ask())
    world.device.put_on()
    await world.pass_time(3)
    await world.coordinator.async_stop()
    await world.pass_time(1)
    return {}


async def busy(world: World) -> dict[str, Any]:
    await world.coordinator.async_start(world.ask())
    return {}


async def nobody(world: World) -> dict[str, Any]:
    await world.hass.config_entries.async_remove(world.person.person_id)
    return {}


async def unknown_to_the_node(world: World) -> dict[str, Any]:
    world.device.profiles = []
    world.device.report()
    await world.hass.async_block_till_done()
    return {}


async def brown_out(world: World) -> dict[str, Any]:
    """Let the node boot after its supply has failed."""
    world.device.reboot(brown_out=True)
    await world.hass.async_block_till_done()
    return {}


async def flickering(world: World) -> dict[str, Any]:
    """Put the mask on three times in a few seconds: another start would be flicker."""
    await world.coordinator.async_start(world.ask())
    for _ in range(3):
        world.device.put_on()
        await world.pass_time(1)
        world.device.take_off()
        await world.pass_time(1)
    await world.coordinator.async_stop()
    await world.pass_time(1)
    return {}


async def somebody_before(world: World) -> dict[str, Any]:
    """Let another person have had output just now."""
    eve = await world.somebody_else()
    await world.pass_time(1)
    world.device.strict = True
    await world.run(person=eve)
    world.device.take_off()
    await world.coordinator.async_stop()
    await world.pass_time(1)
    return {}


async def unreadable(world: World) -> dict[str, Any]:
    world.hass.data[LEDGER].unreadable = True
    return {}


async def untrusted_clock(world: World) -> dict[str, Any]:
    world.freezer.move_to("2020-01-01T00:00:00+00:00")
    world.device.report()
    return {}


async def other_session(world: World) -> dict[str, Any]:
    other = await second(world)
    await other.coordinator.async_start(other.ask())
    return {}


async def second(world: World) -> World:
    """A device of the other modality, for the same person."""
    modality = Modality.WAND if world.modality is Modality.MASK else Modality.MASK
    fake, entry, esphome = (
        FakeDevice(WAND if modality is Modality.WAND else MASK),
        device_entry(modality),
        esphome_entry(world.hass, modality),
    )
    fake.profiles = [PROFILE]
    with patch("custom_components.facial_therapy.coordinator.NodeDevice", return_value=fake):
        entry.add_to_hass(world.hass)
        assert await world.hass.config_entries.async_setup(entry.entry_id)
        await world.hass.async_block_till_done()
    return World(world.hass, world.freezer, fake, entry, esphome, modality)


GEL: dict[str, Any] = {"modality": "wand", "current_ua": 50, "duration_s": 60, "minutes": 30}
BLUE: dict[str, Any] = {"channels": {"blue": 5}}
NOW = dt_util.utcnow

PROVOKED: dict[Reason, Callable[[], Provoke]] = {
    Reason.OUT_OF_BOUNDS: lambda: asking(duration_s=10_000),
    Reason.BAD_CHANNEL: lambda: asking(channels={"violet": 1}),
    Reason.WRONG_MODALITY: lambda: asking(current_ua=50),
    Reason.UNKNOWN_PROGRAM: lambda: asking(program="sunburn"),
    Reason.UNKNOWN_PERSON: lambda: asking(person="Nobody"),
    Reason.NO_PERSON: lambda: nobody,
    Reason.NOTHING_SELECTED: lambda: asking(channels={}),
    Reason.NOT_MANUAL: lambda: asking(program="first_use"),
    Reason.DEVICE_OFFLINE: lambda: offline,
    Reason.DEVICE_NOT_LOADED: lambda: unloaded,
    Reason.STALE_TELEMETRY: lambda: stale,
    Reason.EYE_SHIELD_MISSING: lambda: _both(
        the_device(eye_shield=EyeShield.NONE), channels={"near_infrared": 5}
    ),
    Reason.NOT_CALIBRATED: lambda: _both(
        the_device(grade=Grade.NONE), channels={"near_infrared": 5}
    ),
    Reason.CHARGING: lambda: charging,
    Reason.SENSOR_NOT_READY: lambda: no_temperature,
    Reason.STILL_WORN: lambda: still_worn,
    Reason.TOO_HOT: lambda: hot,
    Reason.FAULTED: lambda: faulted,
    Reason.BUSY: lambda: busy,
    Reason.NOT_ENROLLED: lambda: unknown_to_the_node,
    Reason.DOSE_DAY: lambda: given(channels={"red": 40}, duration_s=1200, minutes=60),
    Reason.DOSE_WEEK: lambda: given(days=5, channels={"red": 80}, duration_s=3600),
    Reason.BLUE_WEEK: lambda: _both(given(days=5, channels={"blue": 40}, duration_s=1800), **BLUE),
    Reason.SESSIONS_DAY: lambda: given(minutes=60),
    Reason.SESSIONS_WEEK: lambda: _four_days,
    Reason.REST: lambda: given(minutes=60),
    Reason.REST_BLUE: lambda: _both(given(days=1.5, channels={"blue": 5}), **BLUE),
    Reason.TREATMENT_DAY: lambda: given(channels={"red": 0.1}, duration_s=2000, minutes=60),
    Reason.OTHER_SESSION: lambda: other_session,
    Reason.GAP: lambda: given(modality="wand", channels=None, current_ua=50),
    Reason.GEL_NOT_RINSED: lambda: given(channels=None, **GEL),
    Reason.LEDGER_UNREADABLE: lambda: unreadable,
    Reason.CLOCK_UNTRUSTED: lambda: untrusted_clock,
    Reason.NOT_ADULT: lambda: the_person(adult=False),
    Reason.NOT_SCREENED: lambda: the_person(screenings={}),
    Reason.SCREENING_EXPIRED: lambda: the_person(screenings=screening(days_ago=91)),
    Reason.SCREENING_BLOCKED: lambda: the_person(screenings=screening(Verdict.BLOCKED)),
    Reason.ON_HOLD: lambda: the_person(
        holds={
            Modality.MASK: Hold(
                until=NOW() + timedelta(days=9), hard_until=NOW() + timedelta(days=2)
            )
        }
    ),
    Reason.REDNESS: lambda: the_person(redness_until=NOW() + timedelta(hours=70)),
    Reason.RED_FLAG: lambda: the_person(red_flag_at=NOW()),
    Reason.SKIN_NOT_FINE: lambda: asking(skin_fine=False),
    Reason.SKIN_TYPE: lambda: asking(channels={"blue": 5}),
    # what only the node can know, and tells before anybody asks
    Reason.BROWN_OUT: lambda: brown_out,
    Reason.TOO_SOON: lambda: flickering,
    Reason.PROFILE_GAP: lambda: somebody_before,
    # what it says only when it is asked
    **{
        reason: partial(the_node_says, reason)
        for reason in (
            Reason.STORE_FAILED,
            Reason.NOT_CLIENT,
            Reason.STALE,
            Reason.WRONG_BOOT,
            Reason.BAD_SESSION,
            Reason.WRONG_STATE,
            Reason.BUTTON_NEEDED,
        )
    },
}
BEFORE_A_START = {Reason.BROWN_OUT, Reason.TOO_SOON, Reason.PROFILE_GAP}
"""What only a node knows, and is refused here without asking it."""
PROVOKED_ELSE = {
    Reason.BAD_TIME: "actions/test_history.py",
    Reason.IN_FUTURE: "actions/test_history.py",
    Reason.TOO_LONG_AGO: "actions/test_history.py",
    Reason.BAD_ROUTINE: "routines/test_runner.py: of a routine",
    Reason.NO_NEXT_PHASE: "routines/test_plan_keeper.py: none is due",
    Reason.UNKNOWN_ROUTINE: "flows/test_routine.py: of a routine",
    Reason.NO_PLAN: "routines/test_runner.py: of a routine",
    Reason.NO_RECORD: "../contract/test_contract.py: of a history; a gap refuses nobody",
    Reason.UNSEEN_SESSION: "../contract/test_contract.py: ingested and tried again",
    Reason.WRONG_KEY: "../contract/test_contract.py: of an adoption",
    Reason.LEASE_ALIVE: "../contract/test_contract.py: of an adoption; tried again until it ends",
    Reason.PROFILES_FULL: "session/test_bookkeeping.py: an answer to the button, not to an action",
    Reason.WRONG_CONTRACT: "test_init.py: a problem of the connection, and a repair",
}
"""Reasons that no start is answered with."""


def _both(first: Provoke, **changes: Any) -> Provoke:
    async def provoke(world: World) -> dict[str, Any]:
        return {**await first(world), **changes}

    return provoke


async def _four_days(world: World) -> dict[str, Any]:
    for days in (5, 4, 3, 2):
        await given(days=days, channels={"red": 1})(world)
    return {}


def test_every_reason_is_provoked_or_is_none_of_a_start() -> None:
    assert PROVOKED.keys() | PROVOKED_ELSE.keys() == set(Reason)
    assert not PROVOKED.keys() & PROVOKED_ELSE.keys()
    for reason, where in PROVOKED_ELSE.items():
        text = (Path(__file__).parent / where.partition(":")[0]).read_text()
        assert reason.name in text or f'"{reason.value}"' in text, (reason, where)


@pytest.mark.parametrize(
    ("modality", "reason"),
    [(Modality.WAND if reason in WAND_ONLY else Modality.MASK, reason) for reason in PROVOKED],
    ids=str,
)
async def test_a_start_is_refused_with_the_sentence_of_its_reason(
    world: World, modality: Modality, reason: Reason
) -> None:
    skin = {"skin_type": "ii"} if reason in (Reason.BLUE_WEEK, Reason.REST_BLUE) else {}
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    world.hass.config_entries.async_update_entry(entry, data={**entry.data, **skin})
    changes = await PROVOKED[reason]()(world)
    before = list(world.device.commands)
    request = {"device_id": world.device_id, "person": "Ada", **SMALL[modality], **changes}
    if reason is Reason.NO_PERSON:
        del request["person"]
    answer = await _check(world, request) if reason is not Reason.DEVICE_NOT_LOADED else None
    with pytest.raises((ServiceValidationError, HomeAssistantError)) as refused:
        await world.hass.services.async_call(DOMAIN, "start_session", request, blocking=True)
    message = (
        {refused.value.translation_key} | {each["reason"] for each in answer["reasons"]}
        if answer is not None
        else {refused.value.translation_key}
    )
    assert reason.value in message or reason.shown in message, (reason, message)
    if reason in BEFORE_A_START:
        assert answer is not None
        assert reason.value in {each["reason"] for each in answer["reasons"]}
        assert "start" not in world.device.commands[len(before) :]
    sentence = str(refused.value)
    assert sentence
    assert "{" not in sentence
    assert refused.value.translation_key not in sentence.split()
    if (
        reason not in (Reason.BUSY, Reason.STORE_FAILED)
        and world.device.refuse is None
        and len(world.device.commands) == len(before)
    ):
        assert world.device.session is None


async def _check(world: World, request: dict[str, Any]) -> Any:
    """Ask the same without wanting it: the same answer, every reason, the binding one first."""
    answer: Any = await world.hass.services.async_call(
        DOMAIN, "check_session", request, blocking=True, return_response=True
    )
    times = [each["allowed_at"] for each in answer["reasons"]]
    assert times == [None] * times.count(None) + sorted(
        (at for at in times if at is not None), reverse=True
    )
    return answer


# --- one face, one budget -------------------------------------------------------------------------


async def test_of_a_hundred_starts_at_once_over_two_devices_one_runs_and_the_ledger_holds_one(
    world: World,
) -> None:
    other = await second(world)
    worlds = [world, other] * 50
    results = await asyncio.gather(
        *(
            world.hass.services.async_call(
                DOMAIN,
                "start_session",
                {"device_id": each.device_id, "person": "Ada", **SMALL[each.modality]},
                blocking=True,
            )
            for each in worlds
        ),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, ServiceValidationError)]
    assert len(refused) == 99
    assert {error.translation_key for error in refused} <= {
        "busy",
        "other_session",
        "gap",
        "wrong_state",
    }
    history = world.hass.data[LEDGER].history(world.person.person_id)
    assert len(history.records) == 1
    assert [each.device.session is not None for each in (world, other)].count(True) == 1


async def test_two_people_on_one_mask_share_no_budget_and_a_session_stays_whose_it_was(
    world: World,
) -> None:
    bea = await world.somebody_else("Bea", 4712)
    await world.run()
    await world.coordinator.async_set(
        person_id=bea.person_id
    ) if world.coordinator.live is None else None
    await world.pass_time(60)
    ledger = world.hass.data[LEDGER]
    assert [
        len(ledger.history(person_id).records)
        for person_id in (world.person.person_id, bea.person_id)
    ] == [1, 0]
    world.device.take_off()
    await world.pass_time(1)
    answer = await _check(
        world, {"device_id": world.device_id, "person": "Bea", **SMALL[Modality.MASK]}
    )
    assert answer["allowed"], answer
    refused = await _check(
        world, {"device_id": world.device_id, "person": "Ada", **SMALL[Modality.MASK]}
    )
    assert {each["reason"] for each in refused["reasons"]} >= {"rest", "sessions_day"}


# --- confirmations --------------------------------------------------------------------------------


async def test_the_confirm_button_says_that_the_gel_is_off_where_that_is_missing(
    world: World,
) -> None:
    await given(channels=None, **GEL)(world)
    await world.coordinator.async_set(program="first_use")
    request = {"device_id": world.device_id, "program": "first_use"}
    assert {each["reason"] for each in (await _check(world, request))["reasons"]} == {
        "gel_not_rinsed"
    }
    assert (await _check(world, {**request, "gel_rinsed": True}))["allowed"]
    await world.coordinator.async_confirm()
    assert (await _check(world, request))["allowed"]
    world.freezer.tick(timedelta(minutes=11))
    world.device.report()
    assert {each["reason"] for each in (await _check(world, request))["reasons"]} == {
        "gel_not_rinsed"
    }


async def test_a_skin_that_is_not_fine_today_is_asked_once_and_holds_for_the_day(
    world: World,
) -> None:
    request = {"device_id": world.device_id, **SMALL[Modality.MASK]}
    assert not (await _check(world, {**request, "skin_fine": False}))["allowed"]
    assert (await _check(world, {**request, "skin_fine": True}))[
        "allowed"
    ]  # asking alone changes nothing
    with pytest.raises(ServiceValidationError) as refused:
        await world.hass.services.async_call(
            DOMAIN, "start_session", {**request, "skin_fine": False}, blocking=True
        )
    assert refused.value.translation_key == "skin_not_fine"
    assert [
        each["reason"] for each in (await _check(world, {**request, "skin_fine": True}))["reasons"]
    ] == ["personal"]
