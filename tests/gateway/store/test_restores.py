"""Restores: a store that is there is laid aside, and wherever one is cut off there is the old store or the new one."""

import sqlite3
import stat

import pytest
from stores_in_files import DAY, add, killed_after, messages_in, names, opened, restore, store_of, take

from gateway.identifiers import now_ms
from gateway.store.backups import places
from gateway.store.backups.places import BackupFailed
from gateway.store.connection import StoreLocked, lock


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path)


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
