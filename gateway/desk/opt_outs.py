"""Opt-outs of all accounts, for support: who may not be written to, since when and why; adding and removing one.

What may be kept is gateway.rules.consents'; what is not sent to whom, the store's.
"""

from typing import Any

from gateway.desk.faults import WrongFields
from gateway.desk.masks import Sight
from gateway.identifiers import INBOUND, MESSAGE, now_ms, public
from gateway.rules.consents import ConsentCheck, read_sender
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.timestamps import rfc3339
from gateway.settings import Settings
from gateway.store.by import By
from gateway.store.consents.interface import ConsentKind, ConsentRow, ConsentStore, NewConsent

SOURCE = "operator"
"""Of those that operators add."""
_KIND = ConsentKind.OPT_OUT
Position = tuple[str, str]
BEGINNING: Position = ("", "")


class OptOutsDesk:
    """Numbers are read as the account's messages' are. What is wrong raises WrongFields; so does an account that is
    not in the settings, as `account`."""

    def __init__(self, settings: Settings, store: ConsentStore) -> None:
        self._store = store
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings."""
        self._checks = {name: ConsentCheck(account) for name, account in settings.accounts.items()}

    def accounts(self) -> list[str]:
        """Those that there are."""
        return list(self._checks)

    async def find(self, account: str, number: str, sight: Sight = Sight.MASKED) -> list[dict[str, Any]]:
        """Those of one number, by sender; none: it may be written to."""
        recipient = _right("number", self._check(account).number(number))
        return [opt_out(account, row, sight) for row in await self._store.consents_of(_KIND, account, recipient)]

    async def list(
        self, account: str, limit: int, after: Position = BEGINNING, sight: Sight = Sight.MASKED
    ) -> tuple[list[dict[str, Any]], Position | None]:
        """By number and sender, from behind this pair; and where the next page goes on."""
        self._check(account)
        rows = await self._store.consents(_KIND, account, after, limit + 1)
        following = rows[limit - 1][:2] if len(rows) > limit else None
        return [opt_out(account, row, sight) for row in rows[:limit]], following

    async def put(
        self, account: str, number: str, sender: str | None, why: str | None, by: By, sight: Sight = Sight.MASKED
    ) -> dict[str, Any]:
        """Keep one, in the place of an earlier one of the same number and sender; `sender` None: of all the account's.
        The object, with `is_new`. Raises StoreFull or StoreBusy."""
        fields = {"sender": sender, "source": SOURCE, "evidence": why}
        checked = self._check(account).one(number, fields, now_ms())
        if isinstance(checked, ItemErrors):
            raise WrongFields(_as_asked(checked))
        consent = NewConsent(*checked)
        is_new = await self._store.put_consent(_KIND, account, consent, by=by)
        return {**opt_out(account, ConsentRow(*consent, None, None, None), sight), "is_new": is_new}

    async def delete(self, account: str, number: str, sender: str | None, by: By) -> bool:
        """Forget those of a number, or of a number and sender. False: there is none."""
        recipient = _right("number", self._check(account).number(number))
        of_sender = None if sender is None else _right("sender", read_sender(sender))
        return await self._store.delete_consent(_KIND, account, recipient, of_sender, by=by)

    def _check(self, account: str) -> ConsentCheck:
        check = self._checks.get(account)
        if check is None:
            raise WrongFields.of("account", Fault("is not in the settings", FaultCode.UNKNOWN_VALUE))
        return check


def opt_out(account: str, row: ConsentRow, sight: Sight) -> dict[str, Any]:
    """One of them."""
    return {
        "account": account,
        "number": sight.of(row.recipient),
        "sender": sight.of(row.sender) or None,
        "at": rfc3339(row.at),
        "source": row.source,
        "why": None if row.evidence is None else sight.throughout(row.evidence),
        "keyword": row.keyword,
        "inbound_id": None if row.inbound is None else public(INBOUND, row.inbound),
        "message_id": None if row.message is None else public(MESSAGE, row.message),
    }


def _right(name: str, found: str | Fault) -> str:
    if isinstance(found, Fault):
        raise WrongFields.of(name, found)
    return found


def _as_asked(errors: ItemErrors) -> ItemErrors:
    """What accounts call evidence is asked for as `why` here."""
    for told in (errors.fields, errors.codes):
        if "evidence" in told:
            told["why"] = told.pop("evidence")
    return errors
