"""One and the same request that is out of range, refused at three tiers, each by itself."""

import asyncio
from collections.abc import Callable
import os
from pathlib import Path
import re
from typing import Any

import pytest

from tests.real.household import Household
from tests.real.messages import CallError, Messages
from tests.real.session import MANUAL, PERSON
from tests.real.trial import put_on
from tests.real.watch import now_ns

REPOSITORY = Path(__file__).resolve().parents[2]
ESPHOME = REPOSITORY / ".work" / "esphome" / "bin" / "esphome"

# The request: 81 mW/cm2 of red light, 501 uA.
ASKED: dict[str, dict[str, Any]] = {"mask": {"channels": {"red": 81}}, "wand": {"current_ua": 501}}
ORDERED: dict[str, dict[str, Any]] = {
    "mask": {"channels": [1], "peaks_uw_cm2": [81_000], "budgets_uj_cm2": [1_000_000]},
    "wand": {"peak_ua": 501, "period_us": 10_000, "zone_s": 60, "budget_uc": 1000},
}
WRITTEN = {
    "mask": "  channels:\n    - channel: red\n      irradiance_mw_cm2: 81\n",
    "wand": "  current_ua: 501\n",
}


@pytest.mark.parametrize(
    ("modality", "bound"),
    [
        # 35 mW/cm2 / 1.2, half for skin that is not known.
        (
            "mask",
            {"field": "channels.red", "minimum": "0.001", "maximum": "14.583", "unit": " mW/cm²"},
        ),
        # 300 uA / 1.2.
        ("wand", {"field": "current_ua", "minimum": "1", "maximum": "250", "unit": " µA"}),
    ],
    ids=["mask", "wand"],
)
async def test_the_action_refuses_it_and_names_field_and_bound(
    shared: Household,
    messages: Messages,
    modality: str,
    bound: dict[str, str],
    say: Callable[[str], None],
) -> None:
    """In words, before anything is sent."""
    station = shared.stations[modality]
    since_ns = now_ns()
    data = {
        "device_id": station.device_id,
        "person": PERSON[modality],
        **MANUAL[modality],
        **ASKED[modality],
    }
    with pytest.raises(CallError) as refused:
        await messages.act("facial_therapy.start_session", data)
    assert refused.value.translation_key == "out_of_bounds"
    assert refused.value.placeholders == {**refused.value.placeholders, **bound}
    assert refused.value.message.endswith(
        "{field} has to be from {minimum} to {maximum}{unit}".format(**bound)
    )
    await put_on(station, on=True)
    await shared.wait_session(messages, station, "idle")
    assert (await shared.witness.above(station.node.name, since_ns)).longest_s == 0
    say(f"{modality}, the action: {refused.value.message}")


@pytest.mark.parametrize(
    ("modality", "field", "maximum"),
    # What the node can give at all, 40 mW/cm2 at full drive; 500 uA / 1.2.
    [("mask", "peaks_uw_cm2", 40_000), ("wand", "peak_ua", 416)],
    ids=["mask", "wand"],
)
async def test_the_node_refuses_it_when_it_is_asked_directly(
    shared: Household, modality: str, field: str, maximum: int, say: Callable[[str], None]
) -> None:
    """The ceilings are compiled in, for every client."""
    station = shared.stations[modality]
    since_ns = now_ns()
    async with station.client() as client:
        before = await client.telemetry()
        reply = await client.command(
            "start_session",
            session="00112233445566bb",
            resume_key="00112233445566ee",
            last_record=int(before["record"]),
            profile=1,
            skin_permille=1000,
            duration_s=10,
            lease_ms=5000,
            window_s=60,
            epoch_s=1_795_000_000,
            **ORDERED[modality],
        )
        assert not reply.success
        values = reply.values
        assert (values["reason"], values["field"], values["minimum"], values["maximum"]) == (
            "out_of_bounds",
            field,
            "1",
            str(maximum),
        )
        assert (values["state"], values["session"], values["record"]) == (
            "idle",
            "-",
            before["record"],
        )
        await put_on(station, on=True)
    assert (await shared.witness.above(station.node.name, since_ns)).longest_s == 0
    say(f"{modality}, the node: {reply.text}")


@pytest.mark.parametrize(
    ("modality", "sentence"),
    [
        ("mask", "irradiance_mw_cm2 of red must be a number from 0.001 to 80 mW/cm2, not 81"),
        (
            "wand",
            "current_ua must be a whole number from 1 to 500 uA for this contact area, not 501",
        ),
    ],
    ids=["mask", "wand"],
)
async def test_esphome_refuses_it_when_it_is_written_in_yaml(
    tmp_path: Path, modality: str, sentence: str, say: Callable[[str], None]
) -> None:
    """Such a node is never compiled."""
    file = tmp_path / f"{modality}.yaml"
    file.write_text(
        f"packages:\n  base: !include {REPOSITORY}/esphome/{modality}-host.yaml\n\n"
        f"external_components:\n  - source: {REPOSITORY}/esphome/components\n\n"
        f"facial_therapy:\n{WRITTEN[modality]}"
    )
    child = await asyncio.create_subprocess_exec(
        ESPHOME,
        "config",
        file,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "ESPHOME_DATA_DIR": str(tmp_path / "data"), "NO_COLOR": "1"},
    )
    output, _ = await child.communicate()
    # ESPHome wraps long sentences and colors them.
    words = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", output.decode()).split())
    assert child.returncode != 0
    assert sentence in words
    say(f"{modality}, esphome config: {sentence}")
