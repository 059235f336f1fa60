"""The audit: what people changed by hand, who and when, and on whose request; never what a message says.

Rows are only added; triggers of the table refuse all else. They go with retention, which moves what is kept first.
"""

from enum import Enum

from gateway.store.by import By
from gateway.store.work import Work

_INSERT = (
    "INSERT INTO audit (id, at, who, request_id, what, outcome, message, event, endpoint, replayed) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_OLD = "SELECT id FROM audit WHERE id < ? ORDER BY id LIMIT ?"
_KEPT_SINCE = "UPDATE audit_kept SET since = ? WHERE id = 1 AND since < ?"
_DELETE = "DELETE FROM audit WHERE id = ?"


class What(Enum):
    """What can be done by hand."""

    CANCEL = "cancel"
    REPLAY = "replay"
    SETTLE_DOUBT = "settle_doubt"
    ENABLE_ENDPOINT = "enable_endpoint"
    TEST_EVENT = "test_event"
    TRACE_SHOWN = "trace_shown"
    """With numbers and texts; the outcome is the carrier's name."""
    REVEAL = "reveal"
    """A message was shown with its numbers and text."""
    PUT_TEMPLATE = "put_template"
    """The outcome is its name."""
    DELETE_TEMPLATE = "delete_template"
    PAUSE_CAMPAIGN = "pause_campaign"
    RESUME_CAMPAIGN = "resume_campaign"
    CANCEL_CAMPAIGN = "cancel_campaign"
    """Of these the outcome is the campaign's public id."""
    PUT_OPT_OUT = "put_opt_out"
    DELETE_OPT_OUT = "delete_opt_out"
    IMPORT_OPT_OUTS = "import_opt_outs"
    PUT_OPT_IN = "put_opt_in"
    DELETE_OPT_IN = "delete_opt_in"
    IMPORT_OPT_INS = "import_opt_ins"
    """Of an import the outcome is how many are new, else the account; numbers are never told."""
    RESTORE = "restore"
    """The outcome is the backup's name."""
    RELEASE_HELD = "release_held"
    END_HELD = "end_held"
    """Of these the outcome says how much it is about, and by which filters."""
    BACKUP = "backup"
    """The outcome is its name and its SHA-256."""
    RELOAD = "reload"
    """Of the settings."""
    PAUSE_CARRIER = "pause_carrier"
    DRAIN_CARRIER = "drain_carrier"
    RESUME_CARRIER = "resume_carrier"
    REBIND_CARRIER = "rebind_carrier"
    """Of these the outcome is the carrier's name; of a hold also why, where that was said."""
    DRAIN_GATEWAY = "drain_gateway"
    UNDRAIN_GATEWAY = "undrain_gateway"
    STOP_GATEWAY = "stop_gateway"


def add(
    work: Work,
    by: By,
    what: What,
    *,
    outcome: str | None = None,
    message: int | None = None,
    event: int | None = None,
    endpoint: int | None = None,
    replayed: int | None = None,
) -> None:
    """Write down what was done, in the transaction that does it."""
    row = (work.ids.next(), work.now, by.who, by.request_id, what.value, outcome, message, event, endpoint, replayed)
    work.execute(_INSERT, row)


def erase_before(work: Work, first_kept: int, most: int) -> int:
    """Delete rows of ids before this one, the oldest first; how many."""
    old = work.execute(_OLD, (first_kept, most)).fetchall()
    if not old:
        return 0
    work.execute(_KEPT_SINCE, (first_kept, first_kept))
    return work.executemany(_DELETE, old).rowcount
