"""Names that more than one module needs."""

from collections.abc import Callable
import logging
from typing import Any, Final

from homeassistant.const import Platform
from homeassistant.util.hass_dict import HassKey

DOMAIN: Final = "facial_therapy"
LOGGER: Final = logging.getLogger(__package__)

REPORTED: Final = f"{DOMAIN}_reported"
"""Signal: a device has reported or its session has turned; its config entry id. Far more often than
a snapshot is published."""

CONF_KIND: Final = "kind"
KIND_DEVICE: Final = "device"
KIND_PERSON: Final = "person"
CONF_ASK_SKIN: Final = "ask_skin"
CONF_CHANNELS: Final = "channels"
CONF_LEDGER_BEGUN: Final = "ledger_begun"
"""Kept in every entry once its home has a ledger: if the file is missing then, it has been lost."""
CONF_MAC: Final = "mac"
CONF_MODALITY: Final = "modality"
CONF_NOTIFY: Final = "notify"
CONF_PERSON: Final = "person"
CONF_SKIN_BEFORE: Final = "skin_type_before"
CONF_SKIN_LOOSENED_AT: Final = "skin_type_loosened_at"
CONF_SKIN_TYPE: Final = "skin_type"
CONF_ELIGIBILITY: Final = "eligibility"
CONF_PROFILE: Final = "profile"
CONF_WHEN_DUE: Final = "when_due"

SIGNAL_ROUTINE: Final = f"{DOMAIN}_routine"
"""Event of a person's plan or routine: their config entry id, its name, and its data."""
SIGNAL_LEDGER: Final = f"{DOMAIN}_ledger_changed"
"""Something has been written down."""
SIGNAL_SESSION: Final = f"{DOMAIN}_session"
"""A session of a device has turned: its config entry id, the turn, and the session's data."""
SIGNAL_ANNOUNCED: Final = f"{DOMAIN}_announced"
"""With the person's entry id behind it: something has happened to a person apart from any device.
"""

LLM_TOOLS: HassKey[Callable[..., Any]] = HassKey(f"{DOMAIN}_llm_tools")
"""Returns the tools for language models; missing while that optional part is."""

DEVICE_PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.LIGHT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
)
PERSON_PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.SELECT,
    Platform.SENSOR,
)
