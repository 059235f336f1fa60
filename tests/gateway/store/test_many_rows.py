"""Many rows by few statements: each row once, whatever their number, and no step for each of them."""

import sqlite3

import pytest

from gateway.store.many_rows import Insert, Select, Update, as_json

THINGS = Insert("things", "id, name, kind", fixed="7")
NAMES = Update("things", "id", "name", {"kind": "0"})


@pytest.fixture
def cursor():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind INTEGER NOT NULL)")
    yield connection.cursor()
    connection.close()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 6, 11, 12, 24, 25, 49, 50, 51, 99, 100, 137])
def test_every_number_of_rows_is_written_whole(cursor, count):
    rows = [(number, f"thing {number}") for number in range(count)]
    assert THINGS.rows(cursor, rows) == count
    assert cursor.execute("SELECT id, name, kind FROM things ORDER BY id").fetchall() == [(*row, 7) for row in rows]
    renamed = [(number, f"new {number}") for number in range(count)]
    assert NAMES.rows(cursor, renamed) == count
    assert cursor.execute("SELECT id, name, kind FROM things ORDER BY id").fetchall() == [(*row, 7) for row in renamed]
    assert Select("id, name", "FROM (SELECT * FROM things ORDER BY id)").rows(cursor, ()) == [
        (number, f"new {number}") for number in range(count)
    ]


def test_rows_take_few_statements(cursor):
    executed = []
    cursor.connection.set_trace_callback(executed.append)
    THINGS.rows(cursor, [(number, "x") for number in range(137)])
    assert len(executed) <= 7


def test_ids_go_into_json_as_they_are():
    assert as_json([1 << 62, 2]) == "[4611686018427387904,2]"
    assert as_json({1 << 62: 3}) == '{"4611686018427387904":3}'
