"""A campaign as callers see it: its counts, how far it is, how its variants do."""

from collections.abc import Iterable, Sequence

import msgspec

from gateway import identifiers
from gateway.api.campaigns.schemas import Campaign, Counts, RecipientCounts, RecipientError, Variant
from gateway.messages import Status
from gateway.rules.campaigns import from_json
from gateway.rules.timestamps import LATEST_MS, rfc3339, time_or_none
from gateway.store.campaigns.interface import CampaignRow, CampaignState, RecipientErrors

_NOT_TAKEN = frozenset({Status.SCHEDULED, Status.QUEUED, Status.FAILED, Status.CANCELED, Status.OPTED_OUT})
"""Where no carrier took the message."""
_OPEN = frozenset({Status.SCHEDULED, Status.QUEUED, Status.SENT})
_LEFT = frozenset({CampaignState.RUNNING, CampaignState.SCHEDULED})
_decode = msgspec.json.Decoder(dict[str, dict[str, list[str]]]).decode


def location(campaign: int) -> str:
    return f"/v1/campaigns/{identifiers.public(identifiers.CAMPAIGN, campaign)}"


def first_answer(row: CampaignRow) -> CampaignRow:
    """The campaign as it was when it was sealed, whatever has become of it since."""
    return row._replace(
        state=CampaignState.LOADING,
        waiting=row.accepted,
        canceled_waiting=0,
        started_at=None,
        finished_at=None,
        failure=None,
        counts={},
        opt_outs={},
        rate=0.0,
    )


def campaign_of(row: CampaignRow, errors: Iterable[RecipientErrors], now_ms: int) -> Campaign:
    """The contract's object."""
    definition = from_json(row.definition)
    counts = _counts(row)
    still = counts.queued + counts.sent + counts.waiting
    path = location(row.id)
    return Campaign(
        id=path.rpartition("/")[2],
        channel="sms",
        campaign_name=definition.campaign_name,
        status=row.state.name.lower(),
        lane=definition.lane,
        sender=definition.sender,
        schedule=time_or_none(row.scheduled_at),
        started_at=time_or_none(row.started_at),
        finished_at=time_or_none(row.finished_at),
        recipients=RecipientCounts(row.received, row.accepted, row.rejected, row.duplicates, row.opted_out),
        counts=counts,
        progress=_progress(row, still),
        rate=round(row.rate, 1),
        expected_end=_expected_end(row, counts.waiting + counts.queued, definition.rate, now_ms),
        variants=_variants(row),
        errors=errors_of(errors),
        errors_url=f"{path}/errors",
        rate_limit=definition.rate or None,
        tag=definition.tag,
        template=definition.template,
        failure=row.failure,
        created_at=rfc3339(row.created_at),
    )


def errors_of(rows: Iterable[RecipientErrors]) -> list[RecipientError]:
    found = []
    for position, kept in rows:
        errors = _decode(kept)
        found.append(RecipientError(position, errors["fields"], errors["codes"]))
    return found


def _counts(row: CampaignRow) -> Counts:
    by_status: dict[str, int] = {}
    for (_, status), count in row.counts.items():
        by_status[status] = by_status.get(status, 0) + count

    def of(*statuses: Status) -> int:
        return sum(by_status.get(status.value, 0) for status in statuses)

    return Counts(
        waiting=row.waiting,
        queued=of(Status.QUEUED, Status.SCHEDULED),
        sent=of(Status.SENT),
        delivered=of(Status.DELIVERED),
        undelivered=of(Status.UNDELIVERED),
        failed=of(Status.FAILED),
        expired=of(Status.EXPIRED),
        rejected=of(Status.REJECTED),
        canceled=of(Status.CANCELED) + row.canceled_waiting,
        opted_out=of(Status.OPTED_OUT),
        unknown=of(Status.UNKNOWN),
    )


def _progress(row: CampaignRow, still: int) -> float:
    """Never 1 before all has ended."""
    if row.accepted == 0:
        return 1.0 if row.finished_at is not None else 0.0
    ended = max(0, row.accepted - still)
    return 1.0 if still == 0 else min(round(ended / row.accepted, 3), 0.999)


def _expected_end(row: CampaignRow, left: int, own_rate: float, now_ms: int) -> str | None:
    """When the last would be put to a carrier; None where that cannot be said."""
    rate = row.rate if row.state is CampaignState.RUNNING and row.rate > 0 else own_rate
    if row.state not in _LEFT or rate <= 0:
        return None
    begins, takes_ms = max(now_ms, row.scheduled_at or 0), left / rate * 1000
    # It may be infinite, which is no integer.
    return rfc3339(begins + int(takes_ms)) if begins + takes_ms <= LATEST_MS else None


def _variants(row: CampaignRow) -> list[Variant]:
    names: Sequence[str] = sorted({variant for variant, _ in row.counts if variant is not None})
    found = {name: Variant(name, 0, 0, row.opt_outs.get(name, 0)) for name in names}
    for (variant, status), count in row.counts.items():
        if variant is None:
            continue
        one = found[variant]
        if status not in _NOT_TAKEN:
            one.sent += count
        if status == Status.DELIVERED:
            one.delivered += count
    return list(found.values())
