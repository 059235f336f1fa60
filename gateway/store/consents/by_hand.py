"""Opt-outs and opt-ins as accounts and operators change them by hand, and as they are read; two tables of one shape.

Numbers are never written to the audit: it says how many, and of a single one nothing but whose list was changed.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from gateway.store import audit
from gateway.store.audit import What
from gateway.store.by import By
from gateway.store.consents.interface import ConsentKind, ConsentRow, NewConsent
from gateway.store.many_rows import Insert
from gateway.store.work import Work


class _Statements(NamedTuple):
    add: Insert
    replace: str
    has: str
    delete: str
    delete_all: str
    of_number: str
    page: str
    put_what: What
    delete_what: What
    import_what: What


def _statements(kind: ConsentKind, further: str, put: What, delete: What, added: What) -> _Statements:
    table, columns = kind.value, "account, recipient, sender, at, source, evidence"
    forgotten = ", keyword = NULL, inbound = NULL, message = NULL" if kind is ConsentKind.OPT_OUT else ""
    select = f"SELECT recipient, sender, at, source, evidence, {further} FROM {table} WHERE account = ? "
    return _Statements(
        Insert(table, columns, otherwise="ON CONFLICT DO NOTHING"),
        f"INSERT INTO {table} ({columns}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, recipient, sender) "
        f"DO UPDATE SET at = excluded.at, source = excluded.source, evidence = excluded.evidence{forgotten}",
        f"SELECT 1 FROM {table} WHERE account = ? AND recipient = ? AND sender = ?",
        f"DELETE FROM {table} WHERE account = ? AND recipient = ? AND sender = ?",
        f"DELETE FROM {table} WHERE account = ? AND recipient = ?",
        f"{select}AND recipient = ? ORDER BY sender",
        f"{select}AND (recipient, sender) > (?, ?) ORDER BY recipient, sender LIMIT ?",
        put,
        delete,
        added,
    )


_BY_KIND = {
    ConsentKind.OPT_OUT: _statements(
        ConsentKind.OPT_OUT, "keyword, inbound, message", What.PUT_OPT_OUT, What.DELETE_OPT_OUT, What.IMPORT_OPT_OUTS
    ),
    ConsentKind.OPT_IN: _statements(
        ConsentKind.OPT_IN, "NULL, NULL, NULL", What.PUT_OPT_IN, What.DELETE_OPT_IN, What.IMPORT_OPT_INS
    ),
}


def put(work: Work, kind: ConsentKind, account: str, consent: NewConsent, by: By) -> bool:
    """Keep it in the place of an earlier one; whether there was none."""
    statements = _BY_KIND[kind]
    is_new = work.execute(statements.has, (account, consent.recipient, consent.sender)).fetchone() is None
    work.execute(statements.replace, (account, *consent))
    _noted(work, kind, account)
    audit.add(work, by, statements.put_what, outcome=account)
    return is_new


def add(work: Work, kind: ConsentKind, account: str, consents: Sequence[NewConsent], by: By) -> int:
    """Keep those that are new; how many that were."""
    statements = _BY_KIND[kind]
    added = statements.add.rows(work, [(account, *consent) for consent in consents])
    if added:
        _noted(work, kind, account)
        audit.add(work, by, statements.import_what, outcome=str(added))
    return added


def delete(work: Work, kind: ConsentKind, account: str, recipient: str, sender: str | None, by: By) -> bool:
    """Forget those of a number, or of a number and sender. False: there is none."""
    statements = _BY_KIND[kind]
    if sender is None:
        deleted = work.execute(statements.delete_all, (account, recipient)).rowcount
    else:
        deleted = work.execute(statements.delete, (account, recipient, sender)).rowcount
    if deleted:
        audit.add(work, by, statements.delete_what, outcome=account)
    return bool(deleted)


def of_number(connection: sqlite3.Connection, kind: ConsentKind, account: str, recipient: str) -> list[ConsentRow]:
    rows = connection.execute(_BY_KIND[kind].of_number, (account, recipient)).fetchall()
    return [ConsentRow._make(row) for row in rows]


def page(
    connection: sqlite3.Connection, kind: ConsentKind, account: str, after: tuple[str, str], limit: int
) -> list[ConsentRow]:
    """By number and sender, from behind this pair."""
    rows = connection.execute(_BY_KIND[kind].page, (account, *after, limit)).fetchall()
    return [ConsentRow._make(row) for row in rows]


def _noted(work: Work, kind: ConsentKind, account: str) -> None:
    if kind is ConsentKind.OPT_OUT:
        work.opt_outs.add(account)
