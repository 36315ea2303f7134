"""How names are compared: the one place that decides whether two of them are the same."""

from collections.abc import Iterable
import unicodedata


def name_key(name: str) -> str:
    """Return a name for comparison: any case, any spacing, any Unicode form of its letters."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def matching[T](wanted: str, named: Iterable[tuple[str, T]]) -> list[T]:
    """Return everything that has the wanted name, in its order; nothing has a blank name."""
    key = name_key(wanted)
    return [each for name, each in named if key and name_key(name) == key]
