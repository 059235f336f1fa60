"""The throw-away world of one demo: a folder, free ports, tokens, and the configuration that the gateway runs with.

What runs in it is started by stage.py.
"""

import base64
import hashlib
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
HTTP_PORT = 8080
OPERATOR_PORT = 9090
SMPP_PORT = 2775
WINDOW = 20
GRACE_SECONDS = 2
LATENCY = "20-40ms"
RECEIPT_DELAY = "400-800ms"
THROTTLE_SHARE = "3%"

_CONFIGURATION = """\
# Written by `sluice demo`; it goes with the demo.
[http]
listen = ["{host}:{http_port}"]
[operator]
listen = ["{host}:{operator_port}"]
tokens = [{{ sha256 = "{operator_sha256}" }}]
[store]
url = "sqlite://{folder}/sluice.db"
disk_reserve = 16_777_216
[webhooks]
allow_networks = ["127.0.0.0/8"]        # so that events may be posted to this machine
[lanes.transactional]
doubt_grace = "{grace_seconds}s"                      # 60s by default
[carriers.telco]
hosts = ["{host}:{smpp_port}"]
system_id = "demo"
password = "demo"
window = {window}
throttle_pause = "50ms"                 # 1s by default
reconnect_floor = "200ms"               # 5s by default
[[routes]]
name = "rest"
tiers = ["telco"]
[accounts.shop]
tokens = [{{ sha256 = "{token_sha256}", scopes = ["send", "read", "opt_outs"] }}]
senders = ["SHOP", "Instasent"]
default_sender = "SHOP"
number_check = "shape"                  # so that textbook numbers such as +15551234567 go through
[accounts.shop.webhook]
url = "http://{host}:{webhook_port}/sms"
secrets = ["{webhook_secret}"]
batch = 100
events = ["message.sent", "message.delivered", "message.undelivered", "message.expired", "message.rejected",
          "message.failed", "message.canceled", "message.unknown", "message.in_doubt"]
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all the parts of one demo have to agree on."""

    folder: Path
    http_port: int
    operator_port: int
    smpp_port: int
    webhook_port: int
    token: str
    operator_token: str
    webhook_key: bytes

    @property
    def url(self) -> str:
        """Where callers are served."""
        return f"http://{HOST}:{self.http_port}"

    @property
    def operator_url(self) -> str:
        """Where operators are served."""
        return f"http://{HOST}:{self.operator_port}"

    @property
    def configuration(self) -> Path:
        """The gateway's."""
        return self.folder / "sluice.toml"

    @property
    def record(self) -> Path:
        """The simulator's own record of every segment that it took."""
        return self.folder / "carrier-record.jsonl"


@contextmanager
def a_setting(webhook_port: int) -> Iterator[Setting]:
    """A new one, with its configuration written; its folder is removed at the end. May raise OSError."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-demo-")).resolve()
    try:
        http_port, operator_port, smpp_port = _free_ports(HTTP_PORT, OPERATOR_PORT, SMPP_PORT)
        setting = Setting(
            folder,
            http_port,
            operator_port,
            smpp_port,
            webhook_port,
            f"sk_demo_{secrets.token_hex(8)}",
            f"op_demo_{secrets.token_hex(8)}",
            secrets.token_bytes(32),
        )
        setting.configuration.write_text(_configuration(setting), encoding="utf-8")
        yield setting
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configuration(setting: Setting) -> str:
    return _CONFIGURATION.format(
        host=HOST,
        folder=setting.folder,
        http_port=setting.http_port,
        operator_port=setting.operator_port,
        smpp_port=setting.smpp_port,
        webhook_port=setting.webhook_port,
        window=WINDOW,
        grace_seconds=GRACE_SECONDS,
        token_sha256=hashlib.sha256(setting.token.encode()).hexdigest(),
        operator_sha256=hashlib.sha256(setting.operator_token.encode()).hexdigest(),
        webhook_secret=f"whsec_{base64.b64encode(setting.webhook_key).decode()}",
    )


def _free_ports(*preferred: int) -> list[int]:
    """The preferred ones where they are free, else any. All are held until all are chosen, so that no two are alike."""
    held: list[socket.socket] = []
    try:
        held.extend(_bound(port) or _bound(0) or socket.socket() for port in preferred)
        return [holder.getsockname()[1] for holder in held]
    finally:
        for holder in held:
            holder.close()


def _bound(port: int) -> socket.socket | None:
    """Bound as the gateway will bind it; None when somebody listens there."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((HOST, port))
    except OSError:
        holder.close()
        return None
    return holder
