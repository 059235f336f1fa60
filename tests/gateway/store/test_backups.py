"""Backups: of one moment, checked, never over another file; whatever goes wrong leaves nothing half."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from gateway.identifiers import now_ms
from gateway.store import checkpoints
from gateway.store.backups import copying, places, restoring, verifying
from gateway.store.backups.places import BackupFailed
from gateway.store.connection import BUSY_MS, NewerStore, StoreLocked, lock, migrate, migrations

NEWEST = migrations()[-1][0]
DAY = 86_400_000
_INSERT = (
    "INSERT INTO messages (id, account, submission, request_id, queue, state, due, sender, recipient, text, encoding, "
    "segments, allow_unicode, expires_at) "
    "VALUES (?, 'shop', 1, 1, 1, 1, 1, 'SHOP', '+34600000001', 'hi', 'gsm7', 1, 0, 9)"
)


def opened(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def add(connection, count):
    """Messages, and the count of their queue with them."""
    last = connection.execute("SELECT coalesce(max(id), ?) FROM messages", (now_ms() - DAY << 20,)).fetchone()[0]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_INSERT, [(last + n + 1,) for n in range(count)])
    connection.execute("UPDATE queues SET ready = ready + ?", (count,))
    connection.execute("COMMIT")


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "sluice.db"
    connection = opened(path)
    migrate(connection)
    connection.execute("INSERT INTO queues (id, lane, route, account) VALUES (1, 'otp', 'rest', 'shop')")
    add(connection, 10)
    connection.close()
    return path


def take(store, name="backup.db", **changes):
    return copying.take(store, store.with_name(name), NEWEST, **{"room_left": 0, "pause_share": 0, **changes})


def restore(backup, store, **changes):
    return restoring.restore(backup, store, **{"room_left": 0, **changes})


def messages_in(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT count(*) FROM messages").fetchone()[0]
    finally:
        connection.close()


def names(folder):
    return {path.name for path in folder.iterdir()}


# --- taking one


def test_a_backup_says_what_it_holds_and_is_its_owners_alone(store):
    done = take(store, clock=lambda: 1_790_000_000_000)
    assert (done.content.messages, done.content.open, done.content.version) == (10, 10, NEWEST)
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    assert done.octets == done.path.stat().st_size
    assert done.sha256 == verifying.sha256_of(done.path)
    assert verifying.verify(done.path, NEWEST).at == 1_790_000_000_000


def test_a_backup_is_one_file(store):
    writing = opened(store)
    add(writing, 1)
    done = take(store)
    writing.close()
    assert {name for name in names(store.parent) if name.startswith("backup.db")} == {"backup.db"}
    assert messages_in(done.path) == 11


def test_a_backup_tells_of_one_moment_while_others_write(store):
    writing, stop = sqlite3.connect(store, isolation_level=None, check_same_thread=False), threading.Event()
    add(writing, 5_000)

    def write():
        while not stop.is_set():
            add(writing, 100)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = take(store)
    finally:
        stop.set()
        writer.join()
        writing.close()
    connection = sqlite3.connect(done.path)
    assert connection.execute("SELECT ready FROM queues").fetchone() == (done.content.messages,)
    connection.close()


def test_a_backup_is_never_begun_again_by_what_others_write(store):
    """SQLite begins a copy anew where its source has changed, unless its reader sees one moment."""
    writing = opened(store)
    add(writing, 20_000)
    seen = []

    class Steps(copying._Steps):
        def __call__(self, status, remaining, total):
            seen.append(remaining)
            add(writing, 10)

    source = verifying.read_only(store)
    target = sqlite3.connect(store.with_name("copy.db"), isolation_level=None)
    source.execute("BEGIN")
    expected = verifying.content_of(source)
    descriptor = os.open(store, os.O_RDONLY)
    source.backup(target, pages=20, progress=Steps(store, descriptor, 0, 0))
    os.close(descriptor)
    assert seen == sorted(seen, reverse=True)
    assert target.execute("SELECT count(*) FROM messages").fetchone() == (expected.messages,)
    for connection in (source, target, writing):
        connection.close()


def test_nothing_is_written_over(store):
    take(store)
    before = store.with_name("backup.db").read_bytes()
    with pytest.raises(BackupFailed, match="nothing is written over it"):
        take(store)
    assert store.with_name("backup.db").read_bytes() == before


def test_a_file_that_comes_meanwhile_is_not_written_over(store):
    partial, path = store.with_name("a.partial"), store.with_name("a")
    partial.write_text("new")
    path.write_text("old")
    with pytest.raises(BackupFailed, match="nothing is written over it"):
        places.publish(partial, path)
    assert path.read_text() == "old"


def test_where_there_is_no_room_nothing_is_begun(store):
    with pytest.raises(BackupFailed, match=r"free space there, or name a file on another disk"):
        take(store, room_left=1 << 60)
    assert names(store.parent) == {"sluice.db"}


def test_a_copy_is_given_up_before_it_takes_the_room_that_the_gateway_needs(store):
    descriptor = os.open(store, os.O_RDONLY)
    steps = copying._Steps(store, descriptor, 1 << 60, 0)
    for _ in range(copying.SYNC_EVERY_STEPS - 1):
        steps(0, 1, 2)
    with pytest.raises(BackupFailed, match="the backup was given up"):
        steps(0, 1, 2)
    os.close(descriptor)


def test_a_damaged_store_gives_no_backup(store):
    connection = sqlite3.connect(store)
    page = connection.execute("PRAGMA page_size").fetchone()[0]
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'messages_by_recipient'").fetchone()[0]
    connection.close()
    with store.open("r+b") as file:
        file.seek((root - 1) * page + 100)
        file.write(b"\xff" * (page - 200))
    with pytest.raises(BackupFailed, match="damaged"):
        take(store)
    assert not [name for name in names(store.parent) if "backup" in name]


def test_what_is_no_store_of_ours_is_said_to_be_none(tmp_path):
    for name, content in (("a.db", b""), ("b.db", b"hello" * 1000)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BackupFailed, match=r"no store|no database"):
            verifying.verify(tmp_path / name, NEWEST)


def test_what_may_not_be_read_is_told_in_words(tmp_path):
    with pytest.raises(BackupFailed, match="run this as the user that the gateway runs as"):
        verifying.read_only(tmp_path)


def test_only_the_newest_are_kept_and_no_file_of_another_name_goes(tmp_path):
    for name in ("sluice-20260101T000000Z.db", "sluice-20260102T000000Z.db", "sluice-20260103T000000Z.db", "mine.db"):
        (tmp_path / name).touch()
    deleted = places.prune(tmp_path, 2)
    assert [path.name for path in deleted] == ["sluice-20260101T000000Z.db"]
    assert names(tmp_path) == {"sluice-20260102T000000Z.db", "sluice-20260103T000000Z.db", "mine.db"}


def test_what_a_killed_backup_left_goes_with_the_next(tmp_path):
    for end in ("", "-journal"):
        (tmp_path / f"sluice-20260101T000000Z.db.partial{end}").touch()
    places.clear_partial(tmp_path)
    assert names(tmp_path) == set()


def test_what_another_backup_is_writing_is_left_alone(tmp_path):
    partial = tmp_path / "sluice-20260101T000000Z.db.partial"
    partial.touch()
    with places.being_written(partial):
        places.clear_partial(tmp_path)
    assert names(tmp_path) == {partial.name}


def test_an_old_backup_that_cannot_be_deleted_is_told_in_words(tmp_path):
    (tmp_path / "sluice-20260101T000000Z.db").mkdir()
    (tmp_path / "sluice-20260102T000000Z.db").touch()
    with pytest.raises(BackupFailed, match="can't be deleted"):
        places.prune(tmp_path, 1)


KILLED = """
import sys, time
from pathlib import Path
from gateway.store.backups import copying, restoring
what, store, other = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
print("begun", flush=True)
if what == "backup":
    copying.PAGES_A_STEP = 8
    copying.take(store, other, 99, room_left=0, pause_share=5)
else:
    restoring.restore(other, store, replace=True, room_left=0)
"""


def killed_after(seconds, *arguments):
    """The exit status of a process that was given so long."""
    command = [sys.executable, "-c", KILLED, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        return process.wait()


def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(store):
    connection = opened(store)
    add(connection, 20_000)
    connection.close()
    assert killed_after(0.05, "backup", store, store.with_name("backup.db")) == -signal.SIGKILL
    assert not store.with_name("backup.db").exists()
    assert messages_in(store) == 20_010
    assert take(store).content.messages == 20_010


# --- checkpoints beside a long reader


def test_the_log_is_not_waited_for_while_a_backup_reads(store):
    writing, reading = opened(store), verifying.read_only(store)
    add(writing, 10)
    reading.execute("BEGIN")
    verifying.content_of(reading)
    add(writing, 10)
    said = []
    writing.set_trace_callback(said.append)
    checkpoints.truncate(writing)
    writing.set_trace_callback(None)
    assert said.index("PRAGMA busy_timeout = 0") < said.index("PRAGMA wal_checkpoint(TRUNCATE)")
    assert writing.execute("PRAGMA busy_timeout").fetchone() == (BUSY_MS,)
    assert checkpoints.wal_size(store) > 0
    reading.close()
    checkpoints.truncate(writing)
    assert checkpoints.wal_size(store) == 0
    writing.close()


# --- before tables are changed


@pytest.fixture
def two_migrations(tmp_path):
    folder = tmp_path / "migrations"
    folder.mkdir()
    for number, script in migrations():
        (folder / f"{number:04d}_initial.sql").write_text(script)
    (folder / f"{NEWEST + 1:04d}_more.sql").write_text("CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT;")
    return migrations(folder)


def test_an_older_store_is_backed_up_before_it_is_migrated(store, two_migrations):
    connection = opened(store)
    migrate(connection, two_migrations)
    assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST + 1,)
    assert connection.execute("SELECT count(*) FROM more").fetchone() == (0,)
    connection.close()
    (backup,) = store.parent.glob(f"sluice.db.before-{NEWEST + 1:04d}-*")
    assert verifying.verify(backup, NEWEST).messages == 10
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_backups_before_a_migration_that_were_cut_off_do_not_pile_up(store, two_migrations):
    for day in (1, 2):
        store.with_name(f"sluice.db.before-{NEWEST + 1:04d}-2026010{day}T000000Z.partial").touch()
    connection = opened(store)
    migrate(connection, two_migrations)
    connection.close()
    assert not list(store.parent.glob("*.partial*"))


def test_a_new_store_and_one_that_is_up_to_date_are_not_backed_up(store):
    connection = opened(store)
    migrate(connection)
    connection.close()
    assert not list(store.parent.glob("*.before-*"))


def test_without_a_backup_nothing_is_migrated(store, two_migrations):
    connection = opened(store)
    connection.execute("DROP TABLE audit")
    with pytest.raises(BackupFailed, match="so nothing was changed"):
        migrate(connection, two_migrations)
    assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST,)
    connection.close()


def test_a_store_of_a_newer_program_is_refused_with_what_to_do(store):
    connection = opened(store)
    connection.execute("PRAGMA user_version = 999")
    with pytest.raises(NewerStore, match="install the newer Sluice again, or restore the backup"):
        migrate(connection)
    connection.close()


def test_a_backup_of_an_older_version_is_migrated_as_it_is_restored(store, tmp_path):
    backup = take(store).path
    done = restore(backup, tmp_path / "new" / "other.db")
    assert done.content.version == NEWEST
    assert not list((tmp_path / "new").glob("*.before-*"))


# --- restoring


def test_a_restored_store_is_whole_and_its_owners_alone(store, tmp_path):
    backup = take(store).path
    done = restore(backup, tmp_path / "new" / "other.db")
    assert (done.held.messages, done.replaced) == (10, None)
    assert messages_in(done.store) == 10
    assert names(tmp_path / "new") == {"other.db", "other.db.lock"}
    assert stat.S_IMODE(done.store.stat().st_mode) == 0o600
    assert messages_in(backup) == 10


def test_a_store_that_is_there_is_refused_and_laid_aside_where_asked(store):
    backup = take(store).path
    connection = opened(store)
    add(connection, 7)
    connection.close()
    with pytest.raises(BackupFailed, match="--replace"):
        restore(backup, store)
    assert messages_in(store) == 17
    done = restore(backup, store, replace=True)
    assert messages_in(store) == 10
    assert messages_in(done.replaced) == 17


def test_a_store_that_crashed_is_laid_aside_with_its_log(store):
    backup = take(store).path
    crashed = opened(store)
    add(crashed, 7)
    done = restore(backup, store, replace=True)
    crashed.close()
    assert messages_in(store) == 10
    assert messages_in(done.replaced) == 17


def test_a_store_that_was_laid_aside_can_be_restored_with_its_log(store):
    backup = take(store).path
    crashed = opened(store)
    add(crashed, 7)
    aside = restore(backup, store, replace=True).replaced
    restore(aside, store, replace=True)
    crashed.close()
    assert messages_in(store) == 17


def test_nothing_is_restored_under_a_running_gateway(store):
    backup = take(store).path
    with lock(store), pytest.raises(StoreLocked):
        restore(backup, store, replace=True)


def test_nothing_is_restored_while_the_clock_is_behind_the_backup(store, tmp_path):
    backup = take(store).path
    with pytest.raises(BackupFailed, match="set the clock right first"):
        restore(backup, tmp_path / "new.db", clock=lambda: now_ms() - DAY)
    assert not (tmp_path / "new.db").exists()


def test_a_damaged_backup_changes_nothing(store):
    backup = take(store).path
    backup.write_bytes(backup.read_bytes()[:-40_000])
    with pytest.raises(BackupFailed, match="damaged"):
        restore(backup, store, replace=True)
    assert messages_in(store) == 10
    assert not list(store.parent.glob("*.replaced-*"))


def test_a_backup_of_a_newer_program_is_refused(store, tmp_path):
    backup = take(store).path
    connection = sqlite3.connect(backup)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(BackupFailed, match="install the newer Sluice"):
        restore(backup, tmp_path / "new.db")


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
def test_a_restore_that_was_cut_off_between_its_names_is_finished_by_the_next_start(store, moved):
    backup = take(store).path
    crashed = opened(store)
    add(crashed, 7)
    ready = places.ready_name(store, now_ms())
    ready.write_bytes(backup.read_bytes())
    aside = store.with_name(f"{store.name}.replaced-{ready.name.rpartition('-')[2]}")
    in_order = list(zip((*places.sides(store), store), (*places.sides(aside), aside), strict=True))
    for old, away in [pair for pair in in_order if pair[0].exists()][:moved]:
        old.rename(away)
    with lock(store):
        assert messages_in(store) == 10
    crashed.close()
    assert messages_in(aside) == 17
    assert not ready.exists()


@pytest.mark.parametrize("seconds", [0.02, 0.05, 0.1])
def test_a_restore_that_is_killed_leaves_the_old_store_or_the_new_one(store, seconds):
    connection = opened(store)
    add(connection, 5_000)
    backup = take(store).path
    add(connection, 7)
    connection.close()
    killed_after(seconds, "restore", store, backup)
    with lock(store):
        looking = sqlite3.connect(store)
        held = looking.execute("SELECT count(*) FROM holds").fetchone()[0]
        looking.close()
        assert messages_in(store) == (5_010 if held else 5_017)
    restore(backup, store, replace=True)
    assert messages_in(store) == 5_010
