"""An SMSC made of the package `smppy` (PyPI): takes every message, echoes those that ask for it. See test_smppy.py."""

import asyncio
import json
import sys

from smppy import Application, SmppClient
from smppy.server import SmppProtocol


class Smsc(Application):
    async def handle_bound_client(self, client: SmppClient) -> SmppClient | None:
        tell(event="bound", system_id=client.system_id)
        return client if client.password == "secret" else None

    async def handle_unbound_client(self, client: SmppClient) -> None:
        tell(event="unbound")

    async def handle_sms_received(self, client: SmppClient, source_number: str, dest_number: str, text: str) -> None:
        tell(event="sms", source=source_number, to=dest_number, text=text)
        if text.startswith("Echo"):
            await client.send_sms(dest_number, "34600000000", text)


def tell(**what: str) -> None:
    print(json.dumps(what), flush=True)


async def main() -> None:
    loop = asyncio.get_running_loop()
    app = Smsc(name="smppy")
    # What Application.run does, which wants a loop that does not run yet.
    server = await loop.create_server(lambda: SmppProtocol(app=app), host="127.0.0.1", port=int(sys.argv[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
