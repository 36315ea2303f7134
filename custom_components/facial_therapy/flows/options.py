"""Options flow of a person: defaults that they may change inside the hard ceilings."""

from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.const import PERCENTAGE, UnitOfTime
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..core.gate.choices import BOUNDS, Choice, choose
from ..core.limits import Bound
from ..core.person import Options
from ..storage.serialize import choice_in, choice_out
from ..text.errors import time_in_words

MINUTE_S: Final = 60
PERCENT: Final = 0.01
NUMBERS: Final[Mapping[str, tuple[Bound, float, str | None]]] = MappingProxyType(
    {
        "mask_sessions_week": (BOUNDS["mask_sessions_week"], 1, None),
        "mask_duration": (BOUNDS["mask_duration_s"], MINUTE_S, UnitOfTime.MINUTES),
        "wand_duration": (BOUNDS["wand_duration_s"], MINUTE_S, UnitOfTime.MINUTES),
        "share": (BOUNDS["share"], PERCENT, PERCENTAGE),
    }
)
"""For each field its bound, the size of one step of the form, and the unit of the form."""


def _number(bound: Bound, per: float, unit: str | None) -> NumberSelector:
    """Return a selector of whole numbers within a bound, in the unit of the form."""
    config = NumberSelectorConfig(
        min=bound.minimum / per, max=bound.maximum / per, step=1, mode=NumberSelectorMode.SLIDER
    )
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


SCHEMA: Final = vol.Schema(
    {
        **{vol.Required(field): _number(*number) for field, number in NUMBERS.items()},
        vol.Required("wand_starting_phase"): BooleanSelector(),
        vol.Required("half_blue"): BooleanSelector(),
    }
)


class PersonOptionsFlow(OptionsFlow):
    """Changes the options of a person; only admins reach it."""

    _choice: Choice

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the options, and show when a pending choice takes effect."""
        choice, now = choice_in(self.config_entry.options), dt_util.utcnow()
        errors = {
            field: "not_finite"
            for field in NUMBERS
            if user_input is not None and not isfinite(user_input[field])
        }
        if user_input is not None and not errors:
            self._choice = choose(choice, _options(user_input), now)
            if self._choice.loosened_at is not None and self._choice != choice:
                return await self.async_step_later()
            return self.async_create_entry(data=choice_out(self._choice))
        waiting = (
            choice.loosened_at
            if choice.loosened_at is not None and now < choice.loosened_at
            else None
        )
        return self.async_show_form(
            step_id="waiting" if waiting else "init",
            data_schema=self.add_suggested_values_to_schema(SCHEMA, _shown(choice.wanted)),
            errors=errors,
            description_placeholders={"loosened_at": time_in_words(waiting)} if waiting else None,
        )

    async_step_waiting = async_step_init

    async def async_step_later(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show when a looser choice takes effect."""
        if user_input is not None:
            return self.async_create_entry(data=choice_out(self._choice))
        return self.async_show_form(
            step_id="later",
            description_placeholders={
                "loosened_at": time_in_words(self._choice.loosened_at or dt_util.utcnow())
            },
        )


def _options(chosen: dict[str, Any]) -> Options:
    return Options(
        mask_sessions_week=int(chosen["mask_sessions_week"]),
        mask_duration_s=round(chosen["mask_duration"] * MINUTE_S),
        wand_duration_s=round(chosen["wand_duration"] * MINUTE_S),
        share=round(chosen["share"] * PERCENT, 2),
        wand_starting_phase=chosen["wand_starting_phase"],
        half_blue=chosen["half_blue"],
    )


def _shown(options: Options) -> dict[str, Any]:
    return {
        "mask_sessions_week": options.mask_sessions_week,
        "mask_duration": options.mask_duration_s / MINUTE_S,
        "wand_duration": options.wand_duration_s / MINUTE_S,
        "share": round(options.share / PERCENT),
        "wand_starting_phase": options.wand_starting_phase,
        "half_blue": options.half_blue,
    }
