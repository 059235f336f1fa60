"""A program that is sure of its messages: it repeats each POST under its idempotency key until it has an answer."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from callers import Answer, Caller

_PAUSE_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True, frozen=True)
class Accepted:
    """A message that was answered with 201."""

    id: str
    to: str
    lane: str
    parts: int


@dataclass(slots=True)
class Request:
    """One POST: the same each time it is made."""

    path: str
    body: Any
    key: str
    tries: int = 0
    answer: Any = field(default=None, repr=False)


class StubbornCaller:
    """Threads may share it. `caller` gives the gateway as it runs now: its port changes with each start."""

    def __init__(self, caller: Callable[[], Caller], between: Callable[[], None] = lambda: None) -> None:
        """`between` is called before each try that follows one without an answer."""
        self._caller = caller
        self._between = between
        self._lock = threading.Lock()
        self.accepted: dict[str, Accepted] = {}
        self.wrong: list[str] = []
        """What a repeat was answered that it should not have been."""
        self.unanswered = 0
        """Tries that a kill took the answer from; those that found nobody are not counted."""
        self.answered_again = 0
        """Answers given again: after a lost answer, or to a repeat of what was answered."""

    def post(self, request: Request) -> None:
        """Until it is answered; a second answer to the same request has to be the first."""
        while True:
            answer = self._until_answered(request)
            if answer.status != 503:
                break
            time.sleep(_PAUSE_SECONDS)
        with self._lock:
            if answer.status != 201:
                self.wrong.append(f"{request.key}: {answer}")
                return
            is_again = answer.headers.get("idempotent-replayed") == "true"
            self.answered_again += is_again
            if request.answer is None:
                if is_again and request.tries == 1:
                    self.wrong.append(f"{request.key}: the first try was answered as a repeat")
                request.answer = answer.json
                self._keep(answer.json)
            elif not (is_again and _is_same(answer.json, request.answer)):
                self.wrong.append(f"{request.key}: {request.answer} and then {answer}")

    def _until_answered(self, request: Request) -> Answer:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            request.tries += 1
            try:
                return self._caller().call("POST", request.path, request.body, headers={"Idempotency-Key": request.key})
            except (OSError, HTTPException) as error:
                with self._lock:
                    self.unanswered += not isinstance(error, ConnectionRefusedError)
                if time.monotonic() > deadline:
                    raise AssertionError(f"no answer to {request.key} within {_PATIENCE_SECONDS} s") from error
            self._between()
            time.sleep(_PAUSE_SECONDS)

    def _keep(self, answer: Any) -> None:
        if answer.get("errors"):
            self.wrong.append(f"refused: {answer['errors']}")
        for entity in answer.get("entities", [answer]):
            self.accepted[entity["id"]] = Accepted(entity["id"], entity["to"], entity["lane"], entity["segments"])


def _is_same(again: Any, first: Any) -> bool:
    """But for a text: what its lane keeps no longer is null in an answer that is given again."""
    if isinstance(again, dict) and isinstance(first, dict):
        return again.keys() == first.keys() and all(
            _is_same(again[name], first[name]) or (name == "text" and again[name] is None) for name in first
        )
    if isinstance(again, list) and isinstance(first, list):
        return len(again) == len(first) and all(map(_is_same, again, first))
    return bool(again == first)
