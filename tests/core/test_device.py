"""`core.device`: what a report says of the output."""

import pytest

from custom_components.facial_therapy.core.device import NodeState

from . import node


@pytest.mark.parametrize("state", NodeState)
def test_output_flows_in_ramping_and_running_only(state: NodeState) -> None:
    assert node(state=state).flowing is (state.value in {"ramping", "running"})
