"""A mapping that forgets its oldest entries, so that what is remembered is bounded."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Holds at least the latest half of `limit` entries and never more than `limit`.

    Two generations in place of one ordered dict: taking the first key of a large dict again and again walks over the
    holes that were left before it.
    """

    __slots__ = ("_half", "_newer", "_older")

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._newer: dict[K, V] = {}
        self._older: dict[K, V] = {}

    def __contains__(self, key: K) -> bool:
        return key in self._newer or key in self._older

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def get(self, key: K) -> V | None:
        """The latest value put under the key, or None once it is forgotten."""
        value = self._newer.get(key)
        return self._older.get(key) if value is None else value

    def put(self, key: K, value: V) -> None:
        """Remembers the value; an older one under the key is replaced."""
        self._newer[key] = value
        if len(self._newer) >= self._half:
            self._older, self._newer = self._newer, {}
