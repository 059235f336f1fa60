"""What was done by hand, in words."""

import pytest

from gateway.console.doings import in_words, label_of
from gateway.store.audit import What


@pytest.mark.parametrize("what", list(What))
def test_everything_that_can_be_done_by_hand_has_words(what: What) -> None:
    words = in_words(what.value)
    assert words != what.value.replace("_", " ")


def test_what_an_older_gateway_wrote_down_is_told_as_it_stands() -> None:
    assert in_words("moved_mountains") == "moved mountains"


@pytest.mark.parametrize(
    ("who", "label"),
    [("operator", "operator"), ("operator:anna", "anna"), ("account:shop", "account shop"), ("sighup", "sighup")],
)
def test_people_are_called_by_their_names(who: str, label: str) -> None:
    assert label_of(who) == label
