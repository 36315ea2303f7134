"""Actors: who caused something, and by what means."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from homeassistant.core import Context


class By(StrEnum):
    """By what means a transition came about."""

    USER = "user"
    """A signed-in user, in the app or by a script that they started."""
    VOICE = "voice"
    """A spoken sentence, or a language model."""
    AUTOMATION = "automation"
    DEVICE = "device"
    """The node itself: contact, its button, its end, its faults."""
    HOME_ASSISTANT = "home_assistant"
    """Nobody: a window that closed, a shutdown, an error."""


class Spoken(Context):
    """The context of a spoken command; it has a user if the speaker is known."""

    @classmethod
    def of(cls, context: Context | None) -> Spoken:
        """Return the context of an action that follows from a spoken command."""
        return cls() if context is None else cls(context.user_id, context.parent_id, context.id)


@dataclass(frozen=True, slots=True)
class Who:
    """Who caused a transition, and by what means."""

    by: By
    user_id: str | None = None

    @classmethod
    def of(cls, context: Context | None) -> Who:
        """Return who is behind an action; one without a user is an automation or spoken."""
        if isinstance(context, Spoken):
            return cls(By.VOICE, context.user_id)
        return (
            cls(By.USER, context.user_id)
            if context is not None and context.user_id
            else cls(By.AUTOMATION)
        )


DEVICE: Final = Who(By.DEVICE)


HOME_ASSISTANT: Final = Who(By.HOME_ASSISTANT)
