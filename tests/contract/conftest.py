"""The bench, fake and real, mask and wand."""

from collections.abc import AsyncGenerator
import os
from pathlib import Path

import pytest

from custom_components.facial_therapy.core.model import Modality
from tests.real.household import PROGRAMS

from .bench import Bench, FakeBench, real_bench


@pytest.fixture(params=["fake mask", "fake wand", "real mask", "real wand"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Bench]:
    """A device that has just been switched on, not worn."""
    kind, _, name = request.param.partition(" ")
    modality = Modality(name)
    if kind == "fake":
        yield FakeBench(modality)
        return
    async with real_bench(
        modality, Path(os.environ.get("FACIAL_THERAPY_NODES", PROGRAMS)), tmp_path
    ) as real:
        yield real
