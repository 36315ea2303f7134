"""Config flow of a person: name, screening, plan, holds, and deletion of their data."""

from collections.abc import Mapping
from datetime import time
import secrets
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigFlowContext,
    ConfigFlowResult,
    FlowType,
)
from homeassistant.const import CONF_NAME, Platform
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TimeSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import (
    CONF_ASK_SKIN,
    CONF_ELIGIBILITY,
    CONF_KIND,
    CONF_NOTIFY,
    CONF_PERSON,
    CONF_PROFILE,
    CONF_SKIN_TYPE,
    CONF_WHEN_DUE,
    DOMAIN,
    KIND_PERSON,
)
from ..coordinator import all_coordinators
from ..core.gate.choices import answered
from ..core.gate.eligibility import cleared, released
from ..core.model import Modality, SkinType
from ..core.person import Eligibility
from ..core.recipes import BUILT_IN
from ..core.refusal import Reason, RefusedError
from ..core.schedule.plan import EVENINGS as EVENINGS_A_WEEK, WAND_EVERY_WEEKS, evenings
from ..people.inheritance import async_inherit
from ..people.programs import custom_programs
from ..people.registry import REACTIONS, async_erase, is_person
from ..routines.person import all_routines
from ..routines.plan_keeper import CLOSES, OPENS, PlanKeeper
from ..routines.reminders import WHEN_DUE
from ..storage.ledger_file import LedgerError
from ..storage.serialize import eligibility_in, eligibility_out, skin_in, skin_out
from ..text.errors import time_in_words
from ..text.translator import async_translator
from .screening import (
    CONF_CONFIRMED,
    CONF_TREATMENTS,
    CONFIRMED,
    SKIN_TYPE,
    TREATED,
    ScreeningSteps,
    choice_of,
    treatment_errors,
    with_holds,
)

CONF_REACTION: Final = "reaction"
NAME_MAX: Final = 64
PROFILE_MAX: Final = 2**31 - 1
CONF_CLOSES: Final = "closes"
CONF_DEVICES: Final = "devices"
CONF_EVENINGS: Final = "evenings"
CONF_OPENS: Final = "opens"
CONF_PROGRAM: Final = "program"
CONF_WAND_EVERY_WEEKS: Final = "wand_every_weeks"
PLAN_FIELDS: Final = {
    "program": CONF_PROGRAM,
    "devices": CONF_DEVICES,
    "evenings": CONF_EVENINGS,
    "window": CONF_CLOSES,
}
PLAN_ERRORS: Final = {Reason.WRONG_MODALITY: "plan_wrong_modality"}
GUIDE: Final = {"guide": True}
"""Starts a reconfigure flow at the first plan, without the menu."""
THREE_QUESTIONS: Final[Mapping[Any, Any]] = {
    vol.Required(CONF_EVENINGS): NumberSelector(
        NumberSelectorConfig(min=EVENINGS_A_WEEK.minimum, max=EVENINGS_A_WEEK.maximum, step=1)
    ),
    vol.Required(CONF_DEVICES): SelectSelector(
        SelectSelectorConfig(
            options=[modality.value for modality in Modality],
            translation_key="modality",
            multiple=True,
        )
    ),
}
PLAN_SCHEMA: Final[Mapping[Any, Any]] = {
    **THREE_QUESTIONS,
    vol.Required(CONF_OPENS): TimeSelector(),
    vol.Required(CONF_CLOSES): TimeSelector(),
    vol.Required(CONF_WHEN_DUE): SelectSelector(
        SelectSelectorConfig(options=list(WHEN_DUE), translation_key="when_due")
    ),
}
PERSON_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_NAME): TextSelector(),
        vol.Optional(CONF_PERSON): EntitySelector(EntitySelectorConfig(domain="person")),
        vol.Optional(CONF_NOTIFY): EntitySelector(EntitySelectorConfig(domain=Platform.NOTIFY)),
    }
)
DETAILS_SCHEMA: Final = PERSON_SCHEMA.extend(
    {vol.Required(CONF_ASK_SKIN, default=False): BooleanSelector()}
)


class PersonSteps(ScreeningSteps):
    """The steps of people."""

    _details: Mapping[str, Any]

    async def async_step_person(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the name and links, then start the screening."""
        errors: dict[str, str] = {}
        if user_input is not None and not (errors := self._errors(user_input)):
            self._details = user_input
            return await self.async_step_screening()
        return self.async_show_form(
            step_id="person",
            data_schema=self.add_suggested_values_to_schema(PERSON_SCHEMA, user_input),
            errors=errors,
        )

    @override
    async def _async_screened(
        self, eligibility: Eligibility, skin_type: SkinType, outcome: str | None
    ) -> ConfigFlowResult:
        if self.source == SOURCE_RECONFIGURE:
            return self._changed(eligibility, outcome, **self._skin(skin_type))
        if errors := self._errors(self._details):  # another person was added meanwhile
            return self.async_show_form(
                step_id="person",
                data_schema=self.add_suggested_values_to_schema(PERSON_SCHEMA, self._details),
                errors=errors,
            )
        eligibility = await async_inherit(self.hass, eligibility)
        profile = self._new_profile()
        await self.async_set_unique_id(f"person_{profile}")
        kept = {
            CONF_SKIN_TYPE: skin_type.value,
            CONF_ELIGIBILITY: eligibility_out(eligibility),
            **_links(self._details),
        }
        return self.async_create_entry(
            title=tidy(self._details[CONF_NAME]),
            data={CONF_KIND: KIND_PERSON, CONF_PROFILE: profile, **kept},
            description=outcome,
        )

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Continue with the first plan of a new person, which may be closed."""
        entry_id = result["result"].entry_id
        if entry_id in all_routines(self.hass):
            context = ConfigFlowContext(source=SOURCE_RECONFIGURE, entry_id=entry_id)
            guide = await self.hass.config_entries.flow.async_init(
                DOMAIN, context=context, data=GUIDE
            )
            result["next_flow"] = (FlowType.CONFIG_FLOW, guide["flow_id"])
        return result

    def _errors(
        self, details: Mapping[str, Any], this_entry_id: str | None = None
    ) -> dict[str, str]:
        """Return the error of each invalid field; name and linked person have to be unique."""
        name = tidy(details[CONF_NAME])
        others = [
            entry
            for entry in self._async_current_entries()
            if is_person(entry) and entry.entry_id != this_entry_id
        ]
        errors = {}
        if not 1 <= len(name) <= NAME_MAX:
            errors[CONF_NAME] = "name_length"
        elif name.casefold() in [entry.title.casefold() for entry in others]:
            errors[CONF_NAME] = "name_taken"
        if (linked := details.get(CONF_PERSON)) is not None and linked in [
            entry.data.get(CONF_PERSON) for entry in others
        ]:
            errors[CONF_PERSON] = "person_taken"
        return errors | {
            field: "entity_missing"
            for field, entity_id in _links(details).items()
            if field not in errors and not self.hass.states.get(entity_id)
        }

    def _new_profile(self) -> int:
        """Return a new random token, by which the nodes know the person."""
        used = {entry.data.get(CONF_PROFILE) for entry in self._async_current_entries()}
        while (profile := secrets.randbelow(PROFILE_MAX) + 1) in used:
            pass
        return profile

    # --- reconfiguring ----------------------------------------------------------------------------

    @override
    def _stored_eligibility(self) -> Eligibility:
        return (
            eligibility_in(self._get_reconfigure_entry().data.get(CONF_ELIGIBILITY, {}))
            if self.source == SOURCE_RECONFIGURE
            else Eligibility()
        )

    def _skin(self, skin_type: SkinType) -> dict[str, Any]:
        """Return the skin type for the entry; a lighter one takes effect after 24 hours."""
        return skin_out(
            answered(skin_in(self._get_reconfigure_entry().data), skin_type, dt_util.utcnow())
        )

    def _changed(
        self, eligibility: Eligibility, outcome: str | None = None, **data: str | None
    ) -> ConfigFlowResult:
        """Store the changes; any session that is no longer allowed is stopped."""
        return self.async_update_and_abort(
            self._get_reconfigure_entry(),
            data_updates={CONF_ELIGIBILITY: eligibility_out(eligibility), **data},
            reason=outcome or "reconfigure_successful",
        )

    def _person_menu(self) -> ConfigFlowResult:
        eligibility = self._stored_eligibility()
        options = ["details", "plan", "screening", "skin_type", "block", "report"]
        options += ["unblock"] if eligibility.holds else []
        options += ["clear"] if eligibility.red_flag_at is not None else []
        kept = all_routines(self.hass).get(self._get_reconfigure_entry().entry_id)
        options += ["next_phase"] if kept is not None and kept.plan.next_phase is not None else []
        return self.async_show_menu(step_id="reconfigure", menu_options=[*options, "erase"])

    async def async_step_details(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the name, and the linked person and notification entity."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None and not (errors := self._errors(user_input, entry.entry_id)):
            kept = {
                key: value
                for key, value in entry.data.items()
                if key not in (CONF_PERSON, CONF_NOTIFY, CONF_ASK_SKIN)
            }
            wanted = {CONF_ASK_SKIN: True} if user_input[CONF_ASK_SKIN] else {}
            return self.async_update_and_abort(
                entry, title=tidy(user_input[CONF_NAME]), data=kept | _links(user_input) | wanted
            )
        shown = user_input or {
            CONF_NAME: entry.title,
            **_links(entry.data),
            CONF_ASK_SKIN: entry.data.get(CONF_ASK_SKIN, False),
        }
        return self.async_show_form(
            step_id="details",
            data_schema=self.add_suggested_values_to_schema(DETAILS_SCHEMA, shown),
            errors=errors,
        )

    async def async_step_plan(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for all fields of a plan."""
        return await self._async_ask_plan("plan", PLAN_SCHEMA, user_input)

    async def async_step_first_plan(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for program, evenings a week and devices of a first plan."""
        return await self._async_ask_plan("first_plan", THREE_QUESTIONS, user_input)

    async def _async_ask_plan(
        self, step_id: str, questions: Mapping[Any, Any], user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        """Ask for a plan until it is valid; other fields keep their value or get their default."""
        entry = self._get_reconfigure_entry()
        kept = all_routines(self.hass).get(entry.entry_id)
        if kept is None:
            return self.async_abort(reason="not_loaded")
        errors: dict[str, str] = {}
        plan = kept.plan.weekly_plan.on(dt_util.now().date())
        modalities = sorted({each.modality.value for each in all_coordinators(self.hass)})
        known = {
            CONF_PROGRAM: "fine_lines" if plan is None else plan.program,
            CONF_EVENINGS: 3 if plan is None else len(plan.evenings),
            CONF_DEVICES: modalities if plan is None else sorted(plan.modalities),
            CONF_OPENS: str(OPENS if plan is None else plan.opens),
            CONF_CLOSES: str(CLOSES if plan is None else plan.closes),
            CONF_WHEN_DUE: entry.data.get(CONF_WHEN_DUE, WHEN_DUE[0]),
        }
        if user_input is not None:
            chosen = known | user_input
            try:
                await self._async_plan(kept.plan, chosen)
            except RefusedError as error:
                errors = {
                    PLAN_FIELDS.get(error.binding.field or "", CONF_PROGRAM): PLAN_ERRORS.get(
                        error.binding.reason, "plan_out_of_bounds"
                    )
                }
            else:
                return self.async_update_and_abort(
                    entry, data_updates={CONF_WHEN_DUE: chosen[CONF_WHEN_DUE]}
                )
        programs = [*BUILT_IN, *custom_programs(self.hass, entry.entry_id)]
        concern = {
            vol.Required(CONF_PROGRAM): SelectSelector(
                SelectSelectorConfig(options=programs, translation_key="program")
            )
        }
        schema = self.add_suggested_values_to_schema(
            vol.Schema({**concern, **questions}), user_input or known
        )
        words = await async_translator(self.hass, self.hass.config.language)
        placeholders = {
            "person": entry.title,
            "programs": "\n\n".join(
                f"**{words.program(key)}**: {words.about(key)}" for key in BUILT_IN
            ),
        }
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _async_plan(self, kept: PlanKeeper, chosen: Mapping[str, Any]) -> None:
        await kept.async_choose(
            chosen[CONF_PROGRAM],
            evenings=evenings(int(chosen[CONF_EVENINGS])),
            modalities=frozenset(map(Modality, chosen[CONF_DEVICES])),
            opens=time.fromisoformat(chosen[CONF_OPENS]),
            closes=time.fromisoformat(chosen[CONF_CLOSES]),
        )

    async def async_step_next_phase(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the next phase of the plan, and start it if the person accepts."""
        entry = self._get_reconfigure_entry()
        kept = all_routines(self.hass).get(entry.entry_id)
        if kept is None or (proposed := kept.plan.next_phase) is None:
            return self.async_abort(reason="no_next_phase")
        if user_input is not None:
            await kept.plan.async_accept(
                wand_every_weeks=int(
                    user_input.get(CONF_WAND_EVERY_WEEKS, proposed.wand_every_weeks)
                )
            )
            return self.async_abort(reason="reconfigure_successful")
        words = await async_translator(self.hass, self.hass.config.language)
        every = NumberSelector(
            NumberSelectorConfig(min=WAND_EVERY_WEEKS.minimum, max=WAND_EVERY_WEEKS.maximum, step=1)
        )
        wand = (
            {vol.Required(CONF_WAND_EVERY_WEEKS, default=proposed.wand_every_weeks): every}
            if Modality.WAND in proposed.programmed
            else {}
        )
        return self.async_show_form(
            step_id="next_phase",
            data_schema=vol.Schema(wand),
            description_placeholders={"program": words.program(proposed.program)},
        )

    async def async_step_skin_type(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the skin type."""
        if user_input is not None:
            return self._changed(
                self._stored_eligibility(), **self._skin(SkinType(user_input[CONF_SKIN_TYPE]))
            )
        shown = {
            CONF_SKIN_TYPE: self._get_reconfigure_entry().data.get(
                CONF_SKIN_TYPE, SkinType.UNKNOWN.value
            )
        }
        schema = vol.Schema({vol.Required(CONF_SKIN_TYPE): SKIN_TYPE})
        return self.async_show_form(
            step_id="skin_type", data_schema=self.add_suggested_values_to_schema(schema, shown)
        )

    async def async_step_block(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for treatments and their date, and pause sessions after them."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = treatment_errors(user_input) | (
                {} if user_input[CONF_TREATMENTS] else {CONF_TREATMENTS: "nothing_chosen"}
            )
            if not errors:
                return self._changed(with_holds(self._stored_eligibility(), user_input))
        return self.async_show_form(
            step_id="block",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(dict(TREATED)), user_input),
            errors=errors,
        )

    async def async_step_unblock(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show when the hold can end, and let it end then."""
        ended = released(self._stored_eligibility(), dt_util.utcnow())
        if user_input is not None:
            return self._changed(ended)
        ends_at = max(
            (max(block.until, block.hard_until) for block in ended.holds.values()),
            default=dt_util.utcnow(),
        )
        return self.async_show_form(
            step_id="unblock", description_placeholders={"ends_at": time_in_words(ends_at)}
        )

    async def async_step_report(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a skin reaction."""
        if user_input is not None:
            return self._changed(
                REACTIONS[user_input[CONF_REACTION]](self._stored_eligibility(), dt_util.utcnow())
            )
        return self.async_show_form(
            step_id="report",
            data_schema=vol.Schema({vol.Required(CONF_REACTION): choice_of("reaction", REACTIONS)}),
        )

    async def async_step_clear(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Clear a red flag after its minimum time, if the person confirms."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            if not user_input[CONF_CONFIRMED]:
                errors = {CONF_CONFIRMED: "not_confirmed"}
            else:
                try:
                    return self._changed(cleared(self._stored_eligibility(), dt_util.utcnow()))
                except RefusedError as error:
                    errors, placeholders = (
                        {"base": "too_early"},
                        {"allowed_at": time_in_words(error.binding.allowed_at or dt_util.utcnow())},
                    )
        return self.async_show_form(
            step_id="clear",
            data_schema=vol.Schema(dict(CONFIRMED)),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_erase(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Delete the screening results and sessions of a person."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            if not user_input[CONF_CONFIRMED]:
                errors = {CONF_CONFIRMED: "not_confirmed"}
            elif any(
                coordinator.live is not None and coordinator.live.person.person_id == entry.entry_id
                for coordinator in all_coordinators(self.hass)
            ):
                errors = {"base": "busy"}
            else:
                try:
                    await async_erase(self.hass, entry)
                except LedgerError:
                    errors = {"base": "not_erased"}
                else:
                    if (routines := all_routines(self.hass).get(entry.entry_id)) is not None:
                        await routines.async_remove()
                    return self.async_abort(reason="erased")
        return self.async_show_form(
            step_id="erase",
            data_schema=vol.Schema(dict(CONFIRMED)),
            errors=errors,
            description_placeholders={"person": entry.title},
        )


def _links(details: Mapping[str, Any]) -> dict[str, str]:
    """Return the linked person and notification entity."""
    return {field: details[field] for field in (CONF_PERSON, CONF_NOTIFY) if details.get(field)}


def tidy(name: str) -> str:
    """Return a name on one line, without surrounding or repeated spaces."""
    return " ".join(name.split())
