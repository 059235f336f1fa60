"""Sender patterns as the configuration writes them: `SHOP`, or a beginning and a star such as `34600*`.

A plus in front of a number changes nothing, since callers, carriers and operators write it or not as they like.
"""

from collections.abc import Iterable


def bare(sender: str) -> str:
    """A sender as patterns are compared with it."""
    return sender.removeprefix("+")


class SenderPatterns:
    """What any of the patterns matches."""

    __slots__ = ("_exact", "_stems")

    def __init__(self, patterns: Iterable[str]) -> None:
        bared = [bare(pattern) for pattern in patterns]
        self._exact = frozenset(pattern for pattern in bared if not pattern.endswith("*"))
        self._stems = tuple(pattern[:-1] for pattern in bared if pattern.endswith("*"))

    def match(self, sender: str) -> bool:
        sender = bare(sender)
        return sender in self._exact or sender.startswith(self._stems)
