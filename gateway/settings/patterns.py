"""Patterns as the configuration writes them: `SHOP`, or a beginning and a star such as `34600*`.

Of senders a plus in front of a number changes nothing, since callers, carriers and operators write it or not as they
like.
"""

from collections.abc import Iterable


def bare(sender: str) -> str:
    """A sender as patterns are compared with it."""
    return sender.removeprefix("+")


class Patterns:
    """What any of the patterns matches."""

    __slots__ = ("_exact", "_stems")

    def __init__(self, patterns: Iterable[str]) -> None:
        given = list(patterns)
        self._exact = frozenset(pattern for pattern in given if not pattern.endswith("*"))
        self._stems = tuple(pattern[:-1] for pattern in given if pattern.endswith("*"))

    def match(self, text: str) -> bool:
        return text in self._exact or text.startswith(self._stems)


class SenderPatterns(Patterns):
    """The same of senders."""

    __slots__ = ()

    def __init__(self, patterns: Iterable[str]) -> None:
        super().__init__(bare(pattern) for pattern in patterns)

    def match(self, text: str) -> bool:
        sender = bare(text)
        return sender in self._exact or sender.startswith(self._stems)
