"""What the store keeps of named templates, and what is asked of it: plain values (see kept.py)."""

from enum import Enum
from typing import NamedTuple, Protocol


class TemplateRow(NamedTuple):
    """A template as it stands."""

    account: str
    name: str
    body: str
    """gateway.rules.named_templates.NamedTemplate as JSON."""
    created_at: int
    updated_at: int


class TemplatePut(Enum):
    """What became of keeping one."""

    CREATED = "created"
    REPLACED = "replaced"
    TOO_MANY = "too_many"
    """The account has as many as it may; nothing was changed."""


class TemplateStore(Protocol):
    """What templates need of a store. Every write is on disk when its call returns, and audited."""

    async def put_template(self, template: TemplateRow, *, most: int, request_id: int) -> TemplatePut:
        """Raises StoreBusy. `created_at` of one that is replaced stays as it was; `most`: of an account."""

    async def delete_template(self, account: str, name: str, *, request_id: int) -> bool:
        """Raises StoreBusy. False: there is none."""

    async def all_templates(self) -> list[TemplateRow]:
        """Of all accounts."""
