"""An evening by voice: sentences to a real Home Assistant, and the output at the skin."""

from collections.abc import Callable
import re

import pytest

from tests.real.household import Household
from tests.real.messages import Messages
from tests.real.session import pace, wait_settled
from tests.real.trial import wear
from tests.real.watch import now_ns

LOWERED = 0.75
"""The level left after "too strong", from docs/voice.md."""


async def test_a_mask_is_started_asked_lowered_and_stopped_by_voice(
    shared: Household, messages: Messages, say: Callable[[str], None]
) -> None:
    """Output begins only when the mask is put on, and the witness sees zero after the stop."""
    station = shared.mask

    async def hear(sentence: str, language: str = "en") -> str:
        response = await messages.say(sentence, language)
        answer: str = response["speech"]["plain"]["speech"]
        say(f"{sentence} -> {answer}")
        assert response["response_type"] == "action_done"
        return answer

    await pace(shared, station)
    async with station.direct() as direct:
        said_ns = now_ns()
        assert "ready for Ada" in await hear("start first use on the mask for Ada")
        await shared.wait_session(messages, station, "armed")
        assert (await shared.witness.above(station.node.name, said_ns)).longest_s == 0
        await wear(direct, station, on=True)
        await shared.witness.wait_flowing(station.node.name, said_ns)
        full = await direct.line("Telemetry", lambda values: values["state"] == "running")
        assert re.search(r"\d+ min left, until \d\d:\d\d\.", await hear("how long is left"))
        assert re.search(r"noch \d+ min", await hear("wie lange noch", "de"))
        before = (await shared.witness.level(station.node.name)).nominal
        assert "weaker" in await hear("the mask is too bright")
        await direct.line("Telemetry", lambda values: values["levels"] != full["levels"])
        after = (await shared.witness.level(station.node.name)).nominal
        assert [
            level / before[channel] for channel, level in after.items() if before[channel]
        ] == pytest.approx([LOWERED] * sum(map(bool, before.values())), rel=0.02)
        assert "only turn it down" in await hear("make the mask stronger")
        assert (await shared.witness.level(station.node.name)).nominal == after
        stopped_ns = now_ns()
        assert (await hear("stop")).endswith("stopped.")
        answered_ns = now_ns()
        dark_ns = await shared.witness.wait_dark(station.node.name, stopped_ns)
        say(
            f"stop by voice: zero after {(dark_ns - stopped_ns) / 1e6:.1f} ms,"
            f" answered after {(answered_ns - stopped_ns) / 1e6:.1f} ms"
        )
        assert dark_ns <= answered_ns
        await shared.wait_session(messages, station, "idle")
    assert (await wait_settled(shared, station)).outcome == "stopped"
    assert not (await shared.witness.level(station.node.name)).flowing
