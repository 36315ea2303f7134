"""Config flow steps of a screening. Only the verdict is stored, never the answers."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    DateSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import CONF_SKIN_TYPE
from ..core import limits
from ..core.gate.eligibility import held, rescreened
from ..core.gate.screening import (
    EFFECTS,
    Condition,
    Treatment,
    block_after,
    needs_clinician,
    screen,
)
from ..core.model import Modality, SkinType
from ..core.person import Eligibility, Verdict

CONF_ADULT: Final = "adult"
CONF_CONDITIONS: Final = "conditions"
CONF_CONFIRMED: Final = "confirmed"
CONF_TREATED_ON: Final = "treated_on"
CONF_TREATMENTS: Final = "treatments"
CLINICIAN_FIELDS: Final = {Modality.MASK: "mask_clinician_on", Modality.WAND: "wand_clinician_on"}


def choice_of(key: str, options: Iterable[str], *, several: bool = False) -> SelectSelector:
    """Return a select selector; `key` is its key under `selector` in the translations."""
    mode = SelectSelectorMode.LIST if several else SelectSelectorMode.DROPDOWN
    return SelectSelector(
        SelectSelectorConfig(
            options=[str(option) for option in options],
            translation_key=key,
            multiple=several,
            mode=mode,
        )
    )


def _conditions_of(modalities: frozenset[Modality]) -> list[Condition]:
    """Return the conditions that affect exactly these modalities."""
    return [
        condition
        for condition, effect in EFFECTS.items()
        if (effect.blocked | effect.clinician or {Modality.MASK}) == modalities
    ]


SHARED_CONDITIONS: Final = _conditions_of(frozenset(Modality))
CONDITIONS: Final = {modality: _conditions_of(frozenset({modality})) for modality in Modality}
SKIN_TYPE: Final = choice_of("skin_type", SkinType)
TREATED: Final[Mapping[Any, Any]] = {
    vol.Optional(CONF_TREATMENTS, default=list): choice_of("treatment", Treatment, several=True),
    vol.Optional(CONF_TREATED_ON): DateSelector(),
}
CONFIRMED: Final[Mapping[Any, Any]] = {
    vol.Required(CONF_CONFIRMED, default=False): BooleanSelector()
}


def _questions(
    conditions: Iterable[Condition], further: Mapping[Any, Any] | None = None
) -> vol.Schema:
    return vol.Schema(
        {
            vol.Optional(CONF_CONDITIONS, default=list): choice_of(
                "condition", conditions, several=True
            ),
            **(further or {}),
            **CONFIRMED,
        }
    )


SCREENING: Final = _questions(SHARED_CONDITIONS, TREATED).extend(
    {
        vol.Required(CONF_ADULT, default=False): BooleanSelector(),
        vol.Required(CONF_SKIN_TYPE, default=SkinType.UNKNOWN.value): SKIN_TYPE,
    }
)


def treatment_errors(answers: Mapping[str, Any]) -> dict[str, str]:
    """Return the error of a treatment's date."""
    return (
        {CONF_TREATED_ON: "date_future"}
        if CONF_TREATED_ON in answers and _day(answers[CONF_TREATED_ON]) > dt_util.now().date()
        else {}
    )


def with_holds(eligibility: Eligibility, answers: Mapping[str, Any]) -> Eligibility:
    """Return the eligibility with a hold after each treatment, from the end of its day.

    Without a date the treatments were today.
    """
    day = _day(answers[CONF_TREATED_ON]) if CONF_TREATED_ON in answers else dt_util.now().date()
    treated_at = dt_util.as_utc(dt_util.start_of_local_day(day + timedelta(days=1)))
    for treatment in answers[CONF_TREATMENTS]:
        eligibility = held(eligibility, Modality, block_after(Treatment(treatment), treated_at))
    return eligibility


def _day(text: str) -> date:
    return date.fromisoformat(text)


class ScreeningSteps(ConfigFlow):
    """Four forms: general questions, light, current, and the date of a clinician's approval."""

    _conditions: frozenset[Condition] = frozenset()
    _answers: Mapping[str, Any]
    """The answers of the first form."""

    @abstractmethod
    async def _async_screened(
        self, eligibility: Eligibility, skin_type: SkinType, outcome: str | None
    ) -> ConfigFlowResult:
        """Store the result; `outcome` is the translation key of a message, or None."""

    def _stored_eligibility(self) -> Eligibility:
        """Return the eligibility before the screening."""
        return Eligibility()

    async def async_step_screening(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask the questions for every device."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = _errors(user_input) | treatment_errors(user_input)
            if not user_input[CONF_ADULT]:
                errors[CONF_ADULT] = "not_adult"
            if not errors:
                self._answers = user_input
                self._conditions = frozenset(map(Condition, user_input[CONF_CONDITIONS]))
                return await self.async_step_screening_mask()
        return self.async_show_form(
            step_id="screening",
            data_schema=self.add_suggested_values_to_schema(SCREENING, user_input),
            errors=errors,
        )

    async def async_step_screening_mask(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask the questions for light."""
        errors: dict[str, str] = {}
        if user_input is not None and not (errors := _errors(user_input)):
            self._conditions |= frozenset(map(Condition, user_input[CONF_CONDITIONS]))
            return await self.async_step_screening_wand()
        schema = self.add_suggested_values_to_schema(
            _questions(CONDITIONS[Modality.MASK]), user_input
        )
        return self.async_show_form(step_id="screening_mask", data_schema=schema, errors=errors)

    async def async_step_screening_wand(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask the questions for current."""
        errors: dict[str, str] = {}
        if user_input is not None and not (errors := _errors(user_input)):
            self._conditions |= frozenset(map(Condition, user_input[CONF_CONDITIONS]))
            if any(needs_clinician(self._conditions, modality) for modality in Modality):
                return await self.async_step_clinician()
            return await self._async_finish({})
        schema = self.add_suggested_values_to_schema(
            _questions(CONDITIONS[Modality.WAND]), user_input
        )
        return self.async_show_form(step_id="screening_wand", data_schema=schema, errors=errors)

    async def async_step_clinician(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask when a clinician approved; without a date the device is not allowed."""
        errors: dict[str, str] = {}
        if user_input is not None:
            today = dt_util.now().date()
            approved = {
                modality: _day(user_input[field])
                for modality, field in CLINICIAN_FIELDS.items()
                if field in user_input
            }
            errors = {
                CLINICIAN_FIELDS[modality]: "date_future"
                for modality, day in approved.items()
                if day > today
            }
            errors |= {
                CLINICIAN_FIELDS[modality]: "date_old"
                for modality, day in approved.items()
                if day < today - limits.CLINICIAN_HOLDS
            }
            if not errors:
                return await self._async_finish(approved)
        fields = {
            vol.Optional(field): DateSelector()
            for modality, field in CLINICIAN_FIELDS.items()
            if needs_clinician(self._conditions, modality)
        }
        schema = self.add_suggested_values_to_schema(vol.Schema(fields), user_input)
        return self.async_show_form(step_id="clinician", data_schema=schema, errors=errors)

    async def _async_finish(self, approved: Mapping[Modality, date]) -> ConfigFlowResult:
        now, today = dt_util.utcnow(), dt_util.now().date()
        screenings = {
            modality: screen(self._conditions, modality, approved.get(modality), now, today)
            for modality in Modality
        }
        eligibility = with_holds(rescreened(self._stored_eligibility(), screenings), self._answers)
        unfit = [
            modality.value
            for modality, screening in screenings.items()
            if screening.verdict is Verdict.BLOCKED
        ]
        outcome = f"unfit_{'both' if len(unfit) > 1 else unfit[0]}" if unfit else None
        return await self._async_screened(
            eligibility, SkinType(self._answers[CONF_SKIN_TYPE]), outcome
        )


def _errors(answers: Mapping[str, Any]) -> dict[str, str]:
    return {} if answers[CONF_CONFIRMED] else {CONF_CONFIRMED: "not_confirmed"}
