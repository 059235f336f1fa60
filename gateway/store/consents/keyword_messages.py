"""What a handset's keyword changes, in the transaction that keeps the message: opt-out, its event, the answer to it.

Which texts are keywords is gateway.rules.keywords'; what is answered the settings', by gateway.flows.keyword_replies.
"""

import logging

from gateway.identifiers import CAMPAIGN, INBOUND, public
from gateway.metrics import ACCEPTED
from gateway.rules import options
from gateway.rules.keywords import Keyword, KeywordKind
from gateway.rules.options import MessageOptions
from gateway.settings.patterns import bare
from gateway.settings.types import EventType
from gateway.store import accepts
from gateway.store.campaigns import counts as campaign_counts
from gateway.store.consents.interface import INBOUND_SOURCE
from gateway.store.inbound.owners import handset_of, last_message
from gateway.store.interface import EventFacts, InboundIn, NewMessage, Submission
from gateway.store.message_events import facts_of
from gateway.store.work import Work

log = logging.getLogger("sluice.store")
REPLY_PAUSE_MS = 60_000
"""A handset is answered a kind of keyword once in this time: it may be a machine that answers us."""
_HAS = "SELECT 1 FROM opt_outs WHERE account = ? AND recipient = ? AND sender IN ('', ?)"
_PUT = (
    "INSERT INTO opt_outs (account, recipient, sender, at, source, keyword, inbound, message) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_UNDO = "DELETE FROM opt_outs WHERE account = ? AND recipient = ? AND sender IN ('', ?)"
_MAY_REPLY = (
    "INSERT INTO keyword_replies (account, recipient, kind, at) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (account, recipient, kind) DO UPDATE SET at = excluded.at "
    f"WHERE excluded.at - at >= {REPLY_PAUSE_MS}"
)
_FORGET = "DELETE FROM keyword_replies WHERE id IN (SELECT id FROM keyword_replies WHERE at < ? ORDER BY at LIMIT 10)"
_DESPITE_OPT_OUT = options.to_json(MessageOptions(despite_opt_out=True))


def heed(work: Work, inbound: InboundIn, account: str, keyword: Keyword) -> None:
    """Do as the handset says. Saying it again changes nothing, tells nothing and is answered nothing."""
    handset = handset_of(work, account, inbound.sender)
    if handset is None:
        return
    if keyword.kind is KeywordKind.STOP:
        is_answered = _opt_out(work, inbound, account, handset, keyword)
    elif keyword.kind is KeywordKind.START:
        undone = work.execute(_UNDO, (account, handset, bare(inbound.recipient))).rowcount
        is_answered = undone > 0
    else:
        is_answered = True
    if is_answered:
        # What the handset said counts, whatever becomes of the answer.
        with work.apart(f"answering {public(INBOUND, inbound.id)}"):
            _answer(work, inbound, account, handset, keyword.kind)


def _opt_out(work: Work, inbound: InboundIn, account: str, handset: str, keyword: Keyword) -> bool:
    """Keep the opt-out and tell of it; whether it is one that was not there before."""
    policy = work.policy.accounts.get(account)
    of_sender = policy is not None and policy.opts_out_of_sender
    sender = bare(inbound.recipient) if of_sender else ""
    if work.execute(_HAS, (account, handset, sender)).fetchone() is not None:
        return False
    last = last_message(work, account, handset)
    message = None if last is None else last.id
    row = (account, handset, sender, inbound.at, INBOUND_SOURCE, keyword.word, inbound.id, message)
    work.execute(_PUT, row)
    work.opt_outs.add(account)
    campaign = 0
    if last is not None:
        campaign = work.queues.campaign(last.queue)
        campaign_counts.opted_out_after(work, last)
    endpoint = work.endpoints.own_of(work.connection, account)
    if endpoint is not None and EventType.OPT_OUT in endpoint.wants:
        data = {
            "number": handset,
            "sender": inbound.recipient,
            "scope": "sender" if of_sender else "account",
            "keyword": keyword.word,
            "inbound_id": public(INBOUND, inbound.id),
            "campaign_id": public(CAMPAIGN, campaign) if campaign else None,
        }
        about = None if last is None else facts_of(work, last, None)
        facts = EventFacts(work.ids.next(), EventType.OPT_OUT.value, inbound.at, about, "opt_out", data=data)
        work.file_event(facts, account, endpoint.id)
    return True


def _answer(work: Work, inbound: InboundIn, account: str, handset: str, kind: KeywordKind) -> None:
    """File the account's answer, if it has one. The message has the inbound message's id: there is never a second."""
    checked = work.policy.reply(account, inbound.recipient, handset, kind, work.now)
    if checked is None or not work.execute(_MAY_REPLY, (account, handset, kind.value, work.now)).rowcount:
        return
    work.execute(_FORGET, (work.now - REPLY_PAUSE_MS,))
    message = NewMessage(inbound.id, *checked._replace(options=_DESPITE_OPT_OUT))
    accepts.file(work, Submission(inbound.id, account, inbound.id, (message,)))
    work.usage.take(account, 1)
    ACCEPTED.add(account, message.lane)
