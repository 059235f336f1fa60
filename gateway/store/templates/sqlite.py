"""The embedded store's face to templates: what is asked is interface.py's."""

from __future__ import annotations

from functools import partial

from gateway.store.by import by_account
from gateway.store.face import SqliteFace
from gateway.store.templates import kept
from gateway.store.templates.interface import TemplatePut, TemplateRow


class SqliteTemplates(SqliteFace):
    """Mixed into SqliteStore."""

    async def put_template(self, template: TemplateRow, *, most: int, request_id: int) -> TemplatePut:
        put = partial(kept.put, template=template, most=most, by=by_account(template.account, request_id))
        return await self._order(put)

    async def delete_template(self, account: str, name: str, *, request_id: int) -> bool:
        by = by_account(account, request_id)
        return await self._order(partial(kept.delete, account=account, name=name, by=by))

    async def all_templates(self) -> list[TemplateRow]:
        return await self._read(kept.all_templates)
