"""Subentry flow of a custom program: its numbers, then a preview of its dose."""

from collections.abc import Mapping
import math
from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..core import limits
from ..core.gate import custom_program
from ..core.gate.custom_program import Worth
from ..core.model import Channel, Modality
from ..core.person import Person
from ..core.recipes import BUILT_IN, Program
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.session_parameters import MANUAL
from ..entity import DOSE_UNIT
from ..people.programs import PROGRAM
from ..people.registry import find_person
from ..routines.forecast import device_of
from ..storage.serialize import program_in, program_of, program_out
from ..text.errors import placeholders as refusal_placeholders
from ..text.translator import async_translator

CONF_CURRENT: Final = "current_ua"
CONF_FREQUENCY: Final = "frequency_hz"
CONF_MINUTES: Final = "minutes"
CONF_PER_WEEK: Final = "per_week"
FIELDS: Final = (
    *(channel.value for channel in Channel),
    CONF_CURRENT,
    CONF_FREQUENCY,
    CONF_MINUTES,
    CONF_PER_WEEK,
)
MINUTE_S: Final = 60
NAME_MAX: Final = 64
KINDS: Final[Mapping[Reason, str]] = {Reason.OUT_OF_BOUNDS: "out_of_bounds"}
"""Errors that are shown at their field; all others are shown above the form."""


def _number(unit: str | None, step: float) -> NumberSelector:
    """Return a number selector; its bounds depend on person and device and are checked later."""
    config = NumberSelectorConfig(min=0, step=step, mode=NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


LAST: Final[Mapping[Any, Any]] = {
    vol.Required(CONF_MINUTES): _number("min", 1),
    vol.Required(CONF_PER_WEEK): _number(None, 1),
}
NUMBERS: Final[Mapping[Modality, Mapping[Any, Any]]] = {
    Modality.MASK: {
        **{vol.Optional(channel.value): _number("mW/cm²", 0.1) for channel in Channel},
        **LAST,
    },
    Modality.WAND: {
        vol.Required(CONF_CURRENT): _number("µA", 1),
        vol.Required(CONF_FREQUENCY): _number("Hz", 0.1),
        **LAST,
    },
}


class ProgramFlow(ConfigSubentryFlow):
    """Makes or changes a custom program. Its name can't change, because plans use it."""

    _shown: dict[str, Any]
    _program: Program
    _worth: Worth

    async def async_step_user(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the modality."""
        return self.async_show_menu(
            step_id="user", menu_options=[modality.value for modality in Modality]
        )

    async def async_step_reconfigure(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change the numbers."""
        subentry = self._get_reconfigure_subentry()
        program = program_in(subentry.title, subentry.data)
        recipe = program.mask or program.wand
        numbers = {key: value for key, value in subentry.data.items() if key in FIELDS} | dict(
            subentry.data.get("irradiance_mw_cm2", {})
        )
        self._shown = {
            **numbers,
            CONF_MINUTES: 0 if recipe is None else recipe.duration_s / MINUTE_S,
        }
        return await self._async_numbers(Modality(subentry.data["modality"]), None)

    async def async_step_mask(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the numbers of a mask program."""
        return await self._async_numbers(Modality.MASK, user_input)

    async def async_step_wand(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the numbers of a wand program."""
        return await self._async_numbers(Modality.WAND, user_input)

    async def _async_numbers(
        self, modality: Modality, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        """Ask for the numbers until they are valid, then show the preview."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {"minimum": "", "maximum": "", "unit": "", "problem": ""}
        if user_input is not None:
            self._shown = user_input
            if problem := self._name_problem(user_input):
                errors = {CONF_NAME: problem}
            else:
                self._program = program_of(self._name(user_input), _data(modality, user_input))
                try:
                    self._worth = custom_program.check(
                        self._program,
                        self._person(),
                        device_of(self.hass, modality),
                        dt_util.utcnow(),
                    )
                except RefusedError as error:
                    field, placeholders = await self._async_error(error.refusals[0])
                    errors = {field: KINDS.get(error.refusals[0].reason, "does_not_fit")}
                else:
                    return await (
                        self.async_step_preview()
                        if self._worth.from_the_start
                        else self.async_step_preview_later()
                    )
        named = (
            {} if self.source == SOURCE_RECONFIGURE else {vol.Required(CONF_NAME): TextSelector()}
        )
        schema = self.add_suggested_values_to_schema(
            vol.Schema({**named, **NUMBERS[modality]}), getattr(self, "_shown", None)
        )
        return self.async_show_form(
            step_id=modality.value,
            data_schema=schema,
            errors=errors,
            description_placeholders=placeholders,
        )

    def _person(self) -> Person:
        return find_person(self.hass, self._get_entry().entry_id)

    def _name(self, shown: Mapping[str, Any]) -> str:
        return (
            self._get_reconfigure_subentry().title
            if self.source == SOURCE_RECONFIGURE
            else " ".join(shown[CONF_NAME].split())
        )

    def _name_problem(self, shown: Mapping[str, Any]) -> str | None:
        """Return the error of a new name, which has to be unique for the person in any case."""
        if self.source == SOURCE_RECONFIGURE:
            return None
        name = self._name(shown)
        if not 1 <= len(name) <= NAME_MAX:
            return "name_length"
        used = [
            each.title
            for each in self._get_entry().subentries.values()
            if each.subentry_type == PROGRAM
        ]
        return (
            "name_taken"
            if name.casefold() in [each.casefold() for each in (*used, *BUILT_IN, MANUAL, "none")]
            else None
        )

    async def _async_error(self, refusal: Refusal) -> tuple[str, dict[str, str]]:
        """Return the invalid field and the placeholders of its error, in the units of the form."""
        field = (refusal.field or "").removeprefix("channels.")
        values = refusal_placeholders(refusal)
        if field == "duration_s":
            minutes = math.floor((refusal.maximum or 0) / MINUTE_S)
            field, values = (
                CONF_MINUTES,
                {**values, "minimum": "1", "maximum": str(minutes), "unit": " min"},
            )
        if field in FIELDS:
            return field, {
                key: values.get(key, "") for key in ("minimum", "maximum", "unit", "problem")
            }
        words = await async_translator(self.hass, self.hass.config.language)
        return "base", {
            **{key: values[key] for key in ("minimum", "maximum", "unit")},
            "problem": words.refusal(refusal)["message"],
        }

    async def async_step_preview(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the dose of a session, to save or change the program."""
        return self._preview("preview")

    async def async_step_preview_later(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the dose, and that it is too much for the first sessions."""
        return self._preview("preview_later")

    def _preview(self, step_id: str) -> SubentryFlowResult:
        (modality,) = self._program.modalities
        placeholders = {
            "program": self._program.key,
            "dose": f"{self._worth.planned.total:.3g} {DOSE_UNIT[modality]}",
            "counted": f"{self._worth.worst_case.total:.3g} {DOSE_UNIT[modality]}",
            "day": f"{self._worth.day:.3g} {DOSE_UNIT[modality]}",
            "share": f"{math.ceil(self._worth.share * 100 - 1e-6)}",
            "sessions": str(limits.FIRST_SESSIONS),
        }
        return self.async_show_menu(
            step_id=step_id,
            menu_options=["keep", modality.value],
            description_placeholders=placeholders,
        )

    async def async_step_keep(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Save the program."""
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(), self._get_reconfigure_subentry(), data=program_out(self._program)
            )
        return self.async_create_entry(
            title=self._program.key,
            data=program_out(self._program),
            unique_id=f"{PROGRAM}_{self._program.key.casefold()}",
        )


def _data(modality: Modality, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input as it is stored, without channels that are empty or zero."""
    numbers = {
        "modality": modality.value,
        "duration_s": shown[CONF_MINUTES] * MINUTE_S,
        CONF_PER_WEEK: shown[CONF_PER_WEEK],
    }
    if modality is Modality.WAND:
        return {**numbers, CONF_CURRENT: shown[CONF_CURRENT], CONF_FREQUENCY: shown[CONF_FREQUENCY]}
    return {
        **numbers,
        "irradiance_mw_cm2": {
            channel.value: shown[channel] for channel in Channel if shown.get(channel.value)
        },
    }
