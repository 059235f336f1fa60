"""Whether a text goes a carrier's way: found out once for all carriers that take texts alike."""

import pytest

from gateway.rules.ways import NO_TAGS, refusal_of, unfit_of, written
from protocol.alphabets import Alphabet
from protocol.text import Encoding, NotEncodable
from protocol.writing import TextWay

LATIN = TextWay(alphabet=Alphabet.LATIN1)
WAYS = {"telco": LATIN, "other": LATIN, "backup": LATIN}
LACKS = "its alphabet latin1 lacks the character at position 9001"


class CountedText(str):
    """How often it was encoded."""

    encoded = 0

    def encode(self, encoding="utf-8", errors="strict"):
        self.encoded += 1
        return super().encode(encoding, errors)


def unfit(text, **known):
    tags = dict.fromkeys(WAYS, NO_TAGS)
    return unfit_of(text, Encoding.GSM7, WAYS, None, tags=tags, allow_unicode=False, **known)[0]


def test_a_text_that_does_not_go_is_encoded_once_for_carriers_that_take_texts_alike():
    text = CountedText("x" * 9_000 + "€" + "x" * 9_000 + "€")
    assert unfit(text) == dict.fromkeys(WAYS, LACKS)
    assert text.encoded == 1


def test_what_is_known_of_a_way_is_not_found_out_again():
    text = CountedText("x" * 9_000 + "€")
    with pytest.raises(NotEncodable) as raised:
        written(text, Encoding.GSM7, LATIN, 0, None, ucs2_allowed=False)
    text.encoded = 0
    assert unfit(text, refused={LATIN: refusal_of(raised.value, LATIN, None)}) == dict.fromkeys(WAYS, LACKS)
    assert text.encoded == 0
