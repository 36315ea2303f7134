"""How a person makes a program of their own: the numbers, what they amount to, and only then it is kept."""

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
from ..core.gate.resolve import BUILT_IN, Program
from ..core.model import MANUAL, Channel, Modality, Person, Reason, Refusal, RefusedError
from ..entity import DOSE_UNIT
from ..people.programs import PROGRAM
from ..people.registry import find_person
from ..routines.forecast import device_of
from ..storage.serialize import program_in, program_of, program_out
from ..text.errors import placeholders
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
"""What is said at its field; everything else says its own sentence above the form."""


def _number(unit: str | None, step: float) -> NumberSelector:
    """Return a field for a number; its bounds depend on person and device, so they are said when it does not fit."""
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
    """Makes a program, or changes one. Its name stays: history, plans and routines call it by that."""

    _shown: dict[str, Any]
    _program: Program
    _worth: Worth

    async def async_step_user(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what gives it."""
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
        """Ask for light."""
        return await self._async_numbers(Modality.MASK, user_input)

    async def async_step_wand(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for current."""
        return await self._async_numbers(Modality.WAND, user_input)

    async def _async_numbers(
        self, modality: Modality, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        """Ask for the numbers until they fit, then say what they amount to."""
        errors: dict[str, str] = {}
        told: dict[str, str] = {"minimum": "", "maximum": "", "unit": "", "problem": ""}
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
                    field, told = await self._async_told(error.refusals[0])
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
            step_id=modality.value, data_schema=schema, errors=errors, description_placeholders=told
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
        """Return what is wrong with the name of a new program; programs of one person are told apart by it, in any case."""
        if self.source == SOURCE_RECONFIGURE:
            return None
        name = self._name(shown)
        if not 1 <= len(name) <= NAME_MAX:
            return "name_length"
        taken = [
            each.title
            for each in self._get_entry().subentries.values()
            if each.subentry_type == PROGRAM
        ]
        return (
            "name_taken"
            if name.casefold() in [each.casefold() for each in (*taken, *BUILT_IN, MANUAL, "none")]
            else None
        )

    async def _async_told(self, refusal: Refusal) -> tuple[str, dict[str, str]]:
        """Return the field that does not fit, and what its sentence names, in the units of the form."""
        field = (refusal.field or "").removeprefix("channels.")
        told = placeholders(refusal)
        if field == "duration_s":
            minutes = math.floor((refusal.maximum or 0) / MINUTE_S)
            field, told = (
                CONF_MINUTES,
                {**told, "minimum": "1", "maximum": str(minutes), "unit": " min"},
            )
        if field in FIELDS:
            return field, {
                key: told.get(key, "") for key in ("minimum", "maximum", "unit", "problem")
            }
        words = await async_translator(self.hass, self.hass.config.language)
        return "base", {
            **{key: told[key] for key in ("minimum", "maximum", "unit")},
            "problem": words.refusal(refusal)["message"],
        }

    async def async_step_preview(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say what a session amounts to, and let it be kept or changed."""
        return self._preview("preview")

    async def async_step_preview_later(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say too that it is more than the first sessions may have."""
        return self._preview("preview_later")

    def _preview(self, step_id: str) -> SubentryFlowResult:
        (modality,) = self._program.modalities
        told = {
            "program": self._program.key,
            "dose": f"{self._worth.planned.total:.3g} {DOSE_UNIT[modality]}",
            "counted": f"{self._worth.worst_case.total:.3g} {DOSE_UNIT[modality]}",
            "day": f"{self._worth.day:.3g} {DOSE_UNIT[modality]}",
            "share": f"{math.ceil(self._worth.share * 100 - 1e-6)}",
            "sessions": str(limits.FIRST_SESSIONS),
        }
        return self.async_show_menu(
            step_id=step_id, menu_options=["keep", modality.value], description_placeholders=told
        )

    async def async_step_keep(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Keep it."""
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
    """Return what was filled in as it is kept; a channel that is empty or zero is not lit."""
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
