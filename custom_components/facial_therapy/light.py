"""The channels of a mask as lights: what a manual session gives, in shares of what is allowed."""

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

PARALLEL_UPDATES = 0  # the shell puts commands in order, and a stop must not queue behind a start

FULL: Final = 255


@dataclass(frozen=True, kw_only=True)
class FacialTherapyLightDescription(LightEntityDescription, FacialTherapyDescription):
    """A channel of a mask."""

    channel: Channel


def _description(channel: Channel, *, enabled: bool = True) -> FacialTherapyLightDescription:
    return FacialTherapyLightDescription(
        key=channel.value,
        channel=channel,
        entity_category=EntityCategory.CONFIG,  # so that "turn on the lights" of an area passes by
        entity_registry_enabled_default=enabled,
        available_fn=lambda data: (
            data.connected or data.session is not None
        ),  # off means stop, and must be heard with the link down
    )


DESCRIPTIONS: Final = (
    _description(Channel.RED),
    _description(Channel.NEAR_INFRARED),
    _description(
        Channel.BLUE, enabled=False
    ),  # refused for most skin, and for skin that is not known
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
    """On from arming to the end of a session that has this channel."""

    _attr_color_mode = ColorMode.BRIGHTNESS
    _attr_supported_color_modes = {ColorMode.BRIGHTNESS}  # noqa: RUF012 - Home Assistant's own way to say it
    entity_description: FacialTherapyLightDescription

    @property
    def _level_mw_cm2(self) -> float:
        """What this channel is set to in the living session."""
        live = self.coordinator.data.session
        return 0 if live is None else live.lit_mw_cm2.get(self.entity_description.channel, 0)

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the living session has this channel, and it has not been turned off by hand."""
        return self._level_mw_cm2 > 0

    @property
    @override
    def brightness(self) -> int | None:
        """Return the share of the allowed irradiance, 1 to 255; Home Assistant asks while the light is on."""
        allowed = self.coordinator.controls.allowed_mw_cm2(self.entity_description.channel)
        return max(1, min(FULL, round(self._level_mw_cm2 / allowed * FULL))) if allowed else None

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Start a manual session with this channel, or set it in the one that runs."""
        if not self.meant:
            LOGGER.info("%s is not turned on by an action for everything", self.entity_id)
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
        """Take this channel out of the session; the last one ends it."""
        with translated_errors():
            await self.coordinator.async_turn_off(self.entity_description.channel, self._context)
