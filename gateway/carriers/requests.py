"""What a carrier's settings make of a session: its timers and window, its bind requests, its connections by name."""

from typing import TypedDict

from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.settings.types import CarrierMode
from protocol.numbers import BindMode
from protocol.patience import Patience
from protocol.pdus import BindRequest
from protocol.session import Session
from protocol.session_states import Role


def patience_of(settings: CarrierSettings) -> Patience:
    """How long answers that others overtook are waited for, before anything was learned of the carrier."""
    return Patience(is_endless=settings.strict_window)


def session_of(settings: CarrierSettings, patience: Patience | None = None, *, reads_receipts: bool = False) -> Session:
    """A session that is not bound yet. `patience`: for who gives slots back; `reads_receipts`: for who needs no more of
    a usual receipt than what it says."""
    times = _times(settings)
    return Session(Role.ESME, window=settings.window, patience=patience, reads_receipts=reads_receipts, **times)


def retune(session: Session, settings: CarrierSettings) -> None:
    """Go on by the timers of other settings; the window is the restraint's to change."""
    session.retune(**_times(settings))


class _Times(TypedDict):
    response_timeout: float
    enquire_link_idle: float
    enquire_link_timeout: float
    enquire_link_misses: int
    bind_timeout: float


def _times(settings: CarrierSettings) -> _Times:
    return {
        "response_timeout": settings.response_timeout,
        "enquire_link_idle": settings.enquire_link_idle,
        "enquire_link_timeout": settings.enquire_link_timeout,
        # The one after those that may be missed ends the link.
        "enquire_link_misses": settings.enquire_link_misses + 1,
        "bind_timeout": settings.bind_timeout,
    }


def connections(settings: CarrierSettings) -> list[tuple[str, BindMode]]:
    """Names and modes of the connections that the configured binds are made of; none where the carrier only calls."""
    named = []
    for number in range(1, settings.binds + 1) if settings.hosts else ():
        name = f"{settings.name}/{number}"
        if settings.mode is CarrierMode.TRANSCEIVER:
            named.append((name, BindMode.TRANSCEIVER))
        else:
            named.append((f"{name}/transmitter", BindMode.TRANSMITTER))
            named.append((f"{name}/receiver", BindMode.RECEIVER))
    return named


def local_addresses(settings: CarrierSettings) -> dict[str, str | None]:
    """What each of `connections` leaves from, by name: the binds take the addresses in turn, a pair the same one."""
    own = settings.local_address
    each = 1 if settings.mode is CarrierMode.TRANSCEIVER else 2
    names = [name for name, _ in connections(settings)]
    return {name: own[at // each % len(own)] if own else None for at, name in enumerate(names)}


def outbind_mode(settings: CarrierSettings) -> BindMode:
    """The mode of a bind that the carrier asks for by outbind (SMPP 3.4 §4.1.7: a receiver, where modes are apart)."""
    return BindMode.TRANSCEIVER if settings.mode is CarrierMode.TRANSCEIVER else BindMode.RECEIVER


def bind_request(settings: CarrierSettings, mode: BindMode) -> BindRequest:
    """The carrier's, on any of its connections."""
    return BindRequest(
        mode,
        settings.system_id,
        settings.password.get_secret_value(),
        settings.system_type,
        int(settings.interface_version),
        address_range=settings.address_range,
    )
