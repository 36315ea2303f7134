"""Compiled nodes for the tests that want them."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from .real import RealNode, Starter


@pytest.fixture
async def start_node(tmp_path: Path, socket_enabled: None) -> AsyncGenerator[Starter]:  # noqa: ARG001 - allows them
    """Start nodes and end them after the test, with the sockets that pytest's plugin forbids."""
    nodes = []

    async def start(modality: str) -> RealNode:
        node = RealNode(modality, tmp_path)
        nodes.append(node)
        await node.start()
        return node

    yield start
    for node in nodes:
        await node.stop()
