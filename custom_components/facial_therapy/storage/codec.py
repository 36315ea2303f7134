"""The codec: values of the core as JSON and back.

`encode` writes dataclasses, enums, times and collections as plain JSON values. `decode` reads them
back by the annotations of a type, strictly: every key must be there and none besides, a bool is no
number, NaN and infinity are refused, and a datetime must be aware UTC. Reading a written
value returns an equal one.

Errors name the path of the wrong key and never its value, which may be about somebody's health.
"""

from collections.abc import Callable, Mapping, Sequence, Set as AbstractSet
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, time
from enum import Enum
from functools import cache
import math
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, TypeAliasType, Union, cast, get_args, get_origin

from .fields import MalformedError, hints_of, negative_check

type Decoder = Callable[[object], Any]
"""Reads one JSON value; raises MalformedError."""

# --- writing --------------------------------------------------------------------------------------


def encode(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return a value as plain JSON values.

    Raises:
        MalformedError: A number is NaN or infinite, a datetime is naive, or JSON has no such value.
    """
    return _encoder(cast("Any", type(value)))(value)


@cache
def _encoder(kind: type[Any]) -> Callable[[Any], Any]:  # noqa: PLR0911 - one return for each kind
    """Return what writes values of a type, made once for each."""
    if issubclass(kind, Enum):
        return lambda value: value.value
    if kind in (NoneType, bool, int, str):
        return lambda value: value
    if kind is float:
        return _float
    if issubclass(kind, datetime):
        return _utc_text
    if issubclass(kind, date | time):
        return lambda value: value.isoformat()
    if issubclass(kind, Mapping):
        return _encoded_items
    if issubclass(kind, AbstractSet):
        return lambda value: sorted(map(encode, value))
    if issubclass(kind, tuple | list):
        return lambda value: list(_encoded_items(dict(enumerate(value))).values())
    if is_dataclass(kind):
        return _fields_encoder(kind)
    message = f"cannot be stored as JSON ({kind.__name__})"
    raise MalformedError(message)


def _utc_text(at: datetime) -> str:
    if at.tzinfo is None:
        message = "has no time zone"
        raise MalformedError(message)
    return at.astimezone(UTC).isoformat()


def _encoded_items(values: Mapping[Any, Any]) -> dict[Any, Any]:
    encoded, key = {}, None
    try:
        for key, value in values.items():
            encoded[encode(key)] = encode(value)
    except MalformedError as error:
        raise error.within(key) from None
    return encoded


def _fields_encoder(kind: type[Any]) -> Callable[[Any], dict[str, Any]]:
    hints = hints_of(kind)
    plain = {name: decoder(hint) for name, hint in hints.items() if hint in _AS_IT_IS}
    others = [name for name in hints if name not in plain]
    refuse_negative = negative_check(kind)

    def write(value: object) -> dict[str, Any]:
        refuse_negative(value)
        encoded, name = {}, ""
        try:
            for name, check in plain.items():
                encoded[name] = check(getattr(value, name))
        except MalformedError as error:
            raise error.within(name) from None
        return encoded | _encoded_items({name: getattr(value, name) for name in others})

    return write


_AS_IT_IS: Final = frozenset({bool, int, str, str | None})
"""Annotations whose values are JSON already."""


# --- reading --------------------------------------------------------------------------------------


def decode[T](kind: type[T], data: object) -> T:
    """Return JSON values as a value of a type.

    Args:
        kind: A dataclass, an enum, a collection such as `Mapping[Channel, float]`, or a plain type.
        data: Plain JSON values.

    Raises:
        MalformedError: They are not what `encode` writes for this type.
    """
    return cast("T", decoder(cast("Any", kind))(data))


@cache
def decoder(kind: Any) -> Decoder:  # noqa: ANN401, PLR0911 - any annotation; one return for each kind
    """Return what reads a type, made once for each."""
    if isinstance(kind, TypeAliasType):
        return decoder(kind.__value__)
    if kind is Any:
        return lambda data: data
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind)
    for plain, read in _PLAIN.items() if isinstance(kind, type) else ():
        if issubclass(kind, plain):  # a test's clock puts a subclass in the place of datetime
            return read
    if (origin := get_origin(kind)) in (Union, UnionType):
        [inner] = [each for each in get_args(kind) if each is not NoneType]
        return _optional(decoder(inner))
    if origin is Mapping:
        return _mapping(*map(decoder, get_args(kind)))
    if origin in (tuple, frozenset):
        return _collection(origin, decoder(get_args(kind)[0]))
    if is_dataclass(kind):
        return _dataclass(cast("type[Any]", kind))
    message = f"no codec for {kind}"
    raise TypeError(message)


def _expect(kind: type[Any], data: object, expected: str) -> Any:  # noqa: ANN401 - checked to be of the kind
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        message = f"expected {expected}"
        raise MalformedError(message)
    return data


def _float(data: object) -> float:
    if type(data) in (int, float):
        with suppress(OverflowError):  # a whole number beyond any float
            if math.isfinite(number := float(cast("float", data))):
                return number
    message = "expected a finite number"
    raise MalformedError(message)


def _parsed[T](parse: Callable[[str], T], expected: str) -> Decoder:
    """Return what reads a text that `parse` understands."""

    def read(data: object) -> T:
        try:
            return parse(_expect(str, data, expected))
        except MalformedError:
            raise
        except ValueError:
            message = f"expected {expected}"
            raise MalformedError(message) from None

    return read


def _utc(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is not UTC:
        raise ValueError
    return at


def _wall_time(text: str) -> time:
    at = time.fromisoformat(text)
    if at.tzinfo is not None:
        raise ValueError
    return at


_PLAIN: Final[Mapping[type[Any], Decoder]] = MappingProxyType(
    {
        bool: lambda data: _expect(bool, data, "true or false"),
        int: lambda data: _expect(int, data, "a whole number"),
        str: lambda data: _expect(str, data, "a text"),
        float: _float,
        datetime: _parsed(_utc, "a time in UTC"),
        date: _parsed(date.fromisoformat, "a date"),
        time: _parsed(_wall_time, "a time of day"),
    }
)
"""A subclass stands before its base."""


def _enum(kind: type[Enum]) -> Decoder:
    members = {member.value: member for member in kind}

    def read(data: object) -> Enum:
        if not isinstance(data, str) or data not in members:
            message = f"expected a {kind.__name__}"
            raise MalformedError(message)
        return members[data]

    return read


def _optional(inner: Decoder) -> Decoder:
    return lambda data: None if data is None else inner(data)


def _mapping(read_key: Decoder, read_value: Decoder) -> Decoder:
    def read(data: object) -> Mapping[Any, Any]:
        values, key = {}, None
        try:
            for key, value in _expect_mapping(data).items():
                values[read_key(key)] = read_value(value)
        except MalformedError as error:
            raise error if key is None else error.within(key) from None
        return MappingProxyType(values)

    return read


def _expect_mapping(data: object) -> Mapping[Any, Any]:
    if type(data) is dict:
        return data
    if not isinstance(data, Mapping):
        message = "expected a mapping"
        raise MalformedError(message)
    return data


def _collection(kind: Callable[[list[Any]], Any], read_item: Decoder) -> Decoder:
    def read(data: object) -> Any:  # noqa: ANN401 - a tuple or a frozenset
        if not isinstance(data, Sequence) or isinstance(data, str):
            message = "expected a list"
            raise MalformedError(message)
        items: list[Any] = []
        try:
            for item in data:
                items.append(read_item(item))  # noqa: PERF401 - its length names the item
        except MalformedError as error:
            raise error.within(len(items)) from None
        return kind(items)

    return read


def _dataclass(kind: type[Any]) -> Decoder:
    readers = {name: decoder(hint) for name, hint in hints_of(kind).items()}
    refuse_negative = negative_check(kind)

    def read(data: object) -> Any:  # noqa: ANN401 - of the kind
        stored = _expect_mapping(data)
        for key in stored.keys() ^ readers.keys():
            message = "missing key" if key in readers else "unknown key"
            raise MalformedError(message, f"{key}")
        values, name = {}, ""
        try:
            for name, reader in readers.items():
                values[name] = reader(stored[name])
        except MalformedError as error:
            raise error.within(name) from None
        value = kind(**values)
        refuse_negative(value)
        return value

    return read
