"""An SMSC made of the package `smpp34` (PyPI): obeys orders, tells what it gets, in lines of JSON. See conftest.py."""

import asyncio
import json
import sys
from typing import Any

import smpp34

FIELDS = [
    "service_type",
    "source_addr",
    "source_addr_ton",
    "source_addr_npi",
    "destination_addr",
    "dest_addr_ton",
    "dest_addr_npi",
    "esm_class",
    "protocol_id",
    "registered_delivery",
    "data_coding",
]


class Smsc:
    def __init__(self, port: int) -> None:
        self.port = port
        self.server = smpp34.Server(host="127.0.0.1", port=port, system_id="smpp34")
        self.sessions: dict[str, smpp34.Esme] = {}
        self.submits: dict[int, smpp34.SubmitSmEvent] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        await self.server.start()
        tell(event="listening", port=self.port)
        while True:
            event = await self.server.next()
            if isinstance(event, smpp34.Esme):
                self.sessions[event.session_id] = event
                tell(event="bound", session=event.session_id, system_id=event.system_id)
            elif isinstance(event, smpp34.SubmitSmEvent):
                ref = len(self.submits) + 1
                self.submits[ref] = event
                fields = {name: getattr(event, name) for name in FIELDS}
                octets = bytes(event.short_message).hex()
                tell(event="submit", ref=ref, session=event.session_id, octets=octets, **fields)
            else:
                self.sessions.pop(event.session_id, None)
                tell(event="gone", session=event.session_id)

    def obey(self, order: dict[str, Any]) -> None:
        match order.pop("order"):
            case "accept":
                self.submits[order["ref"]].accept(order["message_id"])
            case "reject":
                self.submits[order["ref"]].reject(order["status"])
            case "deliver_sm":
                self.start(self.deliver(**order))
            case "unbind":
                self.start(self.unbind(order["session"]))

    def start(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def deliver(self, ref: int, session: str, octets: str, tlvs: dict[str, Any], **fields: Any) -> None:
        given = [smpp34.Tlv(getattr(smpp34, f"TLV_{name.upper()}"), value_of(value)) for name, value in tlvs.items()]
        response = await self.sessions[session].deliver_sm(short_message=bytes.fromhex(octets), tlvs=given, **fields)
        tell(event="delivered", ref=ref, status=response.command_status)

    async def unbind(self, session: str) -> None:
        await self.sessions[session].unbind()


def value_of(value: Any) -> bytes:
    """A number is one octet, a string is NUL-terminated, `{"octets": hex}` is as it is."""
    if isinstance(value, int):
        return bytes([value])
    return value.encode() + b"\0" if isinstance(value, str) else bytes.fromhex(value["octets"])


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


async def main() -> None:
    smsc = Smsc(int(sys.argv[1]))
    serving = asyncio.create_task(smsc.run())
    orders = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        smsc.obey(json.loads(line))
    serving.cancel()


if __name__ == "__main__":
    asyncio.run(main())
