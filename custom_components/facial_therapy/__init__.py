"""Facial therapy: LED masks and microcurrent wands on ESPHome, and every person's dose kept."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.typing import ConfigType

from .actions.person import async_setup_person_actions
from .actions.routine import async_setup_routine_actions
from .const import (
    CONF_ELIGIBILITY,
    CONF_KIND,
    CONF_LEDGER_BEGUN,
    CONF_MAC,
    DEVICE_PLATFORMS,
    DOMAIN,
    KIND_PERSON,
    LOGGER,
    PERSON_PLATFORMS,
)
from .coordinator import FacialTherapyCoordinator, all_coordinators
from .devices.discovery import ESPHOME
from .optional import async_setup_optional_parts
from .people.inheritance import async_check_removed, async_leave, async_protect
from .people.registry import PersonRuntime, is_person
from .people.subentries import check_subentries
from .people.tracked_lights import async_track_lights
from .routines.person import PersonRoutines, all_routines
from .routines.proposals import PROPOSALS, Proposals
from .services import async_setup_services
from .session.settings import SettingsStore
from .storage.health import async_keep_ledger
from .storage.ledger import LEDGER, Ledger, ledger_path
from .storage.ledger_file import LedgerError
from .storage.serialize import eligibility_in
from .text.issues import (
    async_check_people,
    async_check_screening,
    async_clear_node_issues,
    async_clear_screening_issues,
    async_node_gone,
)

if TYPE_CHECKING:
    from .coordinator import DeviceConfigEntry
    from .people.registry import PersonConfigEntry

SCREENING_CHECK: Final = timedelta(hours=1)
CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Load the ledger, register the actions, follow people and the ESPHome entries."""
    hass.data[LEDGER] = ledger = Ledger(ledger_path(hass))
    await ledger.async_load(
        hass,
        begun=any(
            entry.data.get(CONF_LEDGER_BEGUN) for entry in hass.config_entries.async_entries(DOMAIN)
        ),
    )
    async_keep_ledger(hass, ledger, lambda: _ready_changed(hass))
    await async_check_removed(hass)
    async_setup_services(hass)
    async_setup_person_actions(hass)
    async_setup_routine_actions(hass)
    hass.data[PROPOSALS] = proposals = Proposals(hass)
    await proposals.async_load()
    async_setup_optional_parts(hass)

    @callback
    def follow(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == ESPHOME:
            _follow_esphome(hass, change, entry)
        elif is_person(entry) and change is ConfigEntryChange.UPDATED:
            _person_changed(hass, entry)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, follow)
    return True


@callback
def _follow_esphome(hass: HomeAssistant, change: ConfigEntryChange, esphome: ConfigEntry) -> None:
    """Follow the node's ESPHome entry: stop and close without it, reload ours when it is back.

    A session is never interrupted by that reload.

    An update listener on another integration's entry would break its options flow.
    """
    if (
        esphome.unique_id is None
        or (
            entry := hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, esphome.unique_id)
        )
        is None
    ):
        return
    gone = change is ConfigEntryChange.REMOVED or esphome.disabled_by is not None
    if entry.state is ConfigEntryState.LOADED:
        coordinator = cast("DeviceConfigEntry", entry).runtime_data
        if gone and not coordinator.closed:
            async_node_gone(hass, entry, disabled=change is not ConfigEntryChange.REMOVED)
            hass.async_create_task(
                coordinator.async_shut_down(keep=False), f"facial_therapy closes {entry.title}"
            )
        elif (
            not gone and coordinator.closed
        ):  # whatever lived has been stopped, or has lost its lease
            hass.config_entries.async_schedule_reload(entry.entry_id)


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Migrate an entry of an earlier release: a person of version 1.1 has answered no screening."""
    if entry.version > 1:
        return False
    hass.config_entries.async_update_entry(entry, minor_version=2)
    return True


async def async_setup_entry(
    hass: HomeAssistant, entry: DeviceConfigEntry | PersonConfigEntry
) -> bool:
    """Set up a device or a person."""
    if entry.data[CONF_KIND] == KIND_PERSON:
        person_entry = cast("PersonConfigEntry", entry)
        async_protect(hass, entry)
        check_subentries(entry)
        person_entry.runtime_data = PersonRuntime(hass, entry, PersonRoutines(hass, entry))
        await _async_count_people(hass)
        await person_entry.runtime_data.routines.async_load()
        _watch_screening(hass, entry)
        async_track_lights(hass, person_entry)
        await hass.config_entries.async_forward_entry_setups(entry, PERSON_PLATFORMS)
        _people_changed(hass)
        return True
    device_entry = cast("DeviceConfigEntry", entry)
    coordinator = device_entry.runtime_data = FacialTherapyCoordinator(hass, device_entry)
    esphome = hass.config_entries.async_entry_for_domain_unique_id(ESPHOME, entry.data[CONF_MAC])
    if esphome is None or esphome.disabled_by:
        async_node_gone(hass, entry, disabled=esphome is not None)
    else:
        async_clear_node_issues(hass, entry)
    async_check_people(hass)
    await coordinator.async_open()
    await hass.config_entries.async_forward_entry_setups(entry, DEVICE_PLATFORMS)
    return True


async def async_unload_entry(
    hass: HomeAssistant, entry: DeviceConfigEntry | PersonConfigEntry
) -> bool:
    """Pause a session that has begun and stop any other, then let go of the entities."""
    if entry.data[CONF_KIND] == KIND_PERSON:
        _people_changed(hass)
        if not await hass.config_entries.async_unload_platforms(entry, PERSON_PLATFORMS):
            return False
        await cast("PersonConfigEntry", entry).runtime_data.routines.async_close()
        return True
    await cast("DeviceConfigEntry", entry).runtime_data.async_shut_down()
    return await hass.config_entries.async_unload_platforms(entry, DEVICE_PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the settings of a device, or a person except for the doses of their last days.

    The sessions of a device stay in the ledger.
    """
    if entry.data[CONF_KIND] == KIND_PERSON:
        async_clear_screening_issues(hass, entry)
        await async_leave(hass, eligibility_in(entry.data.get(CONF_ELIGIBILITY, {})))
        await PersonRoutines(hass, entry).async_remove()
        try:
            await hass.data[LEDGER].async_erase(hass, entry.entry_id)
        except LedgerError as error:
            LOGGER.warning(
                "The sessions of a person who was removed could not be erased: %s", error
            )
        await _async_count_people(hass)
        _people_changed(hass)
        return
    await FacialTherapyCoordinator(hass, entry).async_end_unfinished()
    async_check_people(hass)
    async_clear_node_issues(hass, entry)
    await SettingsStore(hass, entry.entry_id).async_remove()


@callback
def _people_changed(hass: HomeAssistant) -> None:
    """Update Ready of every device after a person was added or removed."""
    async_check_people(hass)
    for coordinator in all_coordinators(hass):
        coordinator.person_changed()


@callback
def _ready_changed(hass: HomeAssistant) -> None:
    for coordinator in all_coordinators(hass):
        coordinator.ask_again()


async def _async_count_people(hass: HomeAssistant) -> None:
    """Save the list of people in the ledger, and in each entry that a ledger exists.

    The entries are stored apart from the ledger's file, so its loss is noticed.
    """
    try:
        await hass.data[LEDGER].async_people(
            hass,
            {
                entry.entry_id
                for entry in hass.config_entries.async_entries(DOMAIN)
                if is_person(entry)
            },
        )
    except LedgerError as error:
        if not hass.data[LEDGER].unreadable:  # that was logged when it was loaded
            LOGGER.warning("Failed to save the list of people, will be tried again: %s", error)
        return
    for entry in hass.config_entries.async_entries(DOMAIN):
        if is_person(entry) and not entry.data.get(CONF_LEDGER_BEGUN):
            hass.config_entries.async_update_entry(
                entry, data={**entry.data, CONF_LEDGER_BEGUN: True}
            )


@callback
def _watch_screening(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Check every day whether a screening expires soon."""

    @callback
    def check(_now: datetime | None = None) -> None:
        async_check_screening(hass, entry)

    entry.async_on_unload(async_track_time_interval(hass, check, SCREENING_CHECK))
    check()


@callback
def _person_changed(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Apply a changed person: stop a session that is no longer allowed, and update Ready."""
    if entry.state is ConfigEntryState.LOADED:
        async_check_screening(hass, entry)
    registry = dr.async_get(hass)
    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        if device.name != entry.title:
            registry.async_update_device(device.id, name=entry.title)
    if (routines := all_routines(hass).get(entry.entry_id)) is not None:
        routines.person_changed()
