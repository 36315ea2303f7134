"""`core.refusal`: refusals as an exception and as a value."""

from typing import Final

import pytest

from custom_components.facial_therapy.core.refusal import Reason, Refusal, Refused, RefusedError

BUSY: Final = Refusal(reason=Reason.BUSY)
HOT: Final = Refusal(reason=Reason.TOO_HOT)


def test_the_binding_refusal_is_the_first_and_the_text_names_all_reasons() -> None:
    error = RefusedError(BUSY, HOT)
    assert error.binding.reason is Reason.BUSY
    assert str(error) == "busy, too_hot"


def test_a_refused_answer_is_never_empty_and_names_the_binding_refusal() -> None:
    refused = Refused((HOT, BUSY))
    assert refused.binding is HOT
    assert refused.error.refusals == (HOT, BUSY)
    with pytest.raises(ValueError, match="without a reason"):
        Refused(())
