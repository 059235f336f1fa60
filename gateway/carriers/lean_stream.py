"""A TCP connection with as few turns of Trio's loop as it takes: a read waits once, a write that fits goes at once.

Trio's own stream tries each read before it waits, which here is mostly in vain, and gives way after each write; beside
a read's worth of PDUs that costs as much as some messages. Errors are those of Trio's stream.
"""

import os

import trio

_READ_OCTETS = 65536


class LeanStream(trio.abc.Stream):
    """Around a connected `transport`, whose it is to be closed."""

    def __init__(self, transport: trio.SocketStream) -> None:
        self.transport = transport
        self._descriptor = transport.socket.fileno()
        self._is_closed = False
        self._is_blocked = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As of any stream, but that it waits even where octets are there already."""
        while True:
            self._demand_open()
            await trio.lowlevel.wait_readable(self._descriptor)
            # Another task may have closed it in the turn that this one was woken for.
            self._demand_open()
            try:
                return os.read(self._descriptor, max_bytes or _READ_OCTETS)
            except BlockingIOError:
                continue
            except OSError as error:
                raise _broken(error) from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As of any stream, but that it gives way to other tasks only where the peer has to read first."""
        self._demand_open()
        if self._is_blocked:
            raise trio.BusyResourceError("another task is still writing to this connection")
        try:
            sent = os.write(self._descriptor, data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise _broken(error) from error
        if sent < len(data):
            self._is_blocked = True
            try:
                await self.transport.send_all(memoryview(data)[sent:])
            finally:
                self._is_blocked = False

    async def wait_send_all_might_not_block(self) -> None:
        await self.transport.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        # First: from here on its number may be another connection's.
        self._is_closed = True
        await self.transport.aclose()

    def _demand_open(self) -> None:
        if self._is_closed:
            raise trio.ClosedResourceError("this connection was closed")


def _broken(error: OSError) -> trio.BrokenResourceError:
    return trio.BrokenResourceError(f"connection broken: {error}")
