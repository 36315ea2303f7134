"""The codec: written values read back unchanged, and everything else is refused."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
import json
from types import MappingProxyType, NoneType
from typing import Any, TypeAliasType, get_args, get_origin, get_type_hints

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.facial_therapy.core.gate.choices import Choice, Skin
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Channel, Dose, Modality, Outcome
from custom_components.facial_therapy.core.person import Eligibility
from custom_components.facial_therapy.core.recipes import Program
from custom_components.facial_therapy.core.refusal import Refusal
from custom_components.facial_therapy.core.routine.run import RoutineRun
from custom_components.facial_therapy.core.schedule.plan import Plan
from custom_components.facial_therapy.people.inheritance import Remainder
from custom_components.facial_therapy.routines.proposals import OpenProposals
from custom_components.facial_therapy.session.settings import Settings
from custom_components.facial_therapy.storage.codec import decode, encode
from custom_components.facial_therapy.storage.fields import MalformedError
from custom_components.facial_therapy.storage.ledger_state import KINDS
from custom_components.facial_therapy.storage.serialize import program_in, program_out
from tests.integration.storage.test_ledger import EVENING, record

STORED = (
    *KINDS.values(),
    Choice,
    Dose,
    Eligibility,
    OpenProposals,
    Plan,
    Program,
    Refusal,
    Remainder,
    RoutineRun,
    Settings,
    Skin,
)
"""Every type that some file holds."""
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(0, 2**53),
    float: st.floats(0, allow_nan=False, allow_infinity=False),
    str: st.text(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
    time: st.times(),
    Any: st.none() | st.booleans() | st.integers() | st.text(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one return for each kind
    """Any value of a type, by its annotation."""
    if isinstance(kind, TypeAliasType):
        return values(kind.__value__)
    if kind in PLAIN:
        return PLAIN[kind]
    arguments = get_args(kind)
    match get_origin(kind):
        case origin if origin is Mapping:
            keys, items = map(values, arguments)
            return st.dictionaries(keys, items, max_size=3).map(MappingProxyType)
        case origin if origin is tuple:
            return st.lists(values(arguments[0]), max_size=3).map(tuple)
        case origin if origin is frozenset:
            return st.frozensets(values(arguments[0]), max_size=3)
        case None if is_dataclass(kind) and isinstance(kind, type):
            hints = get_type_hints(kind)
            return st.builds(kind, **{each.name: values(hints[each.name]) for each in fields(kind)})
        case None:
            return st.sampled_from(kind)
        case _:
            return st.one_of(
                *[st.none() if each is NoneType else values(each) for each in arguments]
            )


@pytest.mark.parametrize("kind", STORED)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_reading_back_what_was_written_is_the_identity(
    kind: type[Any], data: st.DataObject
) -> None:
    value = data.draw(values(kind))
    written = json.loads(json.dumps(encode(value), allow_nan=False))
    assert decode(kind, written) == value


@settings(deadline=None)
@given(data=st.data())
def test_a_custom_program_is_read_back_as_it_was(data: st.DataObject) -> None:
    whole = st.integers(1, 10_000)
    numbers: dict[str, Any] = {"duration_s": data.draw(whole), "per_week": data.draw(whole)}
    if data.draw(st.booleans()):
        numbers |= {"modality": "wand", "current_ua": data.draw(whole), "frequency_hz": 8.3}
    else:
        light = st.dictionaries(st.sampled_from(Channel), st.floats(0, 100))
        numbers |= {"modality": "mask", "irradiance_mw_cm2": data.draw(light)}
    program = program_in("mine", numbers)
    assert program_in("mine", json.loads(json.dumps(program_out(program)))) == program


WRITTEN = encode(record(ended_at=EVENING, outcome=Outcome.STOPPED))


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("duration_s", True),
        ("duration_s", "60"),
        ("duration_s", -1),
        ("duration_s", float("nan")),
        ("duration_s", float("inf")),
        ("duration_s", 10**400),
        ("sessions", 1.0),
        ("sessions", True),
        ("sessions", -1),
        ("profile", None),
        ("session_id", 7),
        ("modality", "lamp"),
        ("modality", ["mask"]),
        ("started_at", "2026-11-24T21:00:00"),
        ("started_at", "2026-11-24T22:00:00+01:00"),
        ("started_at", "soon"),
        ("started_at", 0),
        ("planned", []),
        ("planned.fluence_j_cm2", None),
        ("planned.fluence_j_cm2.red", -0.1),
        ("planned.fluence_j_cm2.red", "6"),
        ("planned.fluence_j_cm2.green", 6.0),
        ("planned.charge_ma_min", False),
        ("planned.more", 1),
        ("more", 1),
    ],
)
def test_a_wrong_value_is_refused_by_the_path_of_its_key(path: str, wrong: Any) -> None:
    data = json.loads(json.dumps(WRITTEN))
    *outer, last = path.split(".")
    inside = data
    for key in outer:
        inside = inside[key]
    inside[last] = wrong
    with pytest.raises(MalformedError) as refused:
        decode(Record, data)
    below_zero = path == "planned.fluence_j_cm2.red" and wrong == -0.1
    assert refused.value.path == ("planned.fluence_j_cm2" if below_zero else path)
    assert str(wrong) not in str(refused.value) or str(wrong) in refused.value.path


@pytest.mark.parametrize("key", WRITTEN)
def test_a_missing_key_is_refused_by_its_name(key: str) -> None:
    data = {name: value for name, value in WRITTEN.items() if name != key}
    with pytest.raises(MalformedError) as refused:
        decode(Record, data)
    assert refused.value.path == key


@pytest.mark.parametrize(
    "wrong",
    [
        record(worst_case=Dose(charge_ma_min=float("nan"))),
        record(worst_case=Dose(charge_ma_min=float("inf"))),
        record(worst_case=Dose(charge_ma_min=-1.0)),
        record(started_at=EVENING.replace(tzinfo=None)),
        record(program=object()),
        record(sessions=True),
    ],
)
def test_what_could_not_be_read_back_is_not_written(wrong: Record) -> None:
    with pytest.raises(MalformedError):
        encode(wrong)


def test_times_are_written_in_utc() -> None:
    tokyo = EVENING.astimezone(timezone(timedelta(hours=9)))
    assert encode(replace(record(), started_at=tokyo))["started_at"] == EVENING.isoformat()


@pytest.mark.parametrize("index", [0, 1])
def test_an_error_in_a_list_names_the_item(index: int) -> None:
    good = {
        "removed_at": EVENING.isoformat(),
        "eligibility": encode(Eligibility()),
        "unknown": False,
    }
    items = [good, good]
    items[index] = {**good, "removed_at": "soon"}
    with pytest.raises(MalformedError, match=rf"removed\.{index}\.removed_at"):
        decode(Remainder, {"removed": items})


def test_enums_are_values_and_keys() -> None:
    assert encode({Modality.MASK: Outcome.VOID}) == {"mask": "void"}
