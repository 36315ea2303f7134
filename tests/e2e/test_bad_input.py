"""Wrong numbers, words and targets over the real API are refused by field and bound."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tests.real import flows
from tests.real.household import Household, Station
from tests.real.messages import CallError, Messages
from tests.real.session import MANUAL, PERSON, read_ledger, wait_ready
from tests.real.trial import put_on
from tests.real.watch import now_ns

# JSON has no word for NaN and infinity: they come as text, which is also how a template writes
# them.
NO_NUMBERS = ["nan", "inf", "-inf", "much", "", None, True, [1], 0, -1, 2**31]
# By modality and field: the bounds for this person and device, and one step past each.
BOUNDS: dict[str, dict[str, tuple[str, str, str, list[float]]]] = {
    "mask": {
        "duration_s": ("1", "600", " s", [0.5, 601]),
        "channels.red": ("0.001", "14.583", " mW/cm²", [0.0009, 14.584]),
        "window_s": ("1", "1800", " s", [0.5, 1801]),
        "wait": ("1", "86400", " s", [0.5, 86_401]),
    },
    "wand": {
        "duration_s": ("1", "300", " s", [0.5, 301]),
        "current_ua": ("1", "250", " µA", [0.5, 251]),
        "frequency_hz": ("1", "30", " Hz", [0.5, 30.1]),
        "window_s": ("1", "300", " s", [0.5, 301]),
        "wait": ("1", "86400", " s", [0.5, 86_401]),
    },
}


def _request(station: Station, **changes: Any) -> dict[str, Any]:
    """Return a request that is right but for its changes."""
    return {
        "device_id": station.device_id,
        "person": PERSON[station.modality],
        **MANUAL[station.modality],
        **changes,
    }


async def _refused(messages: Messages, data: dict[str, Any]) -> CallError:
    """Ask for a session that has to be refused, in words."""
    with pytest.raises(CallError) as refused:
        await messages.act("facial_therapy.start_session", data)
    return refused.value


async def _nothing_happened(
    household: Household, messages: Messages, since_ns: int, sessions: int
) -> None:
    """Insist that no session began in Home Assistant, in the ledger, on the node or at the skin."""
    for station in household.stations.values():
        await put_on(station, on=True)
        await household.wait_session(messages, station, "idle")
        async with station.client() as client:
            assert (await client.telemetry())["session"] == "-"
        assert (await household.witness.above(station.node.name, since_ns)).longest_s == 0
        await put_on(station, on=False)
    assert len(read_ledger(household)) == sessions


async def test_every_number_that_is_none_or_out_of_its_bound_is_refused_with_field_and_bound(
    shared: Household, messages: Messages, say: Callable[[str], None]
) -> None:
    """Try text, NaN, infinity, zero, negative, huge and just past each bound, for every number."""
    since_ns, sessions, asked = now_ns(), len(read_ledger(shared)), 0
    for modality, fields in BOUNDS.items():
        station = shared.stations[modality]
        for field, (minimum, maximum, unit, past) in fields.items():
            for value in [*NO_NUMBERS, *past]:
                wrong = {"channels": {"red": value}} if field == "channels.red" else {field: value}
                error = await _refused(messages, _request(station, **wrong))
                said = error.placeholders
                assert error.translation_key == "out_of_bounds", (modality, field, value, error)
                assert (said["field"], said["minimum"], said["maximum"], said["unit"]) == (
                    field,
                    minimum,
                    maximum,
                    unit,
                ), (modality, field, value)
                assert error.message.endswith(
                    f"{field} has to be from {minimum} to {maximum}{unit}"
                )
                asked += 1
    await _nothing_happened(shared, messages, since_ns, sessions)
    say(f"{asked} bad numbers refused, each with its field and bound")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_a_number_that_json_does_not_have_does_not_even_get_in(
    shared: Household, messages: Messages, word: str
) -> None:
    """Home Assistant's own door refuses it, or what comes through is in no bound."""
    since_ns, sessions = now_ns(), len(read_ledger(shared))
    station = shared.mask
    body = (
        f'{{"device_id": "{station.device_id}", "person": "Ada", "program": "manual",'
        f' "duration_s": {word}, "channels": {{"red": 14}}}}'
    )
    headers = {
        "Authorization": f"Bearer {await shared.home.token()}",
        "Content-Type": "application/json",
    }
    async with (
        aiohttp.ClientSession(shared.home.url, headers=headers) as session,
        session.post("/api/services/facial_therapy/start_session", data=body) as response,
    ):
        assert response.status == 400
    await _nothing_happened(shared, messages, since_ns, sessions)


async def test_words_and_targets_that_do_not_fit_are_refused_by_name(
    shared: Household, messages: Messages
) -> None:
    """An unknown program, person, channel or device, and a device of another integration."""
    since_ns, sessions = now_ns(), len(read_ledger(shared))
    mask = shared.mask
    devices = await messages.call("config/device_registry/list")
    stranger = next(
        device["id"]
        for device in devices
        if device["id"] not in {station.device_id for station in shared.stations.values()}
    )
    error = await _refused(
        messages, {"device_id": mask.device_id, "person": "Ada", "program": "glow"}
    )
    assert (error.translation_key, error.placeholders["field"], error.placeholders["detail"]) == (
        "unknown_program",
        "program",
        "glow",
    )
    for changes, key, named in (
        ({"person": "Nobody"}, "unknown_person", {"field": "person", "detail": "Nobody"}),
        ({"channels": {"green": 5}}, "bad_channel", {"field": "channels.green", "detail": "green"}),
        ({"channels": {}}, "nothing_selected", {"field": "channels"}),
        ({"current_ua": 50}, "wrong_modality", {"field": "current_ua"}),
        ({"device_id": "nothing"}, "unknown_device", {"device": "nothing"}),
        ({"device_id": stranger}, "foreign_device", {"device": stranger}),
        ({"device_id": [mask.device_id, shared.wand.device_id]}, "one_target", {}),
    ):
        error = await _refused(messages, _request(mask, **changes))
        assert error.translation_key == key, (changes, error)
        assert error.placeholders == {**error.placeholders, **named}
    error = await _refused(
        messages, {"entity_id": "light.nothing", "program": "first_use", "person": "Ada"}
    )
    assert (error.translation_key, error.placeholders["entity"]) == (
        "unknown_entity",
        "light.nothing",
    )
    await _nothing_happened(shared, messages, since_ns, sessions)


async def test_an_entry_that_is_not_loaded_is_refused_by_name(
    shared: Household, messages: Messages
) -> None:
    """Disabled by a person, and asked for all the same."""
    since_ns, sessions = now_ns(), len(read_ledger(shared))
    station = shared.mask
    entry = next(
        entry
        for entry in await flows.entries(messages, "facial_therapy")
        if entry["title"] == station.info.friendly_name
    )
    await messages.call("config_entries/disable", entry_id=entry["entry_id"], disabled_by="user")
    try:
        error = await _refused(messages, _request(station))
        assert error.translation_key == "device_not_loaded"
        assert error.placeholders["detail"] == entry["title"]
    finally:
        await messages.call("config_entries/disable", entry_id=entry["entry_id"], disabled_by=None)
    await wait_ready(shared, messages, station)
    await _nothing_happened(shared, messages, since_ns, sessions)


async def test_a_node_that_is_off_is_refused_in_words(
    shared: Household, messages: Messages
) -> None:
    """A wand is off 23 hours a day."""
    since_ns, sessions = now_ns(), len(read_ledger(shared))
    station = shared.wand
    ready = await shared.entity(messages, station, "ready", "binary_sensor")
    station.link.down()
    try:
        await messages.wait_state(ready, lambda state: state["state"] == "off")
        error = await _refused(messages, _request(station))
        assert error.translation_key == "device_offline"
        assert error.message.endswith(
            "The device is off or out of reach. Switch it on and try again"
        )
    finally:
        station.link.up()
    await wait_ready(shared, messages, station)
    await _nothing_happened(shared, messages, since_ns, sessions)
