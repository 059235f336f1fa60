"""A server over real sockets, for tests of how it serves; what its app answers is the test's."""

from collections.abc import Callable

import trio

from gateway.serving.server import Server

LONG = b"x" * (32 << 20)
"""More than the kernel takes for a caller that reads nothing."""


class Place:
    """A running server, and ways to it."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self._port = port

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self._port)

    async def until(self, condition: Callable[[], bool]) -> None:
        """For what the server tells nobody."""
        with trio.fail_after(30):
            while not condition():  # noqa: ASYNC110
                await trio.sleep(0.005)

    async def open(self, count: int) -> None:
        """Until so many are open."""
        await self.until(lambda: self.server.connections == count)

    async def end(self) -> None:
        """Until it has stopped."""
        self.server.stop.set()
        with trio.fail_after(30):
            await self.server.ended.wait()


async def rest(stream: trio.SocketStream) -> bytes:
    """All until the server's end of it."""
    with trio.fail_after(30):
        try:
            return b"".join([octets async for octets in stream])
        except trio.BrokenResourceError:
            return b""


async def one_answer(stream: trio.SocketStream, end: bytes) -> bytes:
    """What is said until an answer with this end is whole, or the connection ends."""
    said = b""
    with trio.fail_after(30):
        while not said.endswith(end) and (octets := await stream.receive_some(65_536)):
            said += octets
    return said
