"""Compiled nodes for the tests that want them."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from .real import RealNode, Starter


@pytest.fixture
async def start_node(tmp_path: Path, socket_enabled: None) -> AsyncGenerator[Starter]:  # noqa: ARG001 - allows them
    """Start nodes, and end them after the test. The Home Assistant plugin of pytest forbids sockets unless asked."""
    nodes = []

    async def start(modality: str) -> RealNode:
        node = RealNode(modality, tmp_path)
        nodes.append(node)
        await node.start()
        return node

    yield start
    for node in nodes:
        await node.stop()
