"""`core.person`: what counts for somebody who has answered nothing."""

from custom_components.facial_therapy.core.model import SkinType
from custom_components.facial_therapy.core.person import Person


def test_nobody_who_has_not_answered_counts_as_light_skinned_or_experienced() -> None:
    somebody = Person(person_id="p", name="Bo", profile=2)
    assert somebody.skin_type is SkinType.UNKNOWN
    assert somebody.sessions == {}
