"""A light that can be dimmed and keeps its level over a restart."""

from . import flows
from .household import Household
from .messages import Messages


async def add(household: Household, messages: Messages, name: str, brightness: int) -> str:
    """Make a template light and switch it on, return its id."""
    on = f"input_boolean.{(await messages.call('input_boolean/create', name=f'{name} on'))['id']}"
    number = await messages.call(
        "input_number/create", name=f"{name} level", min=0, max=255, step=1
    )
    level = f"input_number.{number['id']}"
    step = await flows.submit(
        household.home, await flows.begin(household.home, "template"), {"next_step_id": "light"}
    )
    light = {
        "name": name,
        "state": f"{{{{ is_state('{on}', 'on') }}}}",
        "level": f"{{{{ states('{level}') | int }}}}",
        "turn_on": [{"action": "input_boolean.turn_on", "target": {"entity_id": on}}],
        "turn_off": [{"action": "input_boolean.turn_off", "target": {"entity_id": on}}],
        "set_level": [
            {"action": "input_boolean.turn_on", "target": {"entity_id": on}},
            {
                "action": "input_number.set_value",
                "target": {"entity_id": level},
                "data": {"value": "{{ brightness }}"},
            },
        ],
    }
    flows.expect(await flows.submit(household.home, step, light), "create_entry")
    lamp = f"light.{name.lower()}"
    await messages.wait_state(lamp, lambda state: state["state"] == "off")
    await messages.act("light.turn_on", {"brightness": brightness}, entity_id=lamp)
    await shines(messages, lamp, brightness)
    return lamp


async def shines(messages: Messages, lamp: str, brightness: int) -> None:
    """Wait until a light is as bright as this."""
    await messages.wait_state(
        lamp,
        lambda state: (state["state"], state["attributes"].get("brightness")) == ("on", brightness),
        10,
    )
