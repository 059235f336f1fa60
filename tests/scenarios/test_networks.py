"""Messages go by the network that has their number now, as a source of the operator's tells it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from daemons import carrier
from loopback_servers import LoopbackServer, answer

pytestmark = pytest.mark.scenario

PORTED, STAYED = "+34600000001", "+34600000002"


class NumberSource(LoopbackServer):
    """Knows of one number that was ported to another network; down: answers 503."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_down = False
        super().__init__()

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        number = json.loads(body)["number"]
        self.asked.append(number)
        found = {"mccmnc": "21403", "ported": True} if number == PORTED else {"mccmnc": "21401", "ported": False}
        answer(handler, 503 if self.is_down else 200, json.dumps(found).encode())


@pytest.fixture
def source() -> Iterator[NumberSource]:
    served = NumberSource()
    yield served
    served.close()


def test_a_ported_number_goes_by_its_new_network_and_the_table_serves_while_the_source_is_down(
    gateway_with, simulator_with, webhooks, source
):
    ports = [simulator_with("--no-number-outcomes").port for _ in range(2)]
    routes = [
        {"name": "orange", "match": {"mccmnc": ["21403"]}, "tiers": ["orange"]},
        {"name": "rest", "tiers": ["vodafone"]},
    ]
    gateway = gateway_with(
        carriers={"orange": carrier(ports[0]), "vodafone": carrier(ports[1])},
        routes=routes,
        lookup={"url": source.url, "timeout": "5s"},
    )
    for name in ("orange", "vodafone"):
        gateway.wait_able(name)
    messages = gateway.send_bulk([{"to": number, "text": "Hello"} for number in (PORTED, STAYED)])
    carriers = [webhooks.wait(message, "delivered")["data"]["carrier"] for message in messages]
    assert carriers == ["orange", "vodafone"]
    assert sorted(source.asked) == [PORTED, STAYED]

    seen = gateway.call("POST", "/v1/sms/preview", {"to": PORTED, "text": "Hello"}).json
    assert (seen["route"], seen["network"]) == ("orange", "21403")
    assert seen["explanation"][-2:] == ["orange: able to send", "orange gets it"]
    assert sorted(source.asked) == [PORTED, STAYED], "its answers are kept"

    source.is_down = True
    (message,) = gateway.send_bulk([{"to": "+34600000003", "text": "Hello"}])
    assert webhooks.wait(message, "delivered")["data"]["carrier"] == "vodafone"
