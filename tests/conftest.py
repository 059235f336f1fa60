"""Fixtures of the tests that run the whole daemon, and what all tests share; the rest lies in tests/support.

A test starts with `gateway = gateway_with(carriers={"telco": carrier(port)})`, sends with `message = gateway.send(to)`,
and waits with `webhooks.wait(message, "delivered")`.
"""

import gc
import os
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

# Whoever runs several processes tells them how wide its terminal is; what is printed here goes into none.
os.environ.pop("COLUMNS", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: run in several processes, the many short ones fill up the end."""
    items.sort(key=lambda item: item.get_closest_marker("scenario") is None)


def pytest_collection_finish() -> None:
    """What was loaded and collected stays until the end: no collection of garbage needs to go through it again."""
    gc.collect()
    gc.freeze()


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
