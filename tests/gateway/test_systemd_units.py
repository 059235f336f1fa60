"""The unit files as systemd reads them: without complaint, and with little that the daemon could do outside."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from needs import need

from gateway.carriers.carrier import UNBIND_LIMIT_SECONDS
from gateway.cli.backup import add_arguments
from gateway.house import DRAIN_LIMIT_SECONDS, WEBHOOK_LIMIT_SECONDS
from gateway.serving.server import MOST_CONNECTIONS, OTHER_FILES, STOP_LIMIT_SECONDS
from gateway.store.writer import END_LIMIT_SECONDS

UNITS = Path(__file__).parents[2] / "systemd"
MOST_EXPOSURE = 15
"""In tenths, of 100: what is left is mostly the network itself."""


@pytest.fixture
def analyze():
    """Runs systemd-analyze; what it said, and its exit status."""
    command = need(
        "systemd-analyze",
        lambda: shutil.which("systemd-analyze"),
        install="it comes with systemd (apt install systemd)",
    )

    def run(*arguments, **environment):
        done = subprocess.run(
            [command, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "SYSTEMD_PAGER": "", **environment},
        )
        return done.stdout + done.stderr, done.returncode

    return run


def setting(name):
    """The value of a key that stands once in the service's unit."""
    (line,) = [line for line in (UNITS / "sluice.service").read_text().splitlines() if line.startswith(f"{name}=")]
    return line.partition("=")[2]


def test_systemd_has_no_complaint_about_the_units(analyze, tmp_path):
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.socket"), *UNITS.glob("*.timer")):
        # Where the command lies here; everything else is as installed.
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/bin/sluice", sys.executable))
    units = sorted(tmp_path.iterdir())
    assert len(units) == 6
    said, status = analyze("verify", "--man=no", *units, SYSTEMD_UNIT_PATH=f"{tmp_path}:")
    about_ours = [line for line in said.splitlines() if "sluice" in line]
    assert (about_ours, status) == ([], 0), said


@pytest.mark.parametrize("unit", ["sluice.service", "sluice-backup.service"])
def test_the_services_can_do_little_outside(analyze, unit):
    said, status = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", UNITS / unit)
    assert status == 0, said
    assert "Overall exposure level" in said


def test_the_nightly_backup_is_a_command_that_there_is_and_as_closed_as_the_gateway():
    backup, gateway = ((UNITS / name).read_text() for name in ("sluice-backup.service", "sluice.service"))
    (command,) = [line for line in backup.splitlines() if line.startswith("ExecStart=")]
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = parser.parse_args(command.split()[2:])
    assert (given.keep, given.to) == (7, None)
    walls = gateway[gateway.index("NoNewPrivileges") : gateway.index("[Install]")]
    assert walls.strip() in backup


def test_systemd_waits_longer_than_the_longest_drain():
    steps = (STOP_LIMIT_SECONDS, DRAIN_LIMIT_SECONDS, UNBIND_LIMIT_SECONDS, WEBHOOK_LIMIT_SECONDS, END_LIMIT_SECONDS)
    assert sum(steps) < float(setting("TimeoutStopSec").removesuffix("s"))


def test_the_limit_of_files_leaves_room_for_all_connections():
    assert int(setting("LimitNOFILE")) > MOST_CONNECTIONS + OTHER_FILES


def test_the_sockets_have_the_names_that_the_daemon_looks_for():
    names = {unit.name: unit.read_text().split("FileDescriptorName=")[1].split()[0] for unit in UNITS.glob("*.socket")}
    assert names == {"sluice.socket": "http", "sluice-submit.socket": "submit", "sluice-operator.socket": "operator"}
