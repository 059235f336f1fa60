"""Holds of carriers: a row for each, written with its line of the audit."""

import sqlite3

from gateway.store import audit
from gateway.store.audit import What
from gateway.store.by import By
from gateway.store.held_carriers.interface import CarrierHold, HoldKind
from gateway.store.work import Work

_HOLD = (
    "INSERT INTO carrier_holds (carrier, how, since, who, why) VALUES (?, ?, ?, ?, ?) ON CONFLICT (carrier) "
    "DO UPDATE SET how = excluded.how, since = excluded.since, who = excluded.who, why = excluded.why"
)
_LET_GO = "DELETE FROM carrier_holds WHERE carrier = ?"
_ALL = "SELECT carrier, how, since, who, why FROM carrier_holds"
_WHAT = {HoldKind.PAUSE: What.PAUSE_CARRIER, HoldKind.DRAIN: What.DRAIN_CARRIER}


def hold(work: Work, carrier: str, how: HoldKind, why: str | None, by: By) -> CarrierHold:
    """In the place of an earlier one."""
    work.execute(_HOLD, (carrier, how.value, work.now, by.who, why))
    audit.add(work, by, _WHAT[how], outcome=carrier if why is None else f"{carrier}: {why}")
    return CarrierHold(carrier, how, work.now, by.who, why)


def let_go(work: Work, carrier: str, by: By) -> bool:
    """False: it is not held."""
    if not work.execute(_LET_GO, (carrier,)).rowcount:
        return False
    audit.add(work, by, What.RESUME_CARRIER, outcome=carrier)
    return True


def all_holds(connection: sqlite3.Connection) -> list[CarrierHold]:
    """As many as carriers at most."""
    rows = connection.execute(_ALL).fetchall()
    return [CarrierHold(carrier, HoldKind(how), since, who, why) for carrier, how, since, who, why in rows]
