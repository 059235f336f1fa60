"""What support waits for a search among a million messages (or as many as SEARCHED_MESSAGES says): 300 ms at most."""

import os
import time
from pathlib import Path
from typing import Any

from benchmarks_support import machine
from full_stores import CARRIERS, fill, number
from houses import ScriptedCarriers, a_configuration

from gateway.api import timeline
from gateway.desk.masks import Sight
from gateway.desk.messages import MessagesDesk
from gateway.desk.searching import parse
from gateway.identifiers import MESSAGE, now_ms, public
from gateway.settings import Settings
from gateway.store.connection import open_loop
from gateway.store.policy import policy_of
from gateway.store.sqlite import SqliteStore
from gateway.webhooks.payloads import event_body

MESSAGES = int(os.environ.get("SEARCHED_MESSAGES", "1000000"))
MOST_MS = 300
_TIMES = 3


def asked(ids: list[int]) -> dict[str, dict[str, str]]:
    middle = MESSAGES // 2
    return {
        "nothing": {},
        "an id": {"q": public(MESSAGE, ids[middle])},
        "a client_id": {"q": f"order-{middle}"},
        "a carrier's id": {"carrier_message_id": f"{middle + (1 << 32):x}"},
        "a whole number": {"q": number(middle)},
        "a national number": {"q": number(middle).removeprefix("+34")},
        "last digits": {"q": f"*{number(middle)[-4:]}"},
        "last digits of nobody": {"ends_with": "0" * 15},
        "a status": {"status": "failed"},
        "a status that none has": {"status": "opted_out"},
        "a carrier and a status": {"carrier": "backup", "status": "undelivered"},
        "a carrier that had none": {"carrier": "nobody"},
        "what nobody has": {"q": "zzz"},
    }


async def test_each_search_among_a_million_messages_is_answered_in_time(tmp_path: Path, report: Any) -> None:
    ids = fill(tmp_path / "sluice.db", MESSAGES, now_ms())
    carrier = a_configuration()["carriers"]["telco"]
    settings = Settings.model_validate(a_configuration(carriers=dict.fromkeys(CARRIERS, carrier)))
    waited: dict[str, float] = {}
    async with open_loop():
        store = SqliteStore(tmp_path / "sluice.db", policy_of(settings), render=event_body)
        desk = MessagesDesk(settings, store, ScriptedCarriers(), timeline.plain)
        async with store.opened():
            for name, fields in asked(ids).items():
                waited[name] = min([await _milliseconds(desk, fields) for _ in range(_TIMES)])
    report(f"searches among {MESSAGES:,} messages, ms ({machine()})", **{k: f"{v:.1f}" for k, v in waited.items()})
    assert {name: ms for name, ms in waited.items() if ms > MOST_MS} == {}


async def _milliseconds(desk: MessagesDesk, fields: dict[str, str]) -> float:
    began = time.perf_counter()
    await desk.search(parse(fields), limit=50, cursor=None, sight=Sight.WHOLE)
    return (time.perf_counter() - began) * 1_000
