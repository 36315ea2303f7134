"""Real parts for the end-to-end tests."""

from collections.abc import AsyncGenerator, Callable
import os
from pathlib import Path
import shutil
from typing import Any

import pytest

from tests.real import namespace
from tests.real.household import PROGRAMS, Household


def pytest_configure(config: pytest.Config) -> None:
    """Leave the machine's network before there is a socket."""
    if config.pluginmanager.has_plugin("homeassistant"):
        msg = "the end-to-end tests run by themselves: pytest tests/e2e"
        raise pytest.UsageError(msg)
    namespace.enter()


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
    """Return the folder of the compiled host nodes, which may be built elsewhere."""
    programs = Path(os.environ.get("FACIAL_THERAPY_NODES", PROGRAMS))
    if not (programs / "mask-host").exists():
        pytest.fail("the host nodes are not compiled: scripts/setup nodes")
    return programs


@pytest.fixture(scope="session")
async def furnished(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Path:
    """Return a household in which both nodes and one person are added, switched off: what every test begins with a copy of."""
    directory = tmp_path_factory.mktemp("furnished")
    household = Household(directory, programs=programs)
    try:
        await household.start_nodes()
        await household.start_home()
        async with household.messages() as messages:
            await household.furnish(messages, "Ada")
    finally:
        await household.stop()
    return directory


@pytest.fixture
async def household(furnished: Path, tmp_path: Path, programs: Path) -> AsyncGenerator[Household]:
    """Return a running household with a mask, a wand and a person, in which nothing has happened yet."""
    directory = tmp_path / "household"
    shutil.copytree(furnished, directory, ignore=shutil.ignore_patterns("*.sock", "witness", "*.log", "*.console"))
    household = Household(directory, programs=programs)
    try:
        await household.start_nodes()
        await household.start_home()
        async with household.messages() as messages:
            for station in household.stations.values():
                await household.find_device(messages, station)
                await household.wait_session(messages, station, "idle")
        yield household
    finally:
        await household.stop()
