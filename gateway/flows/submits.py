"""A claimed segment as the submit_sm of its carrier: addresses, validity, which part asks for a receipt, TLVs. Pure."""

from collections.abc import Callable
from functools import lru_cache

from gateway.carriers.addresses import Addresses
from gateway.rules.options import MessageOptions
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.settings.tlvs import octets_by_tag
from gateway.settings.types import ReceiptsOf, TimeForm
from gateway.store.interface import Claim
from protocol.fields import write_tlvs
from protocol.numbers import Tlv
from protocol.pdus import SubmitSm
from protocol.references import reference_16
from protocol.segments import Segment
from protocol.submit_bodies import submit_body, submit_head, submit_tail
from protocol.times import format_absolute, format_relative

WITH_RECEIPT = 1
"""registered_delivery: a receipt on success and on failure (SMPP 3.4 §5.2.17)."""
WITHOUT_RECEIPT = 0
_REFERENCE = int(Tlv.USER_MESSAGE_REFERENCE)
_HEADS_KEPT = 10_000
_TAILS_KEPT = 4096
_AROUNDS_KEPT = 4096


class Submits:
    """How one carrier wants them. Few senders send nearly everything, so what a sender's messages share is kept."""

    def __init__(self, settings: CarrierSettings) -> None:
        self._addresses = Addresses(settings)
        self._mark = self._addresses.mark
        self._service_type = settings.service_type
        self._priority_flags = settings.priority_flags
        self._is_relative = settings.validity_period is TimeForm.RELATIVE
        self._seconds = _end_second if settings.validity_period is TimeForm.ABSOLUTE else _no_second
        self._validity_period = _WRITTEN[settings.validity_period]
        self._schedule_form = settings.schedule_delivery_time
        self._asking = _ASKING[settings.receipts_of]
        self._tells_reference = settings.user_message_reference
        self._tlvs = octets_by_tag(settings.tlvs)
        self._tlv_octets = write_tlvs(self._tlvs)
        self._message_tlvs = frozenset(settings.message_tlvs)
        self._adds_tlvs = bool(self._tlvs) or self._tells_reference
        self._is_plain = self._is_relative and not (self._priority_flags or self._adds_tlvs) and self._asking is None
        """Whether sender, time left and coding are all that tells one body from another, as with most carriers."""
        self._arounds: dict[tuple[str, int, int, int], tuple[bytes, bytes]] = {}
        """By these, what stands before and behind the recipient."""
        self._head = lru_cache(maxsize=_HEADS_KEPT)(self._make_head)
        self._tail = lru_cache(maxsize=_TAILS_KEPT)(self._make_tail)

    def body(self, claim: Claim, segment: Segment, now: int) -> bytes:
        """The body of the submit_sm; `now` in milliseconds. Raises LocalProtocolError where no frame can hold it."""
        if self._is_plain and claim.options is None and not segment.tlvs:
            shared = claim.sender, (claim.expires_at - now) // 1000, segment.esm_class, segment.data_coding
            around = self._arounds.get(shared) or self._make_around(shared)
            return submit_body(around[0], claim.recipient.removeprefix(self._mark), around[1], segment.short_message)
        asking = self._asking
        body = submit_body(
            self._head(claim.sender),
            claim.recipient.removeprefix(self._mark),
            self._tail(
                (claim.expires_at - now) // 1000 if self._is_relative else self._seconds(claim.expires_at, now),
                self._priority_flags.get(claim.lane, 0) if self._priority_flags else 0,
                segment.esm_class,
                segment.data_coding,
                WITH_RECEIPT if asking is None or asking(segment) else WITHOUT_RECEIPT,
                "" if claim.options is None else self._schedule(claim.options, now),
            ),
            segment.short_message,
        )
        if segment.tlvs or self._adds_tlvs or claim.options is not None:
            body += segment.tlvs + self._own_tlvs(claim, segment)
        return body

    def _make_around(self, shared: tuple[str, int, int, int]) -> tuple[bytes, bytes]:
        sender, seconds, esm_class, data_coding = shared
        if len(self._arounds) >= _AROUNDS_KEPT:
            # By then their seconds are over.
            self._arounds.clear()
        made = self._head(sender), self._tail(seconds, 0, esm_class, data_coding, WITH_RECEIPT, "")
        self._arounds[shared] = made
        return made

    def _schedule(self, asked: MessageOptions, now: int) -> str:
        """When a message is to be delivered, rounded up to the second; empty: at once."""
        at = asked.deliver_at
        if at is None or at <= now:
            return ""
        return _WRITTEN[self._schedule_form](-((-at if self._schedule_form is TimeForm.ABSOLUTE else now - at) // 1000))

    def _own_tlvs(self, claim: Claim, segment: Segment) -> bytes:
        """Those of the carrier, of the message where the carrier takes them, and the attempt's reference."""
        asked = claim.options.tlvs if claim.options is not None else None
        own = {tag: value for tag, value in asked.items() if tag in self._message_tlvs} if asked else None
        octets = write_tlvs({**self._tlvs, **octets_by_tag(own)}) if own else self._tlv_octets
        if self._tells_reference:
            # All that is dealt of a message at a time is one attempt of each part, of the same number.
            reference = reference_16(claim.message, segment.part, claim.segments[0].attempt)
            octets += write_tlvs({_REFERENCE: reference.to_bytes(2, "big")})
        return octets

    def _make_head(self, sender: str) -> bytes:
        addresses = self._addresses
        source = addresses.source(sender)
        return submit_head(
            SubmitSm(self._service_type, source.ton, source.npi, source.addr, addresses.dest_ton, addresses.dest_npi)
        )

    def _make_tail(
        self, seconds: int, priority_flag: int, esm_class: int, data_coding: int, registered: int, schedule: str
    ) -> bytes:
        return submit_tail(
            SubmitSm(
                esm_class=esm_class,
                priority_flag=priority_flag,
                schedule_delivery_time=schedule,
                validity_period=self._validity_period(seconds),
                registered_delivery=registered,
                data_coding=data_coding,
            )
        )


def _is_first(segment: Segment) -> bool:
    return segment.part == 1


def _is_last(segment: Segment) -> bool:
    return segment.part == segment.total


def _end_second(expires_at: int, now: int) -> int:
    """Rounded down like what is left, and in the future, since some carriers refuse what is over."""
    return max(now + 1000, expires_at) // 1000


def _no_second(expires_at: int, now: int) -> int:
    return 0


def _relative(seconds: int) -> str:
    """At least one is asked for, since zero has no meaning that carriers agree on."""
    return format_relative(max(1, seconds))


def _untold(seconds: int) -> str:
    return ""


_WRITTEN: dict[TimeForm, Callable[[int], str]] = {
    TimeForm.RELATIVE: _relative,
    TimeForm.ABSOLUTE: format_absolute,
    TimeForm.NONE: _untold,
}

_ASKING: dict[ReceiptsOf, Callable[[Segment], bool] | None] = {
    ReceiptsOf.EVERY: None,
    ReceiptsOf.FIRST: _is_first,
    ReceiptsOf.LAST: _is_last,
    ReceiptsOf.ONE: None,
}
"""Which part asks for a receipt; None: each does. With `one` the carrier chooses the part that it reports."""
