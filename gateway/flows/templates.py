"""The named templates of all accounts: on disk, and read into memory, where checks look them up.

What a template may hold is gateway.rules.named_templates'.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import trio

from gateway.identifiers import now_ms
from gateway.rules.named_templates import NamedTemplate, from_json, to_json
from gateway.store.templates.interface import TemplatePut, TemplateRow, TemplateStore

MOST_TEMPLATES = 1_000
"""Of an account."""


class KeptTemplate(NamedTuple):
    """A template with its times, milliseconds UTC."""

    name: str
    template: NamedTemplate
    created_at: int
    updated_at: int


class TemplatesOfAll:
    """What is in memory is what is on disk, once `load` has returned."""

    def __init__(self, accounts: Iterable[str], clock: Callable[[], int] = now_ms) -> None:
        self._clock = clock
        self._by_account: dict[str, dict[str, NamedTemplate]] = {account: {} for account in accounts}
        self._times: dict[tuple[str, str], tuple[int, int]] = {}
        self._changing = trio.Lock()

    def of(self, account: str) -> Mapping[str, NamedTemplate]:
        """An account's templates by name; it shows each change as soon as that is on disk."""
        return self._by_account[account]

    async def load(self, store: TemplateStore) -> None:
        """Read what is on disk; templates of accounts that are not in the settings stay there."""
        for row in await store.all_templates():
            if row.account in self._by_account:
                self._remember(row, from_json(row.body))

    async def learn(self, store: TemplateStore, accounts: Iterable[str]) -> None:
        """Read what is on disk of those among them that are new. Before anyone asks `of` them."""
        async with self._changing:
            new = [account for account in accounts if account not in self._by_account]
            if not new:
                return
            self._by_account.update({account: {} for account in new})
            for row in await store.all_templates():
                if row.account in new:
                    self._remember(row, from_json(row.body))

    def get(self, account: str, name: str) -> KeptTemplate | None:
        template = self._by_account[account].get(name)
        return None if template is None else KeptTemplate(name, template, *self._times[account, name])

    def after(self, account: str, name: str, most: int) -> list[KeptTemplate]:
        """So many at most, by name, from behind this one."""
        names = sorted(other for other in self._by_account[account] if other > name)[:most]
        return [KeptTemplate(n, self._by_account[account][n], *self._times[account, n]) for n in names]

    async def put(
        self, store: TemplateStore, account: str, name: str, template: NamedTemplate, request_id: int
    ) -> TemplatePut:
        """Keep a template under this name. Raises StoreBusy."""
        # Shielded: a caller that hangs up would leave the one on disk and the other in memory.
        with trio.CancelScope(shield=True):
            async with self._changing:
                now = self._clock()
                created_at, _ = self._times.get((account, name), (now, now))
                row = TemplateRow(account, name, to_json(template), created_at, now)
                outcome = await store.put_template(row, most=MOST_TEMPLATES, request_id=request_id)
                if outcome is not TemplatePut.TOO_MANY:
                    self._remember(row, template)
        return outcome

    async def delete(self, store: TemplateStore, account: str, name: str, request_id: int) -> bool:
        """False: there is none. Raises StoreBusy."""
        if name not in self._by_account[account]:
            return False
        with trio.CancelScope(shield=True):
            async with self._changing:
                is_gone = await store.delete_template(account, name, request_id=request_id)
                self._by_account[account].pop(name, None)
                self._times.pop((account, name), None)
        return is_gone

    def _remember(self, row: TemplateRow, template: NamedTemplate) -> None:
        self._by_account[row.account][row.name] = template
        self._times[row.account, row.name] = row.created_at, row.updated_at
