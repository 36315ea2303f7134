"""`core.zones`: how long the wand stays in a zone, and which one comes."""

import pytest

from custom_components.facial_therapy.core.gate.resolve import BUILT_IN, resolve
from custom_components.facial_therapy.core.limits import ZONE_S as LIMIT
from custom_components.facial_therapy.core.model import SessionParameters
from custom_components.facial_therapy.core.zones import ZONE_S, zone, zone_s

from . import person, wand


@pytest.mark.parametrize(
    ("duration_s", "expected"),
    [(300, 50), (150, 50), (180, 60), (90, 30), (181, 31), (30, 15), (900, 60), (1, 15)],
)
def test_the_wand_stays_fifteen_to_sixty_seconds_in_each_of_whole_rounds_of_three_zones(
    duration_s: float, expected: int
) -> None:
    assert zone_s(duration_s) == expected


def test_the_zones_go_round() -> None:
    assert [zone(number) for number in range(1, 8)] == [
        "forehead",
        "cheeks",
        "jawline",
        "forehead",
        "cheeks",
        "jawline",
        "forehead",
    ]


def test_no_zone_is_longer_than_the_default_of_safety() -> None:
    assert (
        ZONE_S[1]
        == LIMIT.default.maximum
        == SessionParameters.__dataclass_fields__["zone_s"].default
    )


@pytest.mark.parametrize(
    "program", [key for key, program in BUILT_IN.items() if program.wand is not None]
)
def test_every_program_of_the_wand_brings_its_zones(program: str) -> None:
    request = resolve(program, person(), wand())
    assert request.zone_s == zone_s(request.duration_s)
    assert 1 <= request.duration_s / request.zone_s / 3 <= 2
