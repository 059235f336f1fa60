"""Bodies and heads that mean harm: each gets its problem document, and none a 500."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from largest_bodies import DECODED, LIMIT

from gateway.api.bodies import decode
from gateway.api.problems import Problem

HERE = "/v1/sms"
BULK = "/v1/sms/bulk"
JSON = {"Content-Type": "application/json"}

HOSTILE = {
    "brackets": b"[" * 100_000,
    "closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "braces": b'{"a":' * 100_000,
    "nothing": b"",
    "blanks": b" \n" * 1_000,
    "a NUL": b"\0",
    "a NUL behind": b'{"to":"+34600000001","text":"x"}\0',
    "a BOM": b'\xef\xbb\xbf{"to":"+34600000001","text":"x"}',
    "UTF-16": '{"to":"+34600000001","text":"x"}'.encode("utf-16"),
    "invalid UTF-8": b'{"to":"+34600000001","text":"\xff\xfe"}',
    "an overlong slash": b'{"text":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"text":"\xed\xa0\x80"}',
    "infinity": b'{"to":1e999}',
    "minus infinity": b"[-1e999]",
    "NaN": b'{"text":NaN}',
    "an endless integer": b'{"validity":' + b"9" * 10_000 + b"}",
    "a member twice": b'{"to":"+34600000001","to":"+34600000002","text":"x"}',
    "two values": b"{}{}",
    "half a string": b'{"text":"',
    "a trailing comma": b'{"to":"+34600000001",}',
}
REFUSED_FIELDS = {
    "a NUL in the text": {"text": "a\0b"},
    "a lone surrogate": {"text": "\ud800"},
    "10 to the 400th": {"validity": 10**400},
    "2 to the 64th": {"schedule": 2**64},
    "a huge float": {"validity": 1e308},
    "a list for a number": {"to": ["+34600000001"]},
    "an object for a text": {"text": {"a": 1}},
    "a long number": {"to": "+" + "3" * 100_000},
    "digits of other scripts": {"to": "+٣٤٦٠٠٠٠٠٠٠١"},
    "an endless text": {"text": "x" * 500_000},
    "an endless client_id": {"client_id": "x" * 100_000},
    "line ends in a tag": {"tag": "a\r\nSet-Cookie: b"},
    "10,000 members": {f"f{n}": n for n in range(10_000)},
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("path", [HERE, BULK])
async def test_what_is_no_json_is_a_400_that_says_why(house: Any, path: str, body: bytes) -> None:
    answer = await house.client().post(path, data=body, headers=JSON)
    assert answer.status_code == 400
    problem = await answer.get_json()
    assert (answer.content_type, problem["code"]) == ("application/problem+json", "invalid_json")
    assert len(problem["detail"]) < 300


@pytest.mark.parametrize("fields", REFUSED_FIELDS.values(), ids=REFUSED_FIELDS)
async def test_a_value_that_cannot_be_kept_is_a_422_under_its_field(house: Any, a_message: Any, fields: Any) -> None:
    message = a_message(**fields)
    answer = await house.client().post(HERE, data=json.dumps(message), headers=JSON)
    assert answer.status_code == 422, await answer.get_data()
    assert set((await answer.get_json())["fields"]) <= set(message)
    bulk = await house.client().post(BULK, data=json.dumps([a_message(), message, a_message()]), headers=JSON)
    told = await bulk.get_json()
    assert (bulk.status_code, len(told["entities"]), [error["index"] for error in told["errors"]]) == (201, 2, [1])


@pytest.mark.parametrize("path", [HERE, BULK])
async def test_a_body_above_the_limit_is_a_413(house: Any, path: str) -> None:
    answer = await house.client().post(path, data=b" " * (10 << 20), headers=JSON)
    assert answer.status_code == 413
    assert (await answer.get_json())["limit_bytes"] == LIMIT


@pytest.mark.parametrize("value", ["a b", "a\tb", "é", "x" * 256, "", "\x7f"])
async def test_a_key_that_is_no_key_is_refused(house: Any, a_message: Any, value: str) -> None:
    answer = await house.client().post(HERE, json=a_message(), headers={"Idempotency-Key": value})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "value", ["Bearer " + "x" * 10_000, "Bearer \xff\xfe", "Bearer", "Basic c2hvcDpzaG9w", "\0", ""]
)
async def test_a_token_that_is_none_is_a_401(house: Any, a_message: Any, value: str) -> None:
    answer = await house.client(token=None).post(HERE, json=a_message(), headers={"Authorization": value})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/v1/sms/%00", "/v1/sms/..%2f..%2fetc", "/v1/sms/" + "a" * 5_000, "/v1/sms/msg_%ff", "/v1/sms?limit=1e9",
     "/v1/sms?after=%00&limit=-1", "/v1/events?after=evt_" + "z" * 30, "/v1/sms?limit=" + "9" * 5_000, "//v1//sms",
     "/problems/%3Cscript%3E", "/v1/sms?status=delivered&status=failed&nonsense=1", "/v1/sms?after=msg_%F0%9F%98%80"],
)  # fmt: skip
async def test_a_path_that_names_nothing_is_never_a_fault_of_ours(house: Any, path: str) -> None:
    answer = await house.client().get(path)
    assert answer.status_code in (200, 400, 404, 422), await answer.get_data()
    assert "<script>" not in (await answer.get_data(as_text=True))


@pytest.mark.parametrize(("body", "is_json"), DECODED.values(), ids=DECODED)
def test_no_body_of_the_largest_size_ends_in_more_than_a_problem(body: bytes, is_json: bool) -> None:
    assert len(body) <= LIMIT + 1024
    if is_json:
        assert isinstance(decode(body), list)
        return
    with pytest.raises(Problem) as refused:
        decode(body)
    assert refused.value.kind.status == 400


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_whatever_is_json_is_read_as_python_reads_it(value: Any) -> None:
    body = json.dumps(value)
    try:
        found = decode(body.encode("utf-8", "surrogatepass"))
    except Problem:
        assert "e+3" in body or "Infinity" in body
        return
    assert found == json.loads(body)
