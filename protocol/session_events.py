"""What a Session tells its driver: a closed union, matched with assert_never. No event is an exception."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from protocol.numbers import Tlv
from protocol.pdus import BindRequest, CancelSm, DataSm, DeliverSm, QuerySm, QuerySmResp, SubmitSm
from protocol.receipts import Receipt

_CONGESTION_STATE = int(Tlv.CONGESTION_STATE)
_CONGESTION_MOST = 100


@dataclass(slots=True)
class Bound:
    """The SMSC took our bind. `interface_version` is what it says it speaks, if it says."""

    system_id: str
    interface_version: int | None


@dataclass(slots=True)
class BindRefused:
    """The SMSC refused our bind; Closed follows. Never ESME_ROK."""

    status: int


@dataclass(slots=True)
class SubmitAnswered:
    """A submit_sm or data_sm of ours has its answer. `late`: it held no slot, for its SubmitExpired was told before, or
    it had been overtaken and its slot given back (`Window.give_back`)."""

    token: Any
    status: int
    message_id: str
    tlvs: dict[int, bytes]
    latency_seconds: float
    late: bool

    @property
    def congestion(self) -> int | None:
        """congestion_state, where the carrier tells it: 0 idle, 90 and more congested, 100 the most (SMPP 5.0
        §4.8.4.18). Some tell it on a 3.4 bind too; what is above 100 is reserved and None."""
        octets = self.tlvs.get(_CONGESTION_STATE) if self.tlvs else None
        return octets[0] if octets and octets[0] <= _CONGESTION_MOST else None


@dataclass(slots=True)
class SubmitExpired:
    """No answer came in time: its outcome is unknown, its slot is free again, a late answer may still follow."""

    token: Any


@dataclass(slots=True)
class Delivered:
    """The SMSC hands over a receipt or an inbound message: answer it by `Session.answer` once it is on disk."""

    pdu: DeliverSm | DataSm


@dataclass(slots=True)
class Reported:
    """The SMSC hands over a receipt of the usual layout, which is read already: answer it as a Delivered's PDU.

    Only to a driver that asked for it (`Session`'s `reads_receipts`)."""

    sequence: int
    receipt: Receipt


@dataclass(slots=True)
class BindRequested:
    """An ESME wants to bind: `Session.accept_bind` or `Session.refuse_bind`."""

    pdu: BindRequest


@dataclass(slots=True)
class Submitted:
    """An ESME submits: `Session.answer_submit`."""

    pdu: SubmitSm | DataSm


@dataclass(slots=True)
class Requested:
    """An ESME asks about a message: `Session.respond` with a QuerySmResp or a CancelSmResp."""

    pdu: QuerySm | CancelSm


@dataclass(slots=True)
class QuestionAnswered:
    """A query_sm or cancel_sm of ours has its answer, which may be a generic_nack. `told`: of a query_sm."""

    token: Any
    status: int
    told: QuerySmResp | None = None


@dataclass(slots=True)
class QuestionExpired:
    """A query_sm or cancel_sm of ours has no answer, by its deadline or by the end of the session."""

    token: Any


@dataclass(slots=True)
class DeliverAnswered:
    """A deliver_sm or data_sm of ours (as SMSC) has its answer. `late`: its DeliverExpired was told before."""

    token: Any
    status: int
    late: bool = False


@dataclass(slots=True)
class DeliverExpired:
    """No answer to a deliver_sm or data_sm of ours (as SMSC) came in time."""

    token: Any


@dataclass(slots=True)
class PeerUnbound:
    """The peer ends the session: nothing may be asked of it any more. Closed follows, at once where nothing is owed."""


@dataclass(slots=True)
class Unbound:
    """Our unbind was answered. Closed follows."""


@dataclass(slots=True)
class PeerComplained:
    """A generic_nack, a response or an unusable PDU that belongs to no request of ours; for the log and the counters.

    `status` is the peer's, or what we answered an unusable PDU with.
    """

    status: int
    sequence: int


class CloseReason(Enum):
    """Why a session ended."""

    PEER_CLOSED = "peer_closed"
    LINK_DEAD = "link_dead"
    BAD_FRAME = "bad_frame"
    BIND_TIMEOUT = "bind_timeout"
    BIND_REFUSED = "bind_refused"
    UNBOUND = "unbound"
    PEER_UNBOUND = "peer_unbound"
    UNANSWERED = "unanswered"
    """Given by the driver: too many requests had no answer."""
    SPENT = "spent"
    """Given by the driver: the session carried as many requests as the peer allows one."""


@dataclass(slots=True)
class Closed:
    """The last event of a session: flush, then close the stream. `unanswered` are the tokens of requests in flight."""

    reason: CloseReason
    detail: str = ""
    unanswered: list[Any] = field(default_factory=list)


Event: TypeAlias = (
    Bound
    | BindRefused
    | SubmitAnswered
    | SubmitExpired
    | Delivered
    | Reported
    | BindRequested
    | Submitted
    | Requested
    | QuestionAnswered
    | QuestionExpired
    | DeliverAnswered
    | DeliverExpired
    | PeerUnbound
    | Unbound
    | PeerComplained
    | Closed
)
