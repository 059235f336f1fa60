"""The Idempotency-Key of a stream guards each of its lines, however a repeat gathers them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import trio
from houses import House
from streams import PATH, a_stream

Message = Callable[..., dict[str, Any]]


async def said(house: House, *messages: Any, key: str | None = "k", first_line: int = 1, apart: int = 0) -> list[Any]:
    """The answers to a stream of these lines; `apart`: so many at a time, each answered before the next."""
    async with a_stream(house.app, key=key, path=f"{PATH}?first_line={first_line}") as stream:
        answers = []
        if apart:
            for at in range(0, len(messages), apart):
                some = messages[at : at + apart]
                stream.say(*some)
                answers += [await stream.heard() for _ in some]
        else:
            stream.say(*messages)
        stream.finish()
        return answers + await stream.rest()


async def count_of(house: House) -> int:
    found = await (await house.client().get("/v1/sms?limit=500")).get_json()
    return len(found["entities"])


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (1, 0), (3, 2), (2, 5)])
async def test_a_repeat_gives_the_first_answers_again_however_it_gathers(
    house: House, a_message: Message, first: int, second: int
) -> None:
    lines = [a_message(client_id=f"c-{n}") for n in range(10)]
    lines[3], lines[6] = a_message(to="+3460"), a_message(client_id="c-5")
    before = await said(house, *lines, apart=first)
    again = await said(house, *lines, apart=second)
    assert [answer.pop("replayed", None) for answer in again] == [True] * 10
    assert again == before
    assert before[6]["error"]["codes"] == {"client_id": ["client_id_in_use"]}
    assert await count_of(house) == 8


async def test_what_comes_behind_the_lines_that_came_before_is_new(house: House, a_message: Message) -> None:
    lines = [a_message(text=f"n {n}") for n in range(9)]
    before = await said(house, *lines[:4], apart=3)
    again = await said(house, *lines[2:], first_line=3)
    assert [(answer["line"], answer.get("replayed", False)) for answer in again] == [(n, n <= 4) for n in range(3, 10)]
    assert [answer["entity"]["id"] for answer in again[:2]] == [answer["entity"]["id"] for answer in before[2:]]
    assert await count_of(house) == 9


async def test_another_line_under_the_number_of_one_that_came_is_refused_alone(
    house: House, a_message: Message
) -> None:
    await said(house, a_message(text="one"), a_message(text="two"))
    answers = await said(house, a_message(text="one"), a_message(text="other", client_id="x"), a_message(text="three"))
    assert [answer.get("replayed") for answer in answers] == [True, None, None]
    assert (answers[1]["error"]["code"], answers[1]["error"]["client_id"]) == ("idempotency_key_reused", "x")
    assert "entity" in answers[2]


async def test_of_two_streams_under_one_key_at_once_each_line_is_accepted_by_one(
    house: House, a_message: Message
) -> None:
    lines = [a_message(text=f"n {n}") for n in range(60)]
    answers: dict[int, list[Any]] = {}

    async def say(apart: int) -> None:
        answers[apart] = await said(house, *lines, apart=apart)

    async with trio.open_nursery() as nursery:
        for apart in (3, 7):
            nursery.start_soon(say, apart)
    for one, other in zip(answers[3], answers[7], strict=True):
        assert one["entity"]["id"] == other["entity"]["id"]
        assert sorted([one.get("replayed", False), other.get("replayed", False)]) == [False, True]
    assert await count_of(house) == len(lines)


@pytest.mark.parametrize("end", [b"\r", b" \t\r", b""])
async def test_how_a_line_ends_is_no_part_of_what_its_key_guards(house: House, a_message: Message, end: bytes) -> None:
    lines = [json.dumps(a_message(text=f"n {n}")).encode() for n in range(3)]
    await said(house, *lines)
    answers = await said(house, *[b" " + line + end for line in lines])
    assert [answer.get("replayed") for answer in answers] == [True] * 3


async def test_keys_of_other_accounts_and_of_no_stream_are_others(house: House, a_message: Message) -> None:
    await house.client().post("/v1/sms", json=a_message(), headers={"Idempotency-Key": "k"})
    first = await said(house, a_message())
    async with a_stream(house.app, token="other", key="k") as stream:
        stream.say(a_message())
        stream.finish()
        others = await stream.rest()
    assert "replayed" not in first[0]
    assert "replayed" not in others[0]


async def test_without_a_key_the_client_id_is_the_guard(house: House, a_message: Message) -> None:
    for expected in ("entity", "error"):
        (answer,) = await said(house, a_message(client_id="once"), key=None)
        assert expected in answer
    assert await count_of(house) == 1


async def test_a_line_that_came_while_its_stream_was_lost_is_not_sent_twice(house: House, a_message: Message) -> None:
    lines = [a_message(text=f"n {n}") for n in range(300)]
    async with a_stream(house.app, key="k") as stream:
        stream.gate = trio.Event()
        stream.say(*lines[:200])
        stream.hang_up()
        await stream.begun()
        stream.gate.set()
    answers = await said(house, *lines)
    assert [answer.get("replayed", False) for answer in answers] == [True] * 200 + [False] * 100
    assert await count_of(house) == 300
