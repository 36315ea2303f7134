"""The actions of a routine and a plan: start, confirm, skip, stop; skip evenings, next phase."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import CONF_PERSON, DOMAIN
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.routine.run import RoutineRun
from ..core.routine.steps import Act, IfRefused, Step, Steps, ends_at
from ..core.routine.transitions import Result, RoutineEvent
from ..core.schedule.plan import Why
from ..people.permissions import async_may_control_person
from ..people.registry import find_person
from ..people.routines import DURATION_S, custom_routine
from ..routines.due import WINDOW
from ..routines.person import PersonRoutines, routines_of
from ..routines.proposals import EVENING, PROPOSALS, Proposal
from ..text.errors import translated_errors
from .fields import ATTR_MODE, MODE_ARM, MODE_PROPOSE, MODES, number_of

ATTR_DATE: Final = "date"
ATTR_FINISH_BY: Final = "finish_by"
ATTR_PERSON: Final = "person"
ATTR_REASON: Final = "reason"
ATTR_ROUTINE: Final = "routine"
ATTR_STEPS: Final = "steps"
ATTR_UNTIL: Final = "until"
ATTR_WAND_EVERY_WEEKS: Final = "wand_every_weeks"
STEP: Final = vol.Schema(
    {
        vol.Required("act"): vol.In([act.value for act in Act]),
        vol.Optional("program"): cv.string,
        vol.Optional("duration_s"): object,
        vol.Optional("optional", default=False): cv.boolean,
        vol.Optional("if_refused", default=IfRefused.SKIP.value): vol.In(
            [each.value for each in IfRefused]
        ),
    },
)


@callback
def async_setup_routine_actions(hass: HomeAssistant) -> None:
    """Register the actions."""

    def register(
        name: str,
        action: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]],
        schema: Mapping[Any, Any],
    ) -> None:
        fields = {vol.Optional(ATTR_PERSON): cv.string, **schema}
        hass.services.async_register(
            DOMAIN, name, action, vol.Schema(fields), SupportsResponse.OPTIONAL
        )

    register(
        "start_routine",
        _async_start,
        {
            vol.Optional(ATTR_FINISH_BY): cv.time,
            vol.Exclusive(ATTR_STEPS, "steps"): vol.All(cv.ensure_list, [STEP]),
            vol.Exclusive(ATTR_ROUTINE, "steps"): cv.string,
            vol.Optional(ATTR_MODE, default=MODE_ARM): vol.In(MODES),
        },
    )
    register("confirm_step", _doing(RoutineEvent.CONFIRM), {})
    register("skip_step", _doing(RoutineEvent.SKIP), {})
    register("stop_routine", _doing(RoutineEvent.STOP), {})
    register("accept_next_phase", _async_accept, {vol.Optional(ATTR_WAND_EVERY_WEEKS): object})
    skipped = [Why.SKIPPED.value, Why.TRAVEL.value, Why.ILLNESS.value]
    register(
        "skip_planned",
        _async_skip,
        {
            vol.Optional(ATTR_DATE): cv.date,
            vol.Optional(ATTR_UNTIL): cv.date,
            vol.Optional(ATTR_REASON): vol.In(skipped),
        },
    )


async def _async_routines(call: ServiceCall) -> PersonRoutines:
    """Return the plan and routine that an action is for.

    Raises:
        UnknownUser, Unauthorized: The user was removed, is read-only, or is neither the person nor
            an admin. An automation has no user, and is allowed.
        RefusedError: There is no such person.
    """
    routines = routines_of(call.hass, find_person(call.hass, call.data.get(ATTR_PERSON)))
    if (user := await async_may_control_person(call, routines.entry.entry_id)) is None:
        return routines
    linked = routines.entry.data.get(CONF_PERSON)
    state = call.hass.states.get(linked) if linked else None
    if (
        not user.is_admin
        and state is not None
        and state.attributes.get("user_id") not in (None, user.id)
    ):
        raise Unauthorized(context=call.context)
    return routines


async def _async_start(call: ServiceCall) -> ServiceResponse:
    """Start or propose a routine: that of the plan, a custom one, or one of the given steps."""
    with translated_errors():
        routines = await _async_routines(call)
        routine, steps, window = _wanted(call, routines)
        finish_by = _finish_by(call.data.get(ATTR_FINISH_BY))
        runner, person_id = routines.runner, routines.entry.entry_id
        if call.data[ATTR_MODE] == MODE_PROPOSE:
            run = runner.consider(routine, steps, window=window, finish_by=finish_by)[0]
            data = {field: value for field, value in call.data.items() if field != ATTR_MODE}
            proposal = Proposal(
                what=EVENING,
                action="start_routine",
                data=data | {ATTR_PERSON: person_id},
                until=dt_util.utcnow() + window,
                day=routines.due.planned_today,
            )
            await call.hass.data[PROPOSALS].async_propose(person_id, proposal)
            return {**_progress(run), "state": "proposed"} if call.return_response else None
        run = await runner.async_start(
            routine, steps, window=window, finish_by=finish_by, context=call.context
        )
    return _progress(run) if call.return_response else None


def _wanted(call: ServiceCall, routines: PersonRoutines) -> tuple[str, Steps, timedelta]:
    """Return the routine that an action means: its key, its steps, and its window.

    Raises:
        RefusedError: There is no such routine, or no plan.
    """
    if ATTR_STEPS in call.data:
        return "custom", tuple(_step(data) for data in call.data[ATTR_STEPS]), WINDOW
    if (name := call.data.get(ATTR_ROUTINE)) is not None:
        return *custom_routine(call.hass, routines.entry.entry_id, name), WINDOW
    return routines.due.routine()


def _step(data: Mapping[str, Any]) -> Step:
    act, duration_s = Act(data["act"]), number_of(data, "duration_s")
    return Step(
        act=act,
        duration_s=DURATION_S[act] if duration_s is None else duration_s,
        program=data.get("program"),
        optional=data["optional"],
        if_refused=IfRefused(data["if_refused"]),
    )


def _finish_by(clock: time | None) -> datetime | None:
    """Return when a routine should be done, UTC.

    A time that is up to six hours ago is today, and late; an earlier one is tomorrow.
    """
    if clock is None:
        return None
    now = dt_util.now()
    at = datetime.combine(now.date(), clock, now.tzinfo)
    return dt_util.as_utc(at if now - at < timedelta(hours=6) else at + timedelta(days=1))


def _doing(event: RoutineEvent) -> Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]:
    """Return the action that confirms or skips a step, or stops the routine."""

    async def do(call: ServiceCall) -> ServiceResponse:
        with translated_errors():
            if event is RoutineEvent.STOP:  # open to everybody who is signed in
                person = find_person(call.hass, call.data.get(ATTR_PERSON))
                routines = routines_of(call.hass, person)
            else:
                routines = await _async_routines(call)
            await routines.runner.async_do(event, call.context)
        run = routines.runner.run
        return _progress(run) if call.return_response and run is not None else None

    return do


async def _async_accept(call: ServiceCall) -> ServiceResponse:
    """Begin the next phase of a plan, which is due."""
    with translated_errors():
        routines = await _async_routines(call)
        every = number_of(call.data, ATTR_WAND_EVERY_WEEKS)
        accepted = await routines.plan.async_accept(
            **(
                {}
                if every is None
                else {ATTR_WAND_EVERY_WEEKS: int(every) if every.is_integer() else every}
            )
        )
        following = routines.forecast.next_evening(routines.person)
    if not call.return_response:
        return None
    return {
        "program": accepted.program,
        "phase": accepted.phase.value,
        "next": following.at.isoformat() if following is not None else None,
    }


async def _async_skip(call: ServiceCall) -> ServiceResponse:
    """Skip an evening of the plan, by default the next one, or all evenings up to a last day."""
    with translated_errors():
        routines = await _async_routines(call)
        evening = routines.forecast.next_evening(routines.person)
        first: date | None = call.data.get(ATTR_DATE) or (None if evening is None else evening.day)
        if first is None:
            raise RefusedError(Refusal(reason=Reason.NO_PLAN))
        last: date = call.data.get(ATTR_UNTIL, first)
        why = Why(call.data.get(ATTR_REASON, Why.SKIPPED))
        await routines.plan.async_leave_out(first, last, why)
        following = routines.forecast.next_evening(routines.person)
    if not call.return_response:
        return None
    return {
        "skipped": first.isoformat(),
        "until": last.isoformat(),
        "next": following.at.isoformat() if following is not None else None,
    }


def _progress(run: RoutineRun) -> dict[str, Any]:
    """Return the step of a routine, the results so far and when it will be done."""
    now = dt_util.utcnow()
    left = tuple(
        step
        for index, step in enumerate(run.steps)
        if index >= run.index and index not in run.marked
    )
    done_at = ends_at(left, now, run.flow)
    return {
        "state": run.state.value,
        "step": run.step and run.step.act.value,
        "next": run.next_step and run.next_step.act.value,
        "steps": [
            {
                "act": run.steps[mark.index].act.value,
                "result": mark.result.value,
                "reason": mark.reason and mark.reason.shown,
            }
            for mark in sorted(run.marks, key=lambda mark: mark.index)
        ],
        "dropped": [
            run.steps[mark.index].act.value for mark in run.marks if mark.result is Result.DROPPED
        ],
        "ends_at": done_at.isoformat(),
        "late_s": max(0, round((done_at - run.finish_by).total_seconds())) if run.finish_by else 0,
        "outcome": run.outcome,
    }
