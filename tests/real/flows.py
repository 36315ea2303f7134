"""Config flows of a running Home Assistant, driven as its frontend drives them."""

import asyncio
from collections.abc import Callable
from typing import Any

from .home import Home
from .messages import Messages

type Step = dict[str, Any]


class FlowError(Exception):
    """A flow went another way than expected."""


async def begin(home: Home, handler: str, **data: Any) -> Step:
    """Start a flow as a user does."""
    step: Step = await home.request(
        "POST",
        "/api/config/config_entries/flow",
        {"handler": handler, "show_advanced_options": False, **data},
    )
    return step


async def current(home: Home, flow_id: str) -> Step:
    """Return the step that a flow waits at."""
    step: Step = await home.request("GET", f"/api/config/config_entries/flow/{flow_id}")
    return step


async def submit(
    home: Home, step: Step, values: dict[str, Any] | None = None, *, of: str = "flow"
) -> Step:
    """Fill in a step of a config flow, or of an `options/flow`, return the next."""
    after: Step = await home.request(
        "POST", f"/api/config/config_entries/{of}/{step['flow_id']}", values or {}
    )
    return after


async def dismiss(home: Home, step: Step) -> None:
    """Close a flow."""
    await home.request("DELETE", f"/api/config/config_entries/flow/{step['flow_id']}")


async def add_to(home: Home, entry_id: str, kind: str, values: dict[str, Any]) -> Step:
    """Add a subentry of one form to an entry, return how that ended."""
    path = "/api/config/config_entries/subentries/flow"
    step: Step = expect(
        await home.request("POST", path, {"handler": [entry_id, kind]}), "form", "user"
    )
    after: Step = await home.request("POST", f"{path}/{step['flow_id']}", values)
    return after


async def options(home: Home, entry_id: str) -> Step:
    """Start the options flow of an entry."""
    step: Step = await home.request(
        "POST", "/api/config/config_entries/options/flow", {"handler": entry_id}
    )
    return step


async def wait_discovered(
    messages: Messages,
    handler: str,
    accept: Callable[[Step], bool] = lambda _: True,
    timeout_s: float = 30,
) -> Step:
    """Wait until a discovery has opened an acceptable flow of an integration, return it."""
    async with (
        asyncio.timeout(timeout_s),
        messages.subscribe("config_entries/flow/subscribe") as events,
    ):
        while True:
            for change in await events.get():
                flow: Step = change.get("flow") or {}
                if change["type"] != "removed" and flow.get("handler") == handler and accept(flow):
                    return flow


async def entries(messages: Messages, domain: str) -> list[dict[str, Any]]:
    """Return the config entries of an integration."""
    found: list[dict[str, Any]] = await messages.call("config_entries/get", domain=domain)
    return found


def expect(step: Step, kind: str, step_id: str | None = None) -> Step:
    """Insist on the kind of a step."""
    if step["type"] != kind or (step_id is not None and step["step_id"] != step_id):
        msg = f"expected {kind} {step_id or ''}, got {step}"
        raise FlowError(msg)
    return step
