import socket

import pytest
import trio

from gateway.carriers.dialing import dial_tcp
from gateway.carriers.lean_stream import LeanStream


async def hold(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def test_a_connection_is_kept_alive_and_sends_without_delay() -> None:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, hold, [listener])
        stream = await dial_tcp("127.0.0.1", listener.socket.getsockname()[1])
        assert isinstance(stream, LeanStream)
        transport = stream.transport
        assert transport.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert transport.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert transport.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000, "pain 32: half-open links"
        await stream.aclose()
        nursery.cancel_scope.cancel()


async def test_a_port_where_nobody_listens_is_an_os_error() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="attempts to connect"):
            await dial_tcp("127.0.0.1", reserved.getsockname()[1])
