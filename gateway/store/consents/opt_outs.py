"""Whom an account may not write to: opt-outs, and opt-ins where a lane requires them; looked up for many at once.

Numbers stand as in messages, senders without their plus; the sender '' is any of the account's. What a handset's
keywords change is keyword_messages.py's, what people change by hand by_hand.py's.
"""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.rules.patterns import bare
from gateway.store.consents.interface import Suppression
from gateway.store.interface import NewMessage
from gateway.store.work import Work

NOBODY: Mapping[int, Suppression] = {}
_OPTED_OUT = (
    "SELECT k.key FROM json_each(?) k WHERE EXISTS (SELECT 1 FROM opt_outs "
    "WHERE account = ? AND recipient = k.value ->> 0 AND sender IN ('', k.value ->> 1))"
)
_NOT_OPTED_IN = (
    "SELECT k.key FROM json_each(?) k WHERE NOT EXISTS (SELECT 1 FROM opt_ins "
    "WHERE account = ? AND recipient = k.value ->> 0 AND sender IN ('', k.value ->> 1))"
)
_HOLDER = "SELECT 1 FROM messages WHERE account = ? AND client_id = ?"
_encode = msgspec.json.Encoder().encode


def may_bar(work: Work, account: str, lane: str) -> bool:
    """Whether anybody at all may be barred: nothing is asked of the disk where nobody can be."""
    policy = work.policy.lanes.get(lane)
    minds, needs = (True, False) if policy is None else (policy.minds_opt_outs, policy.needs_opt_in)
    return needs or (minds and account in work.opt_outs.accounts)


def suppressed(work: Work, account: str, lane: str, pairs: Sequence[tuple[str, str]]) -> Mapping[int, Suppression]:
    """Of recipients with the sender that each is to be written to from: the indexes of those who may not be."""
    if not pairs or not may_bar(work, account, lane):
        return NOBODY
    asked = _encode([(recipient, bare(sender)) for recipient, sender in pairs]).decode()
    policy = work.policy.lanes.get(lane)
    found: dict[int, Suppression] = {}
    if policy is not None and policy.needs_opt_in:
        found = {index: Suppression.NOT_OPTED_IN for (index,) in work.execute(_NOT_OPTED_IN, (asked, account))}
    if (policy is None or policy.minds_opt_outs) and account in work.opt_outs.accounts:
        found |= {index: Suppression.OPTED_OUT for (index,) in work.execute(_OPTED_OUT, (asked, account))}
    return found


def suppressed_messages(work: Work, account: str, messages: Sequence[NewMessage]) -> Mapping[int, Suppression]:
    """The same of messages that are about to be filed, whose lanes may differ. One whose client_id is in use will not
    be filed, and that says more of a repeat: its first may have been sent before its recipient opted out."""
    lanes = {lane for lane in {message.lane for message in messages} if may_bar(work, account, lane)}
    found: dict[int, Suppression] = {}
    for lane in lanes:
        indexes = [index for index, message in enumerate(messages) if message.lane == lane]
        pairs = [(messages[index].recipient, messages[index].sender) for index in indexes]
        for place, why in suppressed(work, account, lane, pairs).items():
            if not _is_named(work, account, messages[indexes[place]].client_id):
                found[indexes[place]] = why
    return found


def _is_named(work: Work, account: str, client_id: str | None) -> bool:
    return client_id is not None and work.execute(_HOLDER, (account, client_id)).fetchone() is not None
