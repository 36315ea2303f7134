"""Loaded into a Home Assistant of the tests: the disk of its ledger takes as long as a file says.

The file holds seconds, `inf` for a disk that never answers; without it the disk is as it is. While
a write waits there is a file beside it, `waiting`.
"""

import os
from pathlib import Path
import time

_STALL = Path(os.environ["FACIAL_THERAPY_STALL"])
_WAITING = _STALL.with_name("waiting")
_fsync = os.fsync


def _stall_s() -> float:
    """Return for how long a write takes now, in seconds."""
    return float(_STALL.read_text() or 0) if _STALL.exists() else 0


def _slow_fsync(file: int) -> None:
    """Write to the disk, later if it is the ledger's."""
    if Path(f"/proc/self/fd/{file}").readlink().name.startswith("facial_therapy.ledger"):
        began = time.monotonic()
        while time.monotonic() - began < _stall_s():
            _WAITING.touch()
            time.sleep(0.005)
        _WAITING.unlink(missing_ok=True)
    _fsync(file)


os.fsync = _slow_fsync  # type: ignore[assignment]
