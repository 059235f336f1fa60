"""The console in a browser: one gateway with a carrier and some traffic for the whole folder, and who looks at it.

A test takes `browser_console`, signed in as an operator: it acts at a desk, and its `check()` looks at what it sees
there and on a phone; `phone_console` acts on a phone. As all share one gateway, a test sends what it is about, and
leaves carriers and endpoints as it found them. Tests here are no async ones, and run in a process of their own: while a
browser is open, a loop of asyncio runs in the thread of the tests.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from browsers import TOKENS, VIEWER_TOKEN, ConsoleBrowser, browsing, signed_in, visiting
from daemons import OPERATOR_TOKEN, SECRET, Gateway, account, carrier, configuration, running, sha256
from playwright.sync_api import Browser
from simulators import Simulator, simulating
from webhook_receivers import WebhookReceiver, receiving

HOSTILE_PATH = "/'\"><b/id=owned><img/id=owned/src=x/onerror=alert(1)>"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="session")
def console_webhooks() -> Iterator[WebhookReceiver]:
    """The endpoint of the account `shop`."""
    with receiving(SECRET) as receiver:
        yield receiver


@pytest.fixture(scope="session")
def hostile_webhook(console_webhooks: WebhookReceiver) -> str:
    """The URL of the endpoint of the account `other`, as far as it is shown."""
    return console_webhooks.url + HOSTILE_PATH


@pytest.fixture(scope="session")
def console_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """The carrier `telco`: numbers that end as the simulator's help says are not delivered, throttled..."""
    with simulating(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def console_gateway(
    tmp_path_factory: pytest.TempPathFactory,
    console_simulator: Simulator,
    console_webhooks: WebhookReceiver,
    hostile_webhook: str,
) -> Iterator[Gateway]:
    """A gateway with traffic by `telco`, to which nearly all goes. +34611... go to `away`, which is down; +34612... to
    `hasty`, of which doubts arise soon, and stay."""
    folder = tmp_path_factory.mktemp("console")
    settings = configuration(
        folder,
        carriers={
            "telco": carrier(console_simulator.port),
            "hasty": carrier(console_simulator.port, system_id="hasty", response_timeout="300ms"),
            "away": carrier(1),
        },
        routes=[
            {"name": "waiting", "match": {"prefix": ["34611"]}, "tiers": ["away"]},
            {"name": "doubtful", "match": {"prefix": ["34612"]}, "tiers": ["hasty"]},
            {"name": "rest", "tiers": ["telco"]},
        ],
        lanes={"transactional": {"doubt_grace": "1h", "text_kept": "24h"}},
        operator={"listen": ["127.0.0.1:0"], "tokens": TOKENS},
        accounts={
            "shop": account(console_webhooks.url, senders=["*"], unicode="allow"),
            "other": account(
                f"{hostile_webhook}?<i/id=owned>", tokens=[{"sha256": sha256("other"), "scopes": ["send", "read"]}]
            ),
        },
    )
    with running(folder, settings) as gateway:
        gateway.wait_able("telco", "hasty")
        sent = gateway.send_bulk(
            [{"to": f"+3460010{n:04}", "text": f"Hello {n}", "client_id": f"order-{n}"} for n in range(1, 41)]
        )
        console_webhooks.wait_for_each(sent, "delivered")
        yield gateway


@pytest.fixture
def visit(browser: Browser, console_gateway: Gateway) -> Iterator[Callable[..., ConsoleBrowser]]:
    """A new visitor, not signed in: `visit("phone")`."""
    with ExitStack() as stack:

        def come(width: str = "desktop", **options: object) -> ConsoleBrowser:
            return stack.enter_context(visiting(browser, console_gateway.operator.url, width, **options))

        yield come


@pytest.fixture(scope="module")
def anna(browser: Browser, console_gateway: Gateway) -> Iterator[ConsoleBrowser]:
    """An operator, signed in once for each file, as a file may have a gateway of its own."""
    with signed_in(browser, console_gateway.operator.url, OPERATOR_TOKEN) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def victor(browser: Browser, console_gateway: Gateway) -> Iterator[ConsoleBrowser]:
    """A viewer, who may look and not act; likewise."""
    with signed_in(browser, console_gateway.operator.url, VIEWER_TOKEN) as visitor:
        yield visitor


@pytest.fixture
def browser_console(anna: ConsoleBrowser) -> Iterator[ConsoleBrowser]:
    """The operator `anna` at a desk, with a page of her own."""
    with anna.opened() as visitor:
        yield visitor


@pytest.fixture
def phone_console(anna: ConsoleBrowser) -> Iterator[ConsoleBrowser]:
    """The same on a phone."""
    with anna.opened("phone") as visitor:
        yield visitor


@pytest.fixture
def viewer_console(victor: ConsoleBrowser) -> Iterator[ConsoleBrowser]:
    """The viewer `victor` at a desk."""
    with victor.opened() as visitor:
        yield visitor
