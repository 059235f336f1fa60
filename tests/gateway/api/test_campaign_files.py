"""Recipients as NDJSON and CSV, in odd shapes and in pieces of any size; what means harm stays bounded."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.problems import Problem
from gateway.api.uploads.csv_records import CsvReader
from gateway.api.uploads.ndjson_lines import MOST_LINE, NdjsonReader
from gateway.rules.faults import ItemErrors

PIECE = 16 * 1024


def read(reader: Any, octets: bytes, size: int = PIECE) -> list[Any]:
    """What a reader finds; its faults as their codes."""
    found = []
    for at in range(0, len(octets), size):
        found += reader.feed(octets[at : at + size], last=False)
    found += reader.feed(b"", last=True)
    return [codes_of(one) if isinstance(one, ItemErrors) else one for one in found]


def codes_of(errors: ItemErrors) -> list[str]:
    return [code for codes in errors.codes.values() for code in codes]


def of_csv(octets: bytes | str, size: int = PIECE) -> list[Any]:
    return read(CsvReader(), octets.encode() if isinstance(octets, str) else octets, size)


def of_ndjson(octets: bytes, size: int = PIECE) -> list[Any]:
    return read(NdjsonReader(), octets, size)


ALICE = {"phone": "+34600000001", "first_name": "Alice"}
BOB = {"phone": "+34600000002", "first_name": "Bob"}


@pytest.mark.parametrize(
    "text",
    {
        "plain": "phone,first_name\n+34600000001,Alice\n+34600000002,Bob\n",
        "no line end": "phone,first_name\n+34600000001,Alice\n+34600000002,Bob",
        "carriage returns": "phone,first_name\r\n+34600000001,Alice\r\n+34600000002,Bob\r\n",
        "old line ends": "phone,first_name\r+34600000001,Alice\r+34600000002,Bob\r",
        "a BOM": "\ufeffphone,first_name\n+34600000001,Alice\n+34600000002,Bob\n",
        "semicolons": "phone;first_name\n+34600000001;Alice\n+34600000002;Bob\n",
        "tabs": "phone\tfirst_name\n+34600000001\tAlice\n+34600000002\tBob\n",
        "quotes": '"phone","first_name"\n"+34600000001","Alice"\n"+34600000002","Bob"\n',
        "blank lines": "phone,first_name\n\n+34600000001,Alice\n\n  \n+34600000002,Bob\n\n",
        "blanks around names": " phone , first_name\n+34600000001,Alice\n+34600000002,Bob\n",
        "a column without a name": "phone,first_name,\n+34600000001,Alice,\n+34600000002,Bob,x\n",
    }.values(),
)
@pytest.mark.parametrize("size", [1, 7, PIECE])
def test_each_usual_shape_of_csv_is_read_the_same(text: str, size: int) -> None:
    assert of_csv(text, size) == [ALICE, BOB]


@pytest.mark.parametrize("size", [1, 5, PIECE])
def test_quoted_fields_hold_delimiters_quotes_and_line_ends(size: int) -> None:
    text = 'phone,note\n1,"a,b"\n2,"say ""hi"""\n3,"two\r\nlines"\n4,"five\n\nlines\n\n"\n5,5" pipe\n'
    notes = ["a,b", 'say "hi"', "two\r\nlines", "five\n\nlines\n\n", '5" pipe']
    assert [one["note"] for one in of_csv(text, size)] == notes


def test_an_empty_or_missing_cell_is_no_value() -> None:
    assert of_csv("phone,a,b\n1,,x\n2\n3,y\n") == [{"phone": "1", "b": "x"}, {"phone": "2"}, {"phone": "3", "a": "y"}]


def test_a_record_with_more_values_than_the_header_is_told() -> None:
    assert of_csv("phone,a\n1,2,3\n4,5\n") == [["not_csv"], {"phone": "4", "a": "5"}]


@pytest.mark.parametrize("size", [3, PIECE])
def test_a_quote_that_is_never_closed_costs_its_own_line_alone(size: int) -> None:
    rest = "".join(f"{n},x\n" for n in range(3))
    assert of_csv('phone,a\n0,"open\n' + rest, size) == [["not_csv"], *({"phone": str(n), "a": "x"} for n in range(3))]


def test_a_quote_never_closed_in_a_large_file_does_not_swallow_it() -> None:
    rows = "".join(f"{n},{'x' * 90}\n" for n in range(5_000))
    found = of_csv('phone,a\n0,"open\n' + rows)
    assert found[0] == ["not_csv"]
    assert [one["phone"] for one in found[1:]] == [str(n) for n in range(5_000)]


def test_what_is_no_utf_8_is_told_by_record() -> None:
    assert of_csv(b"phone,a\n1,caf\xe9\n2,caf\xc3\xa9\n") == [["not_utf8"], {"phone": "2", "a": "caf\u00e9"}]


@pytest.mark.parametrize("size", [1, 2, PIECE])
def test_a_character_may_be_cut_by_a_piece(size: int) -> None:
    assert of_csv("phone,a\n1,\u20ac\U0001f642\n", size) == [{"phone": "1", "a": "\u20ac\U0001f642"}]


@pytest.mark.parametrize(
    ("octets", "code"),
    {
        "nothing": (b"", "empty"),
        "blank lines": (b"\n\n\n", "empty"),
        "no column for numbers": (b"first_name,code\nAlice,A\n", "missing"),
        "no header": (b"+34600000001,Alice\n", "missing"),
        "a column twice": (b"phone,a,a\n", "given_twice"),
        "a million columns": (b"phone" + b",a" * 1_000_000, "too_long"),
        "201 columns": (("phone," + ",".join(f"c{n}" for n in range(200))).encode() + b"\n", "too_long"),
        "a first line of 10 MB": (b"phone" + b"x" * 10_000_000 + b"\n1\n", "too_long"),
        "UTF-16": ("phone,a\n1,b\n".encode("utf-16"), "not_utf8"),
        "octets of any kind": (b"\xff\xfe\x00,\n" * 3, "not_utf8"),
    }.values(),
)  # fmt: skip
def test_a_header_that_cannot_be_used_is_refused(octets: bytes, code: str) -> None:
    with pytest.raises(Problem) as found:
        of_csv(octets)
    assert found.value.codes == {"recipients": [code]}


class Watched(CsvReader):
    most = 0

    def feed(self, piece: bytes, *, last: bool) -> list[Any]:
        found = super().feed(piece, last=last)
        self.most = max(self.most, len(self._text))
        return found


class Counted(CsvReader):
    lines = 0

    def _records(self, lines: list[str], found: list[Any], *, last: bool) -> int:
        self.lines += len(lines)
        return super()._records(lines, found, last=last)


@pytest.mark.parametrize("size", [1, 3])
def test_a_record_in_very_small_pieces_is_not_read_again_with_each(size: int) -> None:
    reader = Counted()
    (found,) = read(reader, b'phone,a\n1,"' + b"\n" * 50_000 + b'"\n', size)
    assert len(found["a"]) == 50_000
    assert reader.lines < 10 * 50_000


@pytest.mark.parametrize(
    "octets",
    {
        "a line of 10 MB": b"x" * 10_000_000 + b"\n",
        "a quoted field of 10 MB": b'1,"' + b"x" * 10_000_000 + b'"\n',
        "a million columns": b",a" * 1_000_000 + b"\n",
        "a NUL a line": b"\0,\0\n" * 100_000,
        "quotes": b'"\n' * 500_000,
        "quotes without end": b'"' * 1_000_001,
        "carriage returns": b"\r" * 1_000_000,
    }.values(),
)
def test_hostile_csv_is_read_in_flat_memory(octets: bytes) -> None:
    reader = Watched()
    read(reader, b"phone,a\n+34600000001,b\n" + octets)
    assert reader.most <= MOST_LINE + PIECE


def test_what_stands_behind_a_line_of_10_mb_is_read() -> None:
    long = b"x" * 10_000_000
    assert of_csv(b"phone\n1\n" + long + b"\n2\n") == [{"phone": "1"}, ["too_long"], {"phone": "2"}]
    assert of_ndjson(b'"1"\n' + long + b'\n"2"\n') == ["1", ["too_long"], "2"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8), st.sampled_from([",", ";", "\t"]), st.integers(1, 40))
def test_what_pythons_csv_writes_is_read_back(rows: list[tuple[str, str, str]], delimiter: str, size: int) -> None:
    names = ["phone", "a", "b"]
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    expected = [{name: cell for name, cell in zip(names, row, strict=True) if cell} for row in rows]
    assert of_csv(written.getvalue().encode(), size) == expected


@pytest.mark.parametrize("size", [1, 9, PIECE])
def test_ndjson_is_read_line_by_line(size: int) -> None:
    octets = b'\xef\xbb\xbf{"phone": "1", "a": 2}\r\n"+34600000001"\n\n  \n{"to": "3"}\n[1]\n4'
    assert of_ndjson(octets, size) == [{"phone": "1", "a": 2}, "+34600000001", {"to": "3"}, [1], 4]


@pytest.mark.parametrize(
    "line",
    [b"{", b'{"a": 1, "a": 2}', b'"\xff"', b"NaN", b"[" * 20_000, b"9" * 5_000, b"\0", b'{"a": 1e999}', b"'1'"],
    ids=repr,
)
def test_a_line_that_is_no_json_is_told_and_the_others_are_read(line: bytes) -> None:
    assert of_ndjson(b'"1"\n' + line + b'\n"2"\n') == ["1", ["not_json"], "2"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(-9, 9)), max_size=6),
       st.integers(1, 50))  # fmt: skip
def test_ndjson_in_any_pieces_is_read_back(values: list[Any], size: int) -> None:
    octets = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    assert of_ndjson(octets, size) == values
