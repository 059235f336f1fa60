"""What a probe sees of a carrier, and whose a delivery is: a test message's, perhaps so, or the gateway's.

It acknowledges nothing that may be the gateway's: number and id must both be a test message's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from protocol.alphabets import Alphabet
from protocol.command_status import CommandStatus
from protocol.pdus import DataSm, DeliverSm, QuerySmResp, SubmitSm
from protocol.receipt_keys import exact_key, other_keys
from protocol.receipts import Receipt, read_receipt


@dataclass(slots=True)
class Trial:
    """One text that is sent, as the segments it takes."""

    label: str
    text: str
    segments: list[SubmitSm]
    coding: int | None = None
    """data_coding, where it is tried what that means."""


@dataclass(slots=True)
class Sent:
    """One submit_sm and what came of it."""

    label: str
    part: int
    parts: int
    status: int | None = None
    """None: no answer."""
    message_id: str = ""
    latency_seconds: float = 0.0
    congestion: int | None = None
    number: str = ""
    """Sent to, without a plus."""
    reference: int | None = None
    """user_message_reference, where it was told."""


@dataclass(slots=True)
class Delivery:
    """A deliver_sm or data_sm that is not answered yet."""

    pdu: DeliverSm | DataSm
    at: float
    """Seconds since the Unix epoch."""
    until: float
    """When it is answered at the latest; seconds of trio's clock."""
    answer: Callable[[CommandStatus], None]
    """Answers it, once, on the connection that it came on."""


@dataclass(slots=True)
class Heard:
    """A receipt for a test message."""

    sent: Sent
    pdu: DeliverSm | DataSm
    receipt: Receipt
    is_marked: bool
    """By esm_class or TLVs; else its text alone tells that it is one."""
    at: float
    """Seconds since the Unix epoch."""


@dataclass(slots=True)
class Queried:
    """The one query_sm."""

    message_id: str
    status: int | None = None
    """None: no answer."""
    told: QuerySmResp | None = None


@dataclass(slots=True)
class Paced:
    """One step on the way to the carrier's pace."""

    per_second: int
    seconds: float = 0.0
    """How long it took to write them."""
    taken: int = 0
    throttled: int = 0
    unanswered: int = 0


@dataclass(slots=True)
class Observed:
    """All that was seen."""

    connect_seconds: float | None = None
    bind_seconds: float | None = None
    is_bound: bool = False
    """Every bind that the carrier's mode wants was had."""
    system_id: str = ""
    interface_version: int | None = None
    refusal: int | None = None
    problem: str = ""
    """Why it is not bound, or no more, in words."""
    enquiries: list[float] = field(default_factory=list)
    """Seconds to answer each."""
    sent: list[Sent] = field(default_factory=list)
    queried: Queried | None = None
    receipts: list[Heard] = field(default_factory=list)
    text_receipts: bool = False
    """The carrier's setting: unmarked receipts may be acknowledged."""
    acknowledged: list[str] = field(default_factory=list)
    """The ids in what was answered ESME_ROK."""
    held: list[Delivery] = field(default_factory=list)
    """Receipts for a test number that came before an answer, which may give their id."""
    others: int = 0
    """Deliveries left to the gateway."""
    alphabets: dict[int, Alphabet] = field(default_factory=dict)
    """By data_coding, what the phone showed."""
    paces: list[Paced] = field(default_factory=list)

    def hear(self, delivery: Delivery) -> None:
        """Answer a delivery, or hold it while an answer that is awaited may tell whose it is."""
        marked = read_receipt(delivery.pdu)
        receipt = marked or read_receipt(delivery.pdu, text_only=True)
        sent = None if receipt is None else self._sent_of(receipt)
        if receipt is None or sent is None:
            if receipt is not None and self._may_be_early(receipt):
                self.held.append(delivery)
            else:
                self._leave(delivery)
            return
        self.receipts.append(Heard(sent, delivery.pdu, receipt, marked is not None, delivery.at))
        if marked is None and not self.text_receipts:
            # It teaches all the same; but anyone with a phone can write such a text.
            self._leave(delivery)
            return
        self.acknowledged.append(receipt.message_id or "")
        delivery.answer(CommandStatus.ESME_ROK)

    def hear_again(self) -> None:
        """An answer came: look anew at what is held."""
        held, self.held = self.held, []
        for delivery in held:
            self.hear(delivery)

    def release(self, now: float) -> None:
        """Leave to the gateway what was held for long enough."""
        over = [one for one in self.held if one.until <= now]
        self.held = [one for one in self.held if one.until > now]
        for delivery in over:
            self._leave(delivery)

    def _leave(self, delivery: Delivery) -> None:
        self.others += 1
        delivery.answer(CommandStatus.ESME_RX_T_APPN)

    def _may_be_early(self, receipt: Receipt) -> bool:
        return any(one.status is None and one.number in _numbers(receipt) for one in self.sent)

    def _sent_of(self, receipt: Receipt) -> Sent | None:
        """The test message it is about: its number, and its id as it stands, or else one alone in the other base."""
        numbers = _numbers(receipt)
        known = [one for one in self.sent if one.message_id and one.number in numbers]
        written = [one for one in (receipt.message_id, *receipt.alt_ids) if one]
        exact = {exact_key(one) for one in written} - {""}
        for one in known:
            if exact_key(one.message_id) in exact:
                return one
        others = {key for one in written for key in other_keys(one)}
        found = [one for one in known if exact_key(one.message_id) in others]
        return found[0] if len(found) == 1 else None


def _numbers(receipt: Receipt) -> set[str]:
    # Either address: some SMSCs do not swap them.
    return {receipt.source.removeprefix("+"), receipt.destination.removeprefix("+")} - {""}
