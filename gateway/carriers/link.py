"""A place for a bind that we connect ourselves: again whenever it is lost, to which host, and how long after.

One connection's life is bind.py's, how long waits are pacing.py's, what all binds of a carrier share is carrier.py's.
"""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import trio

from gateway.carriers.bind_states import BindState, Ended
from gateway.carriers.hosts import Hosts
from gateway.carriers.pacing import Backoff
from gateway.carriers.place import Place
from gateway.carriers.requests import local_addresses
from gateway.logs import quoted
from gateway.settings.changes import needs_new_binds
from gateway.settings.types import split_address
from protocol.command_status import BindRefusal, name_of
from protocol.numbers import BindMode
from protocol.session_events import CloseReason

if TYPE_CHECKING:
    from gateway.carriers.carrier import Carrier

STEADY_SECONDS = 30.0
"""A bind that lasted so long was a good one; a carrier that drops what it took at once is met with growing waits."""

_log = logging.getLogger("sluice.carriers")


class Link(Place):
    """One place for a bind: connects it again whenever it is lost."""

    def __init__(self, carrier: "Carrier", name: str, mode: BindMode, turns: Iterator[int]) -> None:
        """`turns`: as in Hosts."""
        super().__init__(carrier, name, mode)
        self._turns = turns
        self._begin_with_hosts()
        self._began_at = float("-inf")
        self._has_turn = False
        self._unbound = trio.CancelScope()
        self._parting = False
        self._turned = trio.Event()
        self.gone = trio.Event()
        """It was taken out, or its carrier drained, and has no bind any more."""

    def reconfigure(self) -> None:
        """The carrier has other settings; what is tried from now on is tried by them."""
        super().reconfigure()
        self._begin_with_hosts()

    def _begin_with_hosts(self) -> None:
        settings = self._settings
        self.local_address = local_addresses(settings).get(self.name)
        self._hosts = Hosts(settings.hosts, settings.hosts_order, self._turns)
        self._backoff = Backoff(settings.reconnect_floor, settings.reconnect_ceiling, self._carrier.rand)
        if self.bind is None:
            self.host = self._hosts.current

    def part(self, limit_seconds: float, unbind_seconds: float) -> None:
        """It is no longer in the settings: let the bind leave, and try no more."""
        self._parting = True
        self.leave(limit_seconds, unbind_seconds)

    async def renewed(self) -> None:
        """Make the bind anew where that is needed, and wait until it is bound again if it was."""
        before, was_bound = self.bind, self.is_bound
        self.renew()
        if before is None or not was_bound or not needs_new_binds(self._made_by, self._settings):
            return
        while self.bind is before or self.bind is None or self.state not in (BindState.BOUND, BindState.PAUSED):
            self._turned = trio.Event()
            await self._turned.wait()

    def leave(self, limit_seconds: float, unbind_seconds: float) -> None:
        """Let the bind leave; without one stop trying."""
        if self.bind is None:
            self._unbound.cancel()
        else:
            super().leave(limit_seconds, unbind_seconds)

    async def keep_up(self) -> None:
        """Connect, live, wait, until the carrier drains."""
        with self._unbound:
            while not self._is_ending:
                ended = await self.spared(self._live())
                wait = 0.0 if self._is_ending else self._wait_after(ended)
                # Not before it is known when the next attempt may be made, whoever makes it.
                self._give_turn()
                await self._carrier.rest(wait)
        self._give_turn()
        self.enter(BindState.CLOSED)
        self.gone.set()

    @property
    def _is_ending(self) -> bool:
        return self._carrier.draining or self._parting

    def enter(self, state: BindState) -> None:
        """It has come to this state; once it is bound another may be."""
        super().enter(state)
        self._turned.set()
        if state in (BindState.BOUND, BindState.PAUSED):
            self._give_turn()

    async def _live(self) -> Ended:
        carrier, settings = self._carrier, self._settings
        await carrier.turn.acquire()
        self._has_turn = True
        await carrier.allowed()
        self._began_at = trio.current_time()
        self.enter(BindState.CONNECTING)
        host, port = split_address(self.host)
        try:
            with trio.fail_after(settings.connect_timeout):
                stream = await carrier.dial(self.local_address)(host, port)
        except trio.TooSlowError:
            return Ended(CloseReason.PEER_CLOSED, "connecting took too long", None, 0.0)
        except OSError as error:
            return Ended(CloseReason.PEER_CLOSED, f"could not connect: {error}", None, 0.0)
        if needs_new_binds(settings, self._settings):
            await trio.aclose_forcefully(stream)
            return Ended(CloseReason.SPENT, "other settings", None, 0.0)
        return await self.hold(stream)

    def _wait_after(self, ended: Ended) -> float:
        """Record why the bind ended; how many seconds to wait before the next attempt."""
        now, settings = trio.current_time(), self._settings
        if ended.reason is CloseReason.SPENT:
            self.host = self._hosts.current
            self._carrier.not_before = max(self._carrier.not_before, self._began_at + settings.reconnect_floor)
            _log.info("bind=%s ended=%s detail=%s", self.name, ended.reason.value, quoted(ended.detail))
            self.enter(BindState.WAITING)
            return 0.0
        self.note(ended)
        self._carrier.not_before = max(self._carrier.not_before, now + settings.reconnect_floor)
        has_another = self._next_host(ended)
        if ended.refusal is not None:
            return self._wait_after_refusal(ended.refusal)
        wait = settings.reconnect_floor if has_another and not ended.bound_seconds else self._backoff.failed()
        _log.warning(
            "bind=%s ended=%s detail=%s next_attempt_seconds=%.1f",
            self.name,
            ended.reason.value,
            quoted(ended.detail),
            wait,
        )
        self.enter(BindState.WAITING)
        return wait

    def _next_host(self, ended: Ended) -> bool:
        """Choose the host to try next; whether it has yet to be tried since the last bind."""
        has_another = False
        if ended.bound_seconds and ended.reason is not CloseReason.UNANSWERED:
            self._hosts.lost()
        else:
            # One that takes a bind and does not answer is no better than one that takes none.
            has_another = self._hosts.failed()
        self.host = self._hosts.current
        # That nothing is answered shows after a response_timeout at the earliest: so long it proves nothing.
        silent = 2 * self._settings.response_timeout if ended.reason is CloseReason.UNANSWERED else 0.0
        if ended.bound_seconds >= STEADY_SECONDS + silent:
            self._backoff.steady()
        return has_another

    def _wait_after_refusal(self, status: int) -> float:
        refused = self.weigh_refusal(status, self._backoff)
        if refused.hopeless_seconds is not None:
            wait = refused.hopeless_seconds
        elif refused.meaning is BindRefusal.ALREADY_BOUND:
            wait = self._backoff.occupied(self._settings.inactivity_timeout)
        else:
            wait = self._backoff.failed()
        line = "bind=%s refused=%s meaning=%s next_attempt_seconds=%.1f"
        _log.log(refused.level, line, self.name, name_of(status), refused.meaning.value, wait)
        self.enter(BindState.WAITING if refused.hopeless_seconds is None else BindState.REFUSED)
        return wait

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._carrier.turn.release()
