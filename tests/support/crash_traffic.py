"""Callers that post single messages and bulks, short and long, in two lanes, and sometimes post one of them again."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from callers import Caller
from ledgers import Ledger
from stubborn_callers import Request, StubbornCaller

LONGEST_PARTS = 3
CALLERS = 4
AHEAD = 600
"""Messages that may be under way: so that taking in, sending and telling go on side by side over the whole run."""
OTP_SHARE = 0.3
LONG_SHARE = 0.05
AGAIN_SHARE = 0.1
_LONG = "Hello, this is one of the long ones, which go out in parts. "
_LATE_SECONDS = 1.0
_PAUSE_SECONDS = 0.01


class Traffic:
    """What is posted follows from the seed; when, from how fast it is taken."""

    def __init__(self, caller: Callable[[], Caller], ledger: Ledger, messages: int, rate: float, seed: int) -> None:
        """`rate`: messages a second; 0: as fast as they are taken, with at most AHEAD under way."""
        self.callers = StubbornCaller(caller)
        self._ledger = ledger
        self._rate = rate
        self._seed = seed
        self._requests = self._all(messages, random.Random(seed))
        self._lock = threading.Lock()
        self._due_at = time.monotonic()
        self._failures: list[BaseException] = []

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """The block's end waits until all is posted. Raises what a caller failed with."""
        threads = [threading.Thread(target=self._call, args=(n,), daemon=True) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _all(self, messages: int, chance: random.Random) -> Iterator[Request]:
        number = 0
        while number < messages:
            size = min(messages - number, chance.choice((1, 1, 5, 20, 50)))
            items = [self._item(n, chance) for n in range(number, number + size)]
            number += size
            key = f"request-{number}"
            yield Request("/v1/sms", items[0], key) if size == 1 else Request("/v1/sms/bulk", items, key)

    def _item(self, number: int, chance: random.Random) -> dict[str, Any]:
        lane = "otp" if chance.random() < OTP_SHARE else "transactional"
        text = _LONG * chance.randrange(3, 8) if chance.random() < LONG_SHARE else f"Hello {number}"
        return {"to": f"+346{number:08}", "text": text, "lane": lane}

    def _call(self, thread: int) -> None:
        chance = random.Random(self._seed * CALLERS + thread)
        done: list[Request] = []
        try:
            while (request := self._next()) is not None:
                self.callers.post(request)
                done = [*done[-20:], request]
                if chance.random() < AGAIN_SHARE:
                    self.callers.post(chance.choice(done))
        except BaseException as error:
            self._failures.append(error)
            raise

    def _next(self) -> Request | None:
        """Once it is time for it."""
        with self._lock:
            request = next(self._requests, None)
            if request is None:
                return None
            if self._rate:
                size = len(request.body) if isinstance(request.body, list) else 1
                # What a kill held up is made up for, but not for long.
                due_at = max(self._due_at, time.monotonic() - _LATE_SECONDS)
                self._due_at = due_at + size / self._rate
        if self._rate:
            time.sleep(max(0.0, due_at - time.monotonic()))
        else:
            while len(self.callers.accepted) - len(self._ledger.ends) > AHEAD:
                time.sleep(_PAUSE_SECONDS)
        return request
