"""Queues for the deal, how carriers may stand, and what was dealt, as rules' tests ask for them."""

from hypothesis import strategies as st

from gateway.rules.taking import Queue, Standing
from gateway.rules.tiers import Tier

ONE_TIER = (("telco",),)
BOTH = (("telco",), ("backup",))
OPEN = Standing(0, holds_back=False)
SILENT = Standing(0, holds_back=False, last_resort=True)


def of_tiers(*tiers):
    return tuple(Tier(tuple(tier)) for tier in tiers)


def a_queue(
    id_=1, ready=10, account="shop", lane="transactional", priority=2, tiers=ONE_TIER, stay="", avoid="", **more
):
    avoided = frozenset(avoid.split())
    return Queue(id_, lane, priority, account, of_tiers(*tiers), stay, avoided, ready, **more)


def slots_of(grants):
    """Slots by queue."""
    given: dict[int, int] = {}
    for grant in grants:
        given[grant.queue] = given.get(grant.queue, 0) + grant.slots
    return given


def returning(slots):
    return Standing(slots, holds_back=False, last_resort=True)


standings_of_all_kinds = st.dictionaries(
    st.sampled_from("abcd"), st.sampled_from([OPEN, SILENT, returning(3), returning(0), Standing(2, holds_back=False)])
)
