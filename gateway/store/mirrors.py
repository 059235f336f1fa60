"""What the writer knows by heart between transactions; a transaction takes from it what its steps need (work.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.identifiers import Identifiers
from gateway.rules.receipt_ids import LearnedIds
from gateway.store.allowances.usage import Usage
from gateway.store.campaigns.mirror import Campaigns
from gateway.store.consents.mirror import OptOutMirror
from gateway.store.endpoints import Endpoints
from gateway.store.in_hand import InHand
from gateway.store.interface import EventFacts
from gateway.store.policy import Policy
from gateway.store.queues import Queues


@dataclass(slots=True)
class Mirrors:
    """So that no statement has to ask."""

    policy: Policy
    queues: Queues
    endpoints: Endpoints
    ids: Identifiers
    render: Callable[[EventFacts], bytes]
    parked: int = 0
    """Unmatched receipts on disk, so that an answer looks for one only when there is any."""
    joining: int = 0
    """Long inbound messages whose parts are kept or remembered, so that they are looked for only when there are any."""
    stale: bool = False
    """A transaction was undone: what `endpoints` learned in it may not be so."""
    receipt_ids: dict[str, LearnedIds] = field(default_factory=dict)
    """By carrier; learned anew by each process, and not undone with a transaction: no truth is at stake."""
    campaigns: Campaigns = field(default_factory=Campaigns)
    opt_outs: OptOutMirror = field(default_factory=OptOutMirror)
    in_hand: InHand = field(default_factory=InHand)
    usage: Usage = field(init=False)

    def __post_init__(self) -> None:
        self.usage = Usage(self.policy.limits)

    def take(self, policy: Policy) -> None:
        """Go on by other settings, with which the endpoints were brought in line; between two transactions."""
        before, self.policy = self.policy, policy
        for name, carrier in policy.carriers.items():
            if name in before.carriers and before.carriers[name].id_base != carrier.id_base:
                self.receipt_ids.pop(name, None)
        self.queues.take(policy)
        self.usage.limit(policy.limits)
