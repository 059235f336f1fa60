"""`sluice doctor`: each thing that is broken gives its finding with its remedy, and what is well gives no fault."""

import errno
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from gateway.cli import main
from gateway.cli.doctor.binds import of_carrier
from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings, Verdict, as_json, in_lines
from gateway.cli.doctor.machine import Machine, Mount, Space
from gateway.cli.doctor.rounds import CHECKS, round_of
from gateway.settings import load
from gateway.simulator.options import Options
from gateway.simulator.simulator import Simulator
from gateway.store.connection import lock

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


async def test_a_good_machine_has_neither_faults_nor_warnings(tmp_path: Path) -> None:
    async with carrier_at() as host:
        found = await findings(a_case(written(tmp_path, carrier=f'hosts = ["{host}"]')))
    assert worst(found) == []
    assert {finding.check for finding in found} == set(CHECKS)


async def test_no_finding_shows_a_secret(tmp_path: Path) -> None:
    account = f'webhook = {{ url = "https://shop.invalid/sms?key=hush", secrets = ["{SECRET}"] }}'
    found = await findings(a_case(written(tmp_path, account=account), may_bind=True))
    told = json.dumps(as_json(found)) + "".join(in_lines(found))
    for secret in (PASSWORD, SECRET, "hush", "0123456789abcdef0123"):
        assert secret not in told


async def test_a_name_that_does_not_resolve_is_a_fault(tmp_path: Path) -> None:
    config = written(tmp_path, carrier='hosts = ["smpp.telco.invalid:2775"]')
    finding = the(await findings(a_case(config), "dns"), Verdict.FAULT, "smpp.telco.invalid")
    assert "getent ahosts smpp.telco.invalid" in str(finding.remedy)


async def test_a_closed_port_is_a_fault(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        config = written(tmp_path, carrier=f'hosts = ["127.0.0.1:{reserved.getsockname()[1]}"]')
        finding = the(await findings(a_case(config), "tls"), Verdict.FAULT, "refused")
    assert "ask the carrier whether it is up" in str(finding.remedy)


async def test_a_local_address_of_no_machine_is_a_fault(tmp_path: Path) -> None:
    config = written(tmp_path, carrier='hosts = ["127.0.0.1:2775"]\nlocal_address = "192.0.2.77"')
    finding = the(await findings(a_case(config), "tls"), Verdict.FAULT, "192.0.2.77")
    assert "ip address add" in str(finding.remedy)


def met_with(folder: Path, not_after: datetime) -> ssl.SSLContext:
    """TLS of a carrier whose authority stands in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=not_after).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("days", "verdict", "words"),
    [
        (-1, Verdict.FAULT, "certificate has expired"),
        (7, Verdict.WARNING, "7 days left"),
    ],
)
async def test_a_certificate_that_has_expired_or_soon_will_is_told(
    tmp_path: Path, days: int, verdict: Verdict, words: str
) -> None:
    context = met_with(tmp_path, datetime.now(UTC) + timedelta(days=days, hours=1))
    async with carrier_at(context) as host:
        config = written(tmp_path, carrier=f'hosts = ["{host}"]\ntls = {{ ca_file = "ca.pem" }}')
        the(await findings(a_case(config), "tls"), verdict, words)


async def test_tls_that_is_well_tells_names_and_days(tmp_path: Path) -> None:
    async with carrier_at(met_with(tmp_path, datetime.now(UTC) + timedelta(days=90, hours=1))) as host:
        config = written(tmp_path, carrier=f'hosts = ["{host}"]\ntls = {{ ca_file = "ca.pem" }}')
        (finding,) = await findings(a_case(config), "tls")
    assert finding.verdict is Verdict.OK
    assert "TLSv1.3" in finding.seen
    assert "certificate for 127.0.0.1, 90 days left" in finding.seen


def test_a_secret_that_cannot_be_read_is_a_wrong_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path)
    (tmp_path / "telco_password").unlink()
    assert main(["doctor", "--config", str(config), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    (fault,) = [finding for finding in told["findings"] if finding["verdict"] == "fault"]
    assert fault["check"] == "configuration"
    assert "password_file names a file that does not exist" in fault["seen"]
    assert fault["remedy"]


async def test_a_secret_that_everybody_may_read_is_a_warning(tmp_path: Path) -> None:
    config = written(tmp_path)
    (tmp_path / "telco_password").chmod(0o644)
    finding = the(await findings(a_case(config), "files"), Verdict.WARNING, "telco_password")
    assert finding.remedy == f"chmod o= {tmp_path}/telco_password"


async def test_a_configuration_that_others_may_change_is_a_warning(tmp_path: Path) -> None:
    config = written(tmp_path)
    config.chmod(0o660)
    assert str(the(await findings(a_case(config), "files"), Verdict.WARNING, "may change it").remedy).startswith(
        "chmod"
    )


@pytest.mark.parametrize(
    ("told", "verdict", "words"),
    [
        ({"free": 10 * 2**20}, Verdict.FAULT, "below store.disk_reserve"),
        ({"free": 700 * 2**20}, Verdict.WARNING, "below alerts.disk_low"),
        ({"mount": "nfs4"}, Verdict.FAULT, "lies on nfs4"),
        ({"mount": "tmpfs"}, Verdict.FAULT, "lies on tmpfs"),
        ({"mount": "overlay"}, Verdict.WARNING, "layer of a container"),
        ({"fsync": [0.05] * 20}, Verdict.WARNING, "after 50.00 ms"),
        ({"write_fails": errno.EROFS}, Verdict.FAULT, "Read-only file system"),
        ({"write_fails": errno.ENOSPC}, Verdict.FAULT, "No space left"),
    ],
)
async def test_a_disk_that_will_not_do_is_told(
    tmp_path: Path, told: dict[str, Any], verdict: Verdict, words: str
) -> None:
    the(await findings(a_case(written(tmp_path), SomeMachine(**told)), "disk"), verdict, words)


async def test_a_backlog_for_which_there_is_no_room_is_a_note(tmp_path: Path) -> None:
    found = await findings(a_case(written(tmp_path), SomeMachine(free=3 * GIB)), "disk")
    assert "lower store.backlog_limit" in str(the(found, Verdict.NOTE, "room for a backlog").remedy)


async def test_a_folder_where_nothing_can_be_written_is_a_fault(tmp_path: Path) -> None:
    """The real machine: not even root writes there."""
    case = a_case(written(tmp_path), Machine())
    store = case.settings.store.model_copy(update={"url": "sqlite:///sys/kernel/sluice.db"})
    found = await findings(Case(case.config, case.settings.model_copy(update={"store": store})), "disk")
    assert "chown" in str(the(found, Verdict.FAULT, "nothing can be written").remedy)


def test_the_machine_measures_its_disk_and_leaves_nothing_behind(tmp_path: Path) -> None:
    machine = Machine()
    assert len(machine.fsync_seconds(tmp_path)) == 20
    assert list(tmp_path.iterdir()) == []
    assert machine.space(tmp_path).total > machine.space(tmp_path).free > 0
    mount = machine.mount(tmp_path)
    assert mount is None or tmp_path.is_relative_to(mount.at)
    assert machine.clock_is_synchronised() in (None, True, False)


async def test_a_store_that_is_torn_is_a_fault(tmp_path: Path) -> None:
    case = a_case(written(tmp_path))
    case.settings.store.path.write_bytes(b"SQLite format 3\0" + b"torn" * 1000)
    assert "sluice restore" in str(the(await findings(case, "database"), Verdict.FAULT, "sluice.db").remedy)


async def test_who_owns_the_store_is_told(tmp_path: Path) -> None:
    config, store = written(tmp_path), tmp_path / "sluice.db"
    with lock(store):
        store.touch()
        found = await findings(a_case(config), "database")
    assert any(f"process {os.getpid()} runs on it" in finding.seen for finding in found)


@pytest.mark.parametrize(
    ("told", "verdict", "words"),
    [
        ({"synchronised": False}, Verdict.WARNING, "is not synchronised"),
        ({"synchronised": None}, Verdict.NOTE, "does not say whether it is synchronised"),
    ],
)
async def test_a_clock_that_is_not_kept_is_told(
    tmp_path: Path, told: dict[str, Any], verdict: Verdict, words: str
) -> None:
    remedy = the(await findings(a_case(written(tmp_path), SomeMachine(**told)), "clock"), verdict, words).remedy
    assert "chrony" in str(remedy)


@pytest.mark.parametrize(
    ("ahead", "verdict", "words"),
    [
        (600.0, Verdict.FAULT, "600.0 s ahead of that of 127.0.0.1"),
        (-30.0, Verdict.WARNING, "30.0 s behind that of 127.0.0.1"),
    ],
)
async def test_a_clock_that_is_off_is_told_by_an_endpoints_own(
    tmp_path: Path, webhooks: Any, ahead: float, verdict: Verdict, words: str
) -> None:
    config = with_endpoint(tmp_path, webhooks.url)
    case = a_case(config, SomeMachine(ahead=ahead))
    whole = [finding for finding in await findings(case, "clock") if finding.verdict is verdict]
    (finding,) = whole
    # Its Date is of the whole second.
    seconds, rest = finding.seen.split(" ", 1)
    assert abs(float(seconds) - abs(ahead)) < 2
    assert rest.startswith(words.split(" ", 1)[1])
    assert finding.remedy
    assert webhooks.events.all() == []


def with_endpoint(folder: Path, url: str, allowed: str = '"127.0.0.0/8"') -> Path:
    account = f'webhook = {{ url = "{url}", secrets = ["{SECRET}"] }}\n[webhooks]\nallow_networks = [{allowed}]'
    return written(folder, account=account)


async def test_an_endpoint_that_is_well_is_told_no_event(tmp_path: Path, webhooks: Any) -> None:
    found = await findings(a_case(with_endpoint(tmp_path, webhooks.url)), "webhooks")
    assert [finding.verdict for finding in found] == [Verdict.OK]
    assert webhooks.events.all() == []
    assert webhooks.forgeries == []


async def test_an_endpoint_whose_name_points_inside_is_a_fault(tmp_path: Path) -> None:
    async def inside(host: str, port: int) -> list[str]:
        return ["10.0.0.7"]

    case = a_case(with_endpoint(tmp_path, "https://shop.example/sms", ""), resolve=inside)
    finding = the(await findings(case, "webhooks"), Verdict.FAULT, "inside network")
    assert "allow_networks" in str(finding.remedy)


async def test_an_endpoint_where_nobody_listens_is_a_fault(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{reserved.getsockname()[1]}/sms"
        the(await findings(a_case(with_endpoint(tmp_path, url)), "webhooks"), Verdict.FAULT, "connection refused")


async def test_an_endpoint_with_a_certificate_of_nobody_is_a_fault(tmp_path: Path) -> None:
    async with carrier_at(met_with(tmp_path, datetime.now(UTC) + timedelta(days=90))) as host:
        found = await findings(a_case(with_endpoint(tmp_path, f"https://{host}/sms")), "webhooks")
    assert "renew or mend the certificate" in str(the(found, Verdict.FAULT, "certificate is refused").remedy)


async def test_nothing_is_bound_unless_asked_for(tmp_path: Path) -> None:
    async with carrier_at() as host:
        config = written(tmp_path, carrier=f'hosts = ["{host}"]')
        assert "--bind" in str(the(await findings(a_case(config), "binds"), Verdict.NOTE, "count binds").remedy)
        (finding,) = await findings(a_case(config, may_bind=True), "binds")
    assert finding.verdict is Verdict.OK
    assert "took a bind as acme" in finding.seen


@pytest.mark.parametrize(
    ("how", "words"), [("pause", "paused by operator:anna"), ("drain", "drained by operator:anna")]
)
def test_a_carrier_that_an_operator_holds_is_a_note(how: str, words: str) -> None:
    held = {"how": how, "since": "2026-11-22T18:00:00.000Z", "who": "operator:anna", "why": "they asked"}
    found = of_carrier({"name": "telco", "held": held, "binds": [], "alarm": None, "breaker": None})
    assert "--resume" in str(the(found, Verdict.NOTE, words).remedy)


def test_a_carrier_that_refuses_every_bind_is_a_fault_and_an_open_breaker_a_warning() -> None:
    bind = {"name": "telco/1", "state": "bound", "since": "2026-11-22T18:00:00.000Z", "last_error": None}
    refused = {"name": "telco", "binds": [{**bind, "state": "refused"}], "alarm": "ESME_RINVPASWD", "breaker": None}
    assert "ask the carrier" in str(the(of_carrier(refused), Verdict.FAULT, "ESME_RINVPASWD").remedy)
    breaker = {"state": "open", "detail": "errors 0.82 of 40", "cause": "errors"}
    sick = {"name": "telco", "binds": [bind], "alarm": None, "breaker": breaker}
    the(of_carrier(sick), Verdict.WARNING, "errors 0.82 of 40")
    half = {"name": "telco", "binds": [bind, {**bind, "name": "telco/2", "state": "waiting"}], "alarm": None}
    the(of_carrier(half), Verdict.WARNING, "telco/2")


async def test_a_carrier_that_refuses_a_bind_is_a_fault(tmp_path: Path) -> None:
    async with carrier_at(bind_status=0x0E) as host:
        config = written(tmp_path, carrier=f'hosts = ["{host}"]')
        found = await findings(a_case(config, may_bind=True), "binds")
    assert "password" in str(the(found, Verdict.FAULT, "no bind as acme").remedy)


async def test_a_port_that_another_holds_is_a_fault(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        config = written(tmp_path)
        config.write_text(config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}", 1))
        assert "ss -ltnp" in str(the(await findings(a_case(config), "listeners"), Verdict.FAULT, "another").remedy)
        systemds = SomeMachine(unit={"ActiveState": "active"})
        assert worst(await findings(a_case(config, systemds), "listeners")) == []


async def test_operators_calls_open_to_the_world_are_a_warning(tmp_path: Path) -> None:
    config = written(tmp_path)
    config.write_text(
        config.read_text().replace('[operator]\nlisten = ["127.0.0.1:0"]', '[operator]\nlisten = ["0.0.0.0:0"]')
    )
    the(await findings(a_case(config), "listeners"), Verdict.WARNING, "every address")


@pytest.mark.parametrize(
    ("unit", "verdict", "words"),
    [
        (None, Verdict.NOTE, "systemd does not run this machine"),
        ({"LoadState": "not-found"}, Verdict.NOTE, "is not installed"),
        ({"ActiveState": "failed", "Result": "exit-code"}, Verdict.FAULT, "exit-code"),
        ({"UnitFileState": "disabled"}, Verdict.WARNING, "does not start with the machine"),
        ({"NeedDaemonReload": "yes"}, Verdict.WARNING, "has changed"),
        ({"NRestarts": "7"}, Verdict.NOTE, "7 times"),
    ],
)
async def test_the_unit_in_force_is_looked_at(
    tmp_path: Path, unit: dict[str, str] | None, verdict: Verdict, words: str
) -> None:
    usual = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "UnitFileState": "enabled"}
    machine = SomeMachine(unit=None if unit is None else usual | unit)
    found = await findings(a_case(written(tmp_path), machine), "unit")
    assert any(finding.verdict is verdict and words in finding.seen for finding in found), found


async def test_too_few_open_files_and_processors_that_are_not_there_are_told(tmp_path: Path) -> None:
    config = written(tmp_path, top="[process]\ncpus = [7]")
    found = await findings(a_case(config, SomeMachine(files=1024)), "limits")
    assert "LimitNOFILE=65536" in str(the(found, Verdict.NOTE, "1,024 open files").remedy)
    the(found, Verdict.FAULT, "names 7")


async def test_what_this_user_may_not_look_at_is_a_fault_of_its_check_alone(tmp_path: Path) -> None:
    async def is_refused(case: Case) -> list[Finding]:
        raise PermissionError(errno.EACCES, "Permission denied", "/var/lib/sluice/sluice.db")

    found = await round_of(a_case(written(tmp_path)), checks={"database": is_refused})
    assert "sudo -u sluice" in str(the(found, Verdict.FAULT, "/var/lib/sluice/sluice.db may not be looked at").remedy)


async def test_a_check_that_hangs_is_a_warning_and_holds_up_no_other(tmp_path: Path, autojump_clock: Any) -> None:
    async def hangs(case: Case) -> list[Finding]:
        await trio.sleep_forever()
        raise AssertionError

    async def is_well(case: Case) -> list[Finding]:
        return [Findings("well").ok("all", "is well")]

    case = a_case(written(tmp_path))
    found = await round_of(case, checks={"stuck": hangs, "well": is_well}, limit_seconds=5)
    assert [(finding.check, finding.verdict) for finding in found] == [
        ("stuck", Verdict.WARNING),
        ("well", Verdict.OK),
    ]
    assert trio.current_time() < 10


def test_cautions_of_the_check_are_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = written(tmp_path, carrier='hosts = ["127.0.0.1:2775"]\nschedule_delivery_time = "relative"')
    assert main(["doctor", "--config", str(config), "--only", "configuration"]) == 0
    captured = capsys.readouterr()
    assert "warning  carriers.telco: schedule_delivery_time without cancel_sm" in captured.out
    assert "no faults, 1 warning" in captured.err
