"""Resolve the target of an action to devices or people.

A node's device belongs to ESPHome, so it is found through our entities on it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

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

from ..const import CONF_KIND, CONF_MAC, DOMAIN, KIND_DEVICE
from ..coordinator import DeviceConfigEntry, FacialTherapyCoordinator, all_coordinators
from ..core.refusal import Reason, Refusal, RefusedError
from ..text.errors import translated

INDIRECT: Final = (ATTR_AREA_ID, ATTR_FLOOR_ID, ATTR_LABEL_ID)


def one_coordinator(call: ServiceCall) -> FacialTherapyCoordinator:
    """Return the coordinator of the one device that an action names.

    A device or an entity has to be named: areas, floors, labels, groups and `all` are refused.

    Raises:
        ServiceValidationError: There is no such device, several are named, or it is not loaded.
    """
    everything = call.data.get(ATTR_ENTITY_ID) == ENTITY_MATCH_ALL
    if not everything and not any(map(call.data.get, INDIRECT)):
        coordinators, errors = target_coordinators(call, groups=False)
        if errors:
            raise errors[0]
        if len(coordinators) == 1:
            return coordinators[0]
    raise _invalid(key="one_target")


def target_coordinators(
    call: ServiceCall, *, groups: bool = True
) -> tuple[list[FacialTherapyCoordinator], list[ServiceValidationError]]:
    """Return the coordinators of all targeted devices, and an error for each unknown target.

    Areas, floors, labels and `all` are expanded, and with `groups` also groups of any kind.
    """
    hass, selection = call.hass, TargetSelection(call.data)
    if not selection.has_any_target:
        return [], [_invalid("no_target")]
    if call.data.get(ATTR_ENTITY_ID) == ENTITY_MATCH_ALL:
        return all_coordinators(hass), []
    registry = er.async_get(hass)
    found: dict[str, None] = {}
    errors: list[ServiceValidationError] = []
    for device_id in sorted(selection.device_ids):
        entries = er.async_entries_for_device(registry, device_id, include_disabled_entities=True)
        if not (ours := _our_entry_ids(hass, entries, people=False)):
            errors.append(_not_ours(hass, device_id))
        found |= ours
    for entity_id in sorted(selection.entity_ids):
        entity_ids = _with_members(hass, entity_id) if groups else [entity_id]
        members = _registered(registry, entity_ids)
        if not (ours := _our_entry_ids(hass, members, people=False)):
            errors.append(_invalid("unknown_entity", entity=entity_id))
        found |= ours
    indirect = TargetSelection({kind: call.data[kind] for kind in INDIRECT if kind in call.data})
    if indirect.has_any_target:
        selected = async_extract_referenced_entity_ids(hass, indirect, primary_entities_only=False)
        members = _registered(registry, sorted(selected.indirectly_referenced))
        found |= _our_entry_ids(hass, members, people=False)
    coordinators = []
    for entry_id in found:
        config_entry = hass.config_entries.async_get_known_entry(entry_id)
        if config_entry.state is ConfigEntryState.LOADED:
            coordinators.append(cast("DeviceConfigEntry", config_entry).runtime_data)
        else:
            refusal = Refusal(reason=Reason.DEVICE_NOT_LOADED, detail=config_entry.title)
            errors.append(cast("ServiceValidationError", translated(RefusedError(refusal))))
    return coordinators, errors


def _with_members(hass: HomeAssistant, entity_id: str) -> list[str]:
    """Return an entity and, if it is a group of any kind, its members and theirs."""
    expanded: dict[str, None] = {}
    pending = [entity_id]
    while pending:
        if (current := pending.pop()) in expanded:
            continue  # a group may contain itself
        expanded[current] = None
        if (state := hass.states.get(current)) is not None:
            members = state.attributes.get(ATTR_ENTITY_ID, ())
            pending += [members] if isinstance(members, str) else members
    return list(expanded)


@callback
def targeted_entries(hass: HomeAssistant, target: Mapping[str, Any]) -> set[str]:
    """Return the config entry ids of all our devices and people in a target of any kind."""
    selected = async_extract_referenced_entity_ids(hass, TargetSelection(dict(target)))
    entity_ids = selected.referenced | selected.indirectly_referenced
    return set(_our_entry_ids(hass, _registered(er.async_get(hass), entity_ids)))


def node_of(hass: HomeAssistant, device_id: str) -> str:
    """Return the MAC address of the node of a device, whether it is loaded or not.

    Raises:
        ServiceValidationError: There is no such device, or it is not one of ours.
    """
    entries = er.async_entries_for_device(
        er.async_get(hass), device_id, include_disabled_entities=True
    )
    for entry_id in _our_entry_ids(hass, entries):
        if mac := hass.config_entries.async_get_known_entry(entry_id).data.get(CONF_MAC):
            return str(mac)
    raise _not_ours(hass, device_id)


def _registered(
    registry: er.EntityRegistry, entity_ids: Iterable[str]
) -> Iterable[er.RegistryEntry]:
    return [entry for entity_id in entity_ids if (entry := registry.async_get(entity_id))]


def _our_entry_ids(
    hass: HomeAssistant, entries: Iterable[er.RegistryEntry], *, people: bool = True
) -> dict[str, None]:
    """Return the ids of the config entries that our entities among these belong to, in order.

    Those of people are left out without `people`.
    """
    known = hass.config_entries.async_get_known_entry
    return {
        entry.config_entry_id: None
        for entry in entries
        if entry.platform == DOMAIN
        and entry.config_entry_id
        and (people or known(entry.config_entry_id).data[CONF_KIND] == KIND_DEVICE)
    }


def _not_ours(hass: HomeAssistant, device_id: str) -> ServiceValidationError:
    known = dr.async_get(hass).async_get(device_id) is not None
    return _invalid("foreign_device" if known else "unknown_device", device=device_id)


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )
