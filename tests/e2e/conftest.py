"""Real parts for the end-to-end tests."""

from collections.abc import AsyncGenerator, Callable
import contextlib
import os
from pathlib import Path
import shutil
from typing import Any

import pytest

from tests.real import namespace
from tests.real.household import PROGRAMS, Household
from tests.real.messages import Messages
from tests.real.session import PERSON, rest, wait_ready


def pytest_configure(config: pytest.Config) -> None:
    """Leave the machine's network before there is a socket."""
    if config.pluginmanager.has_plugin("homeassistant"):
        msg = "the end-to-end tests run by themselves: pytest tests/e2e"
        raise pytest.UsageError(msg)
    namespace.enter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that share a household last: other households have the same ports."""
    items.sort(key=lambda item: "_shared" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return what prints a measured figure, also where the output of passing tests is kept back."""
    terminal: Any = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    capture: Any = pytestconfig.pluginmanager.get_plugin("capturemanager")

    def say(figure: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.write_line(f"\n  {figure}")

    return say


@pytest.fixture(scope="session")
def programs() -> Path:
    """Return the folder of the compiled host nodes: FACIAL_THERAPY_NODES, or `.work/nodes`."""
    programs = Path(os.environ.get("FACIAL_THERAPY_NODES", PROGRAMS))
    if not (programs / "mask-host").exists():
        pytest.fail("the host nodes are not compiled: scripts/setup nodes")
    return programs


@pytest.fixture(scope="session")
async def furnished(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Path:
    """Return a household that is switched off, with both nodes and a person for each.

    Every test begins with a copy of it.
    """
    directory = tmp_path_factory.mktemp("furnished")
    household = Household(directory, programs=programs)
    try:
        await household.start_nodes()
        await household.start_home()
        async with household.messages() as messages:
            await household.furnish(messages, PERSON["mask"])
            await household.add_person(PERSON["wand"])
            for modality, station in household.stations.items():
                await household.select_person(messages, station, PERSON[modality])
    finally:
        await household.stop()
    return directory


@contextlib.asynccontextmanager
async def _living(furnished: Path, directory: Path, programs: Path) -> AsyncGenerator[Household]:
    """Run a copy of the furnished household."""
    shutil.copytree(
        furnished,
        directory,
        ignore=shutil.ignore_patterns("*.sock", "witness", "*.log", "*.console"),
    )
    household = Household(directory, programs=programs)
    try:
        await household.start_nodes()
        await household.start_home()
        async with household.messages() as messages:
            for station in household.stations.values():
                await household.find_device(messages, station)
                await wait_ready(household, messages, station)
        yield household
    finally:
        await household.stop()


@pytest.fixture(scope="module")
async def household(
    furnished: Path, tmp_path_factory: pytest.TempPathFactory, programs: Path
) -> AsyncGenerator[Household]:
    """Return a running household of the module's own with a mask, a wand and two people."""
    async with _living(
        furnished, tmp_path_factory.mktemp("own") / "household", programs
    ) as household:
        yield household


@pytest.fixture(scope="session")
async def _shared(
    furnished: Path, tmp_path_factory: pytest.TempPathFactory, programs: Path
) -> AsyncGenerator[Household]:
    """Return the household of all tests that leave it as it was."""
    async with _living(
        furnished, tmp_path_factory.mktemp("shared") / "household", programs
    ) as household:
        yield household


@pytest.fixture
async def shared(_shared: Household) -> AsyncGenerator[Household]:
    """Return a running household that other tests use too: at rest now, and again afterwards."""
    async with _shared.messages() as messages:
        await rest(_shared, messages)
        yield _shared
        await rest(_shared, messages)


@pytest.fixture
async def messages(request: pytest.FixtureRequest) -> AsyncGenerator[Messages]:
    """Return a websocket to the Home Assistant of the test's household."""
    household: Household = request.getfixturevalue(
        "shared" if "shared" in request.fixturenames else "household"
    )
    async with household.messages() as messages:
        yield messages
