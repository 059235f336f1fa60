"""Backups: of one moment, checked, never over another file; whatever goes wrong leaves nothing half."""

import os
import signal
import sqlite3
import stat
import threading

import pytest
from stores_in_files import NEWEST, add, killed_after, messages_in, names, opened, store_of, take

from gateway.store import checkpoints
from gateway.store.backups import copying, places, verifying
from gateway.store.backups.places import BackupFailed
from gateway.store.connection import BUSY_MS


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path)


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
