"""The bench tells messages apart: what is missing fails a run although the counts are right, and so does a double."""

import json
import socket
import threading

import pytest

from gateway.cli.bench.apart import Came, answer, beyond, lacking, question
from gateway.cli.bench.processes import BenchError, Child, module
from gateway.cli.bench.requests import number
from gateway.cli.bench.sink import events_in
from gateway.cli.bench.smsc_pdus import BIND_TRANSCEIVER, HEAD, SUBMITTED, messages_in
from gateway.cli.bench.stage import Stage
from gateway.cli.bench.steady import steadily
from protocol.codec import encode
from protocol.pdus import SubmitSm

SENT, DELIVERED = "message.sent", "message.delivered"
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
    told = [
        {
            "id": "evt_01M7ZMFAW90000209Y3M6SPD3Y",
            "type": kind,
            "timestamp": "2026-11-21T18:04:09.481Z",
            "message_id": "msg_01M7ZMF6M300074FN98JWZNKSB",
            "client_id": "order-8841",
            "status": kind.partition(".")[2],
            "data": {"from": "SHOP", "to": number(n), "country": "ES"},
        }
        for n in numbers
    ]
    body = json.dumps(told, separators=(",", ":")).encode()
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def at_the_sink(*reads: bytes, handed=TEN, whole=None, kinds=(DELIVERED,)):
    came = Came(events_in)
    for octets in reads:
        came.keep(octets)
    told = came.told(question(handed, handed if whole is None else whole, kinds))
    assert told is not None
    return answer(json.loads(told))


def at_the_carrier(*reads: bytes, count: int, handed=TEN, whole=None):
    came = Came(messages_in)
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


def test_those_that_still_wait_are_not_missing() -> None:
    messages = at_the_carrier(submits(0, 1, 5), count=3, whole=[(0, 2)])
    told = at_the_sink(events(DELIVERED, 0, 1, 5), whole=[])
    assert beyond(messages, told) == lacking(messages, told) == []


def test_calls_of_kannel_name_their_message() -> None:
    calls = b"".join(b"GET /?type=1&to=346%08d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(9))
    told = at_the_sink(calls)
    assert lacking(ALL_MESSAGES, told) == ["1 message.delivered missing, the first about +34600000009"]


def test_what_long_runs_bring_is_looked_at_before_it_is_asked_for(monkeypatch) -> None:
    monkeypatch.setattr("gateway.cli.bench.apart._MOST_OCTETS", 100)
    came = Came(messages_in)
    came.keep(submits(*range(10)))
    assert came._kept == []
    assert came.told("figures") is None
    told = came.told(question(TEN, TEN, [SUBMITTED]))
    assert told is not None
    assert answer(json.loads(told))[SUBMITTED] == ALL_MESSAGES


class OfTen(Stage):
    """A stage with a carrier and a sink alone, of ten messages that were handed in."""

    def __init__(self, smsc: Child, sink: Child) -> None:
        self.smsc, self.sink, self._handed = smsc, sink, TEN
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
    body = b"bench\0bench\0\0\x34\0\0\0"
    bind = HEAD.pack(16 + len(body), BIND_TRANSCEIVER, 0, 1) + body
    given(stage.at_carrier, bind + submits(*messages), b"\x80\0\0\x04", len(messages))
    for numbers in told:
        post(stage, numbers)


def post(stage: OfTen, numbers: list[int]) -> None:
    given(stage.at_sink, events(DELIVERED, *numbers), b"HTTP/1.1 200", 1)


def test_a_run_in_which_all_came_shows_what_was_told_again(stage) -> None:
    to_both(stage, [*range(10)], [*range(9)], [7, 8, 9])
    assert stage.told_apart() == {"events_told_again": 2}


def test_a_run_fails_by_a_missing_event_although_the_count_is_right(stage) -> None:
    to_both(stage, [*range(10)], [*range(9)], [8])
    with pytest.raises(BenchError, match=r"1 message.delivered missing, the first about \+34600000009: the log"):
        stage.told_apart(seconds=0.1)


def test_a_run_without_receipts_fails_by_a_missing_message_although_the_count_is_right(stage) -> None:
    to_both(stage, [*range(9), 8], [0])
    expected = r"1 sent twice, the first to \+34600000008; 1 missing at the carrier"
    with pytest.raises(BenchError, match=expected):
        stage.told_apart((), seconds=0.1)


def test_a_run_waits_for_the_event_that_another_told_twice_stood_in_for(stage) -> None:
    to_both(stage, [*range(10)], [*range(9)], [8])
    later = threading.Timer(0.3, post, (stage, [9]))
    later.start()
    assert stage.told_apart() == {"events_told_again": 1}


def test_a_load_of_more_messages_than_there_are_numbers_is_refused(stage) -> None:
    with pytest.raises(BenchError, match="120000000 messages are more than there are numbers"):
        next(steadily(stage, 2_000, 60.0, 1_000))
