"""A place for one bind of a carrier: holds a connection while there is one, and tells how it stands.

Who connects, and when again, is link.py's and outbinds.py's.
"""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import trio

from gateway.carriers.bind import Bind
from gateway.carriers.bind_states import BindState, Ended
from gateway.carriers.pacing import Backoff, Pace, retuned
from gateway.carriers.requests import bind_request
from gateway.carriers.restraint import Restraint
from gateway.identifiers import now_ms
from gateway.metrics import BIND_REFUSALS
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.settings.changes import needs_new_binds
from protocol.command_status import BindRefusal, bind_refusal, name_of
from protocol.numbers import BindMode
from protocol.session_events import CloseReason

if TYPE_CHECKING:
    from gateway.carriers.carrier import Carrier

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
    window_limit: int
    """How much of the window is used at present."""
    in_flight: int
    """submit_sm that wait for their answer."""
    oldest_seconds: float
    """How long the oldest of all that are unanswered has waited; 0: none is."""
    room: int
    """Free slots of the window; 0 unless it can send."""
    submit_rate: float
    """PDU/s that pacing allows it now; 0: no limit."""
    last_error: str | None
    """Why it was last lost or refused; None before anything went wrong."""
    losses: int
    """Connections lost or refused, and failed attempts, since the start."""
    latency_ms: int
    """Running average of the carrier's time to answer."""
    local_address: str | None = None
    """Our address that its connections leave from; None: the system chooses, or the carrier connects."""
    bound_since: int | None = None
    """Milliseconds UTC; None: it is not bound."""


class Refused(NamedTuple):
    """What a refused bind means."""

    meaning: BindRefusal
    hopeless_seconds: float | None
    """How long to leave the carrier alone, where trying again soon would change nothing."""
    level: int
    """Of the line in the log."""


class Place:
    """One of those that a carrier's binds take."""

    def __init__(self, carrier: "Carrier", name: str, mode: BindMode) -> None:
        settings = carrier.settings
        self.bind: Bind | None = None
        self.name = name
        self.mode = mode
        self.state = BindState.WAITING
        self.host = ""
        self.local_address: str | None = None
        self.last_error: str | None = None
        self.losses = 0
        self._carrier = carrier
        self._made_by = settings
        """The settings that its bind was made by."""
        self._since = now_ms()
        self._bound_since: int | None = None
        self._latency_seconds = 0.0
        self._pace = Pace(settings.submit_rate_per_bind) if settings.submit_rate_per_bind else None
        # Longer than any connection, so that a reconnect forgets nothing of it.
        self._restraint = Restraint(settings, self._paces())

    def view(self) -> BindView:
        """The place as an operator sees it."""
        bind = self.bind
        in_flight = 0 if bind is None else bind.in_flight
        restraint = self._restraint
        return BindView(
            name=self.name,
            mode=self.mode,
            state=self.state,
            host=self.host,
            since=self._since,
            window=self._settings.window,
            window_limit=restraint.limit,
            in_flight=in_flight,
            oldest_seconds=0.0 if bind is None else bind.oldest_seconds,
            room=max(0, restraint.limit - in_flight) if bind is not None and bind.can_send else 0,
            submit_rate=round(restraint.rate(trio.current_time()), 1),
            last_error=self.last_error,
            losses=self.losses,
            latency_ms=round((self._latency_seconds if bind is None else bind.latency_seconds) * 1000),
            local_address=self.local_address,
            bound_since=self._bound_since,
        )

    @property
    def _settings(self) -> CarrierSettings:
        return self._carrier.settings

    def _paces(self) -> list[Pace]:
        return [pace for pace in (self._pace, self._carrier.pace) if pace is not None]

    @property
    def is_bound(self) -> bool:
        """Whether the carrier takes its credentials at this moment."""
        return self.state in (BindState.BOUND, BindState.PAUSED, BindState.LEAVING)

    @property
    def can_send(self) -> bool:
        """Whether its bind takes work now."""
        return self.bind is not None and self.bind.can_send

    async def hold(self, stream: trio.abc.Stream) -> Ended:
        """Bind on this connection and stay to its end, when it is closed."""
        carrier = self._carrier
        self._made_by = self._settings
        self.bind = Bind(
            self.name,
            self.mode,
            self._settings,
            stream,
            carrier.traffic,
            patience=carrier.patience,
            restraint=self._restraint,
            on_state=self.enter,
        )
        try:
            self.enter(BindState.BINDING)
            with carrier.wire.connected(self.bind):
                return await self.bind.run(bind_request(self._settings, self.mode))
        finally:
            self._latency_seconds = self.bind.latency_seconds
            self.bind = None
            carrier.weigh()

    async def spared(self, life: Awaitable[Ended]) -> Ended:
        """How a bind's life ends; a fault of ours in it ends this bind alone."""
        try:
            return await life
        except Exception:  # noqa: BLE001 -- the supervisor: a fault of ours in one bind must not end the others
            _log.exception("bind=%s fault=ours", self.name)
            return Ended(CloseReason.LINK_DEAD, "a fault of the gateway, see its log", None, 0.0)

    def reconfigure(self) -> None:
        """The carrier has other settings; the bind, if there is one, goes on by them."""
        self._pace = retuned(self._pace, self._settings.submit_rate_per_bind)
        self._restraint.retune(self._settings, self._paces())
        if self.bind is not None:
            self.bind.reconfigure(self._settings)

    def renew(self) -> None:
        """Let a bind leave that the settings of now would make otherwise, for another in its place."""
        if self.bind is not None and needs_new_binds(self._made_by, self._settings):
            self.bind.renew("other settings", self._settings.response_timeout)

    def leave(self, limit_seconds: float, unbind_seconds: float) -> None:
        """Let the bind leave, if there is one."""
        if self.bind is not None:
            self.bind.leave(limit_seconds, unbind_seconds=unbind_seconds)

    def note(self, ended: Ended) -> None:
        """Remember why it was lost, or not taken."""
        self.losses += 1
        self.last_error = f"{ended.reason.value}: {ended.detail}" if ended.detail else ended.reason.value

    def weigh_refusal(self, status: int, backoff: Backoff) -> Refused:
        """Count it, and tell the carrier, which refuses on its other connections whom it refuses on this one."""
        carrier, meaning = self._carrier, bind_refusal(status)
        BIND_REFUSALS.labels(carrier.name, meaning.value).inc()
        if not carrier.is_hopeless(meaning):
            return Refused(meaning, None, logging.WARNING)
        wait = backoff.hopeless()
        # Said aloud once: until a bind is taken again the next refusals tell nothing new.
        is_news = carrier.refused(name_of(status), wait)
        return Refused(meaning, wait, logging.ERROR if is_news else logging.WARNING)

    def enter(self, state: BindState) -> None:
        """It has come to this state."""
        was_bound, self.state = self.is_bound, state
        self._since = now_ms()
        if self.is_bound is not was_bound:
            self._bound_since = self._since if self.is_bound else None
        _log.info("bind=%s state=%s host=%s", self.name, state.value, self.host)
        if state in (BindState.BOUND, BindState.PAUSED):
            self._carrier.taken()
        self._carrier.weigh()
