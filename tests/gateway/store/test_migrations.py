"""Tables are changed once there is a backup of what was before, and never by a program that is older than they are."""

import sqlite3
import stat

import pytest
from stores_in_files import NEWEST, opened, store_of

from gateway.store.backups import verifying
from gateway.store.backups.places import BackupFailed
from gateway.store.connection import NewerStore, migrate, migrations


def test_every_migration_applies_from_empty_and_only_once(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    migrate(connection)
    tables = connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall()
    assert connection.execute("PRAGMA user_version").fetchone() == (migrations()[-1][0],)
    migrate(connection)
    assert connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall() == tables
    connection.close()


def test_a_migration_that_fails_leaves_nothing_half_done(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    connection.execute("CREATE TABLE webhook_tries (in_the_way)")
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(connection)
    connection.rollback()
    assert connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall() == [("webhook_tries",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()


def test_migrations_are_numbered_from_one_without_gaps():
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


# --- once there is a backup


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path)


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


def test_what_is_being_restored_is_migrated_without_a_further_backup(store, two_migrations):
    connection = opened(store)
    migrate(connection, two_migrations, is_backed_up=True)
    assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST + 1,)
    connection.close()
    assert not list(store.parent.glob("*.before-*"))


def test_a_migration_that_is_tried_again_and_again_leaves_one_backup(store, two_migrations):
    connection, other = opened(store), opened(store)
    connection.execute("PRAGMA busy_timeout = 0")
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            migrate(connection, two_migrations)
        assert not list(store.parent.glob("*.before-*"))
    other.execute("ROLLBACK")
    migrate(connection, two_migrations)
    for one in (connection, other):
        one.close()
    assert len(list(store.parent.glob("*.before-*"))) == 1
