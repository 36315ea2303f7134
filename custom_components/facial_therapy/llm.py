"""LLM tools: the file in which Home Assistant looks for them.

Nothing here can fail on import, because that would break the tools of every other integration too.
The tools are an optional part, in `actions/llm_tools.py`.
"""

from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback

from .const import LLM_TOOLS

if TYPE_CHECKING:
    from homeassistant.components.llm import LLMTools
    from homeassistant.helpers.llm import LLMContext


@callback
def async_get_tools(hass: HomeAssistant, llm_context: LLMContext, api_id: str) -> LLMTools | None:
    """Return the tools for the devices that the assistant may use; None without the part."""
    get_tools = hass.data.get(LLM_TOOLS)
    return None if get_tools is None else get_tools(hass, llm_context, api_id)
