"""Where on the face the wand should be: it goes round its zones, and a cue says when to move on.

The node counts the zones of a session by the time that output flows, from 1; what it says decides,
so that its own cue and ours come together.
"""

from typing import Final

ZONES: Final = ("forehead", "cheeks", "jawline")
ZONE_S: Final = (15, 60)
"""A cue every 15 to 60 s; the longest is the default of docs/safety.md, M14."""


def zone_s(duration_s: float) -> int:
    """Return the seconds that the wand stays in a zone, 15 to 60, in whole rounds of three."""
    rounds = max(1, -(-round(duration_s) // (len(ZONES) * ZONE_S[1])))
    return max(ZONE_S[0], -(-round(duration_s) // (len(ZONES) * rounds)))


def zone(number: int) -> str:
    """Return the zone in which the wand should be.

    Args:
        number: Of the zone in this session, from 1.
    """
    return ZONES[(number - 1) % len(ZONES)]
