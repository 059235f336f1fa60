"""Whom an account may not write to: opt-outs, and opt-ins where a lane requires them; looked up for many at once.

Numbers stand as in messages, senders without their plus; the sender '' is any of the account's. What a handset's
keywords change is keyword_messages.py's, what people change by hand by_hand.py's.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from gateway.settings.patterns import bare
from gateway.store import client_ids
from gateway.store.consents.interface import Suppression
from gateway.store.interface import NewMessage
from gateway.store.work import Work

NOBODY: Mapping[int, Suppression] = {}
_THOSE = (
    "SELECT k.key FROM json_each(?) k WHERE {} (SELECT 1 FROM {} "
    "WHERE account = ? AND recipient = k.value ->> 0 AND sender IN ('', k.value ->> 1))"
)
_OPTED_OUT, _NOT_OPTED_IN = _THOSE.format("EXISTS", "opt_outs"), _THOSE.format("NOT EXISTS", "opt_ins")
_encode = msgspec.json.Encoder().encode


def may_bar(work: Work, account: str, lane: str) -> bool:
    """Whether anybody at all may be barred: nothing is asked of the disk where nobody can be."""
    return any(_looks_for(work, account, lane))


def _looks_for(work: Work, account: str, lane: str) -> tuple[bool, bool]:
    """Whether opt-outs say who is barred, and whether opt-ins do."""
    policy = work.policy.lanes.get(lane)
    minds, needs = (True, False) if policy is None else (policy.minds_opt_outs, policy.needs_opt_in)
    return minds and account in work.opt_outs.accounts, needs


def suppressed(work: Work, account: str, lane: str, pairs: Sequence[tuple[str, str]]) -> Mapping[int, Suppression]:
    """Of recipients with the sender that each is to be written to from: the indexes of those who may not be."""
    opt_outs, opt_ins = _looks_for(work, account, lane)
    if not pairs or not (opt_outs or opt_ins):
        return NOBODY
    asked = _encode([(recipient, bare(sender)) for recipient, sender in pairs]).decode()
    found: dict[int, Suppression] = {}
    if opt_ins:
        found = {index: Suppression.NOT_OPTED_IN for (index,) in work.execute(_NOT_OPTED_IN, (asked, account))}
    if opt_outs:
        found |= {index: Suppression.OPTED_OUT for (index,) in work.execute(_OPTED_OUT, (asked, account))}
    return found


def suppressed_messages(
    work: Work, account: str, messages: Sequence[NewMessage], lanes: Collection[str]
) -> Mapping[int, Suppression]:
    """The same of messages of these lanes that are about to be filed. One whose client_id is in use will not be filed,
    and that says more of a repeat: its first may have been sent before its recipient opted out."""
    found: dict[int, Suppression] = {}
    for lane in lanes:
        if not may_bar(work, account, lane):
            continue
        indexes = [index for index, message in enumerate(messages) if message.lane == lane]
        pairs = [(messages[index].recipient, messages[index].sender) for index in indexes]
        for place, why in suppressed(work, account, lane, pairs).items():
            if client_ids.holder(work, account, messages[indexes[place]].client_id) is None:
                found[indexes[place]] = why
    return found
