"""Home Assistant's WebSocket API: the only file that imports it."""

from homeassistant.components.websocket_api import async_register_command
from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.const import ERR_NOT_FOUND
from homeassistant.components.websocket_api.decorators import async_response, websocket_command

__all__ = [
    "ERR_NOT_FOUND",
    "ActiveConnection",
    "async_register_command",
    "async_response",
    "websocket_command",
]
