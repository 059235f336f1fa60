"""POST /v1/sms/stream through the app and the real store: lines in, lines out, while both ends stay open."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import trio
from houses import House
from streams import PATH, a_stream

from gateway.api.description.stream_examples import STREAM_ANSWERS, STREAM_LINES
from gateway.api.stream.lines import MOST_LINE, values_of

Message = Callable[..., dict[str, Any]]


def told(answers: list[Any]) -> list[tuple[int, str]]:
    """Each line's number, and whether it was accepted or why not."""
    return [(answer["line"], "accepted" if "entity" in answer else answer["error"]["code"]) for answer in answers]


async def test_a_line_is_answered_while_the_stream_goes_on(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        assert await stream.begun() == 200
        assert stream.headers["content-type"] == "application/x-ndjson"
        assert stream.headers["request-id"].startswith("req_")
        stream.say(a_message(client_id="a-1"))
        first = await stream.heard()
        assert (first["line"], first["entity"]["client_id"], first["entity"]["status"]) == (1, "a-1", "queued")
        stream.say(a_message(client_id="a-2"))
        assert (await stream.heard())["line"] == 2
        stream.finish()
        assert await stream.rest() == []
    single = await house.client().post("/v1/sms", json=a_message(client_id="a-3"))
    assert first["entity"].keys() == (await single.get_json()).keys()
    found = await (await house.client().get(f"/v1/sms?submission_id={first['submission_id']}")).get_json()
    assert [entity["id"] for entity in found["entities"]] == [first["entity"]["id"]]


async def test_a_stream_is_answered_as_its_example_shows(house: House) -> None:
    async with a_stream(house.app) as stream:
        stream.finish(STREAM_LINES.encode())
        answers = await stream.rest()
    examples = [json.loads(line) for line in STREAM_ANSWERS.splitlines()]
    for answer, example in zip(answers, examples, strict=True):
        assert list(answer) == list(example)
        for part in ("entity", "error"):
            assert list(answer.get(part, ())) == list(example.get(part, ()))
    assert answers[1] == examples[1]


async def test_many_lines_are_answered_in_their_order(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        stream.say(*[a_message(client_id=f"m-{n}") for n in range(1, 1_201)])
        stream.finish()
        answers = await stream.rest()
    assert [answer["line"] for answer in answers] == list(range(1, 1_201))
    assert [answer["entity"]["client_id"] for answer in answers] == [f"m-{n}" for n in range(1, 1_201)]
    assert len(stream.pieces) <= 4


async def test_a_line_may_come_in_pieces_and_the_last_needs_no_end(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        octets = b"\xef\xbb\xbf" + json.dumps(a_message()).encode()
        for at in range(0, len(octets), 7):
            stream.say_octets(octets[at : at + 7])
        stream.say_octets(b"\r\n  \r\n\n")
        stream.finish(json.dumps(a_message()).encode())
        assert told(await stream.rest()) == [(1, "accepted"), (2, "accepted")]


async def test_what_is_wrong_with_a_line_is_told_of_it_alone(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        stream.say(
            a_message(),
            b"{",
            a_message(to="+3460", client_id="short"),
            b"[1]",
            b'{"to":"+34600000001","to":"+34600000002","text":"x"}',
            b'{"a":1} {"b":2}',
            a_message(client_id="twice"),
            a_message(client_id="twice"),
            a_message(),
        )
        stream.finish()
        answers = await stream.rest()
    refused = "invalid_fields"
    assert told(answers) == [
        (1, "accepted"),
        (2, "invalid_json"),
        (3, refused),
        (4, refused),
        (5, "invalid_json"),
        (6, "invalid_json"),
        (7, "accepted"),
        (8, refused),
        (9, "accepted"),
    ]
    assert answers[1]["error"]["detail"].startswith("Column 2: ")
    error = answers[2]["error"]
    assert (error["client_id"], error["codes"], error["retryable"]) == ("short", {"to": ["number_too_short"]}, False)
    assert answers[3]["error"]["codes"] == {"item": ["wrong_type"]}
    assert answers[7]["error"]["codes"] == {"client_id": ["client_id_in_use"]}


@pytest.mark.parametrize("lines", [[b'{"a":', b"1}", b'{"b":2} {"c":3}'], [b'{"a":[{"x":1}', b'{"y":1}]}', b"{} {}"]])
async def test_a_value_that_goes_over_lines_is_no_value(house: House, lines: list[bytes]) -> None:
    async with a_stream(house.app) as stream:
        stream.say(*lines)
        stream.finish()
        assert told(await stream.rest()) == [(n, "invalid_json") for n in (1, 2, 3)]


async def test_a_line_that_is_too_long_ends_the_stream_with_its_error(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        stream.say(a_message())
        stream.say_octets(b'{"to":"')
        for _ in range(MOST_LINE // 1_000 + 1):
            stream.say_octets(b"0" * 1_000)
        answers = await stream.rest()
    assert told(answers[:-1]) == [(1, "accepted"), (2, "body_too_large")]
    assert answers[-1]["closing"]["code"] == "body_too_large"


async def test_what_was_read_before_the_caller_went_away_is_filed(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        stream.say(a_message(client_id="read"))
        stream.say_octets(json.dumps(a_message(client_id="cut off")).encode())
        stream.hang_up()
    for name, count in (("read", 1), ("cut off", 0)):
        found = await house.client().get("/v1/sms", query_string={"client_id": name})
        assert len((await found.get_json())["entities"]) == count


async def test_a_caller_who_reads_nothing_is_soon_not_read_from(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        stream.gate = trio.Event()
        lines = [a_message() for _ in range(100)]
        for _ in range(60):
            stream.say(*lines)
        await stream.begun()
        before = -1
        while before != stream.unread:
            before = stream.unread
            await house.store.keep_alive()
            await trio.testing.wait_all_tasks_blocked(0.05)
        assert before > 30
        stream.gate.set()
        stream.finish()
        assert len(await stream.rest()) == 6_000


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"headers": {"content-type": "application/json"}}, 415, "unsupported_media_type"),
        ({"headers": {"content-type": "application/x-ndjson; charset=latin-1"}}, 415, "unsupported_media_type"),
        ({"headers": {"content-encoding": "gzip"}}, 415, "unsupported_media_type"),
        ({"headers": {"authorization": "Bearer nobody"}}, 401, "unauthorized"),
        ({"token": "shop-read"}, 403, "insufficient_scope"),
        ({"token": "shop-inside"}, 403, "address_not_allowed"),
        ({"key": "two words"}, 422, "invalid_idempotency_key"),
        ({"path": f"{PATH}?first_line=0"}, 422, "invalid_fields"),
        ({"path": f"{PATH}?first_line=1&first_line=2"}, 422, "invalid_fields"),
        ({"path": f"{PATH}?from=2"}, 422, "invalid_fields"),
    ],
    ids=str,
)
async def test_a_head_that_is_wrong_is_refused_before_anything_is_read(
    house: House, changes: dict[str, Any], status: int, code: str
) -> None:
    async with a_stream(house.app, **changes) as stream:
        assert await stream.begun() == status
    assert (stream.body()["code"], stream.headers["content-type"]) == (code, "application/problem+json")


async def test_other_methods_are_405(house: House) -> None:
    answer = await house.client().get(PATH)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


async def test_a_line_of_whatever_depth_is_answered_by_itself() -> None:
    """Where the quick reader goes deeper than Python calls itself is found by trying all depths."""
    good = b'{"to":"+34600000001"}'
    for depth in range(800, 1_200):
        first, deep, last = await values_of([good, b'{"to":' + b"[" * depth + b"]" * depth + b"}", good])
        assert first == last == {"to": "+34600000001"}
        assert isinstance(deep, dict) or deep.detail == "The line is nested too deep."
