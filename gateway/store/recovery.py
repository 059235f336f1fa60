"""What a start does before anything else: bring the tables and the endpoints up to date, and face what a crash left."""

import sqlite3
from typing import NamedTuple

from gateway.identifiers import SEQUENCE_BITS
from gateway.store import at_once, ended_binds
from gateway.store.connection import migrate
from gateway.store.held_queue.readers import IN_FORCE
from gateway.store.mirrors import Mirrors
from gateway.store.work import Work

_UNFINISHED = "UPDATE deliveries SET under_way = 0, due = ? WHERE under_way = 1"
_ONE_MILLISECOND = 1 << 20


class Found(NamedTuple):
    """What a start found."""

    last_id: int = 0
    """The greatest id there is."""
    doubts: int = 0
    """Segments in doubt because the last process ended with them on the wire."""
    deliveries: int = 0
    """Webhook deliveries that it had under way: they are told again."""


def recover(connection: sqlite3.Connection, mirrors: Mirrors, now: int) -> Found:
    """Raises RuntimeError on a store of a newer version."""
    migrate(connection)
    last = _last_id(connection)
    mirrors.ids.seen(last)
    connection.execute("BEGIN IMMEDIATE")
    mirrors.queues.hold(frozenset(row[0] for row in connection.execute(IN_FORCE).fetchall()))
    mirrors.queues.has_orders = True  # until none is found
    mirrors.queues.load(connection)
    mirrors.campaigns.load(connection)
    mirrors.opt_outs.load(connection)
    mirrors.usage.load(connection, now)
    deliveries = connection.execute(_UNFINISHED, (now,)).rowcount + at_once.recover(connection, last)
    mirrors.endpoints.configure(connection)
    mirrors.endpoints.load(connection, now)
    mirrors.parked = connection.execute("SELECT count(*) FROM parked").fetchone()[0]
    mirrors.joining = connection.execute("SELECT count(*) FROM inbound_sets").fetchone()[0]
    work = Work(connection, mirrors, now)
    doubts = ended_binds.after_unclean_end(work)
    mirrors.queues.save(connection)
    mirrors.campaigns.save(connection)
    connection.execute("COMMIT")
    mirrors.queues.commit()
    mirrors.campaigns.commit(now)
    mirrors.parked = work.parked
    return Found(last, doubts, deliveries)


def _last_id(connection: sqlite3.Connection) -> int:
    """Ids of requests and submissions are not looked for: they are handed out within the millisecond of a message's."""
    tables = ("messages", "events", "deliveries", "parked", "inbound", "inbound_sets", "audit", "campaigns")
    last = [connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0 for table in tables]
    # What the store gave that a restored one stands for was before the restore, though no row here may tell.
    last += [at << SEQUENCE_BITS for (at,) in connection.execute("SELECT since FROM holds").fetchall()]
    return max(last) + _ONE_MILLISECOND if any(last) else 0
