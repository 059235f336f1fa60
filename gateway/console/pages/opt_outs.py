"""The opt-outs' page: one number looked up in an account, added, removed; and the account's list, masked."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from quart import Response

from gateway.console.frame import Frame, Route, visitor
from gateway.desk.faults import WrongFields
from gateway.desk.masks import masked_number
from gateway.desk.opt_outs import BEGINNING, OptOutsDesk, Position
from gateway.desk.places import Places

_HERE = "/console/opt-outs"
_SHOWN = 50
_NO_DIGITS = re.compile(r"[^0-9+]")


class OptOutsPages:
    """`/console/opt-outs` and its actions."""

    def __init__(self, frame: Frame, desk: OptOutsDesk) -> None:
        self._frame = frame
        self._desk = desk
        self._places = Places[Position]()

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/opt-outs", self.show),
            Route("POST", "/opt-outs/add", self.add, acts=True),
            Route("POST", "/opt-outs/remove", self.remove, acts=True),
        ]

    async def show(self) -> Response:
        """The list of one account; with a number also what is kept of it."""
        asked = self._frame.query()
        accounts = sorted(self._desk.accounts())
        account = asked.get("account", "")
        if account not in accounts:
            account = accounts[0] if accounts else ""
        number = asked.get("number", "").strip()
        found, wrong = await self._found(account, number)
        listed: list[dict[str, Any]] = []
        following: Position | None = None
        if account:
            after = self._places.of(asked.get("cursor", "")) or BEGINNING
            listed, following = await self._desk.list(account, _SHOWN, after)
        return self._frame.page(
            "opt_outs.html",
            title="Opt-outs",
            active="opt-outs",
            accounts=accounts,
            account=account,
            number=number,
            hidden=_hidden(number),
            found=found,
            wrong=wrong,
            listed=listed,
            next_cursor=self._places.kept(following),
        )

    async def add(self) -> Response:
        form = await self._frame.form()
        account, number = form.get("account", ""), form.get("number", "").strip()
        sender, why = form.get("sender", "").strip() or None, form.get("why", "").strip() or None
        try:
            await self._desk.put(account, number, sender, why, visitor().by())
        except WrongFields as wrong:
            return self._frame.done(_looked_up(account, number), _faults(wrong.fields), is_error=True)
        return self._frame.done(_looked_up(account, number), f"{_hidden(number)} is opted out of {account}'s messages.")

    async def remove(self) -> Response:
        form = await self._frame.form()
        account, number = form.get("account", ""), form.get("number", "").strip()
        try:
            is_gone = await self._desk.delete(account, number, form.get("sender", ""), visitor().by())
        except WrongFields as wrong:
            return self._frame.done(_looked_up(account, number), _faults(wrong.fields), is_error=True)
        words = f"The opt-out of {_hidden(number)} is removed." if is_gone else "There was none to remove."
        return self._frame.done(_looked_up(account, number), words)

    async def _found(self, account: str, number: str) -> tuple[list[dict[str, Any]] | None, str | None]:
        """What is kept of the number, None where none was looked up; and what is wrong with what was asked."""
        if not account or not number:
            return None, None
        try:
            # Who may remove one has to name its sender.
            return await self._desk.find(account, number, visitor().operator.sight), None
        except WrongFields as wrong:
            return None, _faults(wrong.fields)


def _faults(fields: Mapping[str, Sequence[str]]) -> str:
    """What is wrong with each field, in one line: `The number is too short for Spain (+34).`"""
    return " ".join(f"The {name} {', and '.join(words)}." for name, words in fields.items())


def _hidden(typed: str) -> str:
    """A number as somebody typed it, masked."""
    return masked_number(_NO_DIGITS.sub("", typed)) or "this number"


def _looked_up(account: str, number: str) -> str:
    return f"{_HERE}?{urlencode({'account': account, 'number': number})}"
