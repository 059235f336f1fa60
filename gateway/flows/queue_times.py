"""How long messages waited until they first went to a carrier, for /metrics."""

from collections.abc import Iterable

from gateway.identifiers import SEQUENCE_BITS
from gateway.metrics import QUEUE_SECONDS
from gateway.store.interface import Claim


def observe(claims: Iterable[Claim], now: int) -> None:
    """Count those that are sent for the first time; `now` in ms."""
    waited: dict[str, list[float]] = {}
    for claim in claims:
        if claim.segments[0].attempt == 1:
            since = claim.scheduled_at
            if since is None or since > now:
                # What its carrier holds until its time is on its way all the same.
                since = claim.message >> SEQUENCE_BITS
            waited.setdefault(claim.lane, []).append((now - since) / 1000 if now > since else 0.0)
    for lane, seconds in waited.items():
        QUEUE_SECONDS.of(lane).add_all(seconds)
