"""Every fault of a carrier with a thousand submit_sm in flight, each by itself and all at once: the books are right.

Apart, each has a carrier of its own in one gateway, so that none may cost another's messages either. Half of the
messages are of a lane that sends again after a doubt, half of one that never does.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from arrivals import wait_until
from daemons import SECRET, TOKEN, Gateway, QuietGateway, account, carrier, configuration, started
from ledgers import Ledger, keep_little
from load_faults import APART, BINDS, IN_FLIGHT, TOGETHER, WINDOW, Fault, LoadedSmsc, loaded
from promises import doubts_of, outbox_of
from scripted_smsc import ScriptedSmsc
from webhook_receivers import receiving

from gateway.messages import AttemptState, MessageState

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]

HOLD, RESEND = "otp", "transactional"
LANES = {lane: {"doubt_grace": "1s"} for lane in (HOLD, RESEND)}
EVENTS = [
    f"message.{kind}" for kind in ("sent", "delivered", "failed", "unknown", "in_doubt", "undelivered", "expired")
]
SECONDS = 180.0
"""For all to end; a machine that has nothing else to do takes a twelfth of it."""
TOLD = {
    "delivered": {("sent", "delivered"), ("delivered",), ("unknown", "delivered")},
    "failed": {("failed",)},
    "unknown": {("unknown",)},
}


SHOWN = ("id", "status", "lane", "possible_duplicate")


@dataclass(slots=True)
class Run:
    """What one carrier's share of a run came to, once nothing was open."""

    script: LoadedSmsc
    smsc: ScriptedSmsc
    messages: dict[str, dict[str, Any]]
    """What the store says of each, by number; GET says so too of one in so many as there are carriers, and of all that
    were taken twice."""
    ledger: Ledger

    def doubted(self, number: str) -> bool:
        return self.messages[number]["id"] in self.ledger.doubted

    def ends(self, number: str) -> set[str]:
        """How a message may end: as the SMSC knows it, and `unknown` where it never heard of it."""
        is_held = self.messages[number]["lane"] == HOLD and self.doubted(number)
        if self.script.took[number]:
            return {"delivered"}
        return (
            {"failed", "unknown"}
            if is_held and number in self.script.refused
            else {"unknown"}
            if is_held
            else {"failed"}
        )


def not_ended(ledger: Ledger, scripts: list[LoadedSmsc], numbers: dict[str, str]) -> list[tuple[str, str | None]]:
    """Messages that were not told to have ended as a carrier knows them; `numbers`: of each message."""
    took = {number for script in scripts for number in script.took}
    ends = ledger.ends
    return [
        (number, ends.get(message))
        for message, number in numbers.items()
        if message not in ends or (number in took and ends[message] != "delivered")
    ]


def numbers_of(place: int) -> list[str]:
    return [f"+346{place:02}{n:06}" for n in range(IN_FLIGHT)]


def everything(gateway: Gateway, ids: list[str]) -> Iterator[dict[str, Any]]:
    """GET of these messages, over one connection."""
    address = urlsplit(gateway.url)
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=30)) as connection:
        for message_id in ids:
            connection.request("GET", f"/v1/sms/{message_id}", headers={"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            assert answer.status == 200, message_id
            yield json.loads(answer.read())


def kept(folder: Path, numbers: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the store holds of each message, by number, as GET would tell it."""
    ids = {number: message for message, number in numbers.items()}
    sql = "SELECT recipient, state, lane, possible_duplicate FROM messages JOIN queues ON queues.id = queue"
    return {
        number: {
            "id": ids[number],
            "status": MessageState(state).name.lower(),
            "lane": lane,
            "possible_duplicate": bool(is_marked),
        }
        for number, state, lane, is_marked in rows(folder, sql)
    }


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{folder / 'sluice.db'}?mode=ro", uri=True)) as store:
        return store.execute(sql).fetchall()


def wait_ended(not_ended: Callable[[], list[tuple[str, str | None]]]) -> None:
    with suppress(AssertionError):  # what is open says more
        wait_until(lambda: not not_ended(), "everything has ended", seconds=SECONDS)
    still = not_ended()
    assert (len(still), still[:10], Counter((number[:6], end) for number, end in still)) == (0, [], {})


@contextmanager
def a_run(folder: Path, faults: dict[str, tuple[Fault, ...]]) -> Iterator[list[Run]]:
    """A thousand messages to each of the carriers, until nothing is open; each carrier has its faults."""
    with ExitStack() as stack:
        carriers = {name: stack.enter_context(loaded(*those)) for name, those in faults.items()}
        webhooks = stack.enter_context(receiving(SECRET))
        ledger = keep_little(webhooks)
        gateway = stack.enter_context(started(QuietGateway(folder, sections(folder, webhooks.url, carriers))))
        gateway.wait_able(*carriers)
        numbers = accepted(gateway, len(carriers))
        scripts = [script for script, _ in carriers.values()]
        count = rows(folder, "SELECT count(*) FROM messages")[0][0]
        assert count == len(numbers) == len(carriers) * IN_FLIGHT
        wait_until(lambda: len(ledger.ends) == len(numbers), "everything has ended once", seconds=SECONDS)
        wait_ended(lambda: not_ended(ledger, scripts, numbers))
        for _, smsc in carriers.values():
            wait_until(lambda smsc=smsc: not smsc.owed(), "every delivery is acknowledged", seconds=SECONDS)
        wait_until(lambda: nothing_untold(gateway), "every event is told")
        balanced(folder, gateway, numbers, ledger)
        seen = kept(folder, numbers)
        taken_twice = {number for script in scripts for number, count in script.took.items() if count > 1}
        every = len(carriers)
        shown = [m for n, (m, number) in enumerate(numbers.items()) if n % every == 0 or number in taken_twice]
        for message in everything(gateway, shown):
            assert {name: message[name] for name in SHOWN} == seen[message["to"]]
        yield [
            Run(script, smsc, {number: seen[number] for number in numbers_of(place)}, ledger)
            for place, (script, smsc) in enumerate(carriers.values())
        ]


def sections(folder: Path, url: str, carriers: dict[str, tuple[LoadedSmsc, ScriptedSmsc]]) -> dict[str, Any]:
    usual = {"binds": BINDS, "window": WINDOW, "response_timeout": "3s"}
    shop = account(url)
    shop["webhook"] |= {"batch": 100, "events": EVENTS}
    return configuration(
        folder,
        carriers={name: carrier(smsc.port, **usual) for name, (_, smsc) in carriers.items()},
        routes=[
            {"name": name, "match": {"prefix": [f"346{place:02}"]}, "tiers": [name]}
            for place, name in enumerate(carriers)
        ],
        lanes=LANES,
        accounts={"shop": shop},
    )


def accepted(gateway: Gateway, carriers: int) -> dict[str, str]:
    """The number of each message that was accepted."""
    numbers = {}
    for place in range(carriers):
        of_it = [
            {"to": number, "text": "Hello", "lane": HOLD if n % 2 else RESEND}
            for n, number in enumerate(numbers_of(place))
        ]
        for start in range(0, IN_FLIGHT, 500):
            numbers |= {message["id"]: message["to"] for message in gateway.send_bulk(of_it[start : start + 500])}
    return numbers


def nothing_untold(gateway: Gateway) -> bool:
    return gateway.get("/v1/events?status=pending,failed&limit=1")["entities"] == []


def balanced(folder: Path, gateway: Gateway, numbers: dict[str, str], ledger: Ledger) -> None:
    """Accepted = ended + open, by the store and by what is told; nothing is open, ready, claimed or in doubt."""
    states = {
        MessageState(state): count for state, count in rows(folder, "SELECT state, count(*) FROM messages GROUP BY 1")
    }
    told = Counter(ledger.ends.values())
    assert sum(states.values()) == len(numbers)
    assert {state.name.lower(): count for state, count in states.items()} == told
    assert rows(folder, "SELECT sum(ready) FROM queues")[0][0] == 0
    open_ones = f"({int(AttemptState.SUBMITTING)}, {int(AttemptState.IN_DOUBT)})"
    assert rows(folder, f"SELECT count(*) FROM attempts WHERE state IN {open_ones}")[0][0] == 0
    assert doubts_of(gateway.operator) == set()
    assert ledger.out_of_order == []
    assert outbox_of(gateway) == ledger.ids


def check(run: Run, *words: str) -> None:
    """What one carrier's share of the books must say. `words`: of its faults, each of which must have happened."""
    assert run.script.most_in_flight == IN_FLIGHT
    assert all(run.script.said[word] for word in words), run.script.said
    wrong = defaultdict(list)
    for number, message in run.messages.items():
        took, status = run.script.took[number], message["status"]
        told = tuple(kind for kind in run.ledger.told[message["id"]] if kind != "in_doubt")
        if status not in run.ends(number):
            wrong["ended otherwise than the SMSC knows"].append((number, took, status))
        if told not in TOLD.get(status, set()):
            wrong["told otherwise"].append((number, told))
        if took > 1 and message["lane"] == HOLD:
            wrong["sent twice although its lane holds"].append(number)
        if took > 1 and not (run.doubted(number) and message["possible_duplicate"]):
            wrong["sent twice without a word"].append(number)
        if message["possible_duplicate"] and not run.doubted(number):
            wrong["marked without a doubt"].append(number)
    assert {word: (len(those), those[:5]) for word, those in wrong.items()} == {}
    strangers = run.script.took.keys() - run.messages.keys()
    assert strangers == set()
    assert {(status, length) for status, length in run.smsc.acknowledged.all()} <= {(0, 17)}
    assert len(run.smsc.acknowledged) >= run.smsc.delivered >= sum(run.script.took.values())


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """One gateway, a carrier for each fault, a thousand messages in flight to each."""
    faults = {fault.__name__: (fault,) for fault in APART}
    with a_run(tmp_path_factory.mktemp("apart"), faults) as runs:
        yield dict(zip(faults, runs, strict=True))


@pytest.mark.parametrize(("fault", "word"), APART.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_thousand_in_flight_end_as_the_carrier_knows_them_whatever_it_does(apart, fault, word):
    run = apart[fault.__name__]
    check(run, word)


def test_ids_that_begin_again_are_given_to_two_messages_each_and_told_apart(apart):
    run = apart["restarted_with_the_same_ids"]
    assert sum(count == 2 for count in run.script.ids.values()) >= IN_FLIGHT // 3


def test_answers_alone_that_are_late_make_no_doubt(apart):
    for name in ("answers_out_of_order", "receipts_before_answers", "receipts_twice", "ids_in_decimal"):
        run = apart[name]
        assert [number for number in run.messages if run.doubted(number)] == [], name
        assert max(run.script.took.values()) == 1, name


def test_a_thousand_in_flight_meet_every_fault_at_once(tmp_path):
    with a_run(tmp_path, {"telco": TOGETHER}) as (run,):
        check(run, *[APART[fault] for fault in TOGETHER])
        assert max(run.script.took.values()) > 1
