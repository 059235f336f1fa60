"""References tell attempts apart that are near each other, and are the same whenever they are asked for."""

from hypothesis import given
from hypothesis import strategies as st

from protocol.references import reference_16

whole = st.integers(0, 2**63 - 1)


@given(whole, st.integers(1, 255), st.integers(1, 1000))
def test_a_reference_fits_its_two_octets(message, part, attempt):
    assert 0 <= reference_16(message, part, attempt) <= 0xFFFF


def test_the_parts_and_tries_of_a_message_have_references_of_their_own():
    message = 1_800_000_000_000 << 20
    references = {reference_16(message, part, attempt) for part in range(1, 11) for attempt in range(1, 6)}
    assert len(references) == 50


def test_messages_of_a_millisecond_and_those_of_many_are_spread_over_all_references():
    start = 1_800_000_000_000 << 20
    for ids in ([start + n for n in range(20_000)], [start + (n << 20) for n in range(20_000)]):
        # 20,000 thrown at random into 65,536 places hit about 17,200 of them.
        assert len({reference_16(message, 1, 1) for message in ids}) > 16_500


def test_a_reference_is_the_same_in_every_run():
    assert [reference_16(n, 1, 1) for n in (1, 2, 3)] == [33504, 44668, 24040]
