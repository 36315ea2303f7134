"""Permissions: our actions ask for what an action of their entity would ask for.

Stopping is open to everybody who is signed in.
"""

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.const import Platform
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er

from ..const import DOMAIN


async def async_may_control_device(call: ServiceCall, mac: str) -> None:
    """Require a user who may control a device's session switch, as `_async_may_control`."""
    await _async_may_control(call, Platform.SWITCH, f"{mac}_session")


async def async_may_control_person(call: ServiceCall, person_id: str) -> User | None:
    """Require and return a user who may control a person's page, as `_async_may_control`."""
    return await _async_may_control(call, Platform.CALENDAR, f"{person_id}_plan")


async def async_must_be_admin(hass: HomeAssistant, context: Context | None) -> None:
    """Require an authenticated administrator; no automation may loosen anything.

    Raises:
        ServiceValidationError: `only_admin`. Nothing has changed.
    """
    user = (
        await hass.auth.async_get_user(context.user_id)
        if context is not None and context.user_id
        else None
    )
    if user is None or not user.is_admin:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="only_admin")


async def _async_may_control(call: ServiceCall, platform: Platform, unique_id: str) -> User | None:
    """Return a user who may control an entity; None for an automation, which may.

    Raises:
        UnknownUser: The user has been removed.
        Unauthorized: They may only look.
    """
    if call.context.user_id is None:
        return None
    if (user := await call.hass.auth.async_get_user(call.context.user_id)) is None:
        raise UnknownUser(context=call.context)
    entity_id = er.async_get(call.hass).async_get_entity_id(platform, DOMAIN, unique_id)
    if not user.permissions.check_entity(entity_id or "", POLICY_CONTROL):
        raise Unauthorized(context=call.context, entity_id=entity_id, permission=POLICY_CONTROL)
    return user
