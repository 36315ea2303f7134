"""Subentry flow of a custom routine: its steps in order, and what happens if one is refused."""

from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import voluptuous as vol

from ..coordinator import all_coordinators
from ..core.model import Modality
from ..core.recipes import BUILT_IN, named
from ..core.refusal import Reason, RefusedError
from ..core.routine.steps import STEPS, Act, IfRefused, check
from ..people.programs import custom_programs
from ..people.routines import (
    CONF_IF_REFUSED,
    CONF_OPTIONAL,
    CONF_PROGRAM,
    CONF_STEPS,
    ROUTINE,
    steps_in,
    tonight,
)

NAME_MAX: Final = 64


def _acts() -> SelectSelector:
    """Return a selector of several steps, which keeps the order of selection."""
    options = [act.value for act in Act]
    return SelectSelector(
        SelectSelectorConfig(
            options=options, translation_key="act", multiple=True, mode=SelectSelectorMode.DROPDOWN
        )
    )


class RoutineFlow(ConfigSubentryFlow):
    """Makes or changes a custom routine. Its name can't change, because automations use it."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Make a routine; the form suggests one for the devices of the home."""
        modalities = tuple(each.modality for each in all_coordinators(self.hass))
        suggested = tonight(modalities or tuple(Modality), "first_use")
        shown = {
            CONF_STEPS: [step.act.value for step in suggested],
            CONF_OPTIONAL: [Act.SERUM.value],
            CONF_PROGRAM: "first_use",
            CONF_IF_REFUSED: IfRefused.SKIP.value,
        }
        if user_input is not None and not (errors := self._errors(user_input)):
            title = _tidy(user_input[CONF_NAME])
            data = {key: value for key, value in user_input.items() if key != CONF_NAME}
            return self.async_create_entry(
                title=title, data=data, unique_id=f"{ROUTINE}_{title.casefold()}"
            )
        return self._form("user", user_input or shown, errors if user_input is not None else {})

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change its steps; a routine in progress keeps the former ones."""
        subentry = self._get_reconfigure_subentry()
        if user_input is not None and not (errors := self._errors(user_input)):
            return self.async_update_and_abort(self._get_entry(), subentry, data=user_input)
        return self._form(
            "reconfigure",
            user_input or dict(subentry.data),
            errors if user_input is not None else {},
        )

    def _form(
        self, step_id: str, shown: dict[str, Any], errors: dict[str, str]
    ) -> SubentryFlowResult:
        programs = [*BUILT_IN, *custom_programs(self.hass, self._get_entry().entry_id)]
        fields: dict[Any, Any] = (
            {} if self.source == SOURCE_RECONFIGURE else {vol.Required(CONF_NAME): TextSelector()}
        )
        fields |= {
            vol.Required(CONF_STEPS): _acts(),
            vol.Required(CONF_OPTIONAL, default=list): _acts(),
            vol.Required(CONF_PROGRAM): SelectSelector(
                SelectSelectorConfig(options=programs, translation_key="program")
            ),
            vol.Required(CONF_IF_REFUSED): SelectSelector(
                SelectSelectorConfig(
                    options=[each.value for each in IfRefused], translation_key="if_refused"
                )
            ),
        }
        schema = self.add_suggested_values_to_schema(vol.Schema(fields), shown)
        bounds = {"minimum": f"{STEPS.minimum:g}", "maximum": f"{STEPS.maximum:g}"}
        return self.async_show_form(
            step_id=step_id, data_schema=schema, errors=errors, description_placeholders=bounds
        )

    def _errors(self, shown: dict[str, Any]) -> dict[str, str]:
        """Return the error of each invalid field."""
        if self.source != SOURCE_RECONFIGURE and (
            problem := self._name_problem(_tidy(shown[CONF_NAME]))
        ):
            return {CONF_NAME: problem}
        if not set(shown[CONF_OPTIONAL]) <= set(shown[CONF_STEPS]):
            return {CONF_OPTIONAL: "not_a_step"}
        try:
            steps = steps_in(shown)
            check(steps)
            recipe = named(
                shown[CONF_PROGRAM], custom_programs(self.hass, self._get_entry().entry_id)
            )
        except RefusedError as error:
            return (
                {CONF_STEPS: "no_steps"}
                if error.binding.reason is Reason.OUT_OF_BOUNDS
                else {CONF_STEPS: "not_rinsed"}
            )
        used = {step.act.modality for step in steps} - {None}
        return {} if used <= recipe.modalities else {CONF_PROGRAM: "wrong_modality"}

    def _name_problem(self, name: str) -> str | None:
        """Return the error of a name, which has to be unique for the person in any case."""
        used = [
            each.title.casefold()
            for each in self._get_entry().subentries.values()
            if each.subentry_type == ROUTINE
        ]
        if not 1 <= len(name) <= NAME_MAX:
            return "name_length"
        return "name_taken" if name.casefold() in used else None


def _tidy(name: str) -> str:
    return " ".join(name.split())
