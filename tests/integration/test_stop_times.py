"""Stop everything is confirmed by every device, whatever their number and the state of the disk."""

import os
from pathlib import Path
import sys

from homeassistant.core import HomeAssistant
import pytest

from bench.stops import ALL, measure

CASES = [(2, "sound"), (10, "sound"), (50, "sound"), (2, "1 s"), (2, "for ever")]


@pytest.mark.parametrize(("devices", "disk"), CASES if os.environ.get(ALL) else CASES[:2])
async def test_every_device_confirms_zero_and_the_action_answers(
    hass: HomeAssistant, tmp_path: Path, devices: int, disk: str
) -> None:
    stopped = await measure(hass, devices, disk, tmp_path)
    sys.stdout.write(f"\n{stopped}")
    assert stopped.last_zero_s > 0
