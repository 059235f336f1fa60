"""The session of `sluice probe`: binds once, enquires, sends what it is given, and notes all that the carrier does.

What that says of the carrier is probe_lessons.py's; whose a delivery is, probe_observed.py's. What is not for the test
messages is left to the gateway: it gets ESME_RX_T_APPN, with which a carrier keeps it for the next session.
"""

import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import trio

from gateway.carriers.dialing import Dial, dial_from, dialer
from gateway.carriers.link_faults import words_of
from gateway.carriers.requests import bind_request, connections, session_of
from gateway.cli import probe_alphabets, probe_pace
from gateway.cli.probe_observed import Delivery, Observed, Paced, Queried, Sent, Trial
from gateway.settings.carriers import Carrier
from gateway.settings.types import split_address
from protocol.errors import BadFrame
from protocol.fields import read_header
from protocol.framing import Framer
from protocol.numbers import BindMode, CommandId, Tlv
from protocol.pdus import DataSm, DeliverSm, QuerySm, SubmitSm
from protocol.session_events import (
    BindRefused,
    Bound,
    Closed,
    Delivered,
    Event,
    PeerUnbound,
    QuestionAnswered,
    SubmitAnswered,
)

ENQUIRIES = 3
_READ_OCTETS = 65_536
_LEAVE_SECONDS = 5.0
_QUERY_SECONDS = 5.0
_PACE_SECONDS = 10.0
"""How long the answers of a step are waited for."""
_HOLD_SECONDS = 2.0
"""How long a receipt waits for the answer to its submit_sm: some SMSCs do nothing more, not even that, until it is
answered, so it may not be long."""


@asynccontextmanager
async def bound(carrier: Carrier, observed: Observed) -> AsyncIterator[list["ProbeLink"]]:
    """What one bind of a carrier is made of: a transceiver, or a transmitter and a receiver; unbound in the end.

    Whether it is bound, and if not why, stands in `observed`.
    """
    modes = dict.fromkeys(mode for _, mode in connections(carrier))
    links = [ProbeLink(carrier, mode, observed) for mode in modes]
    async with trio.open_nursery() as nursery:
        try:
            for link in links:
                if not await link.open(nursery):
                    break
            else:
                observed.is_bound = True
            yield links
        finally:
            for link in links:
                await link.leave()
            nursery.cancel_scope.cancel()


class ProbeLink:
    """One connection. Made, used and left within `run` of a nursery."""

    def __init__(self, settings: Carrier, mode: BindMode, observed: Observed, dial: Dial | None = None) -> None:
        self._settings = settings
        self._mode = mode
        self._observed = observed
        local = next(iter(settings.local_address), None)
        self._dial = dialer(settings.tls, dial_from(local)) if dial is None else dial
        self._session = session_of(settings)
        self._frames = Framer()
        self._stirred = trio.Event()
        self._writing = trio.Lock()
        self._enquired_at: float | None = None
        self._is_bound = False
        self._is_leaving = False
        self._is_over = False

    async def open(self, nursery: trio.Nursery) -> bool:
        """Connect and bind; the reader runs on in the nursery. False: `observed` says why not."""
        observed, began = self._observed, trio.current_time()
        for address in self._settings.hosts:
            try:
                with trio.fail_after(self._settings.connect_timeout):
                    self._stream = await self._dial(*split_address(address))
                break
            except trio.TooSlowError:
                observed.problem = f"{address}: connecting took longer than {self._settings.connect_timeout:g} s"
            except OSError as error:
                observed.problem = f"{address}: {error}"
        else:
            return False
        observed.problem = ""
        connected = trio.current_time()
        observed.connect_seconds = observed.connect_seconds or connected - began
        self._session.bind(bind_request(self._settings, self._mode), connected)
        nursery.start_soon(self._read)
        nursery.start_soon(self._tick)
        await self._flush()
        await self._until(lambda: self._is_bound, self._settings.bind_timeout + 1)
        if self._is_bound:
            observed.bind_seconds = observed.bind_seconds or trio.current_time() - connected
        return self._is_bound

    async def enquire(self) -> None:
        """A few enquire_link, one after the other."""
        for number in range(1, ENQUIRIES + 1):
            if self._is_over:
                return
            self._enquired_at = trio.current_time()
            self._session.enquire(trio.current_time())
            await self._flush()
            await self._until(lambda: len(self._observed.enquiries) >= number, self._settings.enquire_link_timeout)  # noqa: B023

    async def submit(self, message: Trial) -> None:
        """Send a message's segments, and wait for their answers."""
        if self._is_over:
            return
        # All at once: some SMSCs answer none before they have the last.
        parts = [Sent(message.label, part, len(message.segments)) for part in range(1, len(message.segments) + 1)]
        for sent, pdu in zip(parts, message.segments, strict=True):
            await self._flush()
            await self._until(lambda: self._session.window.free > 0, self._settings.response_timeout)
            if self._is_over or not self._session.window.free:
                return
            self._observed.sent.append(sent)
            sent.number = pdu.destination_addr.removeprefix("+")
            told = pdu.tlvs.get(Tlv.USER_MESSAGE_REFERENCE)
            sent.reference = None if told is None else int.from_bytes(told)
            self._session.submit(pdu, sent, trio.current_time())
        await self._flush()
        await self._until(lambda: all(sent.status is not None for sent in parts), self._settings.response_timeout)

    async def query(self, pdu: QuerySm) -> None:
        """Ask query_sm, and wait a little for the answer."""
        if self._is_over:
            return
        queried = self._observed.queried = Queried(pdu.message_id)
        self._session.question(pdu, queried, trio.current_time())
        await self._flush()
        await self._until(lambda: queried.status is not None, _QUERY_SECONDS)

    async def pace(self, pdu: SubmitSm, most: int) -> None:
        """Send so many copies at most, ever faster, until the carrier throttles."""
        for step in probe_pace.steps(most):
            paced = Paced(step)
            self._observed.paces.append(paced)
            sent = await self._step(pdu, paced)
            await self._until(lambda: all(one.status is not None for one in sent), _PACE_SECONDS)  # noqa: B023
            for one in sent:
                probe_pace.note(paced, one.status)
            if self._is_over or probe_pace.is_over(paced):
                return

    async def _step(self, pdu: SubmitSm, paced: Paced) -> list[Sent]:
        sent: list[Sent] = []
        began = trio.current_time()
        for number in range(paced.per_second):
            await trio.sleep_until(began + number / paced.per_second)
            await self._until(lambda: self._session.window.free > 0, self._settings.response_timeout)
            if self._is_over or not self._session.window.free:
                break
            sent.append(Sent("pace", 1, 1))
            self._session.submit(replace(pdu), sent[-1], trio.current_time())
            await self._flush()
        paced.seconds = trio.current_time() - began
        return sent

    async def receipts(self, seconds: float) -> None:
        """Wait for receipts of all that was taken."""
        await self._until(self._has_all, seconds)

    async def leave(self) -> None:
        """Unbind, and close."""
        self._is_leaving = True
        self._observed.release(math.inf)
        if self._is_bound and not self._is_over:
            self._session.unbind(trio.current_time())
            await self._flush()
            await self._until(lambda: self._is_over, _LEAVE_SECONDS)
        if hasattr(self, "_stream"):
            with trio.move_on_after(1) as limit:
                limit.shield = True
                await trio.aclose_forcefully(self._stream)

    def _has_all(self) -> bool:
        heard = {id(one.sent) for one in self._observed.receipts if one.receipt.is_final}
        return all(id(sent) in heard for sent in self._observed.sent if sent.status == 0)

    async def _until(self, is_so: Callable[[], bool], seconds: float) -> None:
        with trio.move_on_after(seconds):
            while not is_so() and not self._is_over:
                self._stirred = trio.Event()
                await self._stirred.wait()

    async def _flush(self) -> None:
        async with self._writing:
            octets = self._session.bytes_to_send()
            if octets:
                try:
                    await self._stream.send_all(octets)
                except (OSError, trio.BrokenResourceError) as error:
                    self._end(words_of(error))

    async def _read(self) -> None:
        while not self._is_over:
            try:
                octets = bytes(await self._stream.receive_some(_READ_OCTETS))
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                octets = b""
            now = trio.current_time()
            self._look(octets, now)
            self._take(self._session.receive_bytes(octets, now) if octets else self._session.receive_eof(now))
            await self._flush()

    async def _tick(self) -> None:
        while not self._is_over:
            await trio.sleep(0.5)
            self._observed.release(trio.current_time())
            self._take(self._session.tick(trio.current_time()))
            await self._flush()

    def _look(self, octets: bytes, now: float) -> None:
        """Answers to enquire_link, which a session keeps to itself."""
        try:
            for frame in self._frames.feed(octets):
                _, command_id, _, _ = read_header(frame)
                if command_id == CommandId.ENQUIRE_LINK_RESP and self._enquired_at is not None:
                    self._observed.enquiries.append(now - self._enquired_at)
                    self._enquired_at = None
        except BadFrame as fault:
            self._observed.problem = str(fault)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Bound):
                self._is_bound = True
                self._observed.system_id = event.system_id
                self._observed.interface_version = event.interface_version
            elif isinstance(event, BindRefused):
                self._observed.refusal = event.status
            elif isinstance(event, SubmitAnswered):
                self._take_answer(event)
            elif isinstance(event, QuestionAnswered):
                event.token.status, event.token.told = event.status, event.told
            elif isinstance(event, Delivered):
                self._take_delivery(event.pdu)
            elif isinstance(event, PeerUnbound):
                # A probe leaves nothing in doubt that anybody waits for.
                self._take(self._session.answer_unbind())
            elif isinstance(event, Closed):
                self._end(f"{event.reason.value}: {event.detail}".rstrip(": "))
        self._stirred.set()

    def _take_answer(self, event: SubmitAnswered) -> None:
        sent: Sent = event.token
        sent.status, sent.message_id, sent.latency_seconds = event.status, event.message_id, event.latency_seconds
        state = event.tlvs.get(Tlv.CONGESTION_STATE)
        sent.congestion = state[0] if state else None
        self._observed.hear_again()

    def _take_delivery(self, pdu: DeliverSm | DataSm) -> None:
        until = trio.current_time() + _HOLD_SECONDS
        probe_alphabets.hear(self._observed, pdu.octets, pdu.data_coding)
        self._observed.hear(Delivery(pdu, time.time(), until, partial(self._session.answer, pdu)))

    def _end(self, problem: str) -> None:
        self._is_over = True
        if not self._observed.problem and not self._is_leaving:
            self._observed.problem = problem
        self._stirred.set()
