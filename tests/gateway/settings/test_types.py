"""Durations, addresses and country codes, as they are written."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.types import COUNTRIES, format_duration, parse_duration, split_address


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("20s", 20), ("5m", 300), ("72h", 259_200), ("90d", 7_776_000), (0, 0), ("1.5s", 1.5)],
)
def test_a_duration_is_kept_as_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", [20, 1.5, True, False, "20", "s", "-5s", "5 s", "5S", "1h30m", "", None, "٥s", "1e3s"])
def test_a_duration_without_its_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="write a number with its unit"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_a_duration_is_read_back_as_it_was_written(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (259_200, "72h"), (7_776_000, "90d"), (60, "1m"), (0.25, "250ms")]
)
def test_a_duration_is_written_as_people_do(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("smpp.telco.example:2775", ("smpp.telco.example", 2775)),
        ("[2001:db8::7]:2775", ("2001:db8::7", 2775)),
        ("192.0.2.7:0", ("192.0.2.7", 0)),
    ],
)
def test_an_address_is_split_into_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


def test_countries_are_those_that_the_numbering_library_knows() -> None:
    assert COUNTRIES == phonenumbers.SUPPORTED_REGIONS
