"""An SMSC made of the package `smppy` (PyPI): takes every message, and echoes those that ask for it. See test_smppy.py."""

import asyncio
import json
import sys

from smppy import Application, SmppClient


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
    # Application.create_server wants a loop that does not run yet; this is what it does.
    from smppy.server import SmppProtocol

    app = Smsc(name="smppy")
    server = await loop.create_server(lambda: SmppProtocol(app=app), host="127.0.0.1", port=int(sys.argv[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
