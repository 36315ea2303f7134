"""A network of our own, so that announcements and requests of a run stay on this machine.

Where the kernel lets us, the process moves into a fresh network namespace with one interface that
has multicast and a default route that leads nowhere. Everything it starts afterwards is in there
too. On other systems it runs plainly on the machine's own network.
"""

import os
from pathlib import Path
import shutil
import subprocess

ADDRESS = "10.213.77.2"
_GATEWAY = "10.213.77.1"
_INTERFACE = "therapy0"
_PEER = "therapy1"
_RESOLVER = Path("/etc/resolv.conf")

# What kernels offer differs: the first kind that can be made is taken.
_KINDS = (
    ("link", "add", _INTERFACE, "type", "dummy"),
    ("link", "add", _INTERFACE, "type", "veth", "peer", "name", _PEER),
    ("link", "add", _INTERFACE, "type", "bridge"),
)

_entered: list[str] = []


def _ip(*arguments: str) -> bool:
    """Run ip(8) and say whether it worked."""
    program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return False
    done = subprocess.run([program, *arguments], capture_output=True, check=False)
    return done.returncode == 0


def _unshare() -> bool:
    """Leave the machine's network; as an ordinary user by way of a user namespace."""
    uid, gid = os.getuid(), os.getgid()
    flags = os.CLONE_NEWNET if uid == 0 else os.CLONE_NEWNET | os.CLONE_NEWUSER
    try:
        os.unshare(flags)
        if uid != 0:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
            Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    except OSError:
        return False
    return True


def _possible() -> bool:
    """Try everything in a child first: a namespace cannot be left again."""
    child = os.fork()
    if child == 0:
        os._exit(0 if _unshare() and _furnish() else 1)
    return os.waitpid(child, 0)[1] == 0


def _furnish() -> bool:
    """Bring up loopback and one interface with multicast and a default route."""
    if not _ip("link", "set", "lo", "up") or not any(_ip(*kind) for kind in _KINDS):
        return False
    # The peer's end only has to be up for the other to have a carrier: without addresses it hears
    # nothing twice.
    _ip("link", "set", _PEER, "addrgenmode", "none")
    _ip("link", "set", _PEER, "up")
    # A name that cannot be looked up fails at once: by the default route each would wait 12 s, and
    # a browser with it.
    for line in _RESOLVER.read_text().splitlines() if _RESOLVER.exists() else []:
        if line.startswith("nameserver "):
            _ip("route", "add", "unreachable", line.split()[1])
    return (
        _ip("address", "add", f"{ADDRESS}/24", "dev", _INTERFACE)
        and _ip("link", "set", _INTERFACE, "up", "multicast", "on")
        and _ip("route", "add", "default", "via", _GATEWAY, "dev", _INTERFACE)
    )


def enter() -> bool:
    """Move this process into a network of its own, before there are threads or sockets.

    Returns:
        Whether it moved; False where the kernel does not allow it.
    """
    if not _entered and _possible() and _unshare() and _furnish():
        _entered.append(_INTERFACE)
    return bool(_entered)


def is_private() -> bool:
    """Whether this process is in a network of its own."""
    return bool(_entered)
