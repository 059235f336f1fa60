import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError
from protocol.fields import read_last_c_octets, read_tlvs, write_c_octets, write_tlvs

TLVS = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=40), max_size=6)


@given(TLVS)
def test_tlvs_read_back_as_written(tlvs):
    assert read_tlvs(write_tlvs(tlvs), 0) == tlvs


@given(st.binary(max_size=80), st.integers(0, 90))
def test_reading_tlvs_never_fails(octets, offset):
    read_tlvs(octets, min(offset, max(0, len(octets) - 1)))


def test_of_a_repeated_tag_the_first_counts():
    assert read_tlvs(write_tlvs({7: b"first"}) + write_tlvs({7: b"second", 8: b"x"}), 0) == {7: b"first", 8: b"x"}


def test_a_value_longer_than_the_frame_is_cut_where_the_frame_ends():
    assert read_tlvs(write_tlvs({5: b"ok"}) + b"\x00\x1e\x00\x09abc", 0) == {5: b"ok", 0x1E: b"abc"}


def test_trailing_octets_too_few_for_a_tlv_are_dropped():
    assert read_tlvs(write_tlvs({5: b"ok"}) + b"\1\2\3", 0) == {5: b"ok"}


def test_a_stray_nul_before_the_tlvs_is_skipped():
    tlvs = {0x1E: b"5F3A\0", 0x427: b"\2"}
    assert read_tlvs(b"\0" + write_tlvs(tlvs), 0) == tlvs


def test_a_stray_nul_is_kept_as_it_is_if_that_does_not_help():
    assert read_tlvs(b"\0" + write_tlvs({0x1E: b"5F3A\0"}) + b"\1", 0) == {0: b"\x055F3A\0\1"}


@pytest.mark.parametrize("tlvs", [{0x10000: b""}, {-1: b""}, {1: bytes(0x10000)}])
def test_tlvs_beyond_16_bits_are_refused(tlvs):
    with pytest.raises(LocalProtocolError, match="16 bits"):
        write_tlvs(tlvs)


@pytest.mark.parametrize(
    ("text", "reason"), [("12345", "at most 4 characters, not 5"), ("a\0b", "NUL"), ("a€", "latin-1")]
)
def test_a_string_is_never_cut_but_refused(text, reason):
    with pytest.raises(LocalProtocolError, match=reason):
        write_c_octets("password", text, 5)


def test_a_string_may_fill_its_field():
    assert write_c_octets("password", "ÿ234", 5) == b"\xff234\0"


def test_the_last_string_may_lack_its_nul():
    assert read_last_c_octets(b"..id\0rest", 2) == ("id", 5)
    assert read_last_c_octets(b"..id", 2) == ("id", 4)
    assert read_last_c_octets(b"..", 2) == ("", 2)
