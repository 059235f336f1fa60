"""What is logged of a message at each stage of its life, at debug level: a line a message, as docs/logs.md has them.

All are called once for a batch and cost nothing while nobody listens. No text is ever given to them, and numbers are
shown by their last digits.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from gateway.identifiers import MESSAGE, REQUEST, SUBMISSION, public
from gateway.logs import quoted, redacted
from gateway.rules.branches import route_of
from gateway.store.interface import Accepted, Answer, Claim, ClaimedSegment, Delivery, InboundIn, Submission
from gateway.store.policy import shown
from protocol.command_status import name_of
from protocol.receipts import Receipt

_log = logging.getLogger("sluice.messages")


class Coded(Protocol):
    """The errors of a refused item."""

    @property
    def codes(self) -> dict[str, list[str]]: ...


class _Told(msgspec.Struct):
    """What of an event's body is logged."""

    id: str
    type: str
    message_id: str | None


_told = msgspec.json.Decoder(_Told)


def accepted(submission: Submission, outcome: Accepted) -> None:
    """On disk."""
    if not _log.isEnabledFor(logging.DEBUG):
        return
    unfiled = outcome.left_out
    for place, message in enumerate(submission.messages):
        if place not in unfiled:
            _log.debug(
                "accepted message=%s account=%s request_id=%s submission=%s lane=%s route=%s to=%s segments=%d",
                public(MESSAGE, message.id),
                submission.account,
                public(REQUEST, submission.request_id),
                public(SUBMISSION, submission.id),
                message.lane,
                route_of(message.route),
                redacted(message.recipient),
                message.segments,
            )


def refused(account: str, request_id: int, items: Sequence[Coded]) -> None:
    """By which rules, and how many items; not the sentences, which may show characters of a text."""
    if items and _log.isEnabledFor(logging.DEBUG):
        codes = {code for item in items for found in item.codes.values() for code in found}
        shown = public(REQUEST, request_id)
        _log.debug(
            "refused account=%s request_id=%s items=%d codes=%s", account, shown, len(items), ",".join(sorted(codes))
        )


def claimed(bind: str, dealt: Iterable[tuple[Claim, ClaimedSegment]]) -> None:
    """Its intent is on disk, and the bind has it."""
    if _log.isEnabledFor(logging.DEBUG):
        for claim, segment in dealt:
            _log.debug(
                "claimed message=%s part=%d attempt=%d bind=%s lane=%s",
                public(MESSAGE, claim.message),
                segment.segment.part,
                segment.attempt,
                bind,
                claim.lane,
            )


def answered(bind: str, answers: Sequence[Answer]) -> None:
    """By the carrier; submit_sm had gone out `ms` before."""
    if _log.isEnabledFor(logging.DEBUG):
        for answer in answers:
            _log.debug(
                "answered message=%s part=%d attempt=%d bind=%s status=%s outcome=%s carrier_message_id=%s ms=%d",
                public(MESSAGE, answer.message),
                answer.part,
                answer.attempt,
                bind,
                name_of(answer.command_status),
                answer.verdict.value,
                quoted(answer.carrier_message_id),
                answer.latency_ms,
            )


def doubted(bind: str, segments: Sequence[tuple[Claim, ClaimedSegment]], reason: str) -> None:
    """Written, and no answer came: worth a warning, once; which segments they are a line each."""
    _log.warning("in doubt bind=%s segments=%d reason=%s", bind, len(segments), reason)
    if _log.isEnabledFor(logging.DEBUG):
        for claim, segment in segments:
            name = (public(MESSAGE, claim.message), segment.segment.part, segment.attempt)
            _log.debug("doubted message=%s part=%d attempt=%d bind=%s", *name, bind)


def receipts(bind: str, read: Sequence[Receipt]) -> None:
    """Whose they are the store finds out: the line of the answer has the same carrier_message_id."""
    if _log.isEnabledFor(logging.DEBUG):
        for receipt in read:
            _log.debug(
                "receipt bind=%s carrier_message_id=%s state=%s err=%s",
                bind,
                quoted(receipt.message_id or ""),
                receipt.state.name,
                quoted(receipt.error or ""),
            )


def inbound(bind: str, message: InboundIn) -> None:
    """A text from a handset, or a part of one."""
    if _log.isEnabledFor(logging.DEBUG):
        part, total = (1, 1) if message.part is None else (message.part.part, message.part.total)
        _log.debug(
            "inbound bind=%s account=%s from=%s to=%s encoding=%s part=%d total=%d",
            bind,
            message.account or "",
            redacted(message.sender),
            redacted(message.recipient),
            message.encoding,
            part,
            total,
        )


def told(delivery: Delivery, host: str, http_status: int | None, ms: int) -> None:
    """An endpoint took these events."""
    if _log.isEnabledFor(logging.DEBUG):
        for event in map(_told.decode, delivery.bodies):
            _log.debug(
                "told event=%s type=%s message=%s account=%s host=%s webhook_id=%s try=%d http_status=%s ms=%d",
                event.id,
                event.type,
                event.message_id or "",
                shown(delivery.account),
                host,
                delivery.webhook_id,
                delivery.tries + 1,
                http_status,
                ms,
            )
