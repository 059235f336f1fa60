"""Messages out: each bind that is up has a feed to the store; what it could not keep of answers is put again.

What a feed does is bind_feed.py's.
"""

import random
from collections.abc import Callable, Mapping

import trio

from gateway.carriers.bind import Bind
from gateway.carriers.traffic import NOBODY_HEARS, Hearing
from gateway.flows.ahead import Ahead
from gateway.flows.bind_feed import BindFeed
from gateway.flows.submits import Submits
from gateway.identifiers import now_ms
from gateway.rules.deal import FIRST_PRIORITY
from gateway.settings import Settings
from gateway.settings.carriers import Carrier
from gateway.settings.sections import Lane
from gateway.store.interface import Store

RECORD_AGAIN_SECONDS = 0.25
"""Before answers are put again to a store that could not keep them."""


class Send:
    """Opens a feed for each bind; `run` puts answers again that the store could not keep."""

    def __init__(
        self,
        store: Store,
        lanes: Mapping[str, Lane],
        *,
        hearing: Hearing = NOBODY_HEARS,
        clock: Callable[[], int] = now_ms,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.store = store
        self.lanes = lanes
        self.hearing = hearing
        self._first = _first(lanes)
        self.clock = clock
        self.rng = rng
        self._submits: dict[str, Submits] = {}
        self._aheads: dict[str, Ahead] = {}
        self._feeds: dict[str, BindFeed] = {}
        self._unkept: list[Callable[[], None]] = []
        self._has_unkept = trio.Event()

    def is_first(self, lane: str) -> bool:
        """Whether the lane is of priority 1."""
        return lane in self._first

    def open_feed(self, bind: Bind) -> BindFeed:
        """The feed of a bind that has just been bound; it asks at once."""
        submits = self._submits.setdefault(bind.carrier, Submits(bind.settings))
        feed = self._feeds[bind.name] = BindFeed(self, bind, submits, self._ahead_of(bind.settings))
        feed.open()
        return feed

    def reconfigure(self, settings: Settings) -> None:
        """Other lanes and carriers; binds have theirs by now. One of a carrier that was taken out keeps what it has."""
        self.lanes = settings.lanes
        self._first = _first(settings.lanes)
        for name in self._submits.keys() - settings.carriers.keys():
            del self._submits[name]
            self._aheads.pop(name, None)
        for name in self._submits:
            self._submits[name] = Submits(settings.carriers[name])
        for feed in list(self._feeds.values()):
            # That of a bind that leaves stays as it is, also where a carrier of the same name came back meanwhile.
            if (submits := self._submits.get(feed.carrier)) is not None:
                feed.reconfigure(submits, self._ahead_of(settings.carriers[feed.carrier]))

    def _ahead_of(self, settings: Carrier) -> Ahead | None:
        """What the carrier's binds share; None where there is nothing to share."""
        if not settings.submit_rate or (settings.binds == 1 and not settings.outbind_listen):
            self._aheads.pop(settings.name, None)
            return None
        ahead = self._aheads.setdefault(settings.name, Ahead(settings.submit_rate))
        ahead.retune(settings.submit_rate)
        return ahead

    def feed_ended(self, bind: str) -> None:
        """The bind of this name is gone; another may have its name soon."""
        del self._feeds[bind]

    def came_late(self, bind: str, room: int) -> None:
        """Room came by a commit after the end of the feed that had given it; the store knows binds by name alone."""
        feed = self._feeds.get(bind)
        if feed is not None:
            feed.hand_back(room)

    def halt(self, carrier: str) -> None:
        """Take back all that was dealt to this carrier's binds and is not written; their asks stand."""
        for feed in [feed for feed in self._feeds.values() if feed.carrier == carrier]:
            feed.halted()
            feed.freed()

    def put_again(self, record: Callable[[], None]) -> None:
        """The store could not keep these answers: try again shortly."""
        self._unkept.append(record)
        self._has_unkept.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Runs until cancelled."""
        task_status.started()
        while True:
            await self._has_unkept.wait()
            await trio.sleep(RECORD_AGAIN_SECONDS)
            self._has_unkept = trio.Event()
            unkept, self._unkept = self._unkept, []
            for record in unkept:
                record()


def _first(lanes: Mapping[str, Lane]) -> frozenset[str]:
    """The lanes of the first priority."""
    return frozenset(name for name, lane in lanes.items() if lane.priority == FIRST_PRIORITY)
