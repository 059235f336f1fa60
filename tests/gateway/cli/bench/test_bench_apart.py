"""The bench tells messages apart: what is missing fails a run although the counts are right, and so does a double."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from gateway.cli.bench.apart import Came, answer, beyond, lacking, question
from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.processes import BenchError, Child, module
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.requests import number
from gateway.cli.bench.sink import events_in
from gateway.cli.bench.smsc_pdus import BIND_TRANSCEIVER, HEAD, SUBMITTED, messages_in
from gateway.cli.bench.stage import Stage
from gateway.cli.bench.steady import steadily
from protocol.codec import encode
from protocol.pdus import SubmitSm

SENT, DELIVERED, FAILED = "message.sent", "message.delivered", "message.failed"
TEN = [(0, 10)]


def submits(*numbers: int) -> bytes:
    """As a gateway writes them."""
    pdus = [
        SubmitSm(
            source_addr="SHOP",
            destination_addr=number(n).removeprefix("+"),
            short_message=f"Your order {n} has left us".encode(),
            sequence=n + 2,
        )
        for n in numbers
    ]
    return b"".join(map(encode, pdus))


def events(kind: str, *numbers: int) -> bytes:
    """A POST of a webhook, as docs/webhooks.md has it."""
    return events_to(kind, *map(number, numbers))


def events_to(kind: str, *recipients: str | None) -> bytes:
    """The same about anyone, or about nobody."""
    told = [
        {
            "id": "evt_01M7ZMFAW90000209Y3M6SPD3Y",
            "type": kind,
            "timestamp": "2026-11-21T18:04:09.481Z",
            "message_id": "msg_01M7ZMF6M300074FN98JWZNKSB",
            "client_id": "order-8841",
            "status": kind.partition(".")[2],
            "data": {"from": "SHOP", **({} if to is None else {"to": to}), "country": "ES"},
        }
        for to in recipients
    ]
    body = json.dumps(told, separators=(",", ":")).encode()
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def at_the_sink(*reads: bytes, handed=TEN, whole=None, kinds=(DELIVERED,)):
    came = Came(events_in, "event")
    for octets in reads:
        came.keep(octets)
    count = sum(octets.count(b'"type":') + octets.count(b"GET /") for octets in reads)
    told = came.told(question(handed, handed if whole is None else whole, kinds), count)
    assert told is not None
    return answer(json.loads(told))


def at_the_carrier(*reads: bytes, count: int, handed=TEN, whole=None):
    came = Came(messages_in, SUBMITTED)
    for octets in reads:
        came.keep(octets)
    told = came.told(question(handed, handed if whole is None else whole, [SUBMITTED]), count)
    assert told is not None
    return answer(json.loads(told))[SUBMITTED]


ALL_EVENTS = at_the_sink(events(DELIVERED, *range(10)))
ALL_MESSAGES = at_the_carrier(submits(*range(10)), count=10)


def test_nothing_is_amiss_where_each_came_once() -> None:
    assert beyond(ALL_MESSAGES, ALL_EVENTS) == lacking(ALL_MESSAGES, ALL_EVENTS) == []


def test_a_message_that_is_missing_beside_one_that_came_twice_is_seen() -> None:
    messages = at_the_carrier(submits(*range(7), 8, 9), submits(3), count=10)
    assert lacking(messages, ALL_EVENTS) == ["1 missing at the carrier, the first to +34600000007"]
    assert beyond(messages, ALL_EVENTS) == ["1 sent twice, the first to +34600000003"]


def test_an_event_that_is_missing_beside_one_that_came_twice_is_seen() -> None:
    told = at_the_sink(events(DELIVERED, *range(5)), events(DELIVERED, 4, 6, 7, 8, 9))
    assert lacking(ALL_MESSAGES, told) == ["1 message.delivered missing, the first about +34600000005"]
    assert told[DELIVERED].again == 1
    assert beyond(ALL_MESSAGES, told) == []


def test_events_of_one_type_do_not_stand_in_for_those_of_another() -> None:
    told = at_the_sink(events(SENT, *range(10)), events(SENT, *range(10)), kinds=(SENT, DELIVERED))
    assert lacking(ALL_MESSAGES, told) == ["10 message.delivered missing, the first about +34600000000"]
    assert told[SENT].again == 10


def test_what_nobody_handed_in_is_seen() -> None:
    messages = at_the_carrier(submits(*range(11)), count=12)
    told = at_the_sink(events(DELIVERED, *range(12)))
    assert beyond(messages, told) == [
        "2 submit_sm of no message that was handed in",
        "2 message.delivered about no message that was handed in",
    ]


def test_events_about_a_recipient_that_no_run_has_or_about_none_are_seen() -> None:
    told = at_the_sink(events(DELIVERED, *range(9)), events_to(DELIVERED, "+15551234", None, number(9)))
    assert lacking(ALL_MESSAGES, told) == []
    assert beyond(ALL_MESSAGES, told) == ["2 event about no message that was handed in"]


def test_an_event_of_a_type_that_nobody_asked_for_is_named() -> None:
    told = at_the_sink(events(DELIVERED, *range(10)), events(FAILED, 3, 3), events_to("webhook.test", None))
    assert beyond(ALL_MESSAGES, told) == [
        "2 message.failed, which was not asked for",
        "1 event about no message that was handed in",
    ]


def test_an_event_without_a_recipient_does_not_take_that_of_the_next() -> None:
    told = at_the_sink(events_to(SENT, None) + events(DELIVERED, *range(10)))
    assert lacking(ALL_MESSAGES, told) == []
    assert beyond(ALL_MESSAGES, told) == ["1 event about no message that was handed in"]


def test_no_event_is_asked_for_where_there_are_no_receipts() -> None:
    assert beyond(ALL_MESSAGES, at_the_sink(kinds=())) == []
    told = at_the_sink(events(DELIVERED, 4), kinds=())
    assert beyond(ALL_MESSAGES, told) == ["1 message.delivered, which was not asked for"]


def test_those_that_still_wait_are_not_missing() -> None:
    messages = at_the_carrier(submits(0, 1, 5), count=3, whole=[(0, 2)])
    told = at_the_sink(events(DELIVERED, 0, 1, 5), whole=[])
    assert beyond(messages, told) == lacking(messages, told) == []


def test_calls_of_kannel_name_their_message() -> None:
    calls = b"".join(b"GET /?type=1&to=346%08d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(9))
    told = at_the_sink(calls)
    assert lacking(ALL_MESSAGES, told) == ["1 message.delivered missing, the first about +34600000009"]


def test_a_call_of_kannel_that_tells_of_anything_but_a_delivery_is_seen() -> None:
    calls = b"".join(b"GET /?type=1&to=346%08d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(10))
    told = at_the_sink(calls, b"GET /?type=8&to=34600000003 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert beyond(ALL_MESSAGES, told) == ["1 event about no message that was handed in"]


def test_what_long_runs_bring_is_looked_at_before_it_is_asked_for(monkeypatch) -> None:
    monkeypatch.setattr("gateway.cli.bench.apart._MOST_OCTETS", 100)
    came = Came(messages_in, SUBMITTED)
    came.keep(submits(*range(10)))
    assert came._kept == []
    assert came.told("figures", 10) is None
    told = came.told(question(TEN, TEN, [SUBMITTED]), 10)
    assert told is not None
    assert answer(json.loads(told))[SUBMITTED] == ALL_MESSAGES


class OfTen(Stage):
    """A stage with a carrier and a sink alone, of ten messages that were handed in."""

    def __init__(self, smsc: Child, sink: Child) -> None:
        self.smsc, self.sink, self._handed, self.relay = smsc, sink, TEN, Sluice(Shape())
        self.at_carrier, self.at_sink = int(smsc.hear()), int(sink.hear())

    def seen(self) -> str:
        return "the log"


@pytest.fixture
def stage(tmp_path):
    smsc = Child("smsc", module("gateway.cli.bench.smsc", "0", "none"), tmp_path)
    sink = Child("sink", module("gateway.cli.bench.sink"), tmp_path)
    yield OfTen(smsc, sink)
    smsc.end()
    sink.end()


def given(port: int, octets: bytes, answer: bytes, count: int) -> None:
    """Over one connection, until so many answers came."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(octets)
        heard = b""
        while heard.count(answer) < count:
            heard += sock.recv(10_000)


def to_both(stage: OfTen, messages: list[int], *told: list[int]) -> None:
    submit(stage, messages)
    for numbers in told:
        post(stage, numbers)


def submit(stage: OfTen, messages: list[int]) -> None:
    body = b"bench\0bench\0\0\x34\0\0\0"
    bind = HEAD.pack(16 + len(body), BIND_TRANSCEIVER, 0, 1) + body
    given(stage.at_carrier, bind + submits(*messages), b"\x80\0\0\x04", len(messages))


def post(stage: OfTen, numbers: list[int]) -> None:
    given(stage.at_sink, events(DELIVERED, *numbers), b"HTTP/1.1 200", 1)


@contextmanager
def later(seconds: float, what: Callable[..., None], *given: Any) -> Iterator[None]:
    """Meanwhile."""
    timer = threading.Timer(seconds, what, given)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextmanager
def going_on(what: Callable[[int], None]) -> Iterator[None]:
    """Meanwhile again and again."""
    is_over = threading.Event()

    def run() -> None:
        for n in count():
            if is_over.wait(0.02):
                return
            what(n)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_a_run_in_which_all_came_shows_what_was_told_again(stage) -> None:
    to_both(stage, [*range(10)], [*range(9)], [7, 8, 9])
    assert stage.told_apart() == {"events_told_again": 2}


def test_a_run_fails_by_a_missing_event_although_the_count_is_right(stage) -> None:
    to_both(stage, [*range(10)], [*range(9)], [8])
    with pytest.raises(BenchError, match=r"1 message.delivered missing, the first about \+34600000009: the log"):
        stage.told_apart(seconds=0.1)


def test_a_run_without_receipts_fails_by_a_missing_message_although_the_count_is_right(stage) -> None:
    to_both(stage, [*range(9), 8])
    expected = r"1 sent twice, the first to \+34600000008; 1 missing at the carrier"
    with pytest.raises(BenchError, match=expected):
        stage.told_apart((), seconds=0.1)


def test_a_run_fails_by_events_that_nobody_asked_for_or_handed_in(stage) -> None:
    to_both(stage, [*range(10)], [*range(10)])
    for octets in (events(FAILED, 3), events_to(DELIVERED, "+15551234"), events_to("webhook.test", None)):
        given(stage.at_sink, octets, b"HTTP/1.1 200", 1)
    expected = "1 message.failed, which was not asked for; 2 event about no message that was handed in: the log"
    with pytest.raises(BenchError, match=expected):
        stage.told_apart()


def test_a_run_waits_for_the_event_that_another_told_twice_stood_in_for(stage) -> None:
    to_both(stage, [*range(10)], [*range(9)], [8])
    with later(0.3, post, stage, [9]):
        assert stage.told_apart() == {"events_told_again": 1}


def test_an_event_that_is_told_again_after_the_last_is_seen(stage) -> None:
    to_both(stage, [*range(10)], [*range(10)])
    with later(0.3, post, stage, [9]):
        assert stage.told_apart() == {"events_told_again": 1}


def test_a_message_that_is_sent_again_after_all_else_fails_the_run(stage) -> None:
    to_both(stage, [*range(10)], [*range(10)])
    with (
        later(0.3, submit, stage, [9]),
        pytest.raises(BenchError, match=r"1 sent twice, the first to \+34600000009: the log"),
    ):
        stage.told_apart()


def test_a_double_behind_one_that_was_late_is_seen_as_well(stage) -> None:
    to_both(stage, [*range(10)], [*range(9)], [8])
    with (
        later(1.3, post, stage, [9]),
        later(1.6, submit, stage, [9]),
        pytest.raises(BenchError, match=r"1 sent twice, the first to \+34600000009: the log"),
    ):
        stage.told_apart()


def test_a_run_that_leaves_messages_queued_does_not_wait_until_nothing_more_comes(stage) -> None:
    to_both(stage, [*range(5)], [*range(5)])
    with going_on(lambda n: post(stage, [5 + n % 5])):
        began = time.monotonic()
        stage.told_apart(whole=[(0, 5)])
        assert time.monotonic() - began < 0.9


def test_a_load_of_more_messages_than_there_are_numbers_is_refused(stage) -> None:
    with pytest.raises(BenchError, match="120000000 messages are more than there are numbers"):
        next(steadily(stage, 2_000, 60.0, 1_000))
