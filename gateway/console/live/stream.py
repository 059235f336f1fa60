"""GET /console/live: samples as server-sent events to each console, until it leaves or its session ends."""

from collections.abc import AsyncGenerator, Callable

from quart import Response

from gateway.api.counted_bodies import CountedBody
from gateway.api.problem_types import TOO_MANY_CONNECTIONS
from gateway.api.problems import Problem
from gateway.console.frame import Route, visitor
from gateway.console.live.sampler import Sampler
from gateway.console.sessions import Session

MOST_WATCHERS = 20


class LivePages:
    """The stream."""

    def __init__(self, sampler: Sampler, goes_on: Callable[[Session], bool]) -> None:
        """`goes_on`: whether a session lasts; to be told of samples is not to use it."""
        self._sampler = sampler
        self._goes_on = goes_on
        self.watchers = 0

    def routes(self) -> list[Route]:
        return [Route("GET", "/live", self.live)]

    async def live(self) -> Response:
        """Raises Problem where too many watch."""
        if self.watchers >= MOST_WATCHERS:
            words = f"{MOST_WATCHERS} consoles watch already. Close one of them."
            raise Problem(TOO_MANY_CONNECTIONS, words, headers={"Retry-After": "10"})
        self.watchers += 1
        body = CountedBody(self._samples(visitor().session), self._left)
        # For nginx: each piece at once.
        response = Response(body, content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        response.timeout = None
        return response

    def _left(self) -> None:
        self.watchers -= 1

    async def _samples(self, session: Session) -> AsyncGenerator[bytes, None]:
        sampler = self._sampler
        yield b"retry: 3000\n\n"
        if sampler.count:
            yield sampler.first()
        while self._goes_on(session):
            # Who is slow gets the last one and not those in between.
            await sampler.tick.wait()
            yield sampler.octets() if sampler.count > 1 else sampler.first()
