"""What a lane's duplicate_window refuses: the same text to the same number by the same account.

The first is remembered as a digest, in the transaction that files it. What ended without ever being sent stands in
nobody's way; nor does a campaign's message, whose recipients are counted once anyway.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.messages import MessageState
from gateway.store import client_ids
from gateway.store.interface import NewMessage
from gateway.store.work import Work

_DIGEST_BYTES = 16
_FIRST = (
    "SELECT r.message FROM recent_texts r CROSS JOIN messages m ON m.id = r.message "
    "WHERE r.account = ? AND r.lane = ? AND r.digest = ? AND r.expires_at > ? "
    f"AND (m.sent_at IS NOT NULL OR m.state < {int(MessageState.DELIVERED)} OR m.state = {int(MessageState.UNKNOWN)})"
)
_KEEP = "INSERT OR REPLACE INTO recent_texts (account, lane, digest, message, expires_at) VALUES (?, ?, ?, ?, ?)"
_Row = tuple[str, str, bytes, int, int]


@dataclass(slots=True)
class Recent:
    """What was found of a submission's messages."""

    duplicates: dict[int, int] = field(default_factory=dict)
    """By index: the message that has the text already."""
    rows: dict[int, _Row] = field(default_factory=dict)
    """By index: what is to be remembered once it is filed."""


NOTHING_RECENT = Recent()


def look(
    work: Work, account: str, messages: Sequence[NewMessage], lanes: Collection[str], left_out: Collection[int]
) -> Recent:
    """Which of the messages, all of these lanes, are duplicates; those of `left_out` are not filed, and so are none."""
    policies = work.policy.lanes
    windows = {
        lane: policy.duplicate_window_ms
        for lane in lanes
        if (policy := policies.get(lane)) is not None and policy.duplicate_window_ms
    }
    return _look(work, account, messages, left_out, windows) if windows else NOTHING_RECENT


def _look(
    work: Work,
    account: str,
    messages: Sequence[NewMessage],
    left_out: Collection[int],
    windows: Mapping[str, int],
) -> Recent:
    found = Recent()
    firsts: dict[tuple[str, bytes], int] = {}
    names: set[str] = set()
    key = work.policy.digest_keys.get(account, b"")
    for index, message in enumerate(messages):
        if message.lane not in windows or index in left_out or _is_named(work, account, message, names):
            continue
        digest = _digest(key, message)
        place = (message.lane, digest)
        first = firsts.get(place)
        if first is None:
            row = work.execute(_FIRST, (account, message.lane, digest, work.now)).fetchone()
            first = row[0] if row else None
        if first is not None:
            found.duplicates[index] = first
            continue
        firsts[place] = message.id
        until = work.now + windows[message.lane]
        found.rows[index] = (account, message.lane, digest, message.id, until)
    return found


def _is_named(work: Work, account: str, message: NewMessage, names: set[str]) -> bool:
    """Whether its client_id is in use, which says more of a repeat than its text; it will not be filed."""
    if message.client_id is None:
        return False
    if message.client_id in names:
        return True
    names.add(message.client_id)
    return client_ids.holder(work, account, message.client_id) is not None


def keep(work: Work, recent: Recent, conflicts: Collection[int]) -> None:
    """Remember what was filed."""
    rows: Sequence[_Row] = [row for index, row in recent.rows.items() if index not in conflicts]
    if rows:
        work.executemany(_KEEP, rows)


def _digest(key: bytes, message: NewMessage) -> bytes:
    said = f"{message.recipient}\n{message.text}".encode()
    return hashlib.blake2b(said, key=key, digest_size=_DIGEST_BYTES).digest()
