"""Which of our people a node knows, and what it has counted for each of them."""

from collections.abc import Collection, Mapping

from ..core.device import ProfileCounters, Telemetry
from ..core.refusal import Reason, RefusedError
from .port import TherapyDevice


class Enrollment:
    """A copy of the node's counters of our own people; the caller decides when to refresh it.

    Telemetry names nobody: it only says that something has changed.
    """

    def __init__(self, device: TherapyDevice) -> None:
        """Begin with nobody."""
        self._device = device
        self._seen: tuple[int, tuple[int, int]] | None = None
        self.enrolled: Mapping[int, ProfileCounters] = {}
        """By token; who is not in it is not enrolled, or was not asked for."""

    def stale(self, telemetry: Telemetry) -> bool:
        """Return whether a profile has changed, or the node restarted, since the last refresh."""
        return self._seen != (telemetry.boot, telemetry.profiles)

    async def async_refresh(self, profiles: Collection[int], telemetry: Telemetry) -> None:
        """Ask the node for these tokens.

        Raises:
            RefusedError: The node refuses to answer at all; the copy stays as it was.
            DeviceError: It cannot be reached or does not answer; the copy stays as it was.
        """
        enrolled = {}
        for profile in profiles:
            try:
                enrolled[profile] = await self._device.async_profile(profile)
            except RefusedError as error:
                if error.binding.reason is not Reason.NOT_ENROLLED:
                    raise
        self.enrolled, self._seen = enrolled, (telemetry.boot, telemetry.profiles)
