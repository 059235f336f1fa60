"""Two carriers that share a tier by weight, over the wire: each gets its part, and one that can't keep up yields it."""

from typing import Any

import pytest
from arrivals import wait_until
from daemons import Gateway, QuietGateway, account, carrier, configuration, started
from records import Record

pytestmark = pytest.mark.scenario

BULK = 40
WINDOW = 100
"""More than two bulks."""
WEIGHTS = {"a": 70, "b": 30}


class Feed:
    """Never more than two bulks ahead of what is taken: each carrier has room, however busy the machine is."""

    def __init__(self, gateway: Gateway, records: dict[str, Record]) -> None:
        self._gateway = gateway
        self._records = records
        self._sent = 0

    def send(self, count: int) -> dict[str, int]:
        """What each took of these, once all are taken."""
        before = self._taken()
        until = self._sent + count

        def is_over() -> bool:
            taken = sum(self._taken().values())
            while self._sent < min(taken + BULK + 1, until):
                self._bulk(min(BULK, until - self._sent))
            return taken >= until

        wait_until(is_over, "all are taken", seconds=300)
        return {name: taken - before[name] for name, taken in self._taken().items()}

    def _bulk(self, count: int) -> None:
        numbers = range(self._sent, self._sent + count)
        self._gateway.send_bulk([{"to": f"+3460{number:07}", "text": f"Hello {number}"} for number in numbers])
        self._sent += count

    def _taken(self) -> dict[str, int]:
        return {name: record.count() for name, record in self._records.items()}


@pytest.fixture
def pair(tmp_path: Any, gateways: list[Gateway], simulator_with: Any) -> Any:
    """The feed of a gateway with two such carriers, and their simulators."""
    records = {name: Record(tmp_path / f"{name}.jsonl") for name in WEIGHTS}
    simulators = {name: simulator_with("--no-number-outcomes", *record.option) for name, record in records.items()}
    settings = configuration(
        tmp_path,
        carriers={name: carrier(s.port, window=WINDOW) for name, s in simulators.items()},
        routes=[{"name": "rest", "tiers": [WEIGHTS]}],
        accounts={"shop": account()},
    )
    with started(QuietGateway(tmp_path, settings)) as gateway:
        gateway.wait_able(*WEIGHTS)
        yield Feed(gateway, records), simulators
    gateways.append(gateway)


def test_two_carriers_get_70_and_30_of_10_000(pair: Any) -> None:
    feed, _ = pair
    taken = feed.send(10_000)
    assert sum(taken.values()) == 10_000
    assert abs(taken["a"] - 7_000) <= 200


def test_a_slow_one_yields_and_gets_its_share_back(pair: Any) -> None:
    feed, simulators = pair
    simulators["b"].set("latency", "10s")
    taken = feed.send(2_000)
    assert taken["b"] < 400, "a window in ten seconds is all it can take, and nobody waits for it for long"
    simulators["b"].set("latency", "0s")
    # What it took last is answered after ten seconds.
    wait_until(lambda: 250 < feed.send(1_000)["b"] < 350, "its share is its own again")
