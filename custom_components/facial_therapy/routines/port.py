"""What the parts of a person's routines need of the person: one port, no part holds another."""

from typing import Any, Protocol

from ..core.person import Person


class PersonPort(Protocol):
    """The person whose plan and routine they are."""

    @property
    def person(self) -> Person:
        """The person as of now.

        Raises:
            RefusedError: `unknown_person`: their entry is being removed.
        """

    @property
    def busy(self) -> bool:
        """Whether the person is in a routine."""

    def announce(self, event: str, **data: Any) -> None:  # noqa: ANN401 - JSON
        """Announce an event to automations and the logbook."""

    def publish(self) -> None:
        """Call back everybody who shows the plan or the routine."""

    async def async_save(self) -> None:
        """Save the plan, the run and what has been announced."""
