"""The customer's side: a small HTTP server that takes webhooks, checks each signature, and remembers."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import h11
import trio

from gateway.cli.demo.setting import HOST
from gateway.cli.demo.signature import fault_of

_READ_BYTES = 65_536
_BODY_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Told:
    """One event, as it came in."""

    id: str
    type: str
    message_id: str
    data: Mapping[str, Any]


class Receiver:
    """Knows each event once, however often it is posted."""

    def __init__(self) -> None:
        self.events: dict[str, Told] = {}
        """By event id, in the order of their coming; those with a right signature alone."""
        self.repeats = 0
        """Events that were posted again: they are told at least once."""
        self.faults: list[str] = []
        """What was wrong with signatures."""
        self.on_told: Callable[[Told], None] = lambda told: None
        self._by_type: dict[str, dict[str, Told]] = {}
        self._news = trio.Event()
        self._key = b""

    def expect(self, key: bytes) -> None:
        """The key that everything must be signed with from now on."""
        self._key = key

    def of_type(self, kind: str) -> Mapping[str, Told]:
        """Events of one type by message id."""
        return self._by_type.get(kind, {})

    async def wait(self) -> None:
        """Until something comes in."""
        await self._news.wait()

    async def serve(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled; `nursery.start` gives the port."""
        listeners = await trio.open_tcp_listeners(0, host=HOST)
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(self._attend, listeners)

    async def _attend(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while await self._take_one(stream, connection):
                connection.start_next_cycle()
        except (trio.BrokenResourceError, h11.RemoteProtocolError):
            # A gateway that is killed leaves half a request behind.
            await trio.aclose_forcefully(stream)
        finally:
            await stream.aclose()

    async def _take_one(self, stream: trio.SocketStream, connection: h11.Connection) -> bool:
        """Answer one request; whether another may follow on this connection."""
        headers: dict[bytes, bytes] = {}
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some(_READ_BYTES))
            elif isinstance(event, h11.Request):
                headers = dict(event.headers)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _BODY_LIMIT:
                    return False
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        status = self._judge(headers, bytes(body))
        answer = connection.send(h11.Response(status_code=status, headers=[(b"content-length", b"0")])) or b""
        await stream.send_all(answer + (connection.send(h11.EndOfMessage()) or b""))
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE

    def _judge(self, headers: Mapping[bytes, bytes], body: bytes) -> int:
        fault = fault_of(headers, body, self._key, time.time())
        if fault is not None:
            self.faults.append(fault)
            return 401
        content = json.loads(body)
        for event in content if isinstance(content, list) else [content]:
            self._remember(Told(event["id"], event["type"], event["message_id"] or "", event["data"]))
        self._news.set()
        self._news = trio.Event()
        return 204

    def _remember(self, told: Told) -> None:
        if told.id in self.events:
            self.repeats += 1
            return
        self.events[told.id] = told
        self._by_type.setdefault(told.type, {})[told.message_id] = told
        self.on_told(told)
