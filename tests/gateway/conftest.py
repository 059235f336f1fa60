"""A carrier's other end for tests of carriers and flows: an SMSC over memory streams that does what it is told.

And what no test may log: see tests/support/quiet_logs.py.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
import trio.testing
from quick_apps import quickly_built
from quick_stores import quickly_made
from quiet_logs import private_in

from gateway.settings.carriers import Carrier as CarrierSettings
from protocol.pdus import BindRequest, CancelSm, DeliverSm, Pdu, QuerySm, SubmitSm
from protocol.session import Session
from protocol.session_events import BindRequested, Closed, DeliverAnswered, Requested, Submitted
from protocol.session_states import Role

FAR = 1e9


class ScriptedSmsc:
    """One session's SMSC. It lists what it gets; submits are answered when the test says so, or at once by `script`."""

    def __init__(self, *, bind_status: int | None = 0, window: int = 100_000) -> None:
        self.bind_status = bind_status
        """None: the bind is never answered."""
        self.silent = False
        """True: it reads, and says nothing any more."""
        self.script: Callable[[SubmitSm], int | None] = lambda pdu: None
        """command_status of the answer to a submit; None: the test answers."""
        self.near, self._far = trio.testing.memory_stream_pair()
        self.session = Session(
            Role.SMSC,
            window=window,
            response_timeout=FAR,
            enquire_link_idle=FAR,
            enquire_link_timeout=FAR,
            enquire_link_misses=1,
            bind_timeout=FAR,
        )
        self.binds: list[BindRequest] = []
        self.submits: list[SubmitSm] = []
        self.unanswered = 0
        self.most_unanswered = 0
        self.delivered: list[tuple[Any, int]] = []
        """Token and command_status of each deliver_sm_resp."""
        self.questions: list[QuerySm | CancelSm] = []
        self.reply: Callable[[QuerySm | CancelSm], Pdu | None] = lambda pdu: None
        """The answer to query_sm and cancel_sm; None: there is none."""
        self.closed: Closed | None = None
        self.ended = trio.Event()
        self._ids = 0

    async def run(self) -> None:
        """Serve until the other side closes."""
        while octets := await self._receive():
            for event in self.session.receive_bytes(octets, trio.current_time()):
                self._meet(event)
            await self.flush()
        self.ended.set()

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._far.receive_some())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""

    def _meet(self, event: Any) -> None:
        now = trio.current_time()
        if isinstance(event, BindRequested):
            self.binds.append(event.pdu)
            if self.bind_status == 0:
                self.session.accept_bind(event.pdu, "smsc", now)
            elif self.bind_status is not None:
                self.session.refuse_bind(event.pdu, self.bind_status)
        elif isinstance(event, Submitted):
            self.submits.append(event.pdu)
            self.unanswered += 1
            self.most_unanswered = max(self.most_unanswered, self.unanswered)
            status = self.script(event.pdu)
            if status is not None:
                self.answer(event.pdu, status)
        elif isinstance(event, Requested):
            self.questions.append(event.pdu)
            response = self.reply(event.pdu)
            if response is not None:
                self.session.respond(response)
        elif isinstance(event, DeliverAnswered):
            self.delivered.append((event.token, event.status))
        elif isinstance(event, Closed):
            self.closed = event

    def answer(self, pdu: SubmitSm, status: int = 0) -> None:
        """Answer a submit; `flush` sends it."""
        self._ids += 1
        self.unanswered -= 1
        self.session.answer_submit(pdu, status, f"id-{self._ids}" if not status else "")

    def deliver(self, pdu: DeliverSm, token: Any = None) -> None:
        """Hand a delivery over; `flush` sends it."""
        self.session.deliver(pdu, token, trio.current_time())

    def unbind(self) -> None:
        """End the session first; `flush` sends it."""
        self.session.unbind(trio.current_time())

    async def flush(self) -> None:
        """Send what there is to say, unless it is silent or the other side is gone."""
        octets = self.session.bytes_to_send()
        if octets and not self.silent:
            try:
                await self._far.send_all(octets)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.ended.set()

    async def hang_up(self) -> None:
        """Close without a word."""
        await self._far.aclose()


class Lines(logging.Handler):
    """What was logged, as it was formatted."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record.getMessage())


@pytest.fixture(autouse=True, scope="session")
def quickly() -> Iterator[None]:
    """Apps and stores are set up at less cost: see tests/support/quick_apps.py and quick_stores.py."""
    with quickly_built(), quickly_made():
        yield


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """No text, full number, token or secret is logged, whatever the test is about."""
    lines, logger = Lines(), logging.getLogger("sluice")
    logger.addHandler(lines)
    yield
    logger.removeHandler(lines)
    assert private_in(lines.kept) == []


@pytest.fixture
def scripted_smsc() -> type[ScriptedSmsc]:
    return ScriptedSmsc


@pytest.fixture
def carrier_settings() -> Callable[..., CarrierSettings]:
    """Settings of the carrier `telco`; keys as in the configuration file."""

    def settings(**given: Any) -> CarrierSettings:
        defaults = {
            "name": "telco",
            "hosts": ["one.example:2775"],
            "system_id": "acme",
            "password": "secret",
            "enquire_link_idle": "10m",
        }
        return CarrierSettings.model_validate({**defaults, **given})

    return settings
