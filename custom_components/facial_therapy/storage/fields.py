"""The fields of the dataclasses that are stored, and the error for a wrong one."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAliasType, get_origin, get_type_hints

from ..core.ledger.record import Record
from ..core.model import Dose

NEVER_NEGATIVE: Final[frozenset[type]] = frozenset({Dose, Record})
"""Dataclasses whose numbers are doses, durations and counts."""


class MalformedError(ValueError):
    """A stored value is not what it should be."""

    def __init__(self, problem: str, path: str = "") -> None:
        """Keep the problem and the path of its key, such as `planned.fluence_j_cm2.red`."""
        super().__init__(f"{path or 'value'}: {problem}")
        self.problem = problem
        self.path = path

    def within(self, key: object) -> MalformedError:
        """Return the same error, seen from the value that holds it under a key."""
        return MalformedError(self.problem, f"{key}.{self.path}" if self.path else f"{key}")


def hints_of(kind: type[Any]) -> dict[str, Any]:
    """Return the annotation of each field of a dataclass, type aliases resolved."""
    hints = get_type_hints(kind)
    return {
        name: hint.__value__ if isinstance(hint, TypeAliasType) else hint
        for name, hint in hints.items()
    }


def negative_check(kind: type[Any]) -> Callable[[object], None]:
    """Return what refuses negative numbers in the fields of a dataclass that has none."""
    if kind not in NEVER_NEGATIVE:
        return lambda _value: None
    hints = hints_of(kind).items()
    numbers = [name for name, hint in hints if hint in (int, float, float | None)]
    mappings = [name for name, hint in hints if get_origin(hint) is Mapping]

    def check(value: object) -> None:
        for name in numbers:
            if (number := getattr(value, name)) is not None and number < 0:
                message = "below zero"
                raise MalformedError(message, name)
        for name in mappings:
            if any(number < 0 for number in getattr(value, name).values()):
                message = "below zero"
                raise MalformedError(message, name)

    return check
