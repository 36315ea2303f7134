"""A small file system in place of a folder, to be filled or made read-only."""

from collections.abc import Generator
import contextlib
import errno
from pathlib import Path
import shutil
import subprocess

SIZE = 8 << 20
_BLOCK = bytes(4096)


class MountError(Exception):
    """Nothing may be mounted here."""


def _run(*command: str | Path) -> None:
    """Mount something, or take it away."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MountError(done.stderr.strip())


class SmallDisk:
    """What can be done to it."""

    def __init__(self, at: Path) -> None:
        """Take where it is mounted."""
        self._at = at
        self._ballast = at / "ballast"

    def fill(self) -> None:
        """Leave no block free."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while file.write(_BLOCK):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def empty(self) -> None:
        """Give the blocks back."""
        self._ballast.unlink()

    def protect(self, *, read_only: bool) -> None:
        """Let nobody write, or everybody again."""
        _run("mount", "-o", f"remount,{'ro' if read_only else 'rw'}", self._at)


@contextlib.contextmanager
def small_disk(folder: Path) -> Generator[SmallDisk]:
    """Put a small disk with a copy of the files in place of a folder; writes to it stay.

    Raises:
        MountError: It cannot be mounted; nothing has changed.
    """
    beside = folder.with_name(f"{folder.name}-small")
    beside.mkdir()
    # Home Assistant's own temporary files come and go.
    passing = shutil.ignore_patterns("tmp*", "ballast")
    with contextlib.ExitStack() as stack:
        stack.callback(beside.rmdir)
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", beside)
        stack.callback(_run, "umount", beside)
        shutil.copytree(folder, beside, ignore=passing, dirs_exist_ok=True)
        _run("mount", "--bind", beside, folder)
        try:
            yield SmallDisk(beside)
        finally:
            _run("mount", "-o", "remount,rw", beside)
            _run("umount", folder)
            shutil.copytree(beside, folder, ignore=passing, dirs_exist_ok=True)
