"""Sentences in the language of whoever looks: Home Assistant's own way speaks only its own language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized, UnknownUser
from homeassistant.generated.languages import LANGUAGES
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN
from ..core.model import Fault, Outcome, Reason, Refusal, RefusedError
from .errors import placeholders

CUES: Final = "entity.sensor.routine_step.state"
ENGLISH: Final = "en"
FAULTS: Final = "entity.binary_sensor.fault.state_attributes.fault.state"
OUTCOMES: Final = "entity.event.session.state_attributes.outcome.state"
PROGRAMS: Final = "selector.program.options"


@dataclass(frozen=True, slots=True)
class Translator:
    """The texts of one language, in English where it has none."""

    texts: Mapping[str, str]

    def _text(self, path: str, otherwise: str) -> str:
        return self.texts.get(f"component.{DOMAIN}.{path}", otherwise)

    def program(self, key: str) -> str:
        """Return the name of a program; one of somebody's own is called by its key."""
        return self._text(f"{PROGRAMS}.{key}", key)

    def about(self, key: str) -> str:
        """Return what a built-in program gives in a week, and how well that is founded."""
        return self._text(f"common.about_{key}", "")

    def calendar(self, key: str) -> str:
        """Return what a line of the calendar says: planned, done, why it was left out, or what gives it."""
        return self._text(f"common.calendar_{key}", key)

    def cue(self, key: str) -> str:
        """Return what a person is told in a step of a routine."""
        return self._text(f"{CUES}.{key}", key)

    def outcome(self, outcome: Outcome) -> str:
        """Return how a session ended."""
        return self._text(f"{OUTCOMES}.{outcome}", outcome)

    def fault(self, fault: Fault) -> str:
        """Return the name of a fault."""
        return self._text(f"{FAULTS}.{fault}", fault)

    def spoken(self, key: str, **values: object) -> str:
        """Return an answer that is said aloud."""
        return self._text(f"common.voice_{key}", key).format(**values)

    def problem(self, key: str, values: Mapping[str, str]) -> str:
        """Return the sentence of an error that is not a refusal."""
        return self._text(f"exceptions.{key}.message", key).format(**values)

    def shown(self, refusal: Refusal) -> dict[str, Any]:
        """Return a refusal for everybody who is signed in: without a sentence, if it would tell of somebody's health."""
        told = self.refusal(refusal)
        return (
            told
            if refusal.reason.shown == refusal.reason
            else {**told, "reason": refusal.reason.shown, "message": ""}
        )

    def refusal(self, refusal: Refusal) -> dict[str, Any]:
        """Return a refusal and its sentence, for somebody who may control the device."""
        values = placeholders(refusal, self.texts)
        if refusal.reason is Reason.FAULTED and refusal.detail in tuple(Fault):
            values["detail"] = self.fault(Fault(refusal.detail))
        return {
            "reason": refusal.reason.value,
            "message": self._text(f"exceptions.{refusal.reason}.message", refusal.reason).format(
                **values
            ),
            "allowed_at": refusal.allowed_at and refusal.allowed_at.timestamp(),
        }

    def refusals(self, error: RefusedError) -> list[dict[str, Any]]:
        """Return all refusals of an error, the binding one first."""
        return [self.refusal(refusal) for refusal in error.refusals]


async def async_translator(hass: HomeAssistant, language: str) -> Translator:
    """Return the texts of a language; one that Home Assistant does not know is English, so that no file of another name is ever looked for."""
    known = language if language in LANGUAGES else ENGLISH
    texts: dict[str, str] = {}
    for category in ("common", "entity", "exceptions", "selector"):
        texts |= await async_get_translations(hass, known, category, [DOMAIN])
    return Translator(texts)


def explained(
    words: Translator, error: HomeAssistantError | RefusedError, device: str, person: str
) -> str:
    """Return why not, without a word about anybody's health."""
    if isinstance(error, Unauthorized | UnknownUser):
        return words.spoken("not_allowed")
    refused = error if isinstance(error, RefusedError) else error.__cause__
    if isinstance(refused, RefusedError):
        return why(words, refused.binding, device, person)
    return (
        words.problem(error.translation_key or "", error.translation_placeholders or {})
        if isinstance(error, HomeAssistantError)
        else ""
    )


def why(words: Translator, refusal: Refusal, device: str, person: str) -> str:
    """Return the sentence of a refusal, or that the app has it, if it tells of somebody's health."""
    return words.shown(refusal)["message"] or words.spoken("private", device=device, person=person)
