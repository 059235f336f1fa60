"""How one bind stands, read off what drives it; nothing is decided or changed here."""

import trio

from gateway.carriers.bind_states import BindState
from gateway.carriers.leaving import Leaving
from gateway.carriers.outgoing import Outgoing
from gateway.carriers.reading import Reading
from gateway.carriers.restraint import Restraint
from gateway.carriers.sending import Sending
from gateway.carriers.trace import Tap
from gateway.carriers.traffic import Feed
from gateway.carriers.waiting import Waiting
from gateway.settings.carriers import Carrier as CarrierSettings
from protocol.numbers import BindMode
from protocol.session import Session
from protocol.window import Window


class BindFigures:
    """The part of a Bind that others look at."""

    mode: BindMode
    settings: CarrierSettings
    session: Session
    state: BindState
    restraint: Restraint
    _feed: Feed | None
    _leaving: Leaving
    _outgoing: Outgoing
    _reading: Reading
    _sending: Sending
    _waiting: Waiting
    _window: Window

    @property
    def carrier(self) -> str:
        """The carrier's name."""
        return self.settings.name

    @property
    def unread(self) -> bytes:
        """The beginning of a frame that has not come whole."""
        return self.session.unread

    @property
    def can_send(self) -> bool:
        """Whether it takes work now."""
        return self.state is BindState.BOUND and self.mode is not BindMode.RECEIVER

    @property
    def in_flight(self) -> int:
        """submit_sm that hold a slot until they are answered; never more than the window, unless that was made
        smaller."""
        return self._window.in_flight

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest submit_sm has waited for its answer, with a slot or without; 0: there is none."""
        oldest = self._window.oldest
        return 0.0 if oldest is None else trio.current_time() - oldest.sent_at

    @property
    def waiting(self) -> int:
        """submit_sm given that the window or the pace does not let go yet."""
        return len(self._waiting)

    @property
    def tap(self) -> Tap | None:
        """Told of every octet on the wire, while the carrier is traced."""
        return self._outgoing.tap

    @tap.setter
    def tap(self, tap: Tap | None) -> None:
        self._outgoing.tap = tap

    @property
    def next_at(self) -> float:
        """When there is something to be looked at, if nothing comes before."""
        deadline = self.session.deadline
        at = self._leaving.until if deadline is None else min(deadline, self._leaving.until)
        at = min(at, max(self._window.give_back_at, self._reading.hears_from))
        if self.state is BindState.PAUSED:
            at = min(at, self.restraint.paused_until)
        elif self._waiting:
            at = min(at, self._waiting.until)
            if self.state is BindState.BOUND:
                at = min(at, self._sending.next_at(self._feed))
        return at
