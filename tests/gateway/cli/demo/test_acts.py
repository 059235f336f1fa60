"""What the demo's acts conclude from timelines, from the carrier's record, and from their own measurements."""

from pathlib import Path
from typing import Any

import pytest

from gateway.cli.demo import bulk, crash, figures
from gateway.cli.demo.carrier_record import CarrierRecord
from gateway.cli.demo.cost import file_system
from gateway.cli.demo.crash import Settled


def a_message(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"timeline": [{"what": "accepted"}, *steps]}


@pytest.mark.parametrize(
    ("steps", "settled"),
    [
        (
            [{"what": "submit", "outcome": "sent"}, {"what": "receipt", "state": "DELIVRD", "matched": "doubt"}],
            Settled.BY_RECEIPT,
        ),
        (
            [
                {"what": "submit", "outcome": "resent"},
                {"what": "submit", "outcome": "sent", "command_status": "ESME_ROK"},
                {"what": "receipt", "state": "DELIVRD"},
            ],
            Settled.SENT_AGAIN,
        ),
        (
            [
                {"what": "submit", "outcome": "sent", "command_status": "ESME_ROK"},
                {"what": "receipt", "state": "DELIVRD"},
            ],
            Settled.BY_LATE_ANSWER,
        ),
        ([{"what": "submit", "outcome": "unknown"}], Settled.OTHERWISE),
    ],
)
def test_the_timeline_tells_how_a_doubt_was_settled(steps: list[dict[str, Any]], settled: Settled) -> None:
    assert crash.settled_how(a_message(*steps)) is settled


def test_the_truth_tells_the_lost_and_the_doubled_apart_from_those_that_were_told() -> None:
    numbers = {"msg_1": "+1", "msg_2": "+2", "msg_3": "+3", "msg_4": "+4"}
    counts = {"+1": 1, "+2": 0, "+3": 2, "+4": 3}
    truth = crash.truth_of(numbers, counts, {"msg_1", "msg_3"})
    assert truth == (["msg_2"], ["msg_3", "msg_4"], ["msg_4"])


def test_throttles_are_counted_try_by_try() -> None:
    throttled = {"what": "submit", "outcome": "throttled"}
    assert bulk.throttles_in(a_message(throttled, throttled, {"what": "submit", "outcome": "sent"})) == 2


def test_the_bulks_send_to_each_number_once_and_only_three_are_wrong() -> None:
    for messages, wrong in ((bulk.messages(), 3), (crash.messages(), 0)):
        right = [message for message in messages if len(message["to"]) == 12 and message["text"].isascii()]
        right = [message for message in right if "from" not in message]
        assert len(messages) - len(right) == wrong
        assert len({message["to"] for message in messages}) == len(messages)


def test_a_line_that_is_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    record = CarrierRecord(path)
    assert record.arrivals() == []
    path.write_text('{"at":1.5,"destination":"1555"}\n{"at":2.5,"dest')
    assert [arrival.number for arrival in record.arrivals()] == ["+1555"]
    with path.open("a") as file:
        file.write('ination":"1555"}\n')
    assert record.counts(["+1555", "+1666"]) == {"+1555": 2, "+1666": 0}


def test_percentiles_are_of_the_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert figures.percentile(values, 50) == 50
    assert figures.percentile(values, 99) == 99
    assert figures.percentile([7.0], 99) == 7


def test_the_file_system_of_a_path_is_that_of_the_nearest_mount() -> None:
    assert file_system(Path("/proc/self")) == "proc"
