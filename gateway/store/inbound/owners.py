"""Whose an inbound message is where its number alone does not say: the account that last wrote to its handset from it.

Several accounts may share a number, and a carrier may rewrite what nobody here calls his own.
"""

from gateway.rules.numbers import Number, Numbers
from gateway.settings.patterns import bare
from gateway.settings.types import BareDigits, NumberCheck
from gateway.store.interface import InboundIn
from gateway.store.work import Found, Work

MOST_LOOKED_AT = 100
"""Of the latest messages to a handset."""
_LATEST = (
    "SELECT id, account FROM (SELECT id, account, sender, attempts FROM messages WHERE recipient = ? "
    f"ORDER BY id DESC LIMIT {MOST_LOOKED_AT}) WHERE attempts > 0 "
)
_FROM_NUMBER = _LATEST + "AND sender IN (?, ?) LIMIT 1"
_OF_ACCOUNT = _LATEST + "AND account = ? LIMIT 1"
_WRITTEN_TO = "SELECT 1 FROM messages WHERE recipient = ? LIMIT 1"
_BY_PLAN = Numbers(NumberCheck.VALID, BareDigits.REFUSE, None)


def last_writer(work: Work, inbound: InboundIn) -> str | None:
    """The account that last wrote to the handset from this number."""
    number = bare(inbound.recipient)
    for handset in dict.fromkeys((inbound.sender, f"+{bare(inbound.sender)}")):
        row = work.execute(_FROM_NUMBER, (handset, number, f"+{number}")).fetchone()
        if row is not None:
            return str(row[1])
    return None


def last_message(work: Work, account: str, handset: str) -> Found | None:
    """The last message that the account sent to it."""
    row = work.execute(_OF_ACCOUNT, (handset, account)).fetchone()
    return None if row is None else work.find(row[0])


def handset_of(work: Work, account: str, address: str) -> str | None:
    """The number of a handset as its messages have it; None: it is no number. Carriers leave the plus out, and some
    the country code too."""
    if not bare(address).isdecimal() or not address.isascii():
        return None
    international = f"+{bare(address)}"
    policy = work.policy.accounts.get(account)
    if address.startswith("+") or policy is None or policy.numbers is None:
        return international
    found = policy.numbers.check(address)
    if not isinstance(found, Number) or found.e164 == international:
        return international
    for number in (international, found.e164):
        if work.execute(_WRITTEN_TO, (number,)).fetchone() is not None:
            return number
    return international if _lacks_its_plus(address, international, found.e164) else found.e164


def _lacks_its_plus(address: str, international: str, national: str) -> bool:
    """By the numbering plans. What may be both is dialled inside its country, but for one that has its own country's
    code already: German plans have room for 49 49151..., which is nobody's."""
    if not isinstance(_BY_PLAN.check(international), Number):
        return False
    is_of_the_same = international.startswith(national.removesuffix(address))
    return is_of_the_same or not isinstance(_BY_PLAN.check(national), Number)
