"""Who did something, and how: a person, a voice, an automation, the device or Home Assistant."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from homeassistant.core import Context


class By(StrEnum):
    """By what a turn of a session came about."""

    USER = "user"
    """Somebody who is signed in, in the app or by a script that they started."""
    VOICE = "voice"
    """A sentence, or a language model that was spoken to."""
    AUTOMATION = "automation"
    DEVICE = "device"
    """The node itself: contact, its button, its end, its faults."""
    HOME_ASSISTANT = "home_assistant"
    """Nobody: a window that passed, a shutdown, a surprise."""


class Spoken(Context):
    """The context of something that was said; it has a user if it is known who spoke."""

    @classmethod
    def of(cls, context: Context | None) -> Spoken:
        """Return the context of what is done because of it."""
        return cls() if context is None else cls(context.user_id, context.parent_id, context.id)


@dataclass(frozen=True, slots=True)
class Who:
    """Who turned a session, and by what."""

    by: By
    user_id: str | None = None

    @classmethod
    def of(cls, context: Context | None) -> Who:
        """Return who is behind an action; without a user it is an automation, unless it was said."""
        if isinstance(context, Spoken):
            return cls(By.VOICE, context.user_id)
        return (
            cls(By.USER, context.user_id)
            if context is not None and context.user_id
            else cls(By.AUTOMATION)
        )


DEVICE: Final = Who(By.DEVICE)


HOME_ASSISTANT: Final = Who(By.HOME_ASSISTANT)
