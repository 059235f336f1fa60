"""Public ids: the integer inside, the ULID outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identifiers import (
    EVENT,
    MESSAGE,
    SEQUENCE_BITS,
    Identifiers,
    created_at_ms,
    internal,
    now_ms,
    public,
    public_many,
)

ALPHABET = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


class Clock:
    def __init__(self, now=1_800_000_000_000):
        self.now = now

    def __call__(self):
        return self.now


def test_ids_grow_within_a_millisecond_and_over_time():
    clock = Clock()
    ids = Identifiers(clock=clock)
    first, second = ids.next(), ids.next()
    clock.now += 1
    third = ids.next()
    assert first < second < third
    assert [created_at_ms(i) for i in (first, second, third)] == [clock.now - 1, clock.now - 1, clock.now]


def test_many_ids_are_what_as_many_single_ones_would_be():
    clock = Clock()
    one_by_one, at_once = Identifiers(clock=clock), Identifiers(clock=clock)
    for count, now in ((3, clock.now), (0, clock.now + 9), (2, clock.now - 60_000), (1, clock.now + 1)):
        assert list(at_once.next_many(count, now)) == [one_by_one.next(now) for _ in range(count)]
    assert at_once.next() == one_by_one.next()


def test_ids_grow_when_the_clock_goes_back():
    clock = Clock()
    ids = Identifiers(clock=clock)
    before = ids.next()
    clock.now -= 60_000
    assert ids.next() == before + 1


def test_more_ids_than_fit_into_a_millisecond_borrow_from_the_next():
    clock = Clock()
    ids = Identifiers(last=(clock.now << SEQUENCE_BITS) + (1 << SEQUENCE_BITS) - 1, clock=clock)
    assert created_at_ms(ids.next()) == clock.now + 1


def test_what_was_seen_is_not_handed_out_again():
    clock = Clock()
    ids = Identifiers(clock=clock)
    seen = (clock.now + 5_000) << SEQUENCE_BITS
    ids.seen(seen)
    ids.seen(7)
    assert ids.next() == seen + 1


@given(st.integers(0, (1 << 63) - 1))
def test_a_public_id_leads_back_to_its_integer(identifier):
    text = public(MESSAGE, identifier)
    assert len(text) == len(MESSAGE) + 26
    assert set(text.removeprefix(MESSAGE)) <= ALPHABET
    assert internal(MESSAGE, text) == identifier


@given(st.integers(0, (1 << 63) - 1), st.integers(0, (1 << 63) - 1))
def test_public_ids_sort_as_their_integers(one, other):
    assert (public(MESSAGE, one) < public(MESSAGE, other)) == (one < other)


@given(st.integers(0, (1 << 63) - 1), st.integers(0, 25), st.sampled_from(sorted(ALPHABET)))
def test_an_id_with_another_character_is_none_of_ours(identifier, place, character):
    text = public(MESSAGE, identifier)
    at = len(MESSAGE) + place
    changed = text[:at] + character + text[at + 1 :]
    assert (internal(MESSAGE, changed) == identifier) == (changed == text)


def test_ids_cannot_be_counted_up():
    start = 1_800_000_000_000 << SEQUENCE_BITS
    tails = [public(MESSAGE, start + n)[-10:] for n in range(1_000)]
    assert len(set(tails)) == 1_000
    assert len({tail[0] for tail in tails}) == 32


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_nothing(text):
    assert internal(MESSAGE, text) is None
    assert internal(MESSAGE, MESSAGE + text) is None or len(text) == 26


@pytest.mark.parametrize(
    "text",
    ["", "msg_", "evt_" + "0" * 26, "msg_" + "0" * 25, "msg_" + "U" * 26, "msg_" + "z" * 26, "msg_" + "Z" * 26],
)
def test_what_is_no_id_of_a_message_is_none(text):
    assert internal(MESSAGE, text) is None


def test_an_id_of_another_kind_is_none():
    assert internal(MESSAGE, public(EVENT, 1)) is None


def test_lower_case_is_none_of_ours():
    assert internal(MESSAGE, public(MESSAGE, 1 << 60).lower()) is None


def test_the_clock_is_the_wall_clock_in_milliseconds():
    assert 1_700_000_000_000 < now_ms() < 10_000_000_000_000


@given(st.lists(st.integers(0, (1 << 63) - 1), max_size=200))
def test_many_shown_at_once_are_each_shown_as_by_themselves(identifiers):
    assert public_many(EVENT, identifiers) == [public(EVENT, identifier) for identifier in identifiers]
