"""What the store keeps of alarms, and what is asked of it: plain values (see kept.py)."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from gateway.settings.alerts import OperatorEvent


class AlarmRow(NamedTuple):
    """An alarm that is raised, and was told."""

    kind: OperatorEvent
    """Of the event that raised it."""
    subject: str
    since: int
    event: int | None
    """That told it; None: nobody was to be told."""
    data: dict[str, Any]
    """Its figures when it was raised."""


class EndpointHealth(NamedTuple):
    """A webhook endpoint that does not take its events."""

    account: str
    url: str
    failures: int
    pending: int
    """Events that wait for it, as far as the writer knows by heart."""
    disabled_reason: str | None
    """None: it is tried."""


class AlarmStore(Protocol):
    """What alarms need of a store. Every write is on disk when its call returns; any may raise StoreBusy."""

    async def alarm(
        self, kind: OperatorEvent, subject: str, since: int, figures: Mapping[str, Any], *, raised: bool
    ) -> bool:
        """Raise it, or let it go; `since` in milliseconds. True: that was news, and was told where anybody is to be."""

    async def tell_operator(self, event: OperatorEvent, subject: str, figures: Mapping[str, Any]) -> None:
        """Something that is no alarm."""

    async def alarms(self) -> list[AlarmRow]:
        """All that are raised, the oldest first."""

    async def endpoint_health(self, failures: int) -> list[EndpointHealth]:
        """Endpoints that answered 410, or failed at least so often in a row."""
