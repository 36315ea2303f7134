"""The encryption key is ESPHome's: we read it at every connect, and a change stops nothing."""

import asyncio
from typing import Any

from tests.real import flows
from tests.real.household import DOMAIN, Household, Station
from tests.real.messages import Messages
from tests.real.noise import new_key
from tests.real.session import begin, wait_ready
from tests.real.watch import now_ns


async def _entry(messages: Messages, domain: str, station: Station) -> str:
    """Return the id of the config entry that an integration has for a node."""
    entry_id: str = next(
        entry["entry_id"]
        for entry in await flows.entries(messages, domain)
        if entry["title"] == station.info.friendly_name
    )
    return entry_id


async def _wait_channel(
    household: Household,
    messages: Messages,
    station: Station,
    *,
    problem: str | None,
    timeout_s: float = 30,
) -> None:
    """Wait until our channel is open, or has found a problem: it tells in the diagnostics."""
    entry_id = await _entry(messages, DOMAIN, station)
    async with asyncio.timeout(timeout_s):
        while True:
            found: dict[str, Any] = (
                await household.home.request("GET", f"/api/diagnostics/config_entry/{entry_id}")
            )["data"]
            if found["problem"] == problem and found["connected"] is (problem is None):
                return
            # Diagnostics are asked for, they do not announce themselves.
            await asyncio.sleep(0.2)


async def _give_key(household: Household, messages: Messages, station: Station) -> None:
    """Wait until ESPHome asks for the key, try a wrong one, then give the node's."""
    asked = await flows.wait_discovered(
        messages,
        "esphome",
        lambda flow: (
            flow["context"]["source"] == "reauth" and flow["context"]["unique_id"] == station.mac
        ),
    )
    step = flows.expect(
        await flows.current(household.home, asked["flow_id"]), "form", "reauth_confirm"
    )
    step = flows.expect(
        await flows.submit(household.home, step, {"noise_psk": new_key()}), "form", "reauth_confirm"
    )
    assert step["errors"] == {"base": "invalid_psk"}
    assert (
        flows.expect(await flows.submit(household.home, step, {"noise_psk": station.key}), "abort")[
            "reason"
        ]
        == "reauth_successful"
    )


async def test_right_key_opens_our_channel_beside_the_one_of_esphome(
    household: Household, messages: Messages
) -> None:
    """Two encrypted connections to the node, both with the key of the ESPHome entry."""
    station = household.mask
    await _wait_channel(household, messages, station, problem=None)
    assert station.responder.accepted == 2
    assert station.responder.rejected == 0
    assert station.link.connections == 2
    await begin(household, messages, station)
    stopped_ns = now_ns()
    await messages.act("facial_therapy.stop_session", device_id=station.device_id)
    await household.witness.wait_dark(station.node.name, stopped_ns)


async def test_wrong_key_is_reported_by_us_and_asked_for_by_esphome(
    household: Household, messages: Messages
) -> None:
    """The node has a new key: our channel reports it, and Home Assistant's own flow updates it."""
    station = household.wand
    station.responder.change_key(new_key())
    await _wait_channel(household, messages, station, problem="invalid_auth")
    ready = await household.entity(messages, station, "ready", "binary_sensor")
    assert (await messages.states())[ready]["state"] == "off"
    accepted = station.responder.accepted
    await _give_key(household, messages, station)
    await _wait_channel(household, messages, station, problem=None)
    assert station.responder.accepted >= accepted + 2
    await wait_ready(household, messages, station)
    await begin(household, messages, station)
    stopped_ns = now_ns()
    await messages.act("facial_therapy.stop_session", device_id=station.device_id)
    await household.witness.wait_dark(station.node.name, stopped_ns)


async def test_key_changed_in_esphome_during_a_session_counts_from_the_next_connection(
    household: Household, messages: Messages
) -> None:
    """Output goes on while ESPHome's entry gets the new key; our next connection uses it."""
    station = household.mask
    flowing_ns = await begin(household, messages, station)
    # Who is connected stays connected; who connects from now on needs the new key.
    station.responder.key = new_key()
    esphome = await _entry(messages, "esphome", station)
    await household.home.request("POST", f"/api/config/config_entries/entry/{esphome}/reload")
    await _give_key(household, messages, station)
    # Our own connection carries the renewals: more of them than one lease needs.
    async with station.direct() as direct:
        flowed_ms = int((await direct.line("Telemetry"))["output_ms"])
        values = await direct.line(
            "Telemetry", lambda values: int(values["output_ms"]) >= flowed_ms + 11_000, timeout_s=30
        )
    assert values["state"] == "running"
    await household.wait_session(messages, station, "running")
    (span,) = (await household.witness.above(station.node.name, flowing_ns)).spans_s
    assert span[0] == 0
    cut_ns, accepted, rejected = now_ns(), station.responder.accepted, station.responder.rejected
    station.link.cut()
    await household.witness.wait_dark(station.node.name, cut_ns)
    await household.wait_session(messages, station, "suspended")
    assert station.responder.accepted > accepted
    assert station.responder.rejected == rejected
    assert (await household.witness.above(station.node.name, cut_ns)).longest_s < 1
    await messages.act("facial_therapy.stop_session", device_id=station.device_id)
    await household.wait_session(messages, station, "idle")
