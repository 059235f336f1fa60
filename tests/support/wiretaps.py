"""A tap on the wire between gateway and carrier: passes everything on, and reads the submit_sm by itself.

It knows SMPP 3.4 by its own few lines, so that what the gateway's codec gets wrong it does not get wrong alike.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from arrivals import Arrivals

_SUBMIT_SM = 0x00000004
_UDHI = 0x40
_ESCAPE = 0x1B
_SEPTETS = {
    **{code: chr(code) for code in (0x0A, 0x0D, *range(0x20, 0x5B), *range(0x61, 0x7B)) if code not in (0x24, 0x40)},
    0x00: "@",
    0x01: "£",
    0x02: "$",
    0x05: "é",
    0x11: "_",
    0x5C: "Ö",
    0x5E: "Ü",
    0x7C: "ö",
    0x7D: "ñ",
    0x7E: "ü",
}
"""3GPP TS 23.038 §6.2.1, as far as the tests use it."""
_ESCAPED = {0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}


@dataclass(slots=True, frozen=True)
class Seen:
    """One submit_sm."""

    destination: str
    data_coding: int
    reference: int | None
    part: int
    parts: int
    octets: bytes
    """Without the user data header."""

    @property
    def text(self) -> str:
        """Septets one an octet, or UTF-16 where data_coding says UCS-2 (SMPP 3.4 §5.2.19)."""
        return self.octets.decode("utf-16-be") if self.data_coding == 8 else _gsm(self.octets)


class Wiretap:
    """Listens on `port` and passes all on to the carrier's port."""

    def __init__(self, carrier_port: int) -> None:
        self.submits: Arrivals[Seen] = Arrivals("submit_sm on the wire")
        self._carrier_port = carrier_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._take, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Cuts everything, and waits for what passes it on."""
        for one in self._sockets:
            with suppress(OSError):  # shut down by its peer already, or never connected
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _take(self) -> None:
        while True:
            try:
                gateway, _ = self._listener.accept()
            except OSError:
                return
            carrier = socket.create_connection(("127.0.0.1", self._carrier_port))
            self._sockets += [gateway, carrier]
            for source, target, is_read in ((gateway, carrier, True), (carrier, gateway, False)):
                thread = threading.Thread(target=self._pass_on, args=(source, target, is_read), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_read: bool) -> None:
        unread = b""
        with suppress(OSError):  # either side may go at any time
            while octets := source.recv(65536):
                target.sendall(octets)
                if is_read:
                    unread = self._read(unread + octets)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _read(self, octets: bytes) -> bytes:
        """Reads whole frames; what is left of the last."""
        while len(octets) >= 16:
            length, command = struct.unpack_from(">II", octets)
            if len(octets) < length:
                break
            if command == _SUBMIT_SM:
                self.submits.add(_submit(octets[16:length]))
            octets = octets[length:]
        return octets


@contextmanager
def tapping(carrier_port: int) -> Iterator[Wiretap]:
    """A tap, until the end of the block."""
    tap = Wiretap(carrier_port)
    try:
        yield tap
    finally:
        tap.close()


def _submit(body: bytes) -> Seen:
    """The body of a submit_sm (SMPP 3.4 §4.4.1), its long message by user data header (3GPP TS 23.040 §9.2.3.24.1)."""
    _, body = _c_string(body)
    _, body = _c_string(body[2:])
    destination, body = _c_string(body[2:])
    esm_class, body = body[0], body[3:]
    _, body = _c_string(body)
    _, body = _c_string(body)
    data_coding, length = body[2], body[4]
    octets = body[5 : 5 + length]
    if not esm_class & _UDHI:
        return Seen(destination, data_coding, None, 1, 1, octets)
    header = octets[: octets[0] + 1]
    assert header[:3] == b"\x05\x00\x03", header.hex()
    return Seen(destination, data_coding, header[3], header[5], header[4], octets[6:])


def _c_string(octets: bytes) -> tuple[str, bytes]:
    text, _, rest = octets.partition(b"\0")
    return text.decode("ascii"), rest


def _gsm(octets: bytes) -> str:
    text, is_escaped = "", False
    for octet in octets:
        if octet == _ESCAPE:
            is_escaped = True
        else:
            text += _ESCAPED[octet] if is_escaped else _SEPTETS[octet]
            is_escaped = False
    assert not is_escaped, "a part ends between an escape and its character"
    return text
