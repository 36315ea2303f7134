"""Which devices an action is for: a device is found through our entities on it, since it belongs to ESPHome."""

from collections.abc import Mapping
from typing import Any, cast

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    ATTR_AREA_ID,
    ATTR_ENTITY_ID,
    ATTR_FLOOR_ID,
    ATTR_LABEL_ID,
    ENTITY_MATCH_ALL,
)
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from ..const import CONF_MAC, DOMAIN
from ..coordinator import DeviceConfigEntry, FacialTherapyCoordinator, all_coordinators
from ..core.model import Reason, Refusal, RefusedError
from ..text.errors import translated

INDIRECT = (ATTR_AREA_ID, ATTR_FLOOR_ID, ATTR_LABEL_ID)


def _wrong(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


def one_coordinator(call: ServiceCall) -> FacialTherapyCoordinator:
    """Return the shell of the one device that an action names; a missing target is never guessed.

    Raises:
        ServiceValidationError: None, several, an area, `all`, or something that is not ours or not
            loaded.
    """
    one_target = _wrong("one_target")
    if (
        any(call.data.get(kind) for kind in INDIRECT)
        or call.data.get(ATTR_ENTITY_ID) == ENTITY_MATCH_ALL
    ):
        raise one_target
    coordinators, unknown = target_coordinators(call)
    for error in unknown:
        raise error
    if len(coordinators) != 1:
        raise one_target
    return coordinators[0]


def target_coordinators(
    call: ServiceCall,
) -> tuple[list[FacialTherapyCoordinator], list[ServiceValidationError]]:
    """Return the shells that an action names, also by area, floor and label, and what of its target cannot be found."""
    hass, selection = call.hass, TargetSelection(call.data)
    if not selection.has_any_target:
        return [], [_wrong("no_target")]
    if call.data.get(ATTR_ENTITY_ID) == ENTITY_MATCH_ALL:
        return all_coordinators(hass), []
    registry = er.async_get(hass)
    found: dict[str, None] = {}
    unknown: list[ServiceValidationError] = []
    for device_id in sorted(selection.device_ids):
        entries = er.async_entries_for_device(registry, device_id, include_disabled_entities=True)
        if not (ours := _ours(entries)):
            unknown.append(_not_ours(hass, device_id))
        found |= ours
    for entity_id in sorted(selection.entity_ids):
        entry = registry.async_get(entity_id)
        if entry is None or not (ours := _ours([entry])):
            unknown.append(_wrong("unknown_entity", entity=entity_id))
        else:
            found |= ours
    indirect = TargetSelection({kind: call.data[kind] for kind in INDIRECT if kind in call.data})
    selected = async_extract_referenced_entity_ids(hass, indirect, primary_entities_only=False)
    found |= _ours(
        [
            entry
            for entity_id in sorted(selected.indirectly_referenced)
            if (entry := registry.async_get(entity_id))
        ]
    )
    coordinators = []
    for entry_id in found:
        config_entry = hass.config_entries.async_get_known_entry(entry_id)
        if config_entry.state is ConfigEntryState.LOADED:
            coordinators.append(cast("DeviceConfigEntry", config_entry).runtime_data)
        else:
            unloaded = RefusedError(
                Refusal(reason=Reason.DEVICE_NOT_LOADED, detail=config_entry.title)
            )
            unknown.append(cast("ServiceValidationError", translated(unloaded)))
    return coordinators, unknown


@callback
def targeted_entries(hass: HomeAssistant, target: Mapping[str, Any]) -> set[str]:
    """Return the config entries of ours whose devices or people a target means, also by area, floor and label."""
    selected = async_extract_referenced_entity_ids(hass, TargetSelection(dict(target)))
    registry = er.async_get(hass)
    entities = [
        entry
        for entity_id in selected.referenced | selected.indirectly_referenced
        if (entry := registry.async_get(entity_id))
    ]
    return set(_ours(entities))


def node_of(hass: HomeAssistant, device_id: str) -> str:
    """Return the MAC address of the node that a device is, loaded or not.

    Raises:
        ServiceValidationError: There is no such device, or it is none of ours.
    """
    for entry_id in _ours(
        er.async_entries_for_device(er.async_get(hass), device_id, include_disabled_entities=True)
    ):
        if mac := hass.config_entries.async_get_known_entry(entry_id).data.get(CONF_MAC):
            return str(mac)
    raise _not_ours(hass, device_id)


def _not_ours(hass: HomeAssistant, device_id: str) -> ServiceValidationError:
    return _wrong(
        "foreign_device" if dr.async_get(hass).async_get(device_id) else "unknown_device",
        device=device_id,
    )


def _ours(entries: list[er.RegistryEntry]) -> dict[str, None]:
    """Return the config entries that our entities among these belong to, in order."""
    return {
        entry.config_entry_id: None
        for entry in entries
        if entry.platform == DOMAIN and entry.config_entry_id
    }
