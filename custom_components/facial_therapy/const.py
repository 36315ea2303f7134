"""Names that more than one module needs."""

import logging
from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "facial_therapy"
LOGGER: Final = logging.getLogger(__package__)

CONF_KIND: Final = "kind"
KIND_DEVICE: Final = "device"
KIND_PERSON: Final = "person"
CONF_CHANNELS: Final = "channels"
CONF_MAC: Final = "mac"
CONF_MODALITY: Final = "modality"
CONF_NOTIFY: Final = "notify"
CONF_PERSON: Final = "person"
CONF_SKIN_TYPE: Final = "skin_type"
CONF_STANDING: Final = "standing"
CONF_SUBJECT: Final = "subject"

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
