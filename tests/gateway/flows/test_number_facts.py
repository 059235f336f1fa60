"""What is known of numbers' networks: by a source that is slow, wrong, dead or well, and by the table."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from gateway.flows.number_facts import FAILURE_KEPT_SECONDS, FAILURES_IN_A_ROW, REST_SECONDS, NumberFacts
from gateway.rules.networks import Networks
from gateway.settings import Lookup
from gateway.webhooks.client import Said
from gateway.webhooks.signing import Header

SPAIN = Networks({"34600": "21401", "34601": "21403", "346016": ""})
WELL = Said(b'{"mccmnc": "21407", "ported": true, "more": 1}', None)


@dataclass
class Source:
    """Answers as told, after so many seconds."""

    answer: Callable[[str], Said] = lambda _: WELL
    seconds: float = 0.0
    asked: list[str] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    at_a_time: int = 0
    most_at_a_time: int = 0

    async def ask(self, url: str, body: bytes, headers: list[Header], *, most: int) -> Said:
        number = body.decode().split('"')[3]
        self.asked.append(number)
        self.headers = list(headers)
        self.at_a_time += 1
        self.most_at_a_time = max(self.most_at_a_time, self.at_a_time)
        try:
            await trio.sleep(self.seconds)
        finally:
            self.at_a_time -= 1
        return self.answer(number)


def facts(source: Source | None, networks: Networks = SPAIN, **given: object) -> NumberFacts:
    url = {} if source is None else {"url": "https://numbers.example/lookup"}
    return NumberFacts(Lookup.model_validate({**url, **given}), source, networks, trio.current_time)


def numbers(count: int) -> list[str]:
    return [f"+34600{n:06d}" for n in range(count)]


async def test_the_source_tells_what_the_table_cannot(autojump_clock: MockClock) -> None:
    known = facts(Source())
    await known.warm(["+34600000001"])
    assert known.network_of("+34600000001") == ("21407", True, "lookup")
    assert known.network_of("+34600000002") == ("21401", None, "table")


def test_the_longest_range_of_the_table_decides() -> None:
    known = facts(None)
    assert known.mccmnc_of("+34601500000") == "21403"
    assert known.mccmnc_of("+34601600000") is None
    assert known.mccmnc_of("+33600000000") is None


async def test_the_token_is_sent_as_bearer(autojump_clock: MockClock) -> None:
    source = Source()
    await facts(source, token="secret").warm(numbers(1))
    assert source.headers == [(b"authorization", b"Bearer secret")]


async def test_a_slow_source_costs_one_time_out_for_a_whole_bulk(autojump_clock: MockClock) -> None:
    source = Source(seconds=60)
    known = facts(source, timeout="500ms")
    began = trio.current_time()
    await known.warm(numbers(500))
    assert trio.current_time() - began == pytest.approx(0.5)
    assert known.mccmnc_of("+34600000001") == "21401"


async def test_questions_run_so_many_at_a_time_for_one_request_and_for_all(autojump_clock: MockClock) -> None:
    source = Source(seconds=0.1)
    known = facts(source, concurrency=4, most=6, timeout="10s")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(known.warm, numbers(20)[:10])
        nursery.start_soon(known.warm, numbers(20)[10:])
    assert source.most_at_a_time == 6
    assert len(source.asked) == 20


async def test_no_number_is_asked_twice_at_a_time(autojump_clock: MockClock) -> None:
    source = Source(seconds=0.1)
    known = facts(source)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(known.warm, [*numbers(3), *numbers(3)])
        nursery.start_soon(known.warm, numbers(3))
    assert sorted(source.asked) == numbers(3)


async def test_an_answer_is_asked_for_again_once_it_is_old(autojump_clock: MockClock) -> None:
    source = Source()
    known = facts(source, keep="1h")
    await known.warm(numbers(1))
    await trio.sleep(3599)
    await known.warm(numbers(1))
    assert len(source.asked) == 1
    await trio.sleep(2)
    assert known.mccmnc_of(numbers(1)[0]) == "21401"
    await known.warm(numbers(1))
    assert len(source.asked) == 2


async def test_the_cache_forgets_the_one_not_asked_for_longest_at_its_limit(autojump_clock: MockClock) -> None:
    source = Source()
    known = facts(source, cache=2)
    one, two, three = numbers(3)
    for number in (one, two, one, three):
        await known.warm([number])
    assert [known.mccmnc_of(number) for number in (one, two, three)] == ["21407", "21401", "21407"]


async def test_the_table_answers_while_the_source_is_down(autojump_clock: MockClock) -> None:
    source = Source(lambda _: Said(b"", "no connection"))
    known = facts(source)
    await known.warm(numbers(100))
    assert known.mccmnc_of("+34600000001") == "21401"
    assert len(source.asked) < FAILURES_IN_A_ROW + 16


async def test_a_source_that_failed_is_left_alone_for_a_while_and_then_tried_again(autojump_clock: MockClock) -> None:
    source = Source(lambda _: Said(b"", "no connection"))
    known = facts(source, concurrency=1)
    await known.warm(numbers(50))
    assert len(source.asked) == FAILURES_IN_A_ROW
    await known.warm(["+34600999999"])
    assert len(source.asked) == FAILURES_IN_A_ROW
    await trio.sleep(REST_SECONDS)
    source.answer = lambda _: WELL
    await known.warm(["+34600999999"])
    assert known.mccmnc_of("+34600999999") == "21407"


async def test_a_number_whose_question_failed_is_not_asked_at_once_again(autojump_clock: MockClock) -> None:
    source = Source(lambda _: Said(b"", "answered 500"))
    known = facts(source)
    await known.warm(numbers(1))
    await known.warm(numbers(1))
    assert len(source.asked) == 1
    await trio.sleep(FAILURE_KEPT_SECONDS + 1)
    await known.warm(numbers(1))
    assert len(source.asked) == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"\xff", b'{"mccmnc": 21401}', b'{"mccmnc": "214-1"}', b'{"mccmnc": "214"}', b'{"ported": "yes"}'],
)
async def test_an_answer_that_makes_no_sense_is_none(autojump_clock: MockClock, body: bytes) -> None:
    known = facts(Source(lambda _: Said(body, None)))
    await known.warm(numbers(1))
    assert known.network_of(numbers(1)[0]) == ("21401", None, "table")


async def test_a_number_that_the_source_does_not_know_is_the_tables(autojump_clock: MockClock) -> None:
    source = Source(lambda _: Said(b'{"mccmnc": null}', None))
    known = facts(source)
    await known.warm(numbers(1))
    await known.warm(numbers(1))
    assert known.mccmnc_of(numbers(1)[0]) == "21401"
    assert len(source.asked) == 1


async def test_who_waits_for_anothers_question_asks_when_that_one_goes(autojump_clock: MockClock) -> None:
    known = facts(Source(seconds=1), timeout="10s")
    async with trio.open_nursery() as nursery:

        async def go_soon() -> None:
            with trio.move_on_after(0.1):
                await known.warm(numbers(1))

        nursery.start_soon(go_soon)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        await known.warm(numbers(1))
        assert trio.current_time() - began == pytest.approx(1.1)
    assert known.mccmnc_of(numbers(1)[0]) == "21407"


async def test_a_new_source_is_asked_anew(autojump_clock: MockClock) -> None:
    source = Source()
    known = facts(source)
    await known.warm(numbers(1))
    known.reconfigure(Lookup(url="https://other.example/"), Networks({}))
    assert known.network_of(numbers(1)[0]) is None
    await known.warm(numbers(1))
    assert len(source.asked) == 2


async def test_a_new_source_is_asked_though_the_old_one_failed(autojump_clock: MockClock) -> None:
    source = Source(lambda _: Said(b"", "no connection"))
    known = facts(source)
    await known.warm(numbers(100))
    source.answer = lambda _: WELL
    known.reconfigure(Lookup(url="https://other.example/"), SPAIN)
    await known.warm(numbers(1))
    assert known.mccmnc_of(numbers(1)[0]) == "21407"
