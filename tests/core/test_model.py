"""`core.model`: the total of a dose."""

from custom_components.facial_therapy.core.model import Channel, Dose


def test_the_total_of_a_dose_is_its_light_or_its_charge() -> None:
    assert Dose().total == 0
    assert Dose(fluence_j_cm2={Channel.RED: 8, Channel.BLUE: 4}).total == 12
    assert Dose(charge_ma_min=1.5).total == 1.5
