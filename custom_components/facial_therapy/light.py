"""Lights: the channels of a mask, as shares of the allowed irradiance of a manual session."""

from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.light import LightEntity, LightEntityDescription
from homeassistant.components.light.const import ATTR_BRIGHTNESS, ColorMode
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import LOGGER
from .coordinator import DeviceConfigEntry
from .core.model import Channel
from .entity import FacialTherapyDescription, NamedEntity
from .text.errors import translated_errors

PARALLEL_UPDATES = 0  # the coordinator puts commands in order; a stop must never queue

FULL: Final = 255


@dataclass(frozen=True, kw_only=True)
class FacialTherapyLightDescription(LightEntityDescription, FacialTherapyDescription):
    """A channel of a mask."""

    channel: Channel


def _description(channel: Channel, *, enabled: bool = True) -> FacialTherapyLightDescription:
    return FacialTherapyLightDescription(
        key=channel.value,
        channel=channel,
        entity_category=EntityCategory.CONFIG,  # so that an action on an area skips it
        entity_registry_enabled_default=enabled,
        # Off means stop, which must work without a connection.
        available_fn=lambda data: data.connected or data.session is not None,
    )


DESCRIPTIONS: Final = (
    _description(Channel.RED),
    _description(Channel.NEAR_INFRARED),
    _description(Channel.BLUE, enabled=False),  # refused for dark or unknown skin types
    _description(Channel.AMBER),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: DeviceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a light for each channel that the mask has; a wand has none."""
    coordinator = entry.runtime_data
    async_add_entities(
        ChannelLight(coordinator, description)
        for description in DESCRIPTIONS
        if description.channel in coordinator.channels
    )


class ChannelLight(NamedEntity, LightEntity):
    """A channel, on from arming to the end of a session that uses it."""

    _attr_color_mode = ColorMode.BRIGHTNESS
    _attr_supported_color_modes = {ColorMode.BRIGHTNESS}  # noqa: RUF012 - as in Home Assistant
    entity_description: FacialTherapyLightDescription

    @property
    def _level_mw_cm2(self) -> float:
        """The level of this channel in the current session."""
        live = self.coordinator.data.session
        return 0 if live is None else live.on_mw_cm2.get(self.entity_description.channel, 0)

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the current session uses this channel."""
        return self._level_mw_cm2 > 0

    @property
    @override
    def brightness(self) -> int | None:
        """Return the share of the allowed irradiance, 1 to 255; None if none is allowed."""
        allowed = self.coordinator.controls.allowed_mw_cm2(self.entity_description.channel)
        return max(1, min(FULL, round(self._level_mw_cm2 / allowed * FULL))) if allowed else None

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Start a manual session with this channel, or set its level in the current one."""
        if not self.meant:
            LOGGER.info("Ignored turning on %s by an action on all entities", self.entity_id)
            return
        share = (
            brightness / FULL if (brightness := kwargs.get(ATTR_BRIGHTNESS)) is not None else None
        )
        with translated_errors():
            await self.coordinator.async_turn_on(
                self.entity_description.channel, share, self._context
            )

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Remove this channel from the session; removing the last one stops it."""
        with translated_errors():
            await self.coordinator.async_turn_off(self.entity_description.channel, self._context)
