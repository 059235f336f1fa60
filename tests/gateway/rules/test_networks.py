"""Ranges of numbers and the networks that they were given to."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.networks import Networks
from gateway.settings.network_tables import read_table, shipped_table

DIGITS = st.text("0123456789", min_size=1, max_size=6)


@given(st.dictionaries(DIGITS, st.sampled_from(["21401", "310260", ""]), max_size=20), DIGITS)
def test_the_longest_prefix_of_a_number_says_its_network(ranges: dict[str, str], number: str) -> None:
    fitting = sorted((prefix for prefix in ranges if number.startswith(prefix)), key=len)
    expected = ranges[fitting[-1]] if fitting else ""
    assert Networks(ranges).of(f"+{number}") == (expected or None)


def test_the_table_that_comes_with_the_gateway_is_read() -> None:
    networks = Networks(read_table(shipped_table()))
    assert networks.of("+34600000001") == "21401"
    assert networks.of("+4917012345678") == "26201"
    assert networks.of("+12025550123") is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("34600;21401", "line 2 is '34600;21401'"),
        ("+34600,21401", "line 2 is '+34600,21401'"),
        ("34600,214", "line 2 is '34600,214'"),
        ("34601,21403", "line 2 gives 34601 another network"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "own.csv"
    file.write_text(f"34601,21401\n{line}\n")
    with pytest.raises(ValueError, match=str(file)) as caught:
        read_table(file)
    assert said in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    with pytest.raises(ValueError, match="cannot be read"):
        read_table(file)
    file.write_bytes(b"34600,21401\n\xff")
    with pytest.raises(ValueError, match="not UTF-8: byte 12"):
        read_table(file)
