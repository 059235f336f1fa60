"""What of messages is counted for their campaigns: here alone where the moves of gateway.store.work don't see it.

Counts are of public statuses: what is claimed, retried or in doubt inside changes none of them.
"""

from collections import Counter
from collections.abc import Sequence

from gateway.messages import Status
from gateway.rules.options import waits_here
from gateway.store.interface import NewMessage
from gateway.store.many_rows import as_json
from gateway.store.work import Found, Work

_WHOSE = "SELECT m.queue, m.variant FROM json_each(?) k CROSS JOIN messages m ON m.id = k.value"


def sent(work: Work, messages: Sequence[int]) -> None:
    """They were put into the state SENT by one statement for all, for the first time."""
    campaigns = work.queues.of_campaigns
    whose = Counter(work.execute(_WHOSE, (as_json(messages),)).fetchall())
    for (queue, variant), count in whose.items():
        campaign = campaigns.get(queue)
        if campaign is not None:
            work.campaigns.count(campaign, variant, Status.QUEUED, Status.SENT, count)


def filed(work: Work, campaign: int, messages: Sequence[NewMessage]) -> None:
    """They were made of recipients just now."""
    kinds = Counter([(message.variant, waits_here(message.scheduled_at, message.options)) for message in messages])
    for (variant, waits), count in kinds.items():
        work.campaigns.count(campaign, variant, None, Status.SCHEDULED if waits else Status.QUEUED, count)


def opted_out_after(work: Work, found: Found) -> None:
    """The recipient of this message opted out: counted for its campaign, if it is of one. Once for each opting out."""
    campaign = work.queues.of_campaigns.get(found.queue)
    if campaign is not None:
        work.campaigns.opted_out(campaign, found.variant)
