"""What a reload asks of the store."""

from collections.abc import Callable
from typing import Protocol

from gateway.store.by import By
from gateway.store.policy import Policy


def nothing() -> None:
    """Where nothing else takes the settings."""


class ReloadStore(Protocol):
    async def reconfigure(
        self, policy: Policy, told: str, swap: Callable[[], None] = nothing, *, by: By | None = None
    ) -> None:
        """These are the settings from the next transaction on; written down with what changed, in words.

        `swap` is called between two transactions, before anything that the one which took them gave is handed out.
        Carriers and lanes that are no longer among them are known as they were, for what is under way.
        Raises StoreFull or StoreBusy: then nothing has changed.
        """

    async def reload_refused(self, told: str, *, by: By | None = None) -> None:
        """Write down that a configuration was refused, and why. Raises StoreFull or StoreBusy."""

    def carrier_gone(self, carrier: str) -> None:
        """A carrier that was taken out has drained: what it had begun and not had whole ends."""
