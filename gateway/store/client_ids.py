"""Who holds a client_id: the account's own id of a message, which says more of a repeat than anything else in it."""

from gateway.store.work import Work

_HOLDER = "SELECT id FROM messages WHERE account = ? AND client_id = ?"


def holder(work: Work, account: str, client_id: str | None) -> int | None:
    """The message that has it; None: none has."""
    if client_id is None:
        return None
    row = work.execute(_HOLDER, (account, client_id)).fetchone()
    return None if row is None else row[0]
