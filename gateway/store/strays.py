"""Queues whose route is not in the settings, or whose carrier has left: what waits there is filed anew (refile.py)."""

from collections.abc import Container, Iterable

from gateway.store.policy import Policy


class Strays:
    """By queue; known by heart, since nearly always there is none."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._ids: set[int] = set()
        self._leaving: frozenset[str] = frozenset()

    def look(self, queue: int, route: str, stay: str) -> None:
        """At a queue that is new, or of other settings. `stay`: the carrier that has a part of its messages."""
        if self._is_left(stay) if stay else not self._policy.has_route(route):
            self._ids.add(queue)
        else:
            self._ids.discard(queue)

    def forget(self, queue: int) -> None:
        """It is no more."""
        self._ids.discard(queue)

    def take(self, policy: Policy) -> None:
        """Other settings; all queues are to be looked at. Carriers that are just taken out have yet to drain."""
        self._leaving = (self._leaving | (policy.departed - self._policy.departed)) & policy.departed
        self._policy = policy

    def gone(self, carrier: str) -> None:
        """A carrier that was taken out has drained; all queues are to be looked at."""
        self._leaving -= {carrier}

    def among(self, filled: Container[int]) -> Iterable[int]:
        """Those of them that have something to file anew."""
        return [queue for queue in self._ids if queue in filled] if self._ids else ()

    def _is_left(self, carrier: str) -> bool:
        policy = self._policy
        return carrier not in self._leaving and (carrier in policy.departed or carrier not in policy.carriers)
