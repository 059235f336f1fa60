"""Receipts that name nobody yet: kept on disk, tried when an answer makes their id known or a doubt fits them alone, listed until their time is over."""

import msgspec

from gateway.messages import AttemptState, MessageState
from gateway.store.interface import ReceiptIn
from gateway.store.matching import Candidate, Match, digits_of, is_destination, match
from gateway.store.work import Work
from protocol.receipt_keys import exact_key, other_keys

_decoder = msgspec.json.Decoder(ReceiptIn)
_DOUBTS = (
    "SELECT a.message, a.part, a.attempt, a.state, a.carrier_message_id, m.recipient FROM attempts a JOIN messages m ON m.id = a.message "
    f"WHERE a.carrier = ? AND a.state = {int(AttemptState.IN_DOUBT)}"
)


def park(work: Work, receipt: ReceiptIn, ids: tuple[str, ...]) -> None:
    """Keep a receipt that matches nothing, under every key by which its attempt may become known."""
    said = receipt.receipt
    if _is_parked(work, receipt):
        return
    parked_id = work.ids.next()
    work.execute(
        "INSERT INTO parked (id, carrier, bind, carrier_message_id, source, destination, at, due, state, receipt, raw) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (parked_id, receipt.carrier, receipt.bind, said.message_id or "", digits_of(said.source), digits_of(said.destination), receipt.at,
         work.now + work.policy.parked_ms, said.stat or said.state.name, msgspec.json.encode(receipt), said.raw),
    )  # fmt: skip
    keys = {key: True for i in ids for key in other_keys(i)} | {exact_key(i): False for i in ids}
    work.connection.executemany(
        "INSERT INTO parked_keys (carrier, key, parked, converted) VALUES (?, ?, ?, ?)",
        [(receipt.carrier, key, parked_id, converted) for key, converted in keys.items()],
    )
    work.parked += 1


def made_known(work: Work, carrier: str, carrier_message_id: str) -> list[tuple[ReceiptIn, Match]]:
    """Take the parked receipts that this answer's id makes known, oldest first."""
    rows = work.execute(
        "SELECT p.id, p.receipt FROM parked_keys k JOIN parked p ON p.id = k.parked WHERE k.carrier = ? AND k.key = ? ORDER BY p.id",
        (carrier, exact_key(carrier_message_id)),
    ).fetchall()
    known = []
    for parked_id, body in rows:
        receipt = _decoder.decode(body)
        said = receipt.receipt
        found = match(
            work, carrier, tuple(i for i in (said.message_id, *said.alt_ids) if i), (said.source, said.destination)
        )
        if found is not None:
            remove(work, parked_id)
            known.append((receipt, Match(found.candidate, "parked")))
    return known


def doubt_that(work: Work, receipt: ReceiptIn) -> Match | None:
    """The one doubt that an unmatched receipt can only be about: its carrier has a single segment in doubt for that number, and no other
    segment for it whose answer is still to come."""
    said = receipt.receipt
    if not said.message_id:
        return None
    rows = [Candidate(*row) for row in work.execute(_DOUBTS, (receipt.carrier,)).fetchall()]
    fitting = [c for c in rows if is_destination(c.recipient, (said.source, said.destination))]
    if len(fitting) != 1 or _is_awaited(work, receipt.carrier, fitting[0]):
        return None
    return Match(fitting[0], "doubt")


def for_doubt(work: Work, carrier: str, candidate: Candidate) -> tuple[ReceiptIn, Match] | None:
    """Take the one parked receipt that came for a doubt's number after its claim; None when there is none, or more than one."""
    digits = digits_of(candidate.recipient)
    claimed_at = work.execute(
        "SELECT claimed_at FROM attempts WHERE message = ? AND part = ? AND attempt = ?",
        (candidate.message, candidate.part, candidate.attempt),
    ).fetchone()[0]
    rows = work.execute(
        "SELECT id, receipt FROM parked WHERE carrier = ?1 AND source = ?2 AND at >= ?3 UNION "
        "SELECT id, receipt FROM parked WHERE carrier = ?1 AND destination = ?2 AND at >= ?3",
        (carrier, digits, claimed_at),
    ).fetchall()
    if len(rows) != 1:
        return None
    receipt = _decoder.decode(rows[0][1])
    found = doubt_that(work, receipt)
    if found is None or found.candidate[:3] != candidate[:3]:
        return None
    remove(work, rows[0][0])
    return receipt, found


def remove(work: Work, parked_id: int) -> None:
    work.execute("DELETE FROM parked_keys WHERE parked = ?", (parked_id,))
    work.execute("DELETE FROM parked WHERE id = ?", (parked_id,))
    work.parked -= 1


def _is_parked(work: Work, receipt: ReceiptIn) -> bool:
    """Carriers send a receipt again when our acknowledgement was lost: the same words once are enough."""
    said = receipt.receipt
    key = exact_key(said.message_id or "")
    if not key:
        return False
    return (
        work.execute(
            "SELECT 1 FROM parked_keys k JOIN parked p ON p.id = k.parked WHERE k.carrier = ? AND k.key = ? AND p.raw = ? AND p.state = ? "
            "AND p.source = ? AND p.destination = ?",
            (
                receipt.carrier,
                key,
                said.raw,
                said.stat or said.state.name,
                digits_of(said.source),
                digits_of(said.destination),
            ),
        ).fetchone()
        is not None
    )


def _is_awaited(work: Work, carrier: str, candidate: Candidate) -> bool:
    """Whether another segment for the same number is unanswered on this carrier: the receipt may be that one's, ahead of its answer."""
    return (
        work.execute(
            f"SELECT 1 FROM messages m JOIN attempts a ON a.message = m.id WHERE m.state = {int(MessageState.SUBMITTING)} AND m.recipient = ? "
            f"AND a.carrier = ? AND a.state = {int(AttemptState.SUBMITTING)}",
            (candidate.recipient, carrier),
        ).fetchone()
        is not None
    )
