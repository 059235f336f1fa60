"""What is seen of a number: its country and its end, where it need not be known whose it is."""

import pytest

from gateway.desk.masks import Sight, masked_number, without_text


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("+34600000001", "+34•••••••01"),
        ("34600000001", "34•••••••01"),
        ("+15551234567", "+1••••••••67"),
        ("+351912345678", "+351•••••••78"),
        ("+9990000001", "+••••••••01"),
        ("SHOP", "SHOP"),
        ("Shop 24/7", "Shop 24/7"),
        ("77333", "77333"),
        ("", ""),
    ],
)
def test_of_a_number_its_country_and_its_last_two_digits_are_seen(address: str, seen: str) -> None:
    assert masked_number(address) == seen
    assert Sight.MASKED.of(address) == seen
    assert Sight.WHOLE.of(address) == address


def test_a_number_in_words_is_masked_as_it_stands_there() -> None:
    words = "id:34600000001 to +34600000001 from SHOP stat:DELIVRD"
    assert Sight.MASKED.in_words(words, "+34600000001", "SHOP") == (
        "id:34•••••••01 to +34•••••••01 from SHOP stat:DELIVRD"
    )
    assert Sight.WHOLE.in_words(words, "+34600000001") == words


@pytest.mark.parametrize(
    ("spelled", "seen"),
    [
        ("0034600000001", "0034•••••••01"),
        ("600000001", "•••••••01"),
        ("0600000001", "••••••••01"),
        ("99346000000017", "9934•••••••017"),
        ("2611221200", "2611221200"),
        ("000001", "000001"),
    ],
)
def test_a_number_is_masked_however_a_carrier_spells_it(spelled: str, seen: str) -> None:
    assert Sight.MASKED.in_words(f"id:7 to:{spelled} err:000", "+34600000001") == f"id:7 to:{seen} err:000"


def test_where_anybodys_number_may_stand_all_are_masked() -> None:
    words = "has no plus: write it as +34600000001, not 0034600000001; call 77333"
    assert Sight.MASKED.throughout(words) == "has no plus: write it as +34•••••••01, not •••••••••••01; call 77333"
    assert Sight.WHOLE.throughout(words) == words


def test_a_receipt_is_told_without_the_text_that_it_quotes() -> None:
    assert without_text("id:7 stat:DELIVRD Text:Your code\nis 1234") == "id:7 stat:DELIVRD Text:"
