"""Whole gateways against our own simulators, each a process.

Texts of the scenarios begin with `Hello`, so that one look finds them in a log (see quiet_logs.py).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from daemons import SECRET, Gateway, configuration, started
from disks import Disk, GatewayOnDisk
from records import Record
from simulators import Simulator, simulating
from webhook_receivers import WebhookReceiver, receiving

OTHER_TOKEN = "sk_test_of_the_other"


@pytest.fixture(autouse=True)
def gateways() -> Iterator[list[Gateway]]:
    """All that a scenario started. Each has logged, at debug level; what logs hide is looked at in daemons.py."""
    started: list[Gateway] = []
    yield started
    assert all(gateway.log for gateway in started)


@pytest.fixture
def gateway_with(
    gateways: list[Gateway], simulator_with: Callable[..., Simulator], gateway_with: Callable[..., Gateway]
) -> Callable[..., Gateway]:
    """As everywhere (tests/conftest.py); its log is looked at in the end, and it stops before its carriers do."""

    def start(**sections: Any) -> Gateway:
        gateways.append(gateway_with(**sections))
        return gateways[-1]

    return start


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """The disk of `gateway_on_disk`, which can lose power and fail."""
    return Disk(tmp_path, tmp_path / "sluice.db")


@pytest.fixture
def gateway_on_disk(
    tmp_path: Path,
    disk: Disk,
    gateways: list[Gateway],
    simulator_with: Callable[..., Simulator],
    webhooks: WebhookReceiver,
) -> Iterator[Callable[..., GatewayOnDisk]]:
    """As `gateway_with`, and all that it writes goes through `disk`."""
    with ExitStack() as stack:

        def start(**sections: Any) -> GatewayOnDisk:
            settings = configuration(tmp_path, webhook_url=webhooks.url, **sections)
            gateways.append(gateway := GatewayOnDisk(tmp_path, settings, disk))
            return stack.enter_context(started(gateway))

        yield start


@pytest.fixture
def simulator_with(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Starts a simulator with these options: `simulator_with("--latency", "20ms")`, `simulator_with(port=port)`."""
    with ExitStack() as stack:

        def start(*options: str, port: int = 0) -> Simulator:
            return stack.enter_context(simulating(tmp_path, *options, port=port))

        yield start


@pytest.fixture
def simulator(simulator_with: Callable[..., Simulator]) -> Simulator:
    """A simulator that delivers everything at once."""
    return simulator_with()


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """What reached the carrier, for `simulator_with(*record.option)`."""
    return Record(tmp_path / "taken.jsonl")


@pytest.fixture
def other_webhooks() -> Iterator[WebhookReceiver]:
    """The endpoint of a second account."""
    with receiving(SECRET) as receiver:
        yield receiver
