"""Config entries are removed and added during a session, and Home Assistant is stopped."""

import asyncio
from collections.abc import AsyncGenerator, Callable
import contextlib

from tests.real import flows
from tests.real.household import DOMAIN, Household, Station
from tests.real.messages import Messages
from tests.real.session import (
    PERSON,
    begin,
    last_account,
    wait_ready,
    wait_settled,
    wait_still_worn,
)
from tests.real.trial import last_record, node_doses, put_on
from tests.real.watch import now_ns

# An interval of renewal, and more.
QUIET_S = 4
# Far above measured times, and below any lease: the stop ended it, not the lease.
AT_MOST_S = 4
DELIVERED_MS = 2000

type Say = Callable[[str], None]


async def _entry(messages: Messages, domain: str, station: Station) -> str:
    """Return the id of the config entry that an integration has for a node."""
    entry_id: str = next(
        entry["entry_id"]
        for entry in await flows.entries(messages, domain)
        if entry["title"] == station.info.friendly_name
    )
    return entry_id


async def _reload(household: Household, entry_id: str) -> None:
    await household.home.request("POST", f"/api/config/config_entries/entry/{entry_id}/reload")


async def _remove(household: Household, entry_id: str) -> None:
    await household.home.request("DELETE", f"/api/config/config_entries/entry/{entry_id}")


async def _disable(messages: Messages, entry_id: str, *, by: str | None) -> None:
    await messages.call("config_entries/disable", entry_id=entry_id, disabled_by=by)


async def _wait_issue(
    messages: Messages, key: str, station: Station, *, there: bool, timeout_s: float = 20
) -> None:
    """Wait until the repair of a device appears, or is gone."""
    async with (
        asyncio.timeout(timeout_s),
        messages.subscribe(
            "subscribe_events", event_type="repairs_issue_registry_updated"
        ) as events,
    ):
        while True:
            issues = (await messages.call("repairs/list_issues"))["issues"]
            placeholders = [
                issue["translation_placeholders"]
                for issue in issues
                if issue["domain"] == DOMAIN and issue["translation_key"] == key
            ]
            if (placeholders == [{"device": station.info.friendly_name}]) is there:
                return
            await events.get()


@contextlib.asynccontextmanager
async def _ended(
    household: Household, messages: Messages, station: Station, what: str, say: Say
) -> AsyncGenerator[None]:
    """Run a session; check that the block ends it at once and nothing comes back."""
    await begin(household, messages, station)
    called_ns = now_ns()
    yield
    dark_ns = await household.witness.wait_dark(station.node.name, called_ns)
    say(f"{station.modality}, {what}: zero after {(dark_ns - called_ns) / 1e9:.2f} s")
    assert (dark_ns - called_ns) / 1e9 <= AT_MOST_S
    account = await wait_settled(household, station)
    assert account.outcome == "interrupted"
    assert account.delivered is not None
    record = await last_record(station)
    assert (record["entry_session"], record["outcome"]) == (account.session_id, "stopped")
    assert sum(node_doses(station.modality, record["delivered"]).values()) > 0


async def _dark(household: Household, station: Station, since_ns: int) -> None:
    """Insist that nothing flows, though the device has been on the skin for a while."""
    await asyncio.sleep(QUIET_S)
    assert (await household.witness.above(station.node.name, since_ns)).longest_s == 0
    await put_on(station, on=False)


async def test_session_goes_on_while_the_esphome_entry_is_reloaded(
    household: Household, messages: Messages
) -> None:
    """Our channel is a connection of its own."""
    station = household.mask
    flowing_ns = await begin(household, messages, station)
    await _reload(household, await _entry(messages, "esphome", station))
    async with station.direct() as direct:
        flowed_ms = int((await direct.line("Telemetry"))["output_ms"])
        await direct.line(
            "Telemetry", lambda values: int(values["output_ms"]) >= flowed_ms + 11_000, timeout_s=30
        )
    await household.wait_session(messages, station, "running")
    assert len((await household.witness.above(station.node.name, flowing_ns)).spans_s) == 1
    stopped_ns = now_ns()
    await messages.act("facial_therapy.stop_session", device_id=station.device_id)
    await household.witness.wait_dark(station.node.name, stopped_ns)
    assert (await wait_settled(household, station)).outcome == "stopped"


async def test_esphome_entry_that_is_disabled_ends_the_session_and_works_again_when_it_is_enabled(
    household: Household, messages: Messages, say: Say
) -> None:
    """Zero, and a repair until it is back."""
    station = household.wand
    esphome = await _entry(messages, "esphome", station)
    async with _ended(household, messages, station, "ESPHome entry disabled", say):
        await _disable(messages, esphome, by="user")
    dark_ns = now_ns()
    await _wait_issue(messages, "esphome_disabled", station, there=True)
    await _disable(messages, esphome, by=None)
    await _wait_issue(messages, "esphome_disabled", station, there=False)
    await wait_still_worn(household, messages, station)
    await _dark(household, station, dark_ns)
    await wait_ready(household, messages, station)


async def test_esphome_entry_that_is_removed_ends_the_session_and_works_again_when_it_is_added(
    household: Household, messages: Messages, say: Say
) -> None:
    """Zero, and a repair until the node is paired again, as a person does it."""
    station = household.mask
    esphome = await _entry(messages, "esphome", station)
    await station.announcement.start()
    async with _ended(household, messages, station, "ESPHome entry removed", say):
        await _remove(household, esphome)
    dark_ns = now_ns()
    await _wait_issue(messages, "esphome_removed", station, there=True)
    discovered = await flows.wait_discovered(
        messages, "esphome", lambda flow: flow["context"]["unique_id"] == station.mac
    )
    step = flows.expect(await flows.submit(household.home, discovered), "form", "encryption_key")
    flows.expect(
        await flows.submit(household.home, step, {"noise_psk": station.key}), "create_entry"
    )
    await _wait_issue(messages, "esphome_removed", station, there=False)
    await household.find_device(messages, station)
    await wait_still_worn(household, messages, station)
    await _dark(household, station, dark_ns)
    await wait_ready(household, messages, station)
    stopped_ns = await begin(household, messages, station)
    await messages.act("facial_therapy.stop_session", device_id=station.device_id)
    await household.witness.wait_dark(station.node.name, stopped_ns)


@contextlib.asynccontextmanager
async def _paused(
    household: Household, station: Station, what: str, say: Say
) -> AsyncGenerator[None]:
    """Run a session that Home Assistant leaves in the block: it is paused, and adopted.

    Nothing comes back by itself, and a person ends it.
    """
    async with household.messages() as messages, station.direct() as direct:
        await begin(household, messages, station)
        # Home Assistant has learnt, too, that something was delivered.
        await direct.line("Telemetry", lambda values: int(values["output_ms"]) > DELIVERED_MS)
    called_ns = now_ns()
    yield
    dark_ns = await household.witness.wait_dark(station.node.name, called_ns)
    say(f"{station.modality}, {what}: zero after {(dark_ns - called_ns) / 1e9:.2f} s")
    assert (dark_ns - called_ns) / 1e9 <= AT_MOST_S
    async with household.messages() as messages:
        await household.wait_session(messages, station, "suspended", "paused", timeout_s=40)
        account = last_account(household, station)
        assert account.outcome is None
        await asyncio.sleep(QUIET_S)  # on the skin all the while
        await household.wait_session(messages, station, "suspended", "paused")
        assert (await household.witness.above(station.node.name, dark_ns + 1)).longest_s == 0
        await messages.act("facial_therapy.stop_session", device_id=station.device_id)
        await household.wait_session(messages, station, "idle")
        settled = await wait_settled(household, station)
        assert (settled.session_id, settled.outcome) == (account.session_id, "stopped")
        record = await last_record(station)
        assert (record["entry_session"], record["outcome"]) == (account.session_id, "stopped")
        assert sum(node_doses(station.modality, record["delivered"]).values()) > 0
        await wait_still_worn(household, messages, station)
        await put_on(station, on=False)
        await wait_ready(household, messages, station)


async def test_our_entry_that_is_reloaded_pauses_the_session(
    household: Household, messages: Messages, say: Say
) -> None:
    """A reload, an update too, ends nothing."""
    station = household.wand
    async with _paused(household, station, "our entry reloaded", say):
        await _reload(household, await _entry(messages, DOMAIN, station))


async def test_our_entry_that_is_disabled_ends_the_session(
    household: Household, messages: Messages, say: Say
) -> None:
    """Unloaded, and loaded again later."""
    station = household.wand
    ours = await _entry(messages, DOMAIN, station)
    async with _ended(household, messages, station, "our entry disabled", say):
        await _disable(messages, ours, by="user")
    dark_ns = now_ns()
    await _disable(messages, ours, by=None)
    await wait_still_worn(household, messages, station)
    await _dark(household, station, dark_ns)
    await wait_ready(household, messages, station)


async def test_home_assistant_that_is_stopped_pauses_the_session_and_resumes_nothing(
    household: Household, say: Say
) -> None:
    """SIGTERM: it has the time to pause."""
    station = household.mask
    async with _paused(household, station, "Home Assistant stopped", say):
        stopping_ns = now_ns()
        await household.home.stop()
        dark_ns = await household.witness.wait_dark(station.node.name, stopping_ns)
        async with station.direct() as direct:
            # Paused in time; its client has gone since.
            assert (await direct.line("Telemetry"))["state"] == "suspended"
        await household.home.start()
        assert (await household.witness.above(station.node.name, dark_ns + 1)).longest_s == 0


async def test_our_entry_that_is_removed_ends_the_session_and_forgets_no_dose(
    household: Household, say: Say
) -> None:
    """The device can be added again, and the ledger still has the dose that it delivered."""
    station = household.wand
    async with household.messages() as messages:
        async with _ended(household, messages, station, "our entry removed", say):
            await _remove(household, await _entry(messages, DOMAIN, station))
        dark_ns = now_ns()
        interrupted = last_account(household, station)
        menu = flows.expect(await flows.begin(household.home, DOMAIN), "menu")
        step = flows.expect(
            await flows.submit(household.home, menu, {"next_step_id": "device"}), "form"
        )
        flows.expect(await flows.submit(household.home, step, {"mac": station.mac}), "create_entry")
        # The settings of its page have gone with the entry.
        await household.select_person(messages, station, PERSON[station.modality])
        await wait_still_worn(household, messages, station)
        await _dark(household, station, dark_ns)
        await wait_ready(household, messages, station)
        assert last_account(household, station) == interrupted
