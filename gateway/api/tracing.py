"""The operators' call that traces a carrier: its PDUs as lines or as a capture file, as they pass.

It ends when the caller leaves, or after the time asked for. Who had numbers and texts shown is in the audit before
the first PDU is shown.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial

import trio
from quart import Response, request

from gateway.api.admin.asking import asks, by, check_may_act
from gateway.api.counted_bodies import CountedBody
from gateway.api.problem_types import NOT_FOUND, TOO_MANY_CONNECTIONS
from gateway.api.problems import Problem, invalid_field
from gateway.api.queries import flag, parameters
from gateway.carriers.trace import Wire
from gateway.carriers.trace_stream import Format, Renderer, stream
from gateway.rules.faults import FaultCode
from gateway.store.interface import Store

MOST_TRACES = 4
"""Of one carrier at a time: each may hold 2 MiB."""
MOST_SECONDS = 86_400
_TYPES = {Format.LINES: "text/plain; charset=utf-8", Format.PCAP: "application/vnd.tcpdump.pcap"}


class Tracing:
    """`GET /admin/carriers/CARRIER/trace`, with `format`, `show` and `seconds`."""

    def __init__(self, store: Store, wires: Mapping[str, Wire]) -> None:
        self._store = store
        self._wires = wires
        self._running = Counter[str]()

    async def trace(self, carrier: str) -> Response:
        """Raises Problem."""
        given = parameters(request, "format", "show", "seconds")
        form, show, seconds = _format(given), flag(given, "show"), _seconds(given)
        if show:
            check_may_act(asks())
        wire = self._wires.get(carrier)
        if wire is None:
            raise Problem(NOT_FOUND, f"There is no such carrier; there are {', '.join(sorted(self._wires)) or 'none'}.")
        # At once, and not where the body begins: others may ask meanwhile.
        body = CountedBody(_traced(wire, Renderer(wire, form, show=show), seconds), self._taken(carrier))
        if show:
            try:
                await self._store.trace_shown(carrier, by=by())
            except BaseException:
                body.release()
                raise
        response = Response(body, content_type=_TYPES[form])
        response.timeout = None
        return response

    def _taken(self, carrier: str) -> Callable[[], None]:
        """One of the carrier's places, and how to give it back. The settings' trace file has none. Raises Problem."""
        if self._running[carrier] >= MOST_TRACES:
            detail = f"{MOST_TRACES} traces of this carrier run already. End one of them."
            raise Problem(TOO_MANY_CONNECTIONS, detail, headers={"Retry-After": "5"})
        self._running[carrier] += 1
        return partial(self._running.subtract, (carrier,))


async def _traced(wire: Wire, renderer: Renderer, seconds: int) -> AsyncGenerator[bytes, None]:
    end = trio.current_time() + seconds
    with wire.watched() as watch:
        pieces = stream(watch, renderer)
        try:
            while True:
                # Around one piece at a time: a scope must not be open while a generator is left.
                with trio.move_on_at(end) as limit:
                    piece = await anext(pieces)
                if limit.cancelled_caught:
                    return
                yield piece
        finally:
            await pieces.aclose()


def _format(given: Mapping[str, str]) -> Format:
    word = given.get("format", Format.LINES.value)
    for form in Format:
        if word == form.value:
            return form
    raise invalid_field(
        "format", f"must be one of {', '.join(form.value for form in Format)}", FaultCode.WRONG_TYPE.value
    )


def _seconds(given: Mapping[str, str]) -> int:
    seconds = given.get("seconds", str(MOST_SECONDS))
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 9 and 1 <= int(seconds) <= MOST_SECONDS):
        raise invalid_field("seconds", f"must be a number from 1 to {MOST_SECONDS}", FaultCode.WRONG_TYPE.value)
    return int(seconds)
