"""The simulator as a whole: listens, keeps its connections and its clock, and does what it is told while it runs.

What a carrier does is smsc.py's, what one connection does connection.py's.
"""

import math
import ssl
import time
from collections.abc import Callable
from functools import partial

import trio

from gateway.simulator.connection import Connection
from gateway.simulator.figures import Figures
from gateway.simulator.options import Options
from gateway.simulator.smsc import Smsc

_GRAIN_SECONDS = 0.001
_READ_BYTES = 65_536
_HANDSHAKE_SECONDS = 10.0
_DEFAULTS = Options()


class Simulator:
    """An SMSC to try against, for one run."""

    def __init__(self, options: Options = _DEFAULTS, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives the wall-clock seconds that receipts tell. OSError if the record cannot be opened."""
        self._smsc = Smsc(options, clock)
        self._connections: set[Connection] = set()
        self._wake = trio.Event()
        self._sleeps_until = -math.inf

    @property
    def options(self) -> Options:
        """What holds now."""
        return self._smsc.options

    @property
    def figures(self) -> Figures:
        """What was counted until now."""
        return self._smsc.counted()

    async def serve(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listens until cancelled; `nursery.start` gives the port, which 0 leaves to the system. May raise OSError.

        `tls`: what every connection is met with.
        """
        listeners = await trio.open_tcp_listeners(port, host=host)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.keep_time)
            task_status.started(listeners[0].socket.getsockname()[1])
            attend = self.attend if tls is None else partial(self._attend_encrypted, tls)
            await trio.serve_listeners(attend, listeners)

    async def attend(self, stream: trio.abc.Stream) -> None:
        """Serves one connection to its end; `keep_time` must be running for receipts that come later."""
        self._smsc.figures.connections += 1
        if self.options.silent:
            await _swallow(stream)
            return
        connection = Connection(stream, self._smsc, self._notice)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    async def _attend_encrypted(self, tls: ssl.SSLContext, transport: trio.abc.Stream) -> None:
        # ESMEs that just close are no fault here, as little as without TLS.
        stream = trio.SSLStream(transport, tls, server_side=True, https_compatible=True)
        with trio.move_on_after(_HANDSHAKE_SECONDS) as scope:
            try:
                await stream.do_handshake()
            except trio.BrokenResourceError:
                scope.cancel()
        if scope.cancel_called:
            await trio.aclose_forcefully(stream)
        else:
            await self.attend(stream)

    async def keep_time(self) -> None:
        """Releases receipts when they are due, until cancelled; then closes the record."""
        try:
            while True:
                self._sleeps_until = max(self._due(), trio.current_time() + _GRAIN_SECONDS)
                with trio.move_on_at(self._sleeps_until):
                    await self._wake.wait()
                self._wake = trio.Event()
                self._smsc.release(trio.current_time())
        finally:
            if self._smsc.record is not None:
                self._smsc.record.close()

    def inbound(self, source: str, destination: str, text: str) -> int:
        """A handset writes to each system_id that ever bound; tells how many. Raises NotEncodable and TooManyParts."""
        accounts = self._smsc.accounts
        for account in accounts:
            self._smsc.inbound(account, source, destination, text)
            account.hand_out(trio.current_time())
        return len(accounts)

    def change(self, options: Options) -> None:
        """Goes on by other options, from the next submission and the next connection on."""
        self._smsc.change(options)

    def cut(self) -> int:
        """Drops every connection without a word; tells how many."""
        connections = list(self._connections)
        for connection in connections:
            connection.cut()
        return len(connections)

    def unbind(self) -> int:
        """Unbinds every session; tells how many connections there were."""
        for connection in self._connections:
            connection.unbind()
        return len(self._connections)

    def _due(self) -> float:
        due = self._smsc.next_due
        return math.inf if due is None else due

    def _notice(self) -> None:
        if self._due() < self._sleeps_until:
            self._wake.set()


async def _swallow(stream: trio.abc.Stream) -> None:
    """Reads to the end and says nothing."""
    try:
        while await stream.receive_some(_READ_BYTES):
            pass
    except trio.BrokenResourceError:
        pass
    finally:
        await trio.aclose_forcefully(stream)
