"""The lint check for retired words: what it finds, and what it leaves alone."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
import sys
from types import ModuleType
from typing import Final

import pytest

SCRIPT: Final = Path(__file__).parents[1] / "scripts/check_words"


@pytest.fixture(scope="module")
def words() -> ModuleType:
    """Return the script as a module."""
    spec = spec_from_loader("check_words", SourceFileLoader("check_words", str(SCRIPT)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["check_words"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("charged_dose = 1", {"charged"}),
        ("ChargedDose = 1", {"charged"}),
        ("class Turn: ...", {"turn", "Turn"}),
        ("shell.async_start()", {"shell"}),
        ("# The listeners are told.", {"told"}),
        ('"""Return what is refused."""', {"what is"}),
        ('f"{count} taken in"', {"taken in"}),
        ('KEY = "watched_light"', {"watched", "watched_light"}),
        ("# See `_told_once`.", {"told"}),
    ],
)
def test_retired_words_are_found_in_names_and_text(
    words: ModuleType, source: str, found: set[str]
) -> None:
    assert {word for _, word, _ in words.in_python(source)} == found


@pytest.mark.parametrize(
    "source",
    [
        "recharged = charging + charge",
        "async_turn_on(turn_off)",
        "# Of course each has its own, in turn.",
        "from hypothesis import given",
        "its_own = 1",
        '"""Ask: what is a session?"""',
        "# The dose is over the limit.",
        "retold = untold = subjective = 1",
    ],
)
def test_everyday_words_are_left_alone(words: ModuleType, source: str) -> None:
    assert list(words.in_python(source)) == []


def test_a_hit_names_file_line_and_the_word_to_use(words: ModuleType) -> None:
    assert str(words.Hit("a.py", 3, "told", "announced")) == "a.py:3: 'told': use announced"


def test_pages_are_checked_as_text_with_names_in_it(words: ModuleType) -> None:
    page = "# Plans\n\nThe plan is told.\nSet `taken_dose`, taken off.\n"
    assert sorted(words.in_page(page)) == [
        (3, "told", "announced, shown, reported"),
        (4, "taken", "counted"),
    ]


def test_every_exception_has_a_reason_and_a_file(words: ModuleType) -> None:
    for (path, _), reason in words.EXCEPTIONS.items():
        assert reason
        assert (SCRIPT.parents[1] / path).exists()
