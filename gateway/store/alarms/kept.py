"""Alarms that are raised: rows that say what was told already, so that two starts tell it once; and their events.

The operator's events lie in the outbox of the accounts, under a name that no account can have.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from gateway.rules.alarms import ALARMS, Turn, event_data
from gateway.settings.alerts import OperatorEvent
from gateway.store.alarms.interface import AlarmRow, EndpointHealth
from gateway.store.interface import EventFacts
from gateway.store.message_events import BLOCKED, PENDING, TOLD
from gateway.store.outcomes import GONE
from gateway.store.policy import OPERATOR
from gateway.store.work import Work

_RAISE = "INSERT INTO alarms (kind, subject, since, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_TOLD_BY = "UPDATE alarms SET event = ? WHERE kind = ? AND subject = ?"
_LET_GO = "DELETE FROM alarms WHERE kind = ? AND subject = ? RETURNING event"
_ALL = "SELECT kind, subject, since, event, data FROM alarms"
_IS_TO_BE_TOLD = f"SELECT 1 FROM events WHERE id = ? AND state < {TOLD}"
_FILE = (
    "INSERT INTO events (id, account, endpoint, type, state, pending_since, body, prior) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_AMISS = (
    "SELECT id, account, url, failures, disabled_reason FROM endpoints INDEXED BY endpoints_own "
    "WHERE own = 1 AND ((enabled = 1 AND failures >= ?) OR (enabled = 0 AND disabled_reason = ?))"
)
"""By that index, since origins of webhook_urls may be a great many."""


def turn(
    work: Work, kind: OperatorEvent, subject: str, since: int, figures: Mapping[str, Any], *, raised: bool
) -> bool:
    """Whether it was not so already; then it is told."""
    if raised:
        kept = json.dumps(figures, ensure_ascii=False)
        if not work.execute(_RAISE, (kind.value, subject, since, kept)).rowcount:
            return False
        event = _tell(work, kind, Turn.RAISED, event_data(kind, subject, since, figures, alarm=kind))
        work.execute(_TOLD_BY, (event, kind.value, subject))
        return True
    row = work.execute(_LET_GO, (kind.value, subject)).fetchall()
    if not row:
        return False
    over = ALARMS[kind].recovers_as
    _tell(work, over, Turn.RECOVERED, event_data(over, subject, since, figures, alarm=kind), prior=row[0][0])
    return True


def tell(work: Work, event: OperatorEvent, subject: str, figures: Mapping[str, Any]) -> None:
    """Of what is no alarm."""
    _tell(work, event, Turn.TOLD, event_data(event, subject, work.now, figures))


def all_alarms(connection: sqlite3.Connection) -> list[AlarmRow]:
    """Those of this version; one that another wrote is nothing that this one could tell the end of."""
    known = {kind.value: kind for kind in ALARMS}
    rows = connection.execute(_ALL).fetchall()
    found = [
        AlarmRow(known[kind], subject, since, event, json.loads(data))
        for kind, subject, since, event, data in rows
        if kind in known
    ]
    return sorted(found, key=lambda row: row.since)


def own_endpoints_amiss(connection: sqlite3.Connection, failures: int) -> list[tuple[int, EndpointHealth]]:
    """With their ids; what waits for them is the writer's to say."""
    rows = connection.execute(_AMISS, (failures, GONE)).fetchall()
    return [(id_, EndpointHealth(account, url, failed, 0, why)) for id_, account, url, failed, why in rows]


def _tell(work: Work, event: OperatorEvent, turn: Turn, data: dict[str, Any], prior: int | None = None) -> int | None:
    """File it for the operator's endpoint, behind the event `prior`; None: there is no endpoint, or it is not asked."""
    endpoint = work.endpoints.own_of(work.connection, OPERATOR)
    if endpoint is None or event.value not in endpoint.wants:
        return None
    waits = prior is not None and work.execute(_IS_TO_BE_TOLD, (prior,)).fetchone() is not None
    facts = EventFacts(work.ids.next(), event.value, work.now, None, turn.value, data=data)
    state = BLOCKED if waits else PENDING
    row = (facts.id, OPERATOR, endpoint.id, facts.type, state, work.now, work.render(facts), prior)
    work.execute(_FILE, row)
    if waits:
        endpoint.blocked += 1
    else:
        work.stir(endpoint.id, 1)
    return facts.id
