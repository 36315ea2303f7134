"""What is written down of a person's plan and of the routine they are in; losing it costs an evening, never safety."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from ..core.model import Modality, Reason
from ..core.routine.run import Mark, RoutineRun
from ..core.routine.steps import Act, Flow, IfRefused, Step
from ..core.routine.transitions import Outcome, Result, RoutineState
from ..core.schedule.plan import Freeze, Phase, Plan, WeekPlan, Why
from .serialize import program_in, program_out


def weekly_plan_out(weekly_plan: Plan) -> dict[str, Any]:
    """Return a person's plans as plain values."""
    return {
        "plans": [
            {
                "begins_on": plan.begins_on.isoformat(),
                "program": plan.program,
                "custom": plan.custom and program_out(plan.custom),
                "modalities": sorted(plan.modalities),
                "evenings": list(plan.evenings),
                "opens": plan.opens.isoformat(),
                "closes": plan.closes.isoformat(),
                "phase": plan.phase.value,
                "wand_every_weeks": plan.wand_every_weeks,
                "starting_phase": plan.starting_phase,
            }
            for plan in weekly_plan.plans
        ],
        "skipped": sorted(day.isoformat() for day in weekly_plan.skipped),
        "freezes": [
            {
                "first": freeze.first.isoformat(),
                "last": freeze.last.isoformat(),
                "why": freeze.why.value,
            }
            for freeze in weekly_plan.freezes
        ],
    }


def weekly_plan_in(data: Mapping[str, Any]) -> Plan:
    """Return a person's plans.

    Raises:
        KeyError, TypeError, ValueError: It is not what `weekly_plan_out` writes.
    """
    return Plan(
        plans=tuple(
            WeekPlan(
                begins_on=date.fromisoformat(plan["begins_on"]),
                program=plan["program"],
                custom=program_in(plan["program"], plan["custom"]) if plan.get("custom") else None,
                modalities=frozenset(map(Modality, plan["modalities"])),
                evenings=tuple(plan["evenings"]),
                opens=time.fromisoformat(plan["opens"]),
                closes=time.fromisoformat(plan["closes"]),
                phase=Phase(plan["phase"]),
                wand_every_weeks=plan["wand_every_weeks"],
                starting_phase=plan["starting_phase"],
            )
            for plan in data["plans"]
        ),
        skipped=frozenset(map(date.fromisoformat, data["skipped"])),
        freezes=tuple(
            Freeze(
                first=date.fromisoformat(freeze["first"]),
                last=date.fromisoformat(freeze["last"]),
                why=Why(freeze["why"]),
            )
            for freeze in data["freezes"]
        ),
    )


def run_out(run: RoutineRun) -> dict[str, Any]:
    """Return a routine that is gone through as plain values."""
    return {
        "person_id": run.person_id,
        "routine": run.routine,
        "steps": [
            {
                "act": step.act.value,
                "duration_s": step.duration_s,
                "program": step.program,
                "device": step.device,
                "optional": step.optional,
                "if_refused": step.if_refused.value,
            }
            for step in run.steps
        ],
        "began_at": run.began_at.isoformat(),
        "window_ends_at": run.window_ends_at.isoformat(),
        "finish_by": run.finish_by and run.finish_by.isoformat(),
        "state": run.state.value,
        "index": run.index,
        "rests_until": run.rests_until and run.rests_until.isoformat(),
        "flow": run.flow
        and {"modality": run.flow.modality.value, "ended_at": run.flow.ended_at.isoformat()},
        "gel": run.gel,
        "rinsed": run.rinsed,
        "reason": run.reason,
        "marks": [
            {
                "index": mark.index,
                "result": mark.result.value,
                "at": mark.at.isoformat(),
                "reason": mark.reason,
            }
            for mark in run.marks
        ],
        "outcome": run.outcome,
    }


def run_in(data: Mapping[str, Any]) -> RoutineRun:
    """Return a routine that was gone through when it was written down.

    Raises:
        KeyError, TypeError, ValueError: It is not what `run_out` writes.
    """
    return RoutineRun(
        person_id=data["person_id"],
        routine=data["routine"],
        steps=tuple(
            Step(**{**step, "act": Act(step["act"]), "if_refused": IfRefused(step["if_refused"])})
            for step in data["steps"]
        ),
        began_at=datetime.fromisoformat(data["began_at"]),
        window_ends_at=datetime.fromisoformat(data["window_ends_at"]),
        finish_by=_time(data["finish_by"]),
        state=RoutineState(data["state"]),
        index=data["index"],
        rests_until=_time(data["rests_until"]),
        flow=data["flow"]
        and Flow(
            Modality(data["flow"]["modality"]), datetime.fromisoformat(data["flow"]["ended_at"])
        ),
        gel=data["gel"],
        rinsed=data["rinsed"],
        reason=data["reason"] and Reason(data["reason"]),
        marks=tuple(
            Mark(
                index=mark["index"],
                result=Result(mark["result"]),
                at=datetime.fromisoformat(mark["at"]),
                reason=mark["reason"] and Reason(mark["reason"]),
            )
            for mark in data["marks"]
        ),
        outcome=data["outcome"] and Outcome(data["outcome"]),
    )


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
