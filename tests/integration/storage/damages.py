"""A home on a real disk, and the ways in which its files can be damaged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
import json
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.person import Eligibility
from custom_components.facial_therapy.core.schedule.plan import Plan, WeekPlan
from custom_components.facial_therapy.people.inheritance import Remainder, RemovedPerson
from custom_components.facial_therapy.routines.proposals import OpenProposals, Proposal
from custom_components.facial_therapy.session.settings import Settings
from custom_components.facial_therapy.storage.codec import encode
from tests.fake_device import FakeDevice


@dataclass(slots=True)
class Home:
    """A mask, a wand and a person, not loaded yet."""

    hass: HomeAssistant
    freezer: FrozenDateTimeFactory
    person: MockConfigEntry
    entries: dict[Modality, MockConfigEntry]
    nodes: dict[Modality, FakeDevice]

    @property
    def storage(self) -> Path:
        """The folder of all stores."""
        return Path(self.hass.config.path(".storage"))

    @property
    def issues(self) -> set[str]:
        """The repairs of ours."""
        return {issue for domain, issue in ir.async_get(self.hass).issues if domain == DOMAIN}

    async def load(self) -> None:
        """Set everything up."""
        for entry in (self.person, *self.entries.values()):
            if entry.state is ConfigEntryState.NOT_LOADED:
                await self.hass.config_entries.async_setup(entry.entry_id)
        await self.hass.async_block_till_done()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass for Home Assistant and the nodes."""
        for _ in range(round(seconds * 2)):
            self.freezer.tick(timedelta(seconds=0.5))
            for node in self.nodes.values():
                node.advance(0.5)
            async_fire_time_changed(self.hass)
            await self.hass.async_block_till_done()

    async def act(self, action: str, modality: Modality, **data: Any) -> None:
        """Carry out an action on a device."""
        [device] = dr.async_entries_for_config_entry(
            dr.async_get(self.hass),
            next(
                entry.entry_id
                for entry in self.hass.config_entries.async_entries("esphome")
                if entry.unique_id == self.entries[modality].unique_id
            ),
        )
        await self.hass.services.async_call(
            DOMAIN, action, {"device_id": device.id, **data}, blocking=True
        )
        await self.hass.async_block_till_done()

    async def run(self, modality: Modality) -> None:
        """Start a session, and see that output is on."""
        await self.act("start_session", modality, program="first_use")
        self.nodes[modality].put_on()
        await self.pass_time(10)
        assert self.output_is_on(modality)

    def output_is_on(self, modality: Modality) -> bool:
        """Whether a node has output now, by its own report."""
        session = self.nodes[modality].session
        return session is not None and self.nodes[modality].state.value == "running"

    async def stops(self, modality: Modality) -> bool:
        """Run a session, stop it, and return whether the node confirmed."""
        await self.run(modality)
        await self.act("stop_session", modality)
        return not self.output_is_on(modality)


# --- damages --------------------------------------------------------------------------------------


def first_key(data: Any) -> tuple[dict[str, Any], str]:
    """Return the first mapping of stored data that has a key, and its first key."""
    if isinstance(data, dict) and data:
        return data, next(iter(data))
    raise AssertionError(data)


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def garbage(_content: bytes) -> bytes:
    return b"\x00\xff\xfe{]" * 9


def rewritten(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    """Change what a store of Home Assistant holds."""

    def damage(content: bytes) -> bytes:
        stored = json.loads(content)
        change(stored)
        return json.dumps(stored).encode()

    return damage


def set_wrong_type(stored: dict[str, Any]) -> None:
    data, key = first_key(stored["data"])
    data[key] = {"wrong": [None]}


def drop_key(stored: dict[str, Any]) -> None:
    data, key = first_key(stored["data"])
    del data[key]


def add_key(stored: dict[str, Any]) -> None:
    stored["data"]["from_the_future"] = 1


def set_future_version(stored: dict[str, Any]) -> None:
    stored["version"] = 99


CONTENT: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "truncated": truncated,
    "garbage": garbage,
    "wrong types": rewritten(set_wrong_type),
    "missing key": rewritten(drop_key),
    "extra key": rewritten(add_key),
    "future version": rewritten(set_future_version),
}


def be_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def be_unreadable(path: Path) -> None:
    """Let every attempt to open the file fail, for root too: a link to itself."""
    path.unlink()
    path.symlink_to(path)


PLACE: Final[Mapping[str, Callable[[Path], None]]] = {
    "a folder in its place": be_a_folder,
    "unreadable file": be_unreadable,
}
DAMAGES: Final = (*CONTENT, *PLACE)


def damage(path: Path, how: str) -> None:
    if how in CONTENT:
        path.write_bytes(CONTENT[how](path.read_bytes()))
    else:
        PLACE[how](path)


# --- the stores -----------------------------------------------------------------------------------


def stored(home: Home, key: str, value: object) -> Path:
    """Write a healthy store."""
    path = home.storage / f"{DOMAIN}.{key}"
    stored = {"version": 1, "minor_version": 1, "key": path.name, "data": encode(value)}
    path.write_text(json.dumps(stored))
    return path


def settings(home: Home) -> Path:
    return stored(
        home,
        f"settings.{home.entries[Modality.MASK].entry_id}",
        Settings(program="manual", duration_s=240),
    )


def routines(home: Home) -> Path:
    plan = WeekPlan(
        begins_on=date(2026, 11, 2),
        program="fine_lines",
        modalities=frozenset(Modality),
        evenings=(0, 2, 4),
        opens=time(20),
        closes=time(23),
    )
    return stored(home, f"plan.{home.person.entry_id}", Plan(plans=(plan,)))


def proposals(home: Home) -> Path:
    until = dt_util.utcnow() + timedelta(hours=1)
    proposal = Proposal(what="mask", action="start_session", data={}, until=until)
    return stored(home, "proposals", OpenProposals(by_person={home.person.entry_id: proposal}))


def remainder(home: Home) -> Path:
    now = dt_util.utcnow()
    left = RemovedPerson(
        removed_at=now, eligibility=Eligibility(not_fine_until=now + timedelta(hours=20))
    )
    return stored(home, "remainder", Remainder(removed=(left,)))


SETTINGS, ROUTINES, PROPOSALS, REMAINDER, LEDGER_FILE = (
    "settings",
    "plan and routine",
    "proposals",
    "holds of removed people",
    "ledger",
)
STORES: Final[Mapping[str, Callable[[Home], Path]]] = {
    SETTINGS: settings,
    ROUTINES: routines,
    PROPOSALS: proposals,
    REMAINDER: remainder,
}


# --- the ledger -----------------------------------------------------------------------------------


def line(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the last line of a ledger, with a checksum that is right."""
    *lines, last = path.read_bytes().splitlines(keepends=True)
    entry = json.loads(last.rpartition(b" ")[0])
    change(entry)
    text = json.dumps(entry, separators=(",", ":")).encode()
    path.write_bytes(b"".join([*lines, text + b" %08x\n" % crc32(text)]))


def newer(path: Path) -> None:
    text = b'{"kind":"ledger","version":99}'
    path.write_bytes(text + b" %08x\n" % crc32(text) + b"unknown to this release\n")


LEDGER_DAMAGES: Final[Mapping[str, Callable[[Path], object]]] = {
    "truncated": lambda path: path.write_bytes(truncated(path.read_bytes())),
    "garbage": lambda path: path.write_bytes(garbage(b"")),
    "wrong types": lambda path: line(path, lambda entry: entry.update(duration_s=True)),
    "missing key": lambda path: line(path, lambda entry: entry.pop("duration_s")),
    "extra key": lambda path: line(path, lambda entry: entry.update(from_the_future=1)),
    "future version": newer,
    **PLACE,
    "last line missing": lambda path: path.write_bytes(
        b"".join(path.read_bytes().splitlines(keepends=True)[:-1])
    ),
}
