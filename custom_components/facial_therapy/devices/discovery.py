"""Which ESPHome nodes are governed ones, and where they are."""

from dataclasses import dataclass
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from ..core.model import Modality

ESPHOME: Final = "esphome"
PROJECT: Final = "facial_therapy."


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredNode:
    """A governed node that the esphome integration has."""

    mac: str
    """Lower case, with colons."""
    name: str
    modality: Modality
    esphome_entry_id: str


def esphome_entry(hass: HomeAssistant, mac: str) -> ConfigEntry[Any] | None:
    """Return the ESPHome entry of a node that is there and not disabled."""
    entry = hass.config_entries.async_entry_for_domain_unique_id(ESPHOME, mac)
    return None if entry is None or entry.disabled_by else entry


def node_device(hass: HomeAssistant, mac: str) -> dr.DeviceEntry | None:
    """Return the node's own device, made by the esphome integration."""
    if (entry := hass.config_entries.async_entry_for_domain_unique_id(ESPHOME, mac)) is None:
        return None
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return next(
        (device for device in devices if (dr.CONNECTION_NETWORK_MAC, mac) in device.connections),
        None,
    )


def therapy_nodes(hass: HomeAssistant) -> list[DiscoveredNode]:
    """Return the governed nodes of all loaded ESPHome entries."""
    nodes = []
    for entry in hass.config_entries.async_entries(ESPHOME):
        if entry.state is not ConfigEntryState.LOADED or not (mac := entry.unique_id):
            continue
        device = node_device(hass, mac)
        if device and device.manufacturer == PROJECT[:-1] and device.model in list(Modality):
            nodes.append(
                DiscoveredNode(
                    mac=mac,
                    name=device.name_by_user or device.name or mac,
                    modality=Modality(device.model),
                    esphome_entry_id=entry.entry_id,
                )
            )
    return nodes
