"""The configuration that a run's gateway gets: the defaults of production but for what the row is about."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = "sk_bench"  # noqa: S105 - of a throw-away gateway on loopback
CARRIER = "telco"
LEAN_KEY = "submit_listen"
DELIVERED = ("message.delivered",)

_TEXT = """\
[http]
listen = ["127.0.0.1:{front}"]
{lean}
[operator]
listen = ["127.0.0.1:{operator}"]
[store]
url = "sqlite://{store}"
backlog_limit = 20_000_000
[webhooks]
allow_networks = ["127.0.0.0/8"]
horizon = "{horizon}"
{more}
{carriers}
[[routes]]
name = "rest"
tiers = [{{ {weights} }}]
[accounts.shop]
tokens = [{{ sha256 = "{token}", scopes = ["send", "read"] }}]
senders = ["SHOP"]
default_sender = "SHOP"
default_region = "ES"
[accounts.shop.webhook]
url = "{scheme}://127.0.0.1:{sink}/"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
batch = {batch}
events = [{events}]
"""
_CARRIER = """\
[carriers.{name}]
hosts = ["127.0.0.1:{smsc}"]
system_id = "bench"
password = "bench"
binds = {binds}
window = {window}
submit_rate = {rate}
receipt_horizon = "{horizon}"
reconnect_floor = "1s"
reconnect_ceiling = "1s"
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens."""

    front: int
    lean: int
    operator: int
    smsc: int
    sink: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What a row may set."""

    carriers: int = 1
    binds: int = 1
    """Of each carrier."""
    window: int = 50
    submit_rate: int = 0
    batch: int = 100
    """Events of a webhook call."""
    events: tuple[str, ...] = DELIVERED
    by_tls: bool = False
    """Whether the webhook is https."""
    horizon: str = "72h"
    """Of receipts and of webhooks."""
    more: str = field(default="", repr=False)
    """Sections of TOML."""

    def text(self, ports: Ports, store: Path, *, has_lean: bool = True) -> str:
        """The file. All carriers share one route, in equal parts. `has_lean`: whether there is a lean listener."""
        names = [CARRIER, *(f"{CARRIER}{n}" for n in range(2, self.carriers + 1))]
        fields = {
            "smsc": ports.smsc,
            "binds": self.binds,
            "window": self.window,
            "rate": self.submit_rate,
            "horizon": self.horizon,
        }
        return _TEXT.format(
            front=ports.front,
            lean=f'{LEAN_KEY} = ["127.0.0.1:{ports.lean}"]' if has_lean else "",
            operator=ports.operator,
            scheme="https" if self.by_tls else "http",
            sink=ports.sink,
            store=store,
            horizon=self.horizon,
            more=self.more,
            carriers="".join(_CARRIER.format(name=name, **fields) for name in names),
            weights=", ".join(f"{name} = 1" for name in names),
            token=hashlib.sha256(TOKEN.encode()).hexdigest(),
            batch=self.batch,
            events=", ".join(f'"{event}"' for event in self.events),
        )
