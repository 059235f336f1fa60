"""Which carriers may take work of a queue now: by tier, by what they can carry, by how they stand, and by the wish of a
retry to go elsewhere or of a long message to stay. In what turns and shares is the deal's matter."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from gateway.rules.tiers import Tier

TIER_PATIENCE_MS = 900
"""A lower tier gets work when every carrier above has been unable to send for this long: with the commit, a second."""
_NONE: frozenset[str] = frozenset()


class Standing(NamedTuple):
    """What the deal is told of a carrier that is not as usual: its breaker is open, it comes back, or is probed."""

    slots: int | None = None
    """PDUs that it may be dealt until told anew; None: no limit."""
    holds_back: bool = True
    """False: the tiers below it and those who share with it don't wait for it."""
    last_resort: bool = False
    """Beyond its slots, of which it has none unless they are given, it takes what no other carrier could take now."""

    @property
    def has_slots(self) -> bool:
        """Whether it may take as others do."""
        return not self.last_resort if self.slots is None else self.slots > 0


HELD = Standing(slots=0, holds_back=False)
"""Of one that an operator holds: it takes nothing, not even what has to stay with it, and nobody waits for it."""
Standings: TypeAlias = Mapping[str, Standing]
"""By carrier, of the few that have one."""
ALL_AS_USUAL: Standings = {}


class Queue(NamedTuple):
    """Ready messages of one lane, branch, account and campaign; of retries also by carriers to avoid or stay with."""

    id: int
    lane: str
    priority: int
    account: str
    tiers: tuple[Tier, ...]
    stay: str
    avoid: frozenset[str]
    ready: int
    unfit: frozenset[str] = _NONE
    """Carriers that can't carry its texts: they take none of it, and hold none back from the tiers below."""
    since: int = 0
    """Milliseconds: since when its oldest message has been ready; 0: not known."""
    overflow_ms: int = 0
    """Every tier takes once the oldest has waited so long; 0: never."""
    branch: str = ""

    def overflows(self, now: int) -> bool:
        return bool(self.overflow_ms and self.since) and now - self.since > self.overflow_ms

    @property
    def is_weighted(self) -> bool:
        """Whether any of its tiers shares by weight."""
        return any(tier.weights for tier in self.tiers)

    @property
    def carriers(self) -> list[str]:
        """All that can carry it, the preferred first."""
        return [name for tier in self.tiers for name in tier.carriers if name not in self.unfit]


def may_take(
    queue: Queue, carrier: str, unable_since: Mapping[str, int], now: int, standings: Standings = ALL_AS_USUAL
) -> bool:
    """Whether this carrier may take work of this queue now.

    `unable_since` holds the carriers without any bind able to send, and since when; that and `now` in milliseconds.
    """
    standing = standings.get(carrier)
    if standing is None or standing.has_slots:
        return may_take_as_others(queue, carrier, unable_since, now, standings)
    return standing.last_resort and may_take_beyond(queue, carrier, unable_since, now, standings)


def may_take_as_others(
    queue: Queue, carrier: str, unable_since: Mapping[str, int], now: int, standings: Standings
) -> bool:
    """The same of one whose slots, if they are limited, are not used up."""
    if queue.stay:
        return queue.stay == carrier
    if carrier in queue.unfit or (carrier in queue.avoid and _could_go_elsewhere(queue, unable_since, now, standings)):
        return False
    return _is_reached(queue, carrier, unable_since, now, standings)


def may_take_beyond(
    queue: Queue, carrier: str, unable_since: Mapping[str, int], now: int, standings: Standings
) -> bool:
    """The same of a last resort, beyond its slots: where no other that is as usual could take it within moments."""
    if queue.stay:
        return queue.stay == carrier
    if not may_take_as_others(queue, carrier, unable_since, now, standings):
        return False
    is_avoided = carrier in queue.avoid
    for other in queue.carriers:
        if other == carrier or (other in queue.avoid and not is_avoided):
            continue
        # One that was throttled is back before the tiers below it would have its work.
        if now - unable_since.get(other, now) >= TIER_PATIENCE_MS:
            continue
        standing = standings.get(other)
        if (standing is None or standing.has_slots) and _is_reached(queue, other, unable_since, now, standings):
            return False
    return True


def _could_go_elsewhere(queue: Queue, unable_since: Mapping[str, int], now: int, standings: Standings) -> bool:
    """Whether any that the queue does not avoid can take it, now or within moments."""
    for other in queue.carriers:
        if other not in queue.avoid and now - unable_since.get(other, now) < TIER_PATIENCE_MS:
            standing = standings.get(other)
            if standing is None or standing.has_slots or standing.last_resort:
                return True
    return False


def _is_reached(queue: Queue, carrier: str, unable_since: Mapping[str, int], now: int, standings: Standings) -> bool:
    """Whether the tiers above a carrier let work through to it; a carrier to be avoided holds none back, nor one that
    can't carry the texts or is not waited for."""
    overflows = queue.overflows(now)
    for tier in queue.tiers:
        if carrier in tier.carriers:
            return True
        if overflows:
            continue
        for above in tier.carriers:
            if above in queue.avoid or above in queue.unfit or now - unable_since.get(above, now) >= TIER_PATIENCE_MS:
                continue
            if not standings or (standing := standings.get(above)) is None or is_waited_for(standing):
                return False
    return False


def is_waited_for(standing: Standing) -> bool:
    """Whether the others wait for a carrier that has this standing."""
    return standing.holds_back and not standing.last_resort
