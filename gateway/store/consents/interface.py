"""Opt-outs and opt-ins as the store is asked about them: plain values (see opt_outs.py and by_hand.py)."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from gateway.store.by import By

INBOUND_SOURCE = "inbound"
"""Of an opt-out that the handset itself asked for."""


class Suppression(Enum):
    """Why somebody may not be written to."""

    OPTED_OUT = "opted_out"
    NOT_OPTED_IN = "not_opted_in"


class ConsentKind(Enum):
    """The value is the name of its table."""

    OPT_OUT = "opt_outs"
    OPT_IN = "opt_ins"


class NewConsent(NamedTuple):
    """An opt-out or opt-in to keep."""

    recipient: str
    """E.164 with its plus."""
    sender: str
    """Without its plus; '': any of the account's."""
    at: int
    source: str
    evidence: str | None


class ConsentRow(NamedTuple):
    """One as it is kept; the last three only of opt-outs by a keyword."""

    recipient: str
    sender: str
    at: int
    source: str
    evidence: str | None
    keyword: str | None
    inbound: int | None
    message: int | None


class ConsentStore(Protocol):
    """What the calls about opt-outs and opt-ins need. Writes are on disk when they return, and audited."""

    async def put_consent(self, kind: ConsentKind, account: str, consent: NewConsent, *, by: By) -> bool:
        """Keep it in the place of an earlier one of the same number and sender; whether there was none."""

    async def add_consents(self, kind: ConsentKind, account: str, consents: Sequence[NewConsent], *, by: By) -> int:
        """Keep those that are new; how many that were. What is there already stays as it is."""

    async def delete_consent(
        self, kind: ConsentKind, account: str, recipient: str, sender: str | None, *, by: By
    ) -> bool:
        """Forget those of a number, or of a number and sender. False: there is none."""

    async def consents_of(self, kind: ConsentKind, account: str, recipient: str) -> list[ConsentRow]:
        """Those of one number, by sender."""

    async def consents(self, kind: ConsentKind, account: str, after: tuple[str, str], limit: int) -> list[ConsentRow]:
        """By number and sender, from behind this pair."""
