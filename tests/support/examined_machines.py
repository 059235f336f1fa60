"""What `sluice doctor` is shown: a machine that is well but for what a test says, configurations, carriers; and what to
make of its findings.
"""

import os
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import trio
import trustme

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Verdict
from gateway.cli.doctor.machine import Machine, Mount, Space
from gateway.cli.doctor.rounds import round_of
from gateway.settings import load
from gateway.simulator.options import Options
from gateway.simulator.simulator import Simulator

GIB = 1024**3
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD = "hunter22"


class SomeMachine(Machine):
    """One that is well, but for what a test says."""

    def __init__(self, **told: Any) -> None:
        self.told = told

    def _told(self, name: str, usual: Any) -> Any:
        return self.told.get(name, usual)

    def now_seconds(self) -> float:
        return super().now_seconds() + float(self._told("ahead", 0.0))

    def clock_is_synchronised(self) -> bool | None:
        return self._told("synchronised", True)  # type: ignore[no-any-return]

    def zone(self) -> str:
        return str(self._told("zone", "UTC"))

    def space(self, folder: Path) -> Space:
        return Space(self._told("free", 900 * GIB), 1000 * GIB)

    def mount(self, folder: Path) -> Mount | None:
        return Mount(self._told("mount", "ext4"), "/srv")

    def fsync_seconds(self, folder: Path) -> list[float]:
        if (number := self._told("write_fails", None)) is not None:
            raise OSError(number, os.strerror(number))
        return list(self._told("fsync", [0.001] * 19 + [0.004]))

    def open_files(self, pid: str | None = None) -> int:
        return int(self._told("files", 65_536))

    def cpus(self) -> list[int]:
        return [0, 1]

    async def unit(self, name: str, properties: Sequence[str]) -> Mapping[str, str] | None:
        return self._told("unit", None)  # type: ignore[no-any-return]


def written(folder: Path, *, carrier: str = "", account: str = "", top: str = "") -> Path:
    """A configuration whose files are as they should be."""
    for name, text in (("telco_password", PASSWORD), ("operator_token", "0123456789abcdef0123")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    config = folder / "sluice.toml"
    config.write_text(
        f"""
{top}
[http]
listen = ["127.0.0.1:0"]
[operator]
listen = ["127.0.0.1:0"]
tokens = [{{ file = "operator_token" }}]
[store]
url = "sqlite://{folder}/sluice.db"
[carriers.telco]
system_id = "acme"
password_file = "telco_password"
{carrier or 'hosts = ["127.0.0.1:2775"]'}
[[routes]]
name = "rest"
tiers = ["telco"]
[accounts.shop]
tokens = [{{ sha256 = "{"9f" * 32}" }}]
senders = ["SHOP"]
{account}
"""
    )
    config.chmod(0o600)
    return config


def a_case(config: Path, machine: Machine | None = None, **given: Any) -> Case:
    environ = {"SLUICE_OPERATOR_URL": "http://127.0.0.1:1"}
    return Case(config, load(config, {}), machine or SomeMachine(), environ, **given)


async def findings(case: Case, *only: str) -> list[Finding]:
    return await round_of(case, only)


def worst(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.verdict in (Verdict.WARNING, Verdict.FAULT)]


def the(found: list[Finding], verdict: Verdict, words: str) -> Finding:
    """The one finding of this kind that says so; it has a remedy."""
    (finding,) = [one for one in found if one.verdict is verdict and words in f"{one.about}: {one.seen}"]
    assert finding.remedy, finding
    return finding


@asynccontextmanager
async def carrier_at(context: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[str]:
    async with trio.open_nursery() as nursery:
        port = await nursery.start(Simulator(Options(**options)).serve, "127.0.0.1", 0, context)
        yield f"127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


def met_with(folder: Path, not_after: datetime) -> ssl.SSLContext:
    """TLS of a carrier whose authority stands in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=not_after).configure_cert(context)
    return context


def with_endpoint(folder: Path, url: str, allowed: str = '"127.0.0.0/8"') -> Path:
    account = f'webhook = {{ url = "{url}", secrets = ["{SECRET}"] }}\n[webhooks]\nallow_networks = [{allowed}]'
    return written(folder, account=account)
