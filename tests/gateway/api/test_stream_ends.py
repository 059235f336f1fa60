"""What a stream's caller is told when there is no room, and how the gateway ends a stream."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import trio
from houses import House, a_configuration
from streams import a_stream
from trio.testing import MockClock

from gateway.api.stream.calls import MOST_OF_ACCOUNT
from gateway.settings import Settings

Message = Callable[..., dict[str, Any]]


@pytest.fixture
def limits() -> dict[str, int]:
    return {}


@pytest.fixture
def configuration(configuration: dict[str, Any], limits: dict[str, int]) -> dict[str, Any]:
    configuration["accounts"]["shop"]["limits"] = limits
    return configuration


@pytest.mark.parametrize("limits", [{"messages_per_second": 10}])
async def test_a_limit_is_told_of_the_lines_that_it_meets_and_the_stream_goes_on(
    house: House, a_message: Message
) -> None:
    async with a_stream(house.app, key="k") as stream:
        stream.say(*[a_message() for _ in range(12)])
        answers = [await stream.heard() for _ in range(12)]
        assert all("entity" in answer for answer in answers)  # the bucket lends
        stream.say(a_message(client_id="late"), a_message(to="+3460"))
        limited, wrong = await stream.heard(), await stream.heard()
        stream.finish()
    error = limited["error"]
    assert (error["code"], error["client_id"], error["retryable"]) == ("too_many_requests", "late", True)
    assert (error["limited_by"], error["limit"], error["retry_after"]) == ("messages_per_second", 10, 1)
    assert wrong["error"]["code"] == "invalid_fields"


@pytest.mark.parametrize("limits", [{"backlog": 5}])
async def test_of_the_lines_that_come_together_as_many_are_taken_as_find_room(house: House, a_message: Message) -> None:
    async with a_stream(house.app, key="k") as stream:
        stream.say(*[a_message() for _ in range(8)])
        stream.finish()
        answers = await stream.rest()
    assert ["entity" in answer for answer in answers] == [True] * 5 + [False] * 3
    assert {answer["error"]["limited_by"] for answer in answers[5:]} == {"backlog"}


@pytest.mark.parametrize("limits", [{"messages_per_day": 2}, {"backlog": 2}], ids=str)
async def test_lines_that_are_more_together_than_a_limit_are_told_when_each_may_come_again(
    house: House, a_message: Message
) -> None:
    async with a_stream(house.app) as stream:
        stream.say(*[a_message() for _ in range(5)])
        stream.finish()
        answers = await stream.rest()
    assert ["entity" in answer for answer in answers] == [True] * 2 + [False] * 3
    for error in (answer["error"] for answer in answers[2:]):
        assert error["retryable"]
        assert error["retry_after"] > 0
        assert "at once" not in error["detail"]


@pytest.mark.parametrize("limits", [{"backlog": 2}])
async def test_a_line_that_found_no_room_may_come_again_under_its_number(house: House, a_message: Message) -> None:
    lines = [a_message(text=f"n {n}") for n in range(4)]
    for expected in ([False, False, None, None], [True, True, None, None]):
        async with a_stream(house.app, key="k") as stream:
            stream.say(*lines)
            stream.finish()
            answers = await stream.rest()
        assert [answer.get("replayed", False) if "entity" in answer else None for answer in answers] == expected
    for answer in answers[:1]:
        await house.client().post(f"/v1/sms/{answer['entity']['id']}/cancel")
    async with a_stream(house.app, key="k") as stream:
        stream.say(*lines)
        stream.finish()
        answers = await stream.rest()
    assert ["entity" in answer for answer in answers] == [True, True, True, False]


async def test_a_store_that_takes_nothing_is_told_of_each_line(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        await stream.begun()
        house.store.stop()
        stream.say(a_message(client_id="a"), b"{")
        stream.finish()
        answers = await stream.rest()
    error = answers[0]["error"]
    assert (error["code"], error["retryable"], error["retry_after"]) == ("store_busy", True, 1)
    assert answers[1]["error"]["code"] == "invalid_json"


async def test_when_the_daemon_stops_what_was_taken_is_answered_and_the_end_is_told(
    house: House, a_message: Message
) -> None:
    async with a_stream(house.app) as stream:
        stream.say(a_message())
        assert (await stream.heard())["line"] == 1
        for close in house.app.closing:  # type: ignore[attr-defined]
            close()
        answers = await stream.rest()
    assert [answer["closing"]["code"] for answer in answers] == ["stopping"]
    assert answers[0]["closing"]["retryable"]
    async with a_stream(house.app) as late:
        assert await late.begun() == 503
    assert late.body()["code"] == "stopping"


async def test_a_token_that_is_taken_away_ends_its_streams_and_no_others(house: House, a_message: Message) -> None:
    new = a_configuration()
    new["accounts"]["shop"]["tokens"] = new["accounts"]["shop"]["tokens"][1:]
    settings = Settings.model_validate(new)
    async with a_stream(house.app) as revoked, a_stream(house.app, token="other") as other:
        for stream in (revoked, other):
            stream.say(a_message())
            await stream.heard()
        for part in house.app.parts:  # type: ignore[attr-defined]
            part(settings)
        assert [answer["closing"]["code"] for answer in await revoked.rest()] == ["unauthorized"]
        other.say(a_message())
        assert "entity" in await other.heard()
        other.finish()


async def test_a_stream_from_which_nothing_comes_ends(
    house: House, a_message: Message, autojump_clock: MockClock
) -> None:
    async with a_stream(house.app) as stream:
        await stream.begun()
        begun_at = trio.current_time()
        await trio.sleep(50)
        stream.say_octets(b"\n")
        assert [answer["closing"]["code"] for answer in await stream.rest()] == ["request_timeout"]
        assert 109 < trio.current_time() - begun_at < 111


@pytest.mark.parametrize("limits", [{"requests_per_second": 2}])
async def test_a_stream_counts_as_one_request(house: House, a_message: Message) -> None:
    async with a_stream(house.app) as stream:
        for _ in range(5):
            stream.say(a_message())
            assert "entity" in await stream.heard()
        stream.finish()
    async with a_stream(house.app) as stream:
        stream.finish()
    async with a_stream(house.app) as third:
        assert await third.begun() == 429


async def test_streams_that_are_opened_at_once_are_counted_too(house: House) -> None:
    statuses: Counter[int] = Counter()

    async def open_one() -> None:
        async with a_stream(house.app) as stream:
            statuses[await stream.begun()] += 1
            if statuses.total() == MOST_OF_ACCOUNT + 8:
                all_told.set()
            await all_told.wait()
            stream.finish()

    all_told = trio.Event()
    async with trio.open_nursery() as nursery:
        for _ in range(MOST_OF_ACCOUNT + 8):
            nursery.start_soon(open_one)
    assert statuses == {200: MOST_OF_ACCOUNT, 503: 8}


async def test_an_account_has_only_so_many_streams(house: House) -> None:
    async with trio.open_nursery() as nursery:
        opened = trio.Event()
        left = MOST_OF_ACCOUNT

        async def hold() -> None:
            nonlocal left
            async with a_stream(house.app) as stream:
                await stream.begun()
                left -= 1
                if not left:
                    opened.set()
                await ended.wait()
                stream.finish()

        ended = trio.Event()
        for _ in range(MOST_OF_ACCOUNT):
            nursery.start_soon(hold)
        await opened.wait()
        async with a_stream(house.app) as refused, a_stream(house.app, token="other") as other:
            assert (await refused.begun(), await other.begun()) == (503, 200)
            other.finish()
        assert refused.body()["code"] == "too_many_streams"
        ended.set()
    async with a_stream(house.app) as again:
        assert await again.begun() == 200
        again.finish()
