"""Sends the lines of a job by POST /v1/sms/stream, until each has its answer; nothing is sent twice.

A line may be sent again because the stream carries an Idempotency-Key. When the stream breaks, or a line finds no room,
another one goes on with the first line that has no answer; what comes before is known to the gateway, and told again.
"""

import http.client
import json
import socket
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any, NamedTuple

from gateway.cli.bulk.job import Slice
from gateway.cli.bulk.patience import Patience
from gateway.cli.calls import Caller, CallError, NotReachableError, RefusedError

_MOST_OCTETS = 256 * 1024
"""Sent and not answered, with more than one batch under way: so many a gateway takes in though its answers are not read
meanwhile, so that neither end waits for the other."""


class Answered(NamedTuple):
    """A batch with what became of it."""

    slice: Slice
    answers: list[dict[str, Any]]
    """One to each of its lines."""


@dataclass(slots=True)
class _UnderWay:
    slice: Slice
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return len(self.answers) == len(self.slice.lines)

    @property
    def next_line(self) -> int:
        """The number of the first without an answer."""
        return self.slice.first_line + len(self.answers)

    @property
    def octets(self) -> int:
        return sum(map(len, self.slice.lines))


class Streaming:
    """One stream at a time."""

    def __init__(self, caller: Caller, patience: Patience, key: str, *, at_once: int) -> None:
        """`at_once`: batches sent before the oldest of them is answered."""
        self._caller = caller
        self._patience = patience
        self._key = key
        self._at_once = at_once
        self._under_way: deque[_UnderWay] = deque()
        self._sent = 0
        """How many of those under way were sent by the stream that is open."""
        self._sending: socket.socket | None = None
        self._response: http.client.HTTPResponse | None = None

    def answers(self, slices: Iterable[Slice]) -> Generator[Answered, None, None]:
        """One for each. The second is not sent before the first was taken: what is wrong with all of them shows there.

        Raises the CallError that no patience helps against.
        """
        given = iter(slices)
        try:
            yield from self._answers(islice(given, 1))
            yield from self._answers(given)
        finally:
            self._close()

    def _answers(self, given: Iterator[Slice]) -> Generator[Answered, None, None]:
        following = next(given, None)
        while following is not None or self._under_way:
            while following is not None and self._has_room(following):
                self._under_way.append(_UnderWay(following))
                following = next(given, None)
            self._patience.keep_trying(self._go_on)
            oldest = self._under_way.popleft()
            self._sent = max(self._sent - 1, 0)
            yield Answered(oldest.slice, oldest.answers)

    def _has_room(self, slice_: Slice) -> bool:
        if not self._under_way:
            return True
        octets = sum(batch.octets for batch in self._under_way) + sum(map(len, slice_.lines))
        return len(self._under_way) < self._at_once and octets <= _MOST_OCTETS

    def _go_on(self) -> None:
        """Until the oldest batch is answered. Raises NotReachableError and RefusedError: another stream may go on."""
        oldest = self._under_way[0]
        try:
            while not oldest.is_whole or self._sent < len(self._under_way):
                self._send()
                if not oldest.is_whole:
                    self._read()
        except (OSError, http.client.HTTPException) as error:
            self._close()
            words = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise NotReachableError(f"The stream broke ({words}).") from None
        except CallError:
            self._close()
            raise

    def _send(self) -> None:
        if self._sending is None:
            if all(batch.is_whole for batch in self._under_way):
                self._sent = len(self._under_way)
                return
            path = f"/v1/sms/stream?first_line={self._first_unanswered().next_line}"
            self._sending, self._response = self._caller.converse(path, "application/x-ndjson", self._key)
            self._sent = 0
        for batch in list(self._under_way)[self._sent :]:
            if lines := b"".join(batch.slice.lines[len(batch.answers) :]):
                self._sending.sendall(b"%x\r\n%b\r\n" % (len(lines), lines))
            self._sent += 1

    def _first_unanswered(self) -> _UnderWay:
        return next(batch for batch in self._under_way if not batch.is_whole)

    def _read(self) -> None:
        """One answer."""
        assert self._response is not None  # noqa: S101 - a stream is open while something is to be answered
        line = self._response.readline()
        try:
            answer = json.loads(line) if line else None
        except ValueError:
            answer = {}
        if answer is None:
            raise NotReachableError("The stream ended before all was answered.")
        if not isinstance(answer, dict) or not answer.keys() & {"entity", "error", "closing"}:
            raise CallError("What answers does not speak like a Sluice gateway. Is the URL right?")
        if "closing" in answer:
            raise _refusal(answer["closing"])
        if answer.get("error", {}).get("retryable"):
            raise _refusal(answer["error"])
        batch = self._first_unanswered()
        if answer["line"] != batch.next_line:
            raise CallError(f"The gateway answered to line {answer['line']}, which was not its turn.")
        batch.answers.append(answer)

    def _close(self) -> None:
        self._caller.close()
        if self._response is not None:
            self._response.close()
        self._sending = self._response = None
        self._sent = 0


def _refusal(problem: dict[str, Any]) -> RefusedError:
    """What a line or the end of a stream tells, as another call would be told it."""
    told = {"retry-after": str(problem["retry_after"])} if "retry_after" in problem else {}
    is_limit = problem["code"] == "too_many_requests"
    status = HTTPStatus.TOO_MANY_REQUESTS if is_limit else HTTPStatus.SERVICE_UNAVAILABLE
    if not problem["retryable"]:
        status = HTTPStatus.UNAUTHORIZED if problem["code"] == "unauthorized" else HTTPStatus.BAD_REQUEST
    return RefusedError(status, problem["detail"], problem=problem, headers=told)
