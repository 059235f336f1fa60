"""What the writer knows by heart of opt-outs: which accounts have any, so that the others never look."""

import sqlite3

_NEXT = "SELECT account FROM opt_outs WHERE account > ? ORDER BY account LIMIT 1"


class OptOutMirror:
    """One account too many costs a look-up and is no fault, so nothing is taken out when a transaction is undone, nor
    when an account's last opt-out goes: that is found out at the next start."""

    __slots__ = ("accounts",)

    def __init__(self) -> None:
        self.accounts: frozenset[str] = frozenset()

    def load(self, connection: sqlite3.Connection) -> None:
        """A look-up for each account, however many opt-outs it has."""
        found: list[str] = []
        while (row := connection.execute(_NEXT, (found[-1] if found else "",)).fetchone()) is not None:
            found.append(row[0])
        self.accounts = frozenset(found)

    def add(self, account: str) -> None:
        """From now on, in this transaction too, its opt-outs are looked for."""
        if account not in self.accounts:
            self.accounts |= {account}
