"""Raw receipts that may quote their message: they stay as long as its text does, and are erased after it.

Nearly all receipts are read to the end and quote nothing that is kept; theirs stay with the message.
"""

from gateway.store.work import Work

LOOK_AGAIN_MS = 60_000
_NOTE = "INSERT INTO quoting_receipts (message, receipt, due) VALUES (?, ?, ?)"
_DUE = (
    "SELECT q.message, q.receipt, m.text IS NULL, m.due "
    "FROM quoting_receipts q LEFT JOIN messages m ON m.id = q.message WHERE q.due <= ? ORDER BY q.due LIMIT ?"
)
_ERASE = (
    "UPDATE attempts SET receipt_raw = '' WHERE message = ? AND receipt_id = ?",
    "UPDATE receipts SET raw = '' WHERE message = ? AND id = ?",
    "DELETE FROM quoting_receipts WHERE message = ? AND receipt = ?",
)
_PUT_OFF = "UPDATE quoting_receipts SET due = ? WHERE message = ? AND receipt = ?"


def note(work: Work, message: int, receipt: int) -> None:
    """A receipt of this message, by its id, may quote it."""
    work.execute(_NOTE, (message, receipt, work.now))


def erase(work: Work, most: int) -> int:
    """Erase those whose message's text is erased, or is no more, in at most so many rows."""
    found = work.execute(_DUE, (work.now, most // len(_ERASE))).fetchall()
    over = [(message, receipt) for message, receipt, is_erased, _ in found if is_erased]
    for statement in _ERASE:
        work.executemany(statement, over)
    # A text that is there still is looked at when its message is due, and not before.
    later = [
        (max(due, work.now + LOOK_AGAIN_MS), message, receipt)
        for message, receipt, is_erased, due in found
        if not is_erased
    ]
    work.executemany(_PUT_OFF, later)
    return len(over) * len(_ERASE) + len(later)
