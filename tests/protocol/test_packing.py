"""Septets in octets: the published example, the border behind a header, and what is done with 7 bits left over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.packing import fill_bits, pack, unpack

septets = st.binary(max_size=200).map(lambda octets: bytes(octet & 0x7F for octet in octets))


def test_the_example_that_everyone_prints():
    assert pack(b"hellohello") == bytes.fromhex("E8329BFD4697D9EC37")
    assert unpack(bytes.fromhex("E8329BFD4697D9EC37")) == b"hellohello"


@pytest.mark.parametrize(("header_length", "bits"), [(0, 0), (1, 6), (4, 3), (6, 1), (7, 0), (9, 5), (12, 2), (13, 1)])
def test_septets_behind_a_header_begin_on_a_septet_border(header_length, bits):
    assert fill_bits(header_length) == bits
    # The border of 3GPP TS 23.040 figure 9.2.3.24 (a), counted bit by bit.
    first = int.from_bytes(bytes(header_length) + pack(b"\x7f", header_length), "little")
    border = -(-8 * header_length // 7) * 7
    assert first & 0x7F << border == 0x7F << border
    assert first & ((1 << border) - 1) == 0


@given(septets, st.integers(0, 20))
def test_what_was_packed_is_unpacked(text, header_length):
    packed = pack(text, header_length)
    # One CR more than was packed, where that ended on an octet's border with a CR: the standard wants it so.
    assert unpack(packed, header_length) in ((text, text + b"\r") if text.endswith(b"\r") else (text,)) or (
        header_length + len(packed) == 140 and text == unpack(packed, header_length) + b"\r"
    )


@given(septets)
def test_160_septets_take_140_octets(text):
    assert len(pack((text * 160 + bytes(160))[:160])) == 140


def test_seven_bits_left_over_are_filled_with_cr_and_not_with_an_at_sign():
    packed = pack(b"1234567")
    assert len(packed) == 7
    assert packed[-1] >> 1 == 0x0D
    assert unpack(packed) == b"1234567"


def test_an_at_sign_that_ends_on_the_border_stays():
    assert unpack(pack(b"1234567\x00")) == b"1234567\x00"


def test_a_cr_that_ends_on_the_border_is_doubled_so_that_it_is_not_taken_for_filling():
    assert unpack(pack(b"1234567\r")) == b"1234567\r\r"


def test_a_cr_at_the_end_of_a_full_segment_is_not_doubled():
    assert len(pack(b"a" * 159 + b"\r")) == 140


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_octets_are_unpacked(octets, header_length):
    assert max(unpack(octets, header_length), default=0) <= 0x7F


def test_64_kilobytes_from_a_hostile_peer_are_unpacked_at_once():
    assert len(unpack(b"\xff" * 65_535, 6)) == (65_535 * 8 - 1) // 7
