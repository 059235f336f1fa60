"""`campaign.completed`: what is told of a campaign once every message of it has ended."""

from collections import Counter
from typing import Any

from gateway.identifiers import CAMPAIGN, public
from gateway.messages import Status
from gateway.rules.campaigns import from_json
from gateway.rules.timestamps import rfc3339
from gateway.settings.types import EventType
from gateway.store.campaigns.interface import CampaignRow
from gateway.store.campaigns.loading import campaign_row
from gateway.store.interface import EventFacts
from gateway.store.work import Work

_COUNTED = (
    Status.QUEUED,
    Status.SENT,
    Status.DELIVERED,
    Status.UNDELIVERED,
    Status.FAILED,
    Status.EXPIRED,
    Status.REJECTED,
    Status.CANCELED,
    Status.OPTED_OUT,
    Status.UNKNOWN,
)
"""In the order in which they are told."""


def file_completed(work: Work, campaign: int) -> None:
    """File it for the campaign's endpoint, if that wants it."""
    row = campaign_row(work.connection, None, campaign)
    if row is None:
        return
    counts = Counter(row.counts)
    counts.update(work.campaigns.counted_of(campaign))
    row = row._replace(counts=counts)
    url = from_json(row.definition).webhook_url
    endpoint = work.endpoints.of_message(work.connection, row.account, url)
    if endpoint is None or EventType.CAMPAIGN_COMPLETED not in work.endpoints.by_id[endpoint].wants:
        return
    facts = EventFacts(
        work.ids.next(), EventType.CAMPAIGN_COMPLETED.value, work.now, None, "completed", data=facts_of(row)
    )
    work.file_event(facts, row.account, endpoint, url)


def facts_of(row: CampaignRow) -> dict[str, Any]:
    """`data` of the event; the order of the fields is the order on the wire."""
    definition = from_json(row.definition)
    return {
        "id": public(CAMPAIGN, row.id),
        "channel": "sms",
        "campaign_name": definition.campaign_name,
        "status": "completed",
        "lane": definition.lane,
        "from": definition.sender,
        "tag": definition.tag,
        "schedule": _time(row.scheduled_at),
        "created_at": _time(row.created_at),
        "started_at": _time(row.started_at),
        "finished_at": _time(row.finished_at),
        "recipients": {
            "received": row.received,
            "accepted": row.accepted,
            "rejected": row.rejected,
            "duplicates": row.duplicates,
            "opted_out": row.opted_out,
        },
        "counts": counts_of(row),
    }


def counts_of(row: CampaignRow) -> dict[str, int]:
    """Recipients that wait, and messages by public status; the sum is what was accepted."""
    by_status: Counter[str] = Counter()
    for (_, status), messages in row.counts.items():
        by_status[status] += messages
    by_status[Status.CANCELED] += row.canceled_waiting
    return {"waiting": row.waiting, **{status.value: by_status[status] for status in _COUNTED}}


def _time(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)
