"""A bind's work on its way into the session: what was given goes in order, as window and pace let it.

What is in flight is the window's, the octets are outgoing.py's, the rules restraint.py's.
"""

from collections.abc import Sequence
from typing import Any

from gateway.carriers.outgoing import Outgoing
from gateway.carriers.requests import retune
from gateway.carriers.restraint import Restraint
from gateway.carriers.traffic import Feed
from gateway.carriers.waiting import Waiting
from gateway.settings.carriers import Carrier as CarrierSettings
from protocol.session import Session

_WITHOUT_END = 1 << 62


class Sending:
    """Of one bind."""

    __slots__ = ("_last", "_left", "_outgoing", "_restraint", "_session", "waiting")

    def __init__(self, settings: CarrierSettings, session: Session, restraint: Restraint, outgoing: Outgoing) -> None:
        self.waiting = Waiting(settings.response_timeout)
        self._session = session
        self._restraint = restraint
        self._outgoing = outgoing
        self._left = settings.messages_per_session or _WITHOUT_END
        self._last: Any = None

    def retune(self, settings: CarrierSettings) -> None:
        """Go on by other settings; a limit of messages_per_session counts from the next connection on."""
        self.waiting.retune(settings.response_timeout)
        retune(self._session, settings)

    @property
    def is_spent(self) -> bool:
        """Whether the session has had as many submit_sm as it may."""
        return self._left <= 0

    def add(self, submits: Sequence[tuple[bytes, Any]], feed: Feed | None, now: float) -> None:
        """They wait from now on; what is urgent before what is not."""
        if not self.waiting or feed is None:
            self.waiting.add(submits, now)
            return
        urgent: list[tuple[bytes, Any]] = []
        others: list[tuple[bytes, Any]] = []
        for submit in submits:
            (urgent if feed.is_urgent(submit[1]) else others).append(submit)
        if urgent:
            self.waiting.put_in(self._place_of_urgent(feed), urgent, now)
        self.waiting.add(others, now)

    def _place_of_urgent(self, feed: Feed) -> int:
        """Behind what is urgent too, and behind the rest of a message that has begun."""
        before, place = self._last, 0
        while place < len(self.waiting):
            token = self.waiting.token(place)
            if not feed.is_urgent(token) and not feed.is_rest(before, token):
                break
            before, place = token, place + 1
        return place

    def go(self, feed: Feed | None, now: float) -> int:
        """Put what waits into the session, as far as window and pace allow; how many."""
        waiting, restraint = self.waiting, self._restraint
        wanted = min(len(waiting), self._left)
        room = restraint.room(wanted, now)
        if room < wanted and restraint.is_cut and feed is not None:
            room = self._with_the_rest(feed, room, restraint.room_uncut(wanted, now))
        if room <= 0:
            return 0
        restraint.take(room, now)
        self._left -= room
        submits = waiting.take(room)
        self._session.submit_all(submits, now)
        tokens = [token for _, token in submits]
        self._outgoing.submitted(tokens)
        self._last = tokens[-1]
        return room

    def next_at(self, feed: Feed | None) -> float:
        """When a pace lets the next go, unless the window has to first. Only while something waits."""
        restraint = self._restraint
        if not restraint.paces:
            return float("inf")
        is_free = restraint.has_room or (
            restraint.is_cut
            and feed is not None
            and restraint.has_room_uncut
            and feed.is_rest(self._last, self.waiting.token(0))
        )
        return restraint.next_at() if is_free else float("inf")

    def _with_the_rest(self, feed: Feed, room: int, most: int) -> int:
        """The same, and all of a message that has begun: a carrier may answer none of its parts before it has the last,
        and a window that was cut would wait for it in vain."""
        before = self.waiting.token(room - 1) if room else self._last
        while room < most:
            token = self.waiting.token(room)
            if not feed.is_rest(before, token):
                break
            before, room = token, room + 1
        return room
