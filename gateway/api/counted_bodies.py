"""Bodies of answers that go on for long, of which only so many may run at a time."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from weakref import finalize


class CountedBody(AsyncIterator[bytes]):
    """Pieces as a response's body, which gives its place back once, in whatever way it ends."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], give_back: Callable[[], object]) -> None:
        self._pieces = pieces
        # Where the caller left before the first piece, nobody closes a body: then it is given back with the object.
        self.release = finalize(self, give_back)

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        """End it."""
        try:
            await self._pieces.aclose()
        finally:
            self.release()
