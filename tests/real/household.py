"""All parts of a run: a Home Assistant, both nodes behind a link that can fail, the witness."""

import asyncio
from collections.abc import AsyncGenerator, Callable
import contextlib
from dataclasses import dataclass
from functools import partial
import json
from pathlib import Path
import socket
from typing import Any

from aioesphomeapi import DeviceInfo

from . import configuration, flows
from .announce import Announcement
from .direct import Client, Direct
from .home import Home
from .link import Link
from .messages import Messages
from .node import Node
from .noise import Responder, new_key
from .watch import Watch

PROGRAMS = configuration.REPOSITORY / ".work" / "nodes"
DOMAIN = "facial_therapy"
MODALITIES = ("wand", "mask")
SCREENED: dict[str, dict[str, Any]] = {
    "screening": {"adult": True, "skin_type": "unknown", "confirmed": True},
    "screening_mask": {"confirmed": True},
    "screening_wand": {"confirmed": True},
}
"""The answers of somebody to whom nothing applies, and who does not know their skin type."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Station:
    """One node as the network shows it: announced, behind a link, encrypted."""

    modality: str
    node: Node
    info: DeviceInfo
    responder: Responder
    link: Link
    announcement: Announcement
    device_id: str = ""

    @property
    def key(self) -> str:
        """The encryption key that Home Assistant needs."""
        return self.responder.key

    @property
    def mac(self) -> str:
        """The MAC address as Home Assistant writes it."""
        return self.info.mac_address.lower()

    def direct(self) -> Direct:
        """Return a client at the node itself, past encryption and link."""
        return self.node.direct()

    def client(self) -> Client:
        """Return a client at the node itself that can own sessions."""
        return Client("127.0.0.1", self.node.port)


class Household:
    """A home with a mask and a wand."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        host: str = "127.0.0.1",
        programs: Path = PROGRAMS,
    ) -> None:
        """Describe a household that lives in a directory."""
        self.directory = directory
        self.home = Home(directory / "home", port=port or free_port(), host=host)
        self.stations: dict[str, Station] = {}
        self._programs = programs
        self._witness_file = directory / "witness"
        self._watch: Watch | None = None
        self._running = contextlib.AsyncExitStack()

    @property
    def witness(self) -> Watch:
        """The witness of both nodes."""
        if self._watch is None:
            msg = "the witness is not running"
            raise RuntimeError(msg)
        return self._watch

    @property
    def mask(self) -> Station:
        """The mask."""
        return self.stations["mask"]

    @property
    def wand(self) -> Station:
        """The wand."""
        return self.stations["wand"]

    async def start_nodes(self) -> None:
        """Start the witness, then both nodes with encryption and link in front."""
        self.directory.mkdir(parents=True, exist_ok=True)
        # Another run's boots and levels are no news.
        self._witness_file.unlink(missing_ok=True)
        self._watch = await Watch.start(self.directory, self._witness_file)
        self._running.push_async_callback(self._watch.stop)
        for modality in MODALITIES:
            self.stations[modality] = await self._start_station(modality)

    async def _start_station(self, modality: str) -> Station:
        """Start one node and the parts in front of it."""
        memory = self._remembered(modality)
        node = Node(
            self._programs / f"{modality}-host",
            self.directory / modality,
            port=memory["node_port"],
            witness=self._witness_file,
        )
        await node.start()
        self._running.push_async_callback(node.stop)
        async with node.direct() as direct:
            info = direct.info
        responder = Responder(
            node.port, memory["key"], name=info.name, mac=info.mac_address.replace(":", "").lower()
        )
        await responder.start(host="127.0.0.1")
        self._running.push_async_callback(responder.stop)
        link = Link(responder.port)
        # The address that is announced, not only loopback: Home Assistant connects to that.
        await link.start(memory["port"], host="0.0.0.0")  # noqa: S104
        self._running.push_async_callback(link.stop)
        announcement = Announcement(info, link.port, encrypted=True)
        self._running.push_async_callback(announcement.stop)
        return Station(modality, node, info, responder, link, announcement)

    def _remembered(self, modality: str) -> dict[str, Any]:
        """Return ports and key of a node, the same in every run: Home Assistant stores them too."""
        path = self.directory / modality / "network.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                json.dumps({"port": free_port(), "node_port": free_port(), "key": new_key()})
            )
        memory: dict[str, Any] = json.loads(path.read_text())
        return memory

    async def start_home(self) -> None:
        """Start Home Assistant, onboarded."""
        await self.home.start()
        self._running.push_async_callback(self.home.stop)
        if await self.home.onboarded():
            await self.home.sign_in()
        else:
            await self.home.onboard()

    async def stop(self) -> None:
        """Stop everything in the reverse order of its start."""
        await self._running.aclose()

    @contextlib.asynccontextmanager
    async def messages(self) -> AsyncGenerator[Messages]:
        """Open a websocket as the owner."""
        async with self.home.messages() as messages:
            yield messages

    async def add_node(
        self, messages: Messages, station: Station, note: Callable[[str], None] = lambda _: None
    ) -> flows.Step:
        """Announce a node, take it through ESPHome's flow and ours; return how ours ended."""
        await station.announcement.start()
        note("announced")
        discovered = await flows.wait_discovered(
            messages, "esphome", lambda flow: flow["context"]["unique_id"] == station.mac
        )
        note("discovered by esphome")
        step = flows.expect(await flows.submit(self.home, discovered), "form", "encryption_key")
        flows.expect(
            await flows.submit(self.home, step, {"noise_psk": station.key}), "create_entry"
        )
        note("added to esphome with its encryption key")
        discovered = await flows.wait_discovered(
            messages, DOMAIN, lambda flow: flow["context"]["unique_id"] == station.mac
        )
        note(f"discovered by {DOMAIN}")
        created = flows.expect(await flows.submit(self.home, discovered), "create_entry")
        note(f"added to {DOMAIN}")
        await self.find_device(messages, station)
        return created

    async def add_person(
        self, name: str, after: flows.Step | None = None, *, enroll: bool = True
    ) -> str:
        """Add an adult without any health condition; return the id of the entry.

        The flow is the one after the first device, or begins in the menu.

        The nodes know them at once, unless a person is to do that by hand.
        """
        if after is not None and (following := after.get("next_flow")):
            step = await flows.current(self.home, following[1])
        else:
            menu = flows.expect(await flows.begin(self.home, DOMAIN), "menu")
            step = await flows.submit(self.home, menu, {"next_step_id": "person"})
        for step_id, answers in {"person": {"name": name}, **SCREENED}.items():
            step = await flows.submit(self.home, flows.expect(step, "form", step_id), answers)
        created = flows.expect(step, "create_entry")
        entry_id: str = created["result"]["entry_id"]
        if enroll:
            token = await self._token(entry_id)
            await asyncio.gather(
                *(self._enroll(station, token) for station in self.stations.values())
            )
        return entry_id

    async def _token(self, entry_id: str, timeout_s: float = 10) -> int:
        """Return a person's profile token; only Home Assistant's storage has it, a second later."""
        path = self.home.directory / ".storage" / "core.config_entries"
        async with asyncio.timeout(timeout_s):
            while True:
                for entry in json.loads(path.read_text())["data"]["entries"]:
                    if entry["entry_id"] == entry_id:
                        return int(entry["data"]["profile"])
                await asyncio.sleep(0.2)

    async def _enroll(self, station: Station, token: int) -> None:
        """Hold a node's button and enroll a person, past Home Assistant."""
        async with station.client() as client:
            await client.enroll(token)

    async def furnish(
        self,
        messages: Messages,
        person: str,
        note: Callable[[str, str], None] = lambda _node, _event: None,
    ) -> None:
        """Add both nodes and, as the first one asks for it, a person."""
        added = False
        for station in self.stations.values():
            created = await self.add_node(messages, station, partial(note, station.node.name))
            if not added:
                await self.add_person(person, created, enroll=False)
                note(person, "added as a person")
                added = True
        for station in self.stations.values():
            await self.wait_session(messages, station, "idle")
            await self.enroll_by_hand(messages, station, person)
            note(station.node.name, f"knows {person}: its button was held")

    async def select_person(self, messages: Messages, station: Station, name: str) -> None:
        """Choose whose skin it is on a device's page."""
        await messages.act(
            "select.select_option",
            {"option": name},
            entity_id=await self.entity(messages, station, "person", "select"),
        )

    async def enroll_by_hand(
        self, messages: Messages, station: Station, name: str, timeout_s: float = 15
    ) -> None:
        """Enroll a person like a user: select them on the page, and hold the device's button."""
        await self.select_person(messages, station, name)
        ready = await self.entity(messages, station, "ready", "binary_sensor")
        async with station.direct() as direct:
            await direct.simulate(button=True)
            await messages.wait_state(
                ready, lambda state: state["attributes"].get("reason") != "not_enrolled", timeout_s
            )
            await direct.simulate(button=False)

    async def find_device(
        self, messages: Messages, station: Station, timeout_s: float = 20
    ) -> None:
        """Learn the id of a node's device, which ESPHome makes once it has connected."""
        async with (
            asyncio.timeout(timeout_s),
            messages.subscribe("subscribe_events", event_type="device_registry_updated") as events,
        ):
            while True:
                for device in await messages.call("config/device_registry/list"):
                    if ["mac", station.mac] in device["connections"]:
                        station.device_id = device["id"]
                        return
                await events.get()

    async def entity(
        self,
        messages: Messages,
        station: Station,
        key: str,
        domain: str = "sensor",
        timeout_s: float = 20,
    ) -> str:
        """Wait for the entity with this translation key on the node's device; return its id."""
        async with (
            asyncio.timeout(timeout_s),
            messages.subscribe("subscribe_events", event_type="entity_registry_updated") as events,
        ):
            while True:
                for entity in await messages.call("config/entity_registry/list"):
                    ours = entity["platform"] == DOMAIN and entity["device_id"] == station.device_id
                    if (
                        ours
                        and entity["translation_key"] == key
                        and entity["entity_id"].startswith(f"{domain}.")
                    ):
                        entity_id: str = entity["entity_id"]
                        return entity_id
                await events.get()

    async def wait_session(
        self, messages: Messages, station: Station, *states: str, timeout_s: float = 20
    ) -> None:
        """Wait until the session sensor of a node shows one of these states."""
        entity_id = await self.entity(messages, station, "session")
        await messages.wait_state(entity_id, lambda state: state["state"] in states, timeout_s)
