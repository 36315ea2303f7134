"""What the entities of a person's evenings have in common: they show the plan and the routine, and follow both."""

from typing import override

from .evenings import EVENINGS, Evenings
from .person_entity import PersonEntity


class EveningEntity(PersonEntity):
    """An entity of a person's plan or routine."""

    @property
    def evenings(self) -> Evenings:
        """The person's evenings."""
        return self.hass.data[EVENINGS][self.entry.entry_id]

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the plan and the routine."""
        await super().async_added_to_hass()
        self.async_on_remove(self.evenings.add_listener(self.async_write_ha_state))
