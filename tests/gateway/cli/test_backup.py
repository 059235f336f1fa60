"""`sluice backup`, `restore` and `held`, as people and programs see them."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

from gateway.cli import main
from gateway.store.connection import lock, migrate

HELD = {
    "since": "2026-11-21T18:04:05.000Z", "backup": "sluice-20261121T180000Z.db",
    "backup_at": "2026-11-21T18:00:00.000Z", "total": 1204, "events": 3,
    "groups": [{"account": "shop", "lane": "otp", "route": "rest", "state": "in_doubt", "messages": 1204,
                "oldest_at": "2026-11-21T17:00:00.000Z", "latest_at": "2026-11-21T17:59:00.000Z"}],
    "campaigns": [{"id": "cmp_1", "account": "shop", "campaign_name": "May", "waiting": 20}],
    "orders": [{"at": "2026-11-21T18:05:00.000Z", "order": "release", "account": "shop", "lane": None, "route": None,
                "state": None, "what": None, "done": 400}],
}  # fmt: skip


@pytest.fixture
def config(tmp_path):
    """A configuration whose other sections make no sense, and whose secrets are not there."""
    connection = sqlite3.connect(tmp_path / "sluice.db", isolation_level=None)
    migrate(connection)
    connection.close()
    file = tmp_path / "sluice.toml"
    file.write_text(
        f'store = {{ url = "sqlite://{tmp_path}/sluice.db", disk_reserve = 0 }}\n'
        'carriers = { telco = { password_file = "not_there" } }\n'
    )
    return file


def backup(config, *arguments):
    return main(["backup", "--config", str(config), *map(str, arguments)])


def test_a_backup_lies_beside_the_store_and_stands_in_the_audit(gateway, config, capsys):
    gateway.on("POST", "/admin/backups", {})
    assert backup(config, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    (file,) = (config.parent / "backups").iterdir()
    assert told["path"] == str(file)
    assert (told["messages"], told["open"], told["audited"], told["bytes"]) == (0, 0, True, file.stat().st_size)
    assert gateway.asked[-1][3] == {"name": file.name, "sha256": told["sha256"]}
    assert (config.parent / "backups").stat().st_mode & 0o777 == 0o700


def test_without_a_gateway_there_is_a_backup_all_the_same(config, capsys, monkeypatch):
    monkeypatch.delenv("SLUICE_OPERATOR_TOKEN", raising=False)
    assert backup(config, "--to", config.with_name("mine.db")) == 0
    assert "Not in the audit: A token is missing." in capsys.readouterr().out
    assert backup(config, "--to", config.with_name("mine.db")) == 1
    assert "nothing is written over it" in capsys.readouterr().err


def test_only_so_many_are_kept(config, gateway, capsys):
    folder = config.parent / "backups"
    folder.mkdir(mode=0o700)
    for day in (1, 2, 3):
        (folder / f"sluice-2026010{day}T000000Z.db").touch()
    assert backup(config, "--keep", 2, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [name[-19:] for name in told["deleted"]] == ["20260101T000000Z.db", "20260102T000000Z.db"]
    assert len(list(folder.iterdir())) == 2


def test_backups_gather_in_a_folder_that_is_named_too(config, gateway, capsys, tmp_path):
    folder = tmp_path / "another-disk"
    folder.mkdir()
    (folder / "sluice-20260101T000000Z.db").touch()
    assert backup(config, "--to", folder, "--keep", 1, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [str(path) for path in folder.iterdir()] == [told["path"]]
    assert told["deleted"] == [str(folder / "sluice-20260101T000000Z.db")]


def test_a_store_that_is_not_there_is_said_to_be_none(config, capsys):
    (config.parent / "sluice.db").unlink()
    assert backup(config) == 1
    assert "see store.url" in capsys.readouterr().err


def test_a_store_that_makes_no_sense_is_a_wrong_configuration(config, capsys):
    config.write_text('store = { url = "postgres://x" }')
    assert backup(config) == 2
    assert "store.url" in capsys.readouterr().err


def test_a_restore_says_what_is_held_and_where_the_old_store_is(config, capsys):
    file = config.with_name("mine.db")
    backup(config, "--to", file)
    assert main(["restore", str(file), "--config", str(config)]) == 1
    assert "--replace" in capsys.readouterr().err
    assert main(["restore", str(file), "--config", str(config), "--replace"]) == 0
    said = capsys.readouterr().out
    assert "Held until released: 0 messages, 0 campaigns, 0 events." in said
    (aside,) = config.parent.glob("sluice.db.replaced-*Z")
    assert str(aside) in said


def test_under_a_running_gateway_nothing_is_restored(config, capsys):
    file = config.with_name("mine.db")
    backup(config, "--to", file)
    with lock(config.parent / "sluice.db"):
        assert main(["restore", str(file), "--config", str(config), "--replace"]) == 1
    assert "Stop it first" in capsys.readouterr().err


def test_people_see_what_is_held(gateway, capsys):
    gateway.on("GET", "/admin/held", {"held": HELD})
    assert main(["held"]) == 0
    said = capsys.readouterr().out
    assert "1,204 messages, 1 campaign, 3 webhook events." in said
    assert "Being carried out: release account shop; 400 done." in said
    row = next(line.split() for line in said.splitlines() if "otp" in line)
    assert row[:6] == ["shop", "otp", "rest", "in", "doubt", "1,204"]


def test_where_nothing_is_held_that_is_said(gateway, capsys):
    gateway.on("GET", "/admin/held", {"held": None})
    assert main(["held"]) == 0
    assert capsys.readouterr().out == "Nothing is held.\n"
    assert main(["held", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"held": None}


def test_all_is_not_released_unless_that_is_meant(gateway, capsys):
    assert main(["held", "--release"]) == 2
    assert gateway.asked == []
    gateway.on("POST", "/admin/held/release", {"released": 1204}, status=202)
    assert main(["held", "--release", "--yes"]) == 0
    assert main(["held", "--release", "--lane", "otp", "--state", "queued"]) == 0
    assert [asked[3] for asked in gateway.asked] == [{}, {"lane": "otp", "state": "queued"}]
    assert "1,204 messages, campaigns and events released." in capsys.readouterr().out


def test_a_program_that_releases_all_gets_nothing_but_what_was_done(gateway):
    gateway.on("POST", "/admin/held/release", {"released": 1204}, status=202)
    terminal, at_the_command = os.openpty()
    os.write(terminal, b"y\n")
    command = [sys.executable, "-m", "gateway", "held", "--release", "--json"]
    done = subprocess.run(command, stdin=at_the_command, capture_output=True, check=True, timeout=60)
    os.close(terminal)
    os.close(at_the_command)
    assert json.loads(done.stdout) == {"released": 1204}
    assert b"Go on?" in done.stderr


def test_held_messages_are_listed_one_by_one(gateway, capsys):
    row = {"id": "msg_1", "to": "+34600000001", "from": "SHOP", "account": "shop", "lane": "otp", "route": "rest",
           "state": "queued", "created_at": "2026-11-21T17:00:00.000Z"}  # fmt: skip
    gateway.on("GET", "/admin/held/messages?limit=500&account=shop", {"entities": [row], "next_cursor": None})
    assert main(["held", "--list", "--account", "shop"]) == 0
    assert "msg_1" in capsys.readouterr().out
