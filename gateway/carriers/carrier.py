"""A configured carrier: keeps its binds up, one attempt at a time, and says whether any of them can send.

One connection's life is bind.py's, how long to wait is pacing.py's.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

import trio

from gateway.carriers.bind import UNBIND_LIMIT_SECONDS, Bind
from gateway.carriers.bind_states import BindState, Ended
from gateway.carriers.dialing import Dial, dial_tcp
from gateway.carriers.pacing import Backoff, Pace, Random
from gateway.carriers.traffic import Traffic
from gateway.identifiers import now_ms
from gateway.logs import quoted
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.settings.types import CarrierMode, split_address
from protocol.command_status import BindRefusal, bind_refusal, name_of
from protocol.pdus import BindMode, BindRequest
from protocol.session_events import CloseReason

STEADY_SECONDS = 30.0
"""A bind that lasted so long was a good one; a carrier that drops what it took at once is met with growing waits."""

_log = logging.getLogger("sluice.carriers")


@dataclass(slots=True, frozen=True)
class BindView:
    """What an operator sees of one bind."""

    name: str
    mode: BindMode
    state: BindState
    host: str
    """Connected to, or next to be tried."""
    since: int
    """When it came into this state, milliseconds UTC."""
    window: int
    in_flight: int
    """submit_sm that wait for their answer."""
    room: int
    """Free slots of the window; 0 unless it can send."""
    last_error: str | None
    """Why it was last lost or refused; None before anything went wrong."""
    losses: int
    """Connections lost or refused, and failed attempts, since the start."""
    latency_ms: int
    """Running average of the carrier's time to answer."""


class Carrier:
    """Keeps the configured binds of one carrier up until it is drained."""

    def __init__(
        self,
        settings: CarrierSettings,
        traffic: Traffic,
        on_able: Callable[[str, bool], None],
        *,
        dial: Dial = dial_tcp,
        rand: Random = random.random,
    ) -> None:
        """`on_able` is told when the first bind can send and when none can any more; a paused one cannot."""
        self.settings = settings
        self.traffic = traffic
        self.dial = dial
        self.rand = rand
        self.able = False
        self.draining = False
        self.pace = Pace(settings.submit_rate) if settings.submit_rate else None
        # Carriers ban clients that come with several binds at once, or again too soon.
        self.turn = trio.Semaphore(1)
        self.not_before = float("-inf")
        self._on_able = on_able
        self._links = [_Link(self, name, mode) for name, mode in _connections(settings)]
        self._scope = trio.CancelScope()
        self._ended = trio.Event()

    @property
    def name(self) -> str:
        """The name in the settings."""
        return self.settings.name

    def views(self) -> list[BindView]:
        """Every bind as it stands."""
        return [link.view() for link in self._links]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the binds up; returns once drained. Started at once: nobody waits for a carrier to be there."""
        task_status.started()
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    for link in self._links:
                        nursery.start_soon(link.keep_up)
                        # Trio starts what is begun together in any order; binds should come up in theirs.
                        await trio.lowlevel.checkpoint()
        finally:
            self._ended.set()

    async def drain(self, timeout_seconds: float) -> None:
        """Take no more work, wait so long for the answers in flight, unbind and close. Call it while `run` runs."""
        self.draining = True
        for link in self._links:
            link.leave(timeout_seconds)
        with trio.move_on_after(timeout_seconds + UNBIND_LIMIT_SECONDS):
            await self._ended.wait()
        self._scope.cancel()
        await self._ended.wait()

    def weigh(self) -> None:
        """A bind changed its state: tell if that changes what the carrier can do."""
        able = any(link.bind is not None and link.bind.can_send for link in self._links)
        if able is not self.able:
            self.able = able
            _log.info("carrier=%s able=%s", self.name, able)
            self._on_able(self.name, able)


class _Link:
    """One place for a bind: connects it again whenever it is lost."""

    def __init__(self, carrier: Carrier, name: str, mode: BindMode) -> None:
        settings = carrier.settings
        self.bind: Bind | None = None
        self._carrier = carrier
        self._settings = settings
        self._name = name
        self._mode = mode
        self._host = 0
        self._state = BindState.WAITING
        self._since = now_ms()
        self._last_error: str | None = None
        self._losses = 0
        self._latency_seconds = 0.0
        self._backoff = Backoff(settings.reconnect_floor, settings.reconnect_ceiling, carrier.rand)
        own = [Pace(settings.submit_rate_per_bind)] if settings.submit_rate_per_bind else []
        self._paces = own if carrier.pace is None else [*own, carrier.pace]
        self._has_turn = False
        self._unbound = trio.CancelScope()

    def view(self) -> BindView:
        """The link as an operator sees it."""
        bind = self.bind
        in_flight = 0 if bind is None else bind.in_flight
        return BindView(
            name=self._name,
            mode=self._mode,
            state=self._state,
            host=self._settings.hosts[self._host],
            since=self._since,
            window=self._settings.window,
            in_flight=in_flight,
            room=self._settings.window - in_flight if bind is not None and bind.can_send else 0,
            last_error=self._last_error,
            losses=self._losses,
            latency_ms=round((self._latency_seconds if bind is None else bind.latency_seconds) * 1000),
        )

    def leave(self, limit_seconds: float) -> None:
        """Let the bind leave; without one stop trying."""
        if self.bind is None:
            self._unbound.cancel()
        else:
            self.bind.leave(limit_seconds)

    async def keep_up(self) -> None:
        """Connect, live, wait, until the carrier drains."""
        with self._unbound:
            while not self._carrier.draining:
                try:
                    ended = await self._live()
                except Exception:  # noqa: BLE001 -- the supervisor: a fault of ours in one bind must not end the others
                    _log.exception("bind=%s fault=ours", self._name)
                    ended = Ended(CloseReason.LINK_DEAD, "a fault of the gateway, see its log", None, 0.0)
                if not self._carrier.draining:
                    await trio.sleep(self._wait_after(ended))
        self._enter(BindState.CLOSED)

    async def _live(self) -> Ended:
        carrier, settings = self._carrier, self._settings
        await carrier.turn.acquire()
        self._has_turn = True
        try:
            await trio.sleep_until(carrier.not_before)
            self._enter(BindState.CONNECTING)
            host, port = split_address(settings.hosts[self._host])
            try:
                with trio.fail_after(settings.connect_timeout):
                    stream = await carrier.dial(host, port)
            except trio.TooSlowError:
                return Ended(CloseReason.PEER_CLOSED, "connecting took too long", None, 0.0)
            except OSError as error:
                return Ended(CloseReason.PEER_CLOSED, f"could not connect: {error}", None, 0.0)
            self.bind = Bind(
                self._name, self._mode, settings, stream, carrier.traffic, paces=self._paces, on_state=self._enter
            )
            self._enter(BindState.BINDING)
            return await self.bind.run(_request(settings, self._mode))
        finally:
            if self.bind is not None:
                self._latency_seconds = self.bind.latency_seconds
            self.bind = None
            self._give_turn()
            carrier.weigh()

    def _wait_after(self, ended: Ended) -> float:
        """Record why the bind ended; how many seconds to wait before the next attempt."""
        self._losses += 1
        self._last_error = f"{ended.reason.value}: {ended.detail}" if ended.detail else ended.reason.value
        self._carrier.not_before = trio.current_time() + self._settings.reconnect_floor
        refusal = None if ended.refusal is None else bind_refusal(ended.refusal)
        if ended.bound_seconds and ended.reason is not CloseReason.UNANSWERED:
            # The first host is the preferred one; a lost bind goes back to it, unless it takes and does not answer.
            self._host = 0
        else:
            self._host = (self._host + 1) % len(self._settings.hosts)
        # That nothing is answered shows after a response_timeout at the earliest: so long it proves nothing.
        silent = 2 * self._settings.response_timeout if ended.reason is CloseReason.UNANSWERED else 0.0
        if ended.bound_seconds >= STEADY_SECONDS + silent:
            self._backoff.steady()
        if refusal is BindRefusal.ALREADY_BOUND:
            wait = self._backoff.occupied()
        elif refusal in (BindRefusal.BAD_CREDENTIALS, BindRefusal.NOT_OFFERED):
            wait = self._backoff.hopeless()
        elif self._host and not ended.bound_seconds:
            wait = self._settings.reconnect_floor
        else:
            wait = self._backoff.failed()
        self._report(ended, refusal, wait)
        self._enter(BindState.WAITING)
        return wait

    def _report(self, ended: Ended, refusal: BindRefusal | None, wait: float) -> None:
        if ended.refusal is not None:
            loud = refusal in (BindRefusal.BAD_CREDENTIALS, BindRefusal.NOT_OFFERED)
            _log.log(
                logging.ERROR if loud else logging.WARNING,
                "bind=%s refused=%s meaning=%s next_attempt_seconds=%.1f",
                self._name,
                name_of(ended.refusal),
                refusal.value if refusal is not None else "",
                wait,
            )
        else:
            _log.warning(
                "bind=%s ended=%s detail=%s next_attempt_seconds=%.1f",
                self._name,
                ended.reason.value,
                quoted(ended.detail),
                wait,
            )

    def _enter(self, state: BindState) -> None:
        self._state = state
        self._since = now_ms()
        _log.info("bind=%s state=%s host=%s", self._name, state.value, self._settings.hosts[self._host])
        if state not in (BindState.CONNECTING, BindState.BINDING):
            self._give_turn()
        self._carrier.weigh()

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._carrier.turn.release()


def _connections(settings: CarrierSettings) -> list[tuple[str, BindMode]]:
    """Names and modes of the connections that the configured binds are made of."""
    connections = []
    for number in range(1, settings.binds + 1):
        name = f"{settings.name}/{number}"
        if settings.mode is CarrierMode.TRANSCEIVER:
            connections.append((name, BindMode.TRANSCEIVER))
        else:
            connections.append((f"{name}/transmitter", BindMode.TRANSMITTER))
            connections.append((f"{name}/receiver", BindMode.RECEIVER))
    return connections


def _request(settings: CarrierSettings, mode: BindMode) -> BindRequest:
    return BindRequest(
        mode,
        settings.system_id,
        settings.password.get_secret_value(),
        settings.system_type,
        int(settings.interface_version),
    )
