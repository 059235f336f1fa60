"""Connections that the carrier opens: it says outbind, and the bind is made on that very connection (SMPP 3.4 §4.1.7).

Whoever gets our bind gets our password: so only the carrier's addresses are listened to, and a wrong password of theirs
ends it. Nobody is called back: the carrier opens another connection when it wants one.
"""

import ipaddress
import logging
from typing import TYPE_CHECKING

import trio

from gateway.carriers.bind_states import BindState
from gateway.carriers.dialing import handshaken, keep_alive
from gateway.carriers.link_faults import words_of
from gateway.carriers.pacing import Backoff
from gateway.carriers.place import Place
from gateway.carriers.requests import outbind_mode
from gateway.logs import quoted
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.settings.types import split_address
from protocol.codec import decode
from protocol.command_status import name_of
from protocol.errors import BadPdu
from protocol.fields import HEADER_LENGTH
from protocol.pdus import Outbind

if TYPE_CHECKING:
    from gateway.carriers.carrier import Carrier

MOST_UNSPOKEN = 8
"""Connections that may be open without having said outbind; more are closed at once."""
_LONGEST_OUTBIND = HEADER_LENGTH + 2 * 65
_LENGTH = 4

_log = logging.getLogger("sluice.carriers")


class _Refused(Exception):  # noqa: N818
    """In words, why a connection is of no use."""


class Outbinds:
    """Listens for a carrier, with a place for each of its configured binds."""

    def __init__(self, carrier: "Carrier") -> None:
        settings = carrier.settings
        self._carrier = carrier
        self._mode = outbind_mode(settings)
        self._places: list[Place] = []
        self._leaving: list[Place] = []
        self._set_places()
        self._backoff = Backoff(settings.reconnect_floor, settings.reconnect_ceiling, carrier.rand)
        self._accepting = trio.CancelScope()
        self._unspoken: set[trio.CancelScope] = set()
        self.ports: list[int] = []
        """Those listened on."""

    @property
    def _settings(self) -> CarrierSettings:
        return self._carrier.settings

    def reconfigure(self, *, is_anew: bool) -> None:
        """The carrier has other settings; the binds that there are go on by them, or leave where they are to be made
        anew: the carrier calls again."""
        settings = self._settings
        self._mode = outbind_mode(settings)
        for place in self._places[settings.binds :]:
            place.leave(settings.response_timeout, settings.unbind_timeout)
        self._set_places()
        for place in self._places:
            place.reconfigure()
            if is_anew:
                place.renew()

    def _set_places(self) -> None:
        settings, known = self._settings, self._places
        numbers = range(1, settings.binds + 1) if settings.outbind_listen else ()
        names = [f"{settings.name}/outbind/{number}" for number in numbers]
        self._leaving = [place for place in [*self._leaving, *known[len(names) :]] if place.bind is not None]
        made = [Place(self._carrier, name, self._mode) for name in names[len(known) :]]
        self._places = [*known[: len(names)], *made]

    def taken(self) -> list[Place]:
        """The places that have a bind, or are about to."""
        return [place for place in [*self._places, *self._leaving] if place.bind is not None]

    def unbind(self) -> None:
        """Let the binds leave that there are; while the carrier is to have none, no other is made."""
        for place in self._places:
            place.leave(self._settings.response_timeout, self._settings.unbind_timeout)

    def refuse(self) -> None:
        """Take no more connections, and let go of those that have not said outbind."""
        for scope in [self._accepting, *self._unspoken]:
            scope.cancel()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until `refuse`, then return when the last bind has ended. Raises OSError in words."""
        listeners = []
        for address in self._settings.outbind_listen:
            listeners += await _listeners(address)
        self.ports = [listener.socket.getsockname()[1] for listener in listeners]
        task_status.started()
        if not listeners:
            return
        _log.info("carrier=%s outbind_listen=%s", self._carrier.name, ",".join(self._settings.outbind_listen))
        async with trio.open_nursery() as nursery:
            with self._accepting:
                await trio.serve_listeners(self._meet, listeners, handler_nursery=nursery)

    async def _meet(self, connection: trio.SocketStream) -> None:
        peer = _address(connection)
        try:
            stream = await self._heard(connection, peer)
            place = self._free_place()
        except (_Refused, OSError, trio.BrokenResourceError) as error:
            words = str(error) if isinstance(error, _Refused) else words_of(error)
            _log.warning("carrier=%s outbind=refused peer=%s detail=%s", self._carrier.name, peer, quoted(words))
            await trio.aclose_forcefully(connection)
            return
        except Exception:  # noqa: BLE001 -- the supervisor: a fault of ours in one call must not end the gateway
            _log.exception("carrier=%s outbind=refused peer=%s fault=ours", self._carrier.name, peer)
            await trio.aclose_forcefully(connection)
            return
        place.host = peer
        # A place outlives its binds, and a reload may have changed the mode since the last.
        place.mode = self._mode
        await self._live(place, stream)

    async def _live(self, place: Place, stream: trio.abc.Stream) -> None:
        ended = await place.spared(place.hold(stream))
        place.note(ended)
        if ended.refusal is not None:
            refused, line = place.weigh_refusal(ended.refusal, self._backoff), "bind=%s refused=%s meaning=%s"
            _log.log(refused.level, line, place.name, name_of(ended.refusal), refused.meaning.value)
        else:
            _log.warning("bind=%s ended=%s detail=%s", place.name, ended.reason.value, quoted(ended.detail))
        place.enter(BindState.CLOSED)
        # Again, where a fault came before the bind had it to close. Last: another call may have the place from here on.
        await trio.aclose_forcefully(stream)

    async def _heard(self, connection: trio.SocketStream, peer: str) -> trio.abc.Stream:
        """The stream, once it has said outbind. Raises _Refused, OSError and BrokenResourceError."""
        if len(self._unspoken) >= MOST_UNSPOKEN:
            raise _Refused("too many connections have not said outbind")
        with trio.move_on_after(self._settings.bind_timeout) as scope:
            self._unspoken.add(scope)
            try:
                if not await self._is_known(peer):
                    raise _Refused("the address is none of the carrier's; outbind_from says which are")
                keep_alive(connection)
                stream: trio.abc.Stream = connection
                if (context := self._carrier.contexts.server) is not None:
                    stream = await handshaken(trio.SSLStream(connection, context, server_side=True))
                self._check(await _outbind(stream), peer)
                return stream
            finally:
                self._unspoken.discard(scope)
        raise _Refused("it did not say outbind in time")

    async def _is_known(self, peer: str) -> bool:
        address = ipaddress.ip_address(peer)
        if self._settings.outbind_from:
            return any(address in network for network in self._settings.outbind_from)
        for host, port in map(split_address, self._settings.hosts):
            try:
                found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
            # A name that cannot be looked up at all, such as one with a label of 64 letters, is a UnicodeError.
            except (OSError, UnicodeError) as error:
                line = "carrier=%s outbind_host=%s unknown=%s"
                _log.warning(line, self._carrier.name, quoted(host), quoted(str(error)))
                continue
            if any(ipaddress.ip_address(where[0]) == address for *_, where in found):
                return True
        return False

    def _check(self, pdu: Outbind, peer: str) -> None:
        if pdu.password and pdu.password != self._settings.password.get_secret_value():
            raise _Refused(f"outbind of {pdu.system_id!r} with another password than the carrier's")
        _log.info("carrier=%s outbind=heard peer=%s system_id=%s", self._carrier.name, peer, quoted(pdu.system_id))

    def _free_place(self) -> Place:
        if self._carrier.draining:
            raise _Refused("the gateway stops")
        if self._carrier.is_unbound:
            raise _Refused("an operator holds the carrier")
        for place in self._places:
            if place.bind is None:
                return place
        raise _Refused(f"there are {len(self._places)} binds after outbind already, as many as `binds` says")


async def _listeners(address: str) -> list[trio.SocketListener]:
    host, port = split_address(address)
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        raise OSError(f"outbind_listen: cannot listen on {address}: {error.strerror or error}") from None


def _address(connection: trio.SocketStream) -> str:
    """The peer's, an IPv4 one as such whatever socket it came to; the address of nobody once it is gone."""
    try:
        host: str = connection.socket.getpeername()[0]
    except OSError:
        return "::"
    return host.removeprefix("::ffff:").partition("%")[0]


async def _outbind(stream: trio.abc.Stream) -> Outbind:
    """The first PDU, and not an octet of what follows, which is the bind's to read."""
    octets, wanted = b"", _LENGTH
    while len(octets) < wanted:
        piece = await stream.receive_some(wanted - len(octets))
        if not piece:
            raise _Refused("it closed before it said outbind")
        octets += piece
        if wanted == len(octets) == _LENGTH:
            wanted = int.from_bytes(octets, "big")
            if not HEADER_LENGTH <= wanted <= _LONGEST_OUTBIND:
                raise _Refused("what it said is no outbind")
    try:
        pdu = decode(octets)
    except BadPdu as fault:
        raise _Refused(f"what it said is no outbind: {fault}") from None
    if not isinstance(pdu, Outbind):
        raise _Refused(f"it said {type(pdu).__name__} where outbind was to come")
    return pdu
