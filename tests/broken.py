"""A pytest plugin that removes one effect or one constraint: `-p tests.broken`, by the environment.

`FACIAL_THERAPY_BROKEN=effect:idle:start:write` removes an effect from a row of the session's
table, `constraint:cool` a constraint from the gate. `scripts/broken_effects` runs every one.
"""

from collections.abc import Mapping
from dataclasses import replace
import os
import sys
from types import MappingProxyType
from typing import Final

VARIABLE: Final = "FACIAL_THERAPY_BROKEN"
PACKAGE: Final = "custom_components.facial_therapy"


def pytest_configure() -> None:
    """Break what the environment names, before a test is collected."""
    if not (named := os.environ.get(VARIABLE)):
        return
    what, _, which = named.partition(":")
    if what == "effect":
        remove_effect(*which.split(":"))
    else:
        remove_constraint(which)


def remove_effect(state: str, event: str, effect: str) -> None:
    """Remove an effect from the row of a state and an event."""
    from custom_components.facial_therapy.core import session  # noqa: PLC0415 - after the plugins

    rows = {each: dict(row) for each, row in session.TABLE.items()}
    at, on = session.SessionState(state), session.SessionEvent(event)
    row = rows[at][on]
    if row is None or effect not in row.effects:
        message = f"{state} has no {effect} on {event}"
        raise ValueError(message)
    rows[at][on] = replace(row, effects=tuple(each for each in row.effects if each != effect))
    exchange(
        session.TABLE,
        MappingProxyType({each: MappingProxyType(row) for each, row in rows.items()}),
    )


def remove_constraint(name: str) -> None:
    """Remove a constraint of the gate."""
    from custom_components.facial_therapy.core.gate import permit  # noqa: PLC0415 - after the plugins

    constraints: object = permit.CONSTRAINTS
    if not isinstance(constraints, Mapping) or name not in constraints:
        message = f"the gate has no constraint {name}"
        raise ValueError(message)
    exchange(
        constraints,
        MappingProxyType({each: rule for each, rule in constraints.items() if each != name}),
    )


def exchange(old: object, new: object) -> None:
    """Put something else in the place of a module's constant, wherever it was imported."""
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE):
            for attribute, value in list(vars(module).items()):
                if value is old:
                    setattr(module, attribute, new)
