"""A ready message's text as the segments that the carrier it is dealt to wants, or given back for another carrier.

The usual message (nothing asked, not cut before) goes a short way that touches no row. Whatever is otherwise is looked
at closely: one whose text or TLVs the carrier can't carry goes into a queue that this carrier does not take from, and
fails when no carrier of its route is left; parts that are still to go out are cut as those that went.
"""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.identifiers import MESSAGE, created_at_ms, public
from gateway.messages import UNSENT, ErrorCode, MessageState
from gateway.rules import options
from gateway.rules.options import MessageOptions
from gateway.rules.ways import USUAL, refusal_of, tlvs_refusal, unfit_of, written
from gateway.store import writings
from gateway.store.elsewhere import end_unsent
from gateway.store.progress import parts_of
from gateway.store.work import Found, OutOfStep, Work
from gateway.store.writings import Unfit, Writing
from protocol.errors import LocalProtocolError
from protocol.segments import Segment, TooManyParts
from protocol.text import Encoding, NotEncodable
from protocol.writing import TextWay, write

log = logging.getLogger("sluice.store")
_ROW = (
    "SELECT id, text, encoding, allow_unicode, segments, claims, options, writing FROM messages "
    f"WHERE id = ? AND state = {int(MessageState.QUEUED)}"
)
_WRITING = "UPDATE messages SET segments = ?, writing = ? WHERE id = ?"
_CUT_BEFORE = "UPDATE attempts SET parts = ? WHERE message = ? AND parts IS NULL"
"""A late receipt for them says nothing of the parts that there are from now on."""
_ENCODINGS = {encoding.value: encoding for encoding in Encoding}
_SPREAD = 61
"""Odd, so that no two milliseconds share a reference; large, so that the next one is not the next message of a bulk."""
_UNCUTTABLE = (LocalProtocolError, ValueError, LookupError, TypeError)


class Cut(NamedTuple):
    """The segments that still have to go out, and what was asked of them."""

    segments: list[Segment]
    options: MessageOptions | None


class CutOtherwise(LocalProtocolError):  # noqa: N818
    """The rest of a message would not be cut as its first parts were."""


class _Row(NamedTuple):
    """A message as far as its text is concerned; the order is that of _ROW."""

    id: int
    text: str
    encoding: str
    allow_unicode: int
    segments: int
    claims: int
    options: str | None
    writing: str | None


def cut_as_usual(way: TextWay, message: int, text: Any, encoding: str, segments: int) -> list[Segment] | None:
    """The segments of a message of which none went out before, by the way of its carrier. None: look closely."""
    try:
        pieces = write(text, _ENCODINGS[encoding], way, reference_of(message) if segments > 1 else 0)
    except _UNCUTTABLE:
        return None
    return pieces if len(pieces) == segments and (segments == 1 or way is USUAL or way == USUAL) else None


def cut_closely(work: Work, carrier: str, message: int) -> Cut | None:
    """The same for any message. None: it went elsewhere, waits for its time, or has failed."""
    values = work.execute(_ROW, (message,)).fetchone()
    if values is None:
        raise OutOfStep(f"message {message} is not ready")
    row = _Row._make(values)
    asked = None if row.options is None else options.from_json(row.options)
    if asked is not None and _is_too_early(work, carrier, asked):
        work.move(_found(work, message), MessageState.RETRYING, asked.deliver_at)
        return None
    gone = _gone(work, row) if row.claims and row.segments > 1 else frozenset()
    try:
        return Cut(_rest(row, asked, gone), asked) if gone else _whole(work, carrier, row, asked)
    except _UNCUTTABLE as error:
        kind = type(error).__name__
        log.error("can't be cut into segments and fails message=%s kind=%s", public(MESSAGE, message), kind)
        _fail(work, _found(work, message))
        return None


def reference_of(message: int) -> int:
    """The reference that joins a long message's parts, in 16 bits; its low octet is the reference of 8 bits.

    Apart for messages of one request (by sequence), and for those of a quarter of a second (in 16 bits: of a minute)
    whose requests came one by one; after that two meet by chance alone.
    """
    return (created_at_ms(message) * _SPREAD + message) & 0xFFFF


def _is_too_early(work: Work, carrier: str, asked: MessageOptions) -> bool:
    """Whether the carrier would deliver at once what was to be held until its time: one below those that hold it, or
    whose settings have changed."""
    return asked.deliver_at is not None and asked.deliver_at > work.now and not work.policy.holds_schedules(carrier)


def _gone(work: Work, row: _Row) -> frozenset[int]:
    """Parts that may be with a carrier."""
    parts = parts_of(work, row.id, row.segments)
    return frozenset(part.attempts[0].part for part in parts if part.state not in UNSENT)


def _rest(row: _Row, asked: MessageOptions | None, gone: frozenset[int]) -> list[Segment]:
    """What is still to go out, cut as what went; what went in UCS-2 did so because no alphabet had it."""
    way = writings.read(row.writing).way or USUAL
    pieces = _pieces(row, way, asked, ucs2_allowed=bool(row.allow_unicode))
    if len(pieces) != row.segments:
        raise CutOtherwise
    return [piece for piece in pieces if piece.part not in gone]


def _whole(work: Work, carrier: str, row: _Row, asked: MessageOptions | None) -> Cut | None:
    """All of it, in the carrier's own way. None: it is given back."""
    way = work.policy.way_of(carrier)
    pieces, refused = None, {}
    if tlvs_refusal(asked, work.policy.tags_of(carrier)) is None:
        try:
            pieces = _pieces(row, way, asked, ucs2_allowed=False)
        except (NotEncodable, TooManyParts) as error:
            refused[way] = refusal_of(error, way, asked)
    if pieces is None:
        found = _found(work, row.id)
        takers = work.policy.tierings.carriers_of(work.queues.branch(found.queue))
        ways = {name: work.policy.way_of(name) for name in (*takers, carrier)}
        tags = {name: work.policy.tags_of(name) for name in ways}
        encoding, allow_unicode = _ENCODINGS[row.encoding], bool(row.allow_unicode)
        unfit, _ = unfit_of(row.text, encoding, ways, asked, tags=tags, allow_unicode=allow_unicode, refused=refused)
        if carrier in unfit:
            barred = work.queues.unfit(found.queue)
            _give_back(work, found, row, unfit, barred, is_last=ways.keys() <= unfit.keys() | barred)
            return None
        pieces = _pieces(row, way, asked, ucs2_allowed=True)
    _remember(work, row, way, len(pieces))
    return Cut(pieces, asked)


def _pieces(row: _Row, way: TextWay, asked: MessageOptions | None, *, ucs2_allowed: bool) -> list[Segment]:
    return written(row.text, _ENCODINGS[row.encoding], way, reference_of(row.id), asked, ucs2_allowed=ucs2_allowed)


def _remember(work: Work, row: _Row, way: TextWay, segments: int) -> None:
    """How many segments it really has, and, if they are several, how the rest must be cut once some have gone."""
    before = writings.read(row.writing)
    accepted = row.segments if before.accepted is None and segments != row.segments else before.accepted
    now = Writing(way if segments > 1 and way != USUAL else None, accepted, before.unfit)
    if now != before or segments != row.segments:
        work.execute(_WRITING, (segments, writings.to_json(now), row.id))
    if row.claims and segments != row.segments:
        work.execute(_CUT_BEFORE, (row.segments, row.id))


def _give_back(
    work: Work, found: Found, row: _Row, unfit: Mapping[str, str], barred: frozenset[str], *, is_last: bool
) -> None:
    """Into a queue for the carriers of its route that can carry it; it fails if there are none. `barred`: those that
    took none of it before."""
    before = writings.read(row.writing)
    known = tuple(told for told in before.unfit if told.carrier not in unfit)
    told = tuple(Unfit(carrier, reason, work.now) for carrier, reason in unfit.items())
    writing = writings.to_json(Writing(before.way, before.accepted, known + told))
    work.execute(_WRITING, (row.segments, writing, row.id))
    carriers = ",".join(unfit)
    if is_last:
        log.warning("no carrier can carry it message=%s carriers=%s", public(MESSAGE, row.id), carriers)
        _fail(work, found)
        return
    queue = work.queues.unfit_for(work.connection, found.queue, barred.union(unfit))
    if queue == found.queue:
        raise OutOfStep(f"message {row.id} was dealt to a carrier that can't carry it")
    log.debug("given back unsent message=%s carriers=%s", public(MESSAGE, row.id), carriers)
    work.move(found, MessageState.QUEUED, queue=queue)


def _fail(work: Work, found: Found) -> None:
    """It fails instead of blocking all."""
    end_unsent(work, found, MessageState.FAILED, ErrorCode.TEXT_REJECTED)


def _found(work: Work, message: int) -> Found:
    found = work.find(message)
    if found is None:
        raise OutOfStep(f"message {message} is not there")
    return found
