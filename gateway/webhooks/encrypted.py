"""The client's end of TLS on a TCP connection: a stream for those who wait, and a wire for those who don't.

Both are of one TLS object between two buffers, so that a POST begun on the wire can be gone on with on the stream. What
TLS says for itself while nothing is asked (session tickets, new keys) is read and is no end of the connection.
"""

import os
import ssl
from collections.abc import Callable

import trio

_PLAIN_BYTES = 16_384
"""The most that a record says (RFC 8446 §5.1)."""
_RECORD_BYTES = 17_408
"""Holds the largest record: its header, what it says, and 256 octets (§5.2)."""
_HEADER_BYTES = 5
_MOST_BYTES = 65_536
_MOST_SILENT_BYTES = 32_768
"""Read since the last POST, none of them its answer: the largest record that comes in pieces, and tickets of some
hundred each.
"""


class TlsStream(trio.abc.Stream):
    """Used by one task at a time, or by none. It ends without a goodbye, and the peer's end may come without one too,
    since HTTP tells where an answer ends.
    """

    def __init__(self, tcp: trio.SocketStream, context: ssl.SSLContext, host: str) -> None:
        """`host`: a name in ASCII, or an address."""
        self._tcp = tcp
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host.encode("ascii"))
        self._unsent = b""
        """Encrypted, before what lies in `_outgoing`."""
        self._unencrypted = b""
        """Written before the peer was ready for it."""
        self._begun_record = b""
        """What came of a record whose end did not, and of which TLS therefore tells nothing yet."""
        self._unread = b""
        """Decrypted; no whole record lies before TLS but for this."""
        self._has_ended = False
        self._failure: OSError | None = None
        self._silent_bytes = 0

    # --- with waiting

    async def do_handshake(self) -> None:
        """Before all else. Raises BrokenResourceError, whose cause tells why."""
        await self._insist(self._tls.do_handshake)
        await self._send_out()

    async def send_rest(self) -> None:
        """As of a Wire, and as `send_all`."""
        octets, self._unencrypted = self._unencrypted, b""
        await self.send_all(octets)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Once cancelled or broken nothing more can be sent; what came can be read."""
        self._silent_bytes = 0
        if data:
            await self._insist(lambda: self._tls.write(data))
        await self._send_out()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As of any stream."""
        if self._is_heard:
            await trio.lowlevel.checkpoint()
        while not self._is_heard:
            self._take_in(bytes(await self._tcp.receive_some(_MOST_BYTES)))
            if self._outgoing.pending:
                await self._answer()
        received = self._unread[: max_bytes or _MOST_BYTES]
        self._unread = self._unread[len(received) :]
        if not received and self._failure is not None:
            raise trio.BrokenResourceError("TLS broke") from self._failure
        return received

    async def wait_send_all_might_not_block(self) -> None:
        await self._tcp.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._tcp.aclose()

    # --- at once

    @property
    def may_be_asked(self) -> bool:
        """As of a Wire. The rest of a begun record would be taken for an answer to what is written before it comes."""
        return not self._is_heard and not self._begun_record

    def write(self, octets: bytes) -> bool:
        """As of a Wire."""
        self._silent_bytes = 0
        try:
            self._tls.write(octets)
        except ssl.SSLWantReadError:
            # The peer wants to agree anew first (TLS 1.2), so that nothing of it is encrypted yet.
            self._unencrypted = octets
        return self._write_out() and not self._unencrypted

    def read(self) -> bytes:
        """As of a Wire."""
        received = os.read(self._tcp.socket.fileno(), _RECORD_BYTES)
        self._silent_bytes += len(received)
        self._take_in(received)
        if self._outgoing.pending:
            try:
                self._write_out()
            except OSError as error:
                self._failure = self._failure or error
        if self._unread:
            received, self._unread = self._unread, b""
            return received
        if self._failure is not None:
            raise self._failure
        if self._has_ended:
            return b""
        if self._silent_bytes > _MOST_SILENT_BYTES:
            raise OSError("TLS says too much for itself")
        raise BlockingIOError

    # --- between the buffers and the socket

    @property
    def _is_heard(self) -> bool:
        """There is something to tell who reads: what was said, or that nothing more will be."""
        return bool(self._unread) or self._has_ended or self._failure is not None

    def _take_in(self, octets: bytes) -> None:
        if octets:
            self._feed(octets)
            self._decrypt()
        else:
            self._has_ended = True

    def _feed(self, octets: bytes) -> None:
        """Put it before TLS, and see where its last record begins: a header's last two octets tell how much follows."""
        self._incoming.write(octets)
        octets = self._begun_record + octets
        start = end = 0
        while end <= len(octets):
            start, end = end, end + _HEADER_BYTES + int.from_bytes(octets[end + 3 : end + _HEADER_BYTES], "big")
        self._begun_record = octets[start:]

    def _decrypt(self) -> None:
        try:
            while plain := self._tls.read(_PLAIN_BYTES):
                self._unread += plain
                # To look is cheaper than to be told by an exception.
                if not self._may_hold_more:
                    return
            self._has_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._failure = error

    @property
    def _may_hold_more(self) -> bool:
        """Whether TLS has something before it; the beginning of a record counts no more once TLS looked at it."""
        return bool(self._incoming.pending or self._tls.pending())

    def _write_out(self) -> bool:
        """Whether all went out that is encrypted. Raises OSError."""
        octets = self._unsent + self._outgoing.read()
        try:
            written = os.write(self._tcp.socket.fileno(), octets)
        except BlockingIOError:
            written = 0
        self._unsent = octets[written:]
        return not self._unsent

    async def _send_out(self) -> None:
        octets, self._unsent = self._unsent + self._outgoing.read(), b""
        await self._tcp.send_all(octets)

    async def _answer(self) -> None:
        """What TLS itself has to say to what came, which may be read all the same when that does not arrive."""
        try:
            await self._send_out()
        except trio.BrokenResourceError as broken:
            self._failure = self._failure or OSError(str(broken))

    async def _insist(self, step: Callable[[], object]) -> None:
        """Take a step that the peer may have its part in, and read what came behind it. Raises BrokenResourceError."""
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                raise trio.BrokenResourceError("TLS broke") from error
            else:
                if self._may_hold_more:
                    self._decrypt()
                return
            await self._send_out()
            received = bytes(await self._tcp.receive_some(_MOST_BYTES))
            if received:
                self._feed(received)
            else:
                self._incoming.write_eof()
