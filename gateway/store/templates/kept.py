"""Named templates on disk: kept until they are deleted, few, and read once at the start."""

import sqlite3

from gateway.store import audit
from gateway.store.audit import What
from gateway.store.by import By
from gateway.store.templates.interface import TemplatePut, TemplateRow
from gateway.store.work import Work

_HAS = "SELECT 1 FROM templates WHERE account = ? AND name = ?"
_COUNT = "SELECT count(*) FROM templates WHERE account = ?"
_PUT = (
    "INSERT INTO templates (account, name, body, created_at, updated_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (account, name) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at"
)
_DELETE = "DELETE FROM templates WHERE account = ? AND name = ?"
_ALL = "SELECT account, name, body, created_at, updated_at FROM templates ORDER BY account, name"


def put(work: Work, template: TemplateRow, most: int, by: By) -> TemplatePut:
    """Keep it under its name, in the place of one that was there."""
    is_known = work.execute(_HAS, (template.account, template.name)).fetchone() is not None
    if not is_known and work.execute(_COUNT, (template.account,)).fetchone()[0] >= most:
        return TemplatePut.TOO_MANY
    work.execute(_PUT, template)
    audit.add(work, by, What.PUT_TEMPLATE, outcome=template.name)
    return TemplatePut.REPLACED if is_known else TemplatePut.CREATED


def delete(work: Work, account: str, name: str, by: By) -> bool:
    """Forget it; messages and campaigns that were made of it stay as they are."""
    if not work.execute(_DELETE, (account, name)).rowcount:
        return False
    audit.add(work, by, What.DELETE_TEMPLATE, outcome=name)
    return True


def all_templates(connection: sqlite3.Connection) -> list[TemplateRow]:
    """Of all accounts, by account and name."""
    return [TemplateRow._make(row) for row in connection.execute(_ALL).fetchall()]
