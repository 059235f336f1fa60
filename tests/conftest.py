"""Fixtures of the tests that run the whole daemon, and what all tests share; the rest lies in tests/support.

A test starts with `gateway = gateway_with(carriers={"telco": carrier(port)})`, sends with `message = gateway.send(to)`,
and waits with `webhooks.wait(message, "delivered")`.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from daemons import SECRET, Gateway, configuration, running
from webhook_receivers import WebhookReceiver, receiving

# How long an example takes says nothing about what is tested, on a machine that is busy.
hypothesis.settings.register_profile("sluice", deadline=None)
hypothesis.settings.load_profile("sluice")

# A shell starts what runs in its background with SIGINT ignored, and so would be what is started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: run in several processes, the many short ones fill up the end."""
    items.sort(key=lambda item: item.get_closest_marker("scenario") is None)


class Folder(pytest.Package):
    """A folder whose fixtures of the scope `package` end with its last test. It need be no package for that."""

    def setup(self) -> None:
        """Nothing is imported."""


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> Folder | None:
    """The console's: while a browser is open a loop of asyncio runs in this thread, and others want to run theirs."""
    return Folder.from_parent(parent, path=path) if path == Path(__file__).with_name("console") else None


@pytest.fixture
def webhooks() -> Iterator[WebhookReceiver]:
    """The endpoint of the account `shop`."""
    with receiving(SECRET) as receiver:
        yield receiver


@pytest.fixture
def gateway_with(tmp_path: Path, webhooks: WebhookReceiver) -> Iterator[Callable[..., Gateway]]:
    """Starts a gateway with these sections of the configuration; in the end it must drain and exit with 0."""
    with ExitStack() as stack:

        def start(**sections: Any) -> Gateway:
            settings = configuration(tmp_path, webhook_url=webhooks.url, **sections)
            return stack.enter_context(running(tmp_path, settings))

        yield start
