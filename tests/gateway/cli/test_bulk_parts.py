"""The parts of `sluice bulk` by themselves: rows as they are read, requests as they are cut, patience by a clock."""

import json
import socket
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.bulk.job import Job, Options
from gateway.cli.bulk.patience import Patience
from gateway.cli.bulk.rows import FileError, examine
from gateway.cli.calls import CALLERS, Caller, NotReachableError, RefusedError


def a_job(file: Path, text: str | None = "Hi {code}", batch: int = 500, **fields: Any) -> Job:
    return Job(examine(file, None), Options(text, None, fields, "", batch))


def written(tmp_path: Path, content: str, name: str = "people.csv") -> Path:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8", newline="")
    return file


def test_rows_are_read_as_spreadsheets_write_them(tmp_path: Path) -> None:
    content = (
        '\ufeffphone;name;code\r\n+34600000001;"two\r\nlines; ""quoted""";1\r\n\r\n+34600000002;;2\r\n+34600000003\r\n'
    )
    rows = list(examine(written(tmp_path, content), None).rows())
    assert [(row.line, dict(row.fields)) for row in rows] == [
        (2, {"phone": "+34600000001", "name": 'two\r\nlines; "quoted"', "code": "1"}),
        (5, {"phone": "+34600000002", "code": "2"}),
        (6, {"phone": "+34600000003"}),
    ]


def test_a_row_with_more_cells_than_the_header_is_its_own_fault(tmp_path: Path) -> None:
    source = examine(written(tmp_path, "to,code\n+34600000001,1,2\n+34600000002,1\n"), None)
    assert source.count == 2
    faults = [row.fault for row in source.rows()]
    assert faults[0] is not None
    assert faults[0].startswith("has 3 cells, the header has 2")
    assert faults[1] is None


def test_a_file_that_changes_while_it_is_read_ends_the_run(tmp_path: Path) -> None:
    file = written(tmp_path, "to,code\n" + "+34600000001,1\n" * 100)
    rows = examine(file, None).rows()
    next(rows)
    with file.open("a") as more:
        more.write("+34600000009,1\n")
    with pytest.raises(FileError, match="was changed while it was read"):
        list(rows)


def test_batches_stay_within_what_a_gateway_takes_and_hold_every_row_once(tmp_path: Path) -> None:
    columns = [f"c{n}" for n in range(60)]
    rows = [",".join([f"+3460{n:07}", *("x" * 50 for _ in columns)]) for n in range(1_000)]
    job = a_job(written(tmp_path, "\n".join([",".join(["to", *columns]), *rows])))
    slices = list(job.slices())
    assert max(sum(map(len, slice_.lines)) for slice_ in slices) <= 128 * 1024
    items = [json.loads(line) for slice_ in slices for line in slice_.lines]
    assert [item["to"] for item in items] == [f"+3460{n:07}" for n in range(1_000)]
    firsts = [slice_.first_line for slice_ in slices]
    assert firsts == [1 + sum(len(before.lines) for before in slices[:at]) for at in range(len(slices))]


def test_a_row_that_is_too_long_for_a_line_is_its_own_fault(tmp_path: Path) -> None:
    (slice_,) = a_job(written(tmp_path, f"to,code\n+34600000001,{'x' * 70_000}\n+34600000002,1\n")).slices()
    assert [(row.line, reason) for row, reason in slice_.refused] == [(2, "has more than 65,536 octets")]
    assert [row.line for row in slice_.rows] == [3]


def test_the_same_file_and_options_make_the_same_requests(tmp_path: Path) -> None:
    content = "to,code\n" + "".join(f"+346000{n:05},{n}\n" for n in range(25))
    first, second = (list(a_job(written(tmp_path, content), batch=10, tag="x").slices()) for _ in range(2))
    assert [slice_.lines for slice_ in first] == [slice_.lines for slice_ in second]
    assert all(len(json.loads(line)["client_id"]) <= 40 for slice_ in first for line in slice_.lines)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        content = "to,name,code\n" + "".join(f"+346{n:08},Somebody {n},{n}\n" for n in range(rows))
        job = a_job(written(tmp_path, content, f"{rows}.csv"), batch=100)
        del content
        tracemalloc.start()
        assert sum(len(slice_.rows) for slice_ in job.slices()) == rows
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few = peak(1_000)
    assert peak(6_000) < few + 100_000


class StoppedError(Exception):
    """The run was interrupted while it waited."""


class FakeClock:
    """Waiting takes no time."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.waits: list[float] = []
        self.is_stopped = False

    def now(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self.waits.append(seconds)
        self.at += seconds
        if self.is_stopped:
            raise StoppedError


class Troubled:
    """A call that fails with each of these, and then gives 7."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return 7


def refused(status: int, retry_after: str | None = None, *, retryable: bool = True) -> RefusedError:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return RefusedError(status, "Not now.", problem={"retryable": retryable}, headers=headers)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def patience(clock: FakeClock) -> Patience:
    made = Patience(60.0, clock, lambda words: None)
    made.keep_trying(Troubled())
    return made


@pytest.mark.parametrize("status", [429, 503])
def test_the_time_that_the_gateway_asks_for_is_waited_once_by_all(
    clock: FakeClock, patience: Patience, status: int
) -> None:
    assert patience.keep_trying(Troubled(refused(status, "30"), refused(status, "5"))) == 7
    assert clock.waits == [30.0, 5.0]


def test_a_request_under_way_keeps_nobody_else_waiting(clock: FakeClock, patience: Patience) -> None:
    clock.is_stopped = True
    with pytest.raises(StoppedError):
        patience.keep_trying(Troubled(refused(409, "10")))
    clock.is_stopped, clock.at, clock.waits = False, 1_000.0, []
    assert patience.keep_trying(Troubled()) == 7
    assert clock.waits == []


def test_a_lost_gateway_is_waited_for_and_an_absent_one_is_not(clock: FakeClock, patience: Patience) -> None:
    lost = [NotReachableError("gone")] * 8
    assert patience.keep_trying(Troubled(*lost)) == 7
    assert clock.waits[:4] == [0.25, 0.5, 1.0, 2.0]
    endless = Troubled(*([NotReachableError("gone")] * 1_000))
    begun_at = clock.at
    with pytest.raises(NotReachableError):
        patience.keep_trying(endless)
    assert 45 < clock.at - begun_at <= 60
    absent = Troubled(NotReachableError("never there"))
    with pytest.raises(NotReachableError):
        Patience(60.0, clock, lambda words: None).keep_trying(absent)
    assert absent.calls == 1


def test_a_gateway_at_fault_is_asked_a_few_times_more(clock: FakeClock, patience: Patience) -> None:
    assert patience.keep_trying(Troubled(*[refused(500)] * 5)) == 7
    with pytest.raises(RefusedError):
        patience.keep_trying(Troubled(*[refused(500)] * 6))


def test_what_cannot_be_repeated_is_not(clock: FakeClock, patience: Patience) -> None:
    final = Troubled(refused(422, retryable=False))
    with pytest.raises(RefusedError):
        patience.keep_trying(final)
    assert (final.calls, clock.waits) == (1, [])


def test_what_is_waited_for_is_told_once(clock: FakeClock) -> None:
    said: list[str] = []
    patience = Patience(60.0, clock, said.append)
    patience.keep_trying(Troubled())
    patience.keep_trying(Troubled(*[NotReachableError("No gateway answers.\nStart one.")] * 3))
    assert said == ["The gateway does not answer; waiting for it. No gateway answers."]


def test_a_proxy_that_keeps_a_stream_to_itself_is_told_from_a_gateway_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        caller = Caller(f"http://127.0.0.1:{proxy.getsockname()[1]}", "sk_test", CALLERS, timeout_seconds=0.2)
        with pytest.raises(NotReachableError, match="proxy in between"):
            caller.converse("/v1/sms/stream", "application/x-ndjson", "key")
    with pytest.raises(NotReachableError, match="No gateway answers"):
        caller.converse("/v1/sms/stream", "application/x-ndjson", "key")
