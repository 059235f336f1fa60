"""Pictures of the console for docs/pictures: a gateway with some trouble and three minutes of traffic, then each page.

`python tests/support/console_pictures.py docs/pictures [SECONDS]`.
"""

import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from browsers import ConsoleBrowser, browsing, visiting
from callers import Caller
from daemons import OPERATOR_TOKEN, SECRET, Gateway, account, carrier, configuration, sha256, started
from simulators import simulating
from webhook_receivers import receiving

SECONDS = 170.0
PAGES = ("carriers", "messages", "campaigns", "webhooks", "opt-outs", "held", "audit")
TROUBLE = (
    "--latency",
    "20ms-120ms",
    "--receipt-delay",
    "500ms-4s",
    "--throttle-share",
    "0.02",
    "--error",
    "ESME_RSUBMITFAIL=0.01",
    "--undelivered-share",
    "0.03",
)
CAMPAIGN = {
    "campaign_name": "May Promotion",
    "message": "Hi {first_name}, your code is {code}.",
    "recipients": [{"phone": f"+3460020{n:04}", "first_name": "Anna", "code": f"MAY{n}"} for n in range(300)],
}


def send(gateway: Gateway, until: float) -> None:
    """Traffic as on a day: it comes and goes."""
    number = 0
    while time.monotonic() < until:
        count = random.randint(8, 24) if int(time.monotonic()) % 60 < 45 else random.randint(30, 60)
        lanes = random.choices(("otp", "transactional", "promotional"), (1, 4, 5), k=count)
        gateway.send_bulk(
            [
                {
                    "to": f"+3460010{(number + n) % 10_000:04}",
                    "text": "Hello",
                    "lane": lane,
                    "client_id": f"{number + n}",
                }
                for n, lane in enumerate(lanes)
            ]
        )
        number += count
        time.sleep(0.5)


def take(visitor: ConsoleBrowser, folder: Path, message: str) -> None:
    """Each page, in the light at a desk and in the dark on a phone."""
    dark = visitor.width == "phone"
    mark = "-phone" if dark else ""
    visitor.sign_in()
    visitor.page.wait_for_timeout(3000)
    visitor.shot(folder / f"overview{mark}.png", dark=dark, whole=not dark)
    if not dark:
        visitor.shot(folder / "overview-dark.png", dark=True)
    for page in (*(("carriers",) if dark else PAGES), f"messages/{message}"):
        visitor.go(f"/console/{page}{'?when=today' if page == 'messages' else ''}")
        name = "message" if "/" in page else page
        visitor.shot(folder / f"{name}{mark}.png", dark=dark, whole=False)
    visitor.look()


def settings_of(folder: Path, port: int, other: int, url: str) -> dict[str, Any]:
    carriers = {
        "telco": carrier(port, binds=2, window=10, submit_rate=60),
        "backup": carrier(other, window=10),
        "roamer": carrier(1),
    }
    tokens = [{"sha256": sha256(OPERATOR_TOKEN), "name": "anna"}]
    settings = configuration(
        folder, webhook_url=url, carriers=carriers, operator={"listen": ["127.0.0.1:0"], "tokens": tokens}
    )
    settings["routes"] = [{"name": "rest", "tiers": ["telco", "backup"]}]
    settings["accounts"]["bank"] = account("http://127.0.0.1:1/sms", tokens=[{"sha256": sha256("bank")}])
    return settings


def main(folder: Path, seconds: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, receiving(SECRET) as webhooks:
        own = Path(name)
        with (
            simulating(own, *TROUBLE) as simulator,
            simulating(own, *TROUBLE) as other,
            started(Gateway(own, settings_of(own, simulator.port, other.port, webhooks.url))) as gateway,
        ):
            gateway.wait_able("telco", "backup")
            first = gateway.send("+34600000001", "Hello", client_id="order-8841")
            for number in range(5):
                Caller(gateway.url, "bank").send(f"+346003000{number:02}")
            assert gateway.call("POST", "/v1/campaigns/sms", CAMPAIGN).status == 202
            traffic = threading.Thread(target=send, args=(gateway, time.monotonic() + seconds))
            traffic.start()
            time.sleep(seconds - 12)
            with browsing() as browser:
                for width in ("desktop", "phone"):
                    with visiting(browser, gateway.operator.url, width) as visitor:
                        take(visitor, folder, first["id"])
            traffic.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS)
