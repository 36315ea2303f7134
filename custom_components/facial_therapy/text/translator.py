"""Texts in the language of the user; Home Assistant translates errors into its own only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized, UnknownUser
from homeassistant.generated.languages import LANGUAGES
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN
from ..core.model import Fault, Outcome
from ..core.refusal import Reason, Refusal, RefusedError
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
        """Return the name of a program; a custom program's key is its name."""
        return self._text(f"{PROGRAMS}.{key}", key)

    def about(self, key: str) -> str:
        """Return a built-in program's description: its weekly dose and the evidence for it."""
        return self._text(f"common.about_{key}", "")

    def calendar(self, key: str) -> str:
        """Return a text of the calendar: planned, done, a reason for a gap, or a device."""
        return self._text(f"common.calendar_{key}", key)

    def cue(self, key: str) -> str:
        """Return the cue of a routine's step."""
        return self._text(f"{CUES}.{key}", key)

    def outcome(self, outcome: Outcome) -> str:
        """Return how a session ended."""
        return self._text(f"{OUTCOMES}.{outcome}", outcome)

    def fault(self, fault: Fault) -> str:
        """Return the name of a fault."""
        return self._text(f"{FAULTS}.{fault}", fault)

    def spoken(self, key: str, **values: object) -> str:
        """Return a spoken answer."""
        return self._text(f"common.voice_{key}", key).format(**values)

    def problem(self, key: str, values: Mapping[str, str]) -> str:
        """Return the sentence of an error that is not a refusal."""
        return self._text(f"exceptions.{key}.message", key).format(**values)

    def shown(self, refusal: Refusal) -> dict[str, Any]:
        """Return a refusal for every signed-in user: health reasons come without a sentence."""
        full = self.refusal(refusal)
        return (
            full
            if refusal.reason.shown == refusal.reason
            else {**full, "reason": refusal.reason.shown, "message": ""}
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
    """Return the texts of a language; English for one that Home Assistant does not know."""
    known = language if language in LANGUAGES else ENGLISH
    texts: dict[str, str] = {}
    for category in ("common", "entity", "exceptions", "selector"):
        texts |= await async_get_translations(hass, known, category, [DOMAIN])
    return Translator(texts)


def explained(
    words: Translator, error: HomeAssistantError | RefusedError, device: str, person: str
) -> str:
    """Return why something was refused, without a word about anybody's health."""
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
    """Return a refusal's sentence; for a health reason, that the app shows it."""
    return words.shown(refusal)["message"] or words.spoken("private", device=device, person=person)
