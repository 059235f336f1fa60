"""The operators' call that traces a carrier: its PDUs as lines or as a capture file, as they pass.

It ends when the caller leaves, or after the time asked for. Who had numbers and texts shown is in the audit before
the first PDU is shown.
"""

from collections.abc import AsyncIterator, Mapping

import trio
from quart import Response, g, request

from gateway.api.problems import NOT_FOUND, TOO_MANY_CONNECTIONS, Problem, invalid_field
from gateway.api.queries import parameters
from gateway.carriers.trace import Wire
from gateway.carriers.trace_stream import Format, Renderer, stream
from gateway.rules.faults import FaultCode
from gateway.store.interface import Store

MOST_TRACES = 4
"""Of one carrier at a time: each may hold 2 MiB."""
MOST_SECONDS = 86_400
_TYPES = {Format.LINES: "text/plain; charset=utf-8", Format.PCAP: "application/vnd.tcpdump.pcap"}
_TRUTH = {"true": True, "false": False}


class Tracing:
    """`GET /admin/carriers/CARRIER/trace`, with `format`, `show` and `seconds`."""

    def __init__(self, store: Store, wires: Mapping[str, Wire]) -> None:
        self._store = store
        self._wires = wires

    async def trace(self, carrier: str) -> Response:
        """Raises Problem."""
        given = parameters(request, "format", "show", "seconds")
        form, show, seconds = _format(given), _show(given), _seconds(given)
        wire = self._wires.get(carrier)
        if wire is None:
            raise Problem(NOT_FOUND, f"There is no such carrier; there are {', '.join(sorted(self._wires)) or 'none'}.")
        if wire.watchers >= MOST_TRACES:
            detail = f"{wire.watchers} traces of this carrier run already. End one of them."
            raise Problem(TOO_MANY_CONNECTIONS, detail, headers={"Retry-After": "5"})
        if show:
            await self._store.trace_shown(carrier, request_id=g.request_id)
        response = Response(_traced(wire, Renderer(carrier, form, show=show), seconds), content_type=_TYPES[form])
        response.timeout = None
        return response


async def _traced(wire: Wire, renderer: Renderer, seconds: int) -> AsyncIterator[bytes]:
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


def _show(given: Mapping[str, str]) -> bool:
    show = _TRUTH.get(given.get("show", "false"))
    if show is None:
        raise invalid_field("show", "must be true or false", FaultCode.WRONG_TYPE.value)
    return show


def _seconds(given: Mapping[str, str]) -> int:
    seconds = given.get("seconds", str(MOST_SECONDS))
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 9 and 1 <= int(seconds) <= MOST_SECONDS):
        raise invalid_field("seconds", f"must be a number from 1 to {MOST_SECONDS}", FaultCode.WRONG_TYPE.value)
    return int(seconds)
