"""Dialogues: a session and a scripted peer, written as what the peer sends and what must come of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from protocol.codec import decode, encode
from protocol.numbers import BindMode
from protocol.pdus import BindRequest, BindResp, Pdu
from protocol.session import Session
from protocol.session_events import BindRequested, Event
from protocol.session_states import Role, SessionState


def a_session(role: Role = Role.ESME, **knobs: Any) -> Session:
    """A session with a window of 10, 60 s for a response, 10 s for a bind, enquiring after 20 s, 5 s, twice."""
    settings: dict[str, Any] = {
        "window": 10,
        "response_timeout": 60.0,
        "enquire_link_idle": 20.0,
        "enquire_link_timeout": 5.0,
        "enquire_link_misses": 2,
        "bind_timeout": 10.0,
    }
    return Session(role, **(settings | knobs))


@dataclass
class Dialogue:
    """One session talking to a peer that is played by the test; `now` stands still until the test moves it."""

    session: Session
    now: float = 100.0
    events: list[Event] = field(default_factory=list)

    def hears(self, *pdus: Pdu | bytes) -> list[Event]:
        """The peer sends these in one write; gives the events they cause."""
        data = b"".join(pdu if isinstance(pdu, bytes) else encode(pdu) for pdu in pdus)
        return self.session.receive_bytes(data, self.now)

    def said(self) -> list[Pdu]:
        """The PDUs that the session queued since the last time."""
        return [decode(frame) for frame in self.session.pdus_to_send()]

    def waits(self, seconds: float) -> list[Event]:
        """Time passes; the session is woken at the end of it."""
        self.now += seconds
        return self.session.tick(self.now)

    def binds(self, mode: BindMode = BindMode.TRANSCEIVER) -> "Dialogue":
        """The usual beginning, of either role."""
        if self.session._role is Role.ESME:
            self.session.bind(BindRequest(mode, "acme", "secret"), self.now)
            self.hears(BindResp(mode, 0, "telco", sequence=1))
        else:
            (event,) = self.hears(BindRequest(mode, "acme", "secret", sequence=1))
            assert isinstance(event, BindRequested)
            self.session.accept_bind(event.pdu, "telco", self.now)
        assert self.session.state is SessionState.BOUND
        self.said()
        return self


@pytest.fixture
def dialogue() -> Callable[..., Dialogue]:
    """Makes a Dialogue whose session is not bound yet: `dialogue(Role.SMSC, window=2)`."""
    return lambda role=Role.ESME, **knobs: Dialogue(a_session(role, **knobs))


@pytest.fixture
def esme(dialogue: Callable[..., Dialogue]) -> Dialogue:
    """An ESME bound as transceiver."""
    return dialogue(Role.ESME).binds()


@pytest.fixture
def smsc(dialogue: Callable[..., Dialogue]) -> Dialogue:
    """An SMSC with an ESME bound to it as transceiver."""
    return dialogue(Role.SMSC).binds()


@pytest.fixture
def exchange() -> Callable[[Session, Session, float], tuple[list[Event], list[Event]]]:
    """Carries bytes between two sessions until both are silent; gives the events of each."""

    def carry(left: Session, right: Session, now: float) -> tuple[list[Event], list[Event]]:
        left_events: list[Event] = []
        right_events: list[Event] = []
        while True:
            to_right, to_left = left.bytes_to_send(), right.bytes_to_send()
            if not to_right and not to_left:
                return left_events, right_events
            right_events += right.receive_bytes(to_right, now)
            left_events += left.receive_bytes(to_left, now)

    return carry
