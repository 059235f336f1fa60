"""The write-ahead log: copied while commits go on, and begun anew in the blocks that it has."""

import sqlite3
from contextlib import closing

import pytest

from gateway.store import checkpoints
from gateway.store.checkpoints import ANEW_ABOVE, PAGE, PASSIVE_ABOVE, Log


class Database:
    """A database of pages that are written over, with the writer's connection and that of the checkpoints."""

    def __init__(self, path):
        self.path = path
        self.writer, self.copier = (sqlite3.connect(path, isolation_level=None) for _ in range(2))
        for connection in (self.writer, self.copier):
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("PRAGMA synchronous = OFF")
        self.writer.execute("CREATE TABLE filled (id INTEGER PRIMARY KEY, octets BLOB)")
        self.log = Log()
        self.copies = 0
        self.meanwhile = lambda: 0
        """How many pages a commit has that is under way while the log is copied."""

    def begin(self, pages):
        self.writer.execute("BEGIN IMMEDIATE")
        self.writer.executemany(
            "INSERT OR REPLACE INTO filled VALUES (?, randomblob(4000))", [(page,) for page in range(pages)]
        )

    def commit(self, pages):
        self.begin(pages)
        self.writer.execute("COMMIT")
        self.log.wrote(pages * checkpoints.ROWS_A_PAGE)

    async def copying(self, move):
        self.copies += 1
        self.begin(self.meanwhile())
        move(self.copier)
        self.writer.execute("COMMIT")

    async def writing(self, move):
        move(self.writer)

    @property
    def size(self):
        return checkpoints.wal_size(self.path)


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "one.db")
    with closing(made.writer), closing(made.copier):
        yield made


async def test_a_short_log_is_left_alone(database):
    database.commit(PASSIVE_ABOVE // PAGE // 2)
    assert await database.log.keep_short(database.copying)
    assert database.copies == 0
    database.commit(PASSIVE_ABOVE // PAGE // 2)
    assert await database.log.keep_short(database.copying)
    assert database.copies > 0


async def test_under_commits_without_end_the_log_begins_anew_instead_of_growing(database):
    sizes = []
    database.meanwhile = lambda: 40
    for _ in range(30):
        database.commit(600)
        await database.log.keep_short(database.copying)
        if database.log.is_nearly_copied:
            database.commit(10)
            await database.log.begin_anew(database.writing)
        sizes.append(database.size)
    assert ANEW_ABOVE < max(sizes) < ANEW_ABOVE + 2_000 * PAGE
    assert len(set(sizes[12:])) == 1, "it is as long as it was, and none of it was given back"


async def test_without_the_writers_help_the_log_would_grow(database):
    database.meanwhile = lambda: 40
    for _ in range(30):
        database.commit(600)
        await database.log.keep_short(database.copying)
    assert database.size > 2 * ANEW_ABOVE


async def test_what_comes_while_the_log_is_copied_is_copied_too_until_it_is_little(database):
    database.commit(2_000)
    left = [900, 100, 50, 20]
    database.meanwhile = lambda: left.pop(0)
    await database.log.keep_short(database.copying)
    assert (database.copies, left) == (3, [20])


async def test_a_reader_in_the_way_only_makes_the_log_wait(database):
    with closing(sqlite3.connect(database.path, isolation_level=None)) as reader:
        database.commit(600)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM filled").fetchone()
        for _ in range(10):
            database.commit(600)
            await database.log.keep_short(database.copying)
            if database.log.is_nearly_copied:
                await database.log.begin_anew(database.writing)
        assert database.size > ANEW_ABOVE
        reader.execute("COMMIT")
    before = database.size
    for _ in range(3):
        database.commit(600)
        await database.log.keep_short(database.copying)
        await database.log.begin_anew(database.writing)
    assert database.size <= before + 600 * PAGE + 100 * PAGE


async def test_what_the_store_does_of_itself_makes_the_log_longer_too(bench):
    copies = []

    async def copying(move):
        copies.append(move)

    await bench.accept(*(bench.a_message(expires_at=bench.clock() + 1_000) for _ in range(2_000)))
    await bench.store._writer.log.keep_short(copying)
    copies.clear()
    bench.clock.advance(2_000)
    while bench.sql("SELECT 1 FROM messages WHERE done_at IS NULL LIMIT 1"):
        await bench.commit()
    await bench.store._writer.log.keep_short(copying)
    assert copies != []
