"""SMSCs that we did not write, as processes, and a gateway bound to them. The packages behave; the tests say how.

The scripted ones (smpp34_smsc.py, node_smsc.js) speak one language: an order a line on standard input, an event a line
on standard output, both JSON. What each SMSC is like by itself stands in its own test file.
"""

import itertools
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from arrivals import Arrivals
from child_processes import ChildProcess
from daemons import SECRET, Gateway, carrier, configuration, environment, running
from needs import need
from ports import free_port
from scripted_smsc import receipt_text
from webhook_receivers import WebhookReceiver, receiving

HERE = Path(__file__).parent
INSTALL = "run .ci/install-peers"

Event = dict[str, Any]


def node_package(name: str) -> Path:
    """The `node` that can load this package of tests/peers/package.json."""

    def find() -> Path | None:
        node = shutil.which("node")
        return Path(node) if node and (HERE / "node_modules" / name / "package.json").is_file() else None

    return need(f"node with the npm package {name}", find, install=INSTALL)


@pytest.fixture(name="node_package")
def node_package_of() -> Callable[[str], Path]:
    """`node_package`, for the tests."""
    return node_package


@pytest.fixture
def install_peers() -> str:
    """What to say to someone who lacks a part."""
    return INSTALL


@pytest.fixture
def smsc_process() -> Iterator[Callable[..., ChildProcess]]:
    """Starts an SMSC as a process in this folder; it ends with the test."""
    with ExitStack() as stack:

        def start(*arguments: str | Path) -> ChildProcess:
            process = ChildProcess(arguments, folder=HERE, environment=environment())
            stack.callback(process.end)
            return process

        yield start


@dataclass(slots=True)
class Submit:
    """A submit_sm as the SMSC read it; fields as the specification names them."""

    peer: "ScriptedSmsc"
    ref: int
    session: str
    octets: bytes
    """Of short_message, with its header."""
    fields: dict[str, Any]

    @property
    def to(self) -> str:
        address: str = self.fields["destination_addr"]
        return "+" + address

    def accept(self, message_id: str, **tlvs: Any) -> None:
        self.peer.order("accept", ref=self.ref, message_id=message_id, tlvs=tlvs)

    def reject(self, status: int, *, with_body: bool = False) -> None:
        self.peer.order("reject", ref=self.ref, status=status, with_body=with_body)

    def receipt_in_payload(self, message_id: str) -> int:
        """A receipt whose text is a message_payload."""
        payload = {"octets": receipt_text(message_id).encode("ascii").hex()}
        return self.receipt(message_id, octets=b"", tlvs={"message_payload": payload})

    def receipt(self, message_id: str, stat: str = "DELIVRD", *, err: str = "000", **fields: Any) -> int:
        """Send a receipt for it, its addresses swapped; the number under which `wait_answered` knows it."""
        text = receipt_text(message_id, stat, err)
        return self.peer.deliver(
            fields.pop("session", self.session),
            octets=fields.pop("octets", text.encode("ascii")),
            esm_class=fields.pop("esm_class", 4),
            source_addr=self.fields["destination_addr"],
            destination_addr=self.fields["source_addr"],
            **fields,
        )


class ScriptedSmsc:
    """An SMSC that does nothing by itself but bind and answer enquire_link."""

    def __init__(self, arguments: list[str | Path], port: int | None) -> None:
        self.events: Arrivals[Event] = Arrivals(f"events of {arguments[-1] if port is None else arguments[-2]}")
        self.submits: Arrivals[Submit] = Arrivals("submit_sm")
        self.answer: Callable[[Submit], None] = lambda submit: None
        """What it does with each submit_sm at once, in the thread that reads it."""
        self._refs = itertools.count(1)
        self.process = ChildProcess(
            arguments, folder=HERE, environment=environment(), on_output=self._hear, on_end=self._ended
        )
        self.port: int = self.events.wait(lambda e: e["event"] == "listening")["port"]

    def order(self, order: str, **what: Any) -> None:
        self.process.say(json.dumps({"order": order, **what}))

    def deliver(self, session: str, *, octets: bytes = b"", pdu: str = "deliver_sm", **fields: Any) -> int:
        """Send a deliver_sm or data_sm; TLVs by name, see the scripts for their values."""
        ref = next(self._refs)
        tlvs = fields.pop("tlvs", {})
        text = {} if pdu == "data_sm" else {"octets": octets.hex()}
        self.order(pdu, ref=ref, session=session, tlvs=tlvs, **text, **fields)
        return ref

    def wait_answered(self, ref: int) -> Event:
        """The gateway's answer to a delivery or an enquire_link."""
        return self.events.wait(lambda e: e["event"] == "delivered" and e["ref"] == ref)

    def wait_submit(self, to: str) -> Submit:
        return self.wait_submits(to, 1)[0]

    def wait_submits(self, to: str, count: int) -> list[Submit]:
        """The first `count` submit_sm to this number."""
        return self.submits.wait_for(count, lambda submit: submit.to == to)

    def wait_parts(self, to: str, count: int) -> list[Submit]:
        """The parts of a long message to this number in their order, which two binds need not keep."""
        return sorted(self.wait_submits(to, count), key=lambda submit: submit.octets[5])

    def sessions(self) -> list[str]:
        """Those that are bound, the oldest first."""
        gone = {event["session"] for event in self.events.all(lambda e: e["event"] == "gone")}
        return [e["session"] for e in self.events.all(lambda e: e["event"] == "bound") if e["session"] not in gone]

    def wait_bound(self, *, after: int = 0) -> Event:
        """The first session bound after so many events."""
        return self.events.wait(lambda e: e["event"] == "bound", after=after)

    def wait_gone(self, session: str) -> None:
        self.events.wait(lambda e: e["event"] == "gone" and e["session"] == session)

    def _ended(self) -> None:
        """It should not, before the stage is cleared: whoever waits is told at once, and its last words are shown."""
        for line in self.process.errors.all():
            print(f"said by the SMSC: {line}")
        self.events.end()
        self.submits.end()

    def _hear(self, line: str) -> None:
        event = json.loads(line)
        if event["event"] != "submit":
            self.events.add(event)
            return
        submit = Submit(self, event["ref"], event["session"], bytes.fromhex(event["octets"]), event)
        self.answer(submit)
        self.submits.add(submit)


def smpp34_smsc() -> ScriptedSmsc:
    """The SMSC of the package `smpp34`, which is among the requirements of the tests."""
    port = free_port()
    return ScriptedSmsc([sys.executable, HERE / "smpp34_smsc.py", str(port)], port)


def node_smsc() -> ScriptedSmsc:
    """The SMSC of the npm package `smpp`."""
    return ScriptedSmsc([node_package("smpp"), HERE / "node_smsc.js"], None)


_SCRIPTED = {"smpp34": smpp34_smsc, "node-smpp": node_smsc}


@pytest.fixture
def scripted_peer() -> Iterator[Callable[[str], ScriptedSmsc]]:
    """Starts the scripted SMSC of this name; it ends with the test."""
    with ExitStack() as stack:

        def start(name: str) -> ScriptedSmsc:
            peer = _SCRIPTED[name]()
            stack.callback(peer.process.end)
            return peer

        yield start


@dataclass(slots=True)
class Stage:
    """A gateway between a customer and two SMSCs of one kind: `left` with two binds, `right` (for +3461) with one."""

    gateway: Gateway
    webhooks: WebhookReceiver
    left: ScriptedSmsc
    right: ScriptedSmsc
    _numbers: Iterator[int]

    def number(self, prefix: str = "+34600") -> str:
        """One that nothing was sent to yet; `+34610` goes to the right."""
        return f"{prefix}{next(self._numbers):06d}"

    def id(self) -> str:
        """A carrier's message id that was not given yet."""
        return f"id-{next(self._numbers)}"

    def sent(self, text: str = "Hello", **fields: Any) -> tuple[dict[str, Any], Submit]:
        """A message to a new number, and the submit_sm that the left SMSC has of it, unanswered."""
        message = self.gateway.send(self.number(), text, **fields)
        return message, self.left.wait_submit(message["to"])


@contextmanager
def on_stage(folder: Path, make: Callable[[], ScriptedSmsc]) -> Iterator[Stage]:
    """A gateway between a customer and two SMSCs that `make` makes, all three of its binds up."""
    with ExitStack() as stack:
        left, right = make(), make()
        for peer in (left, right):
            stack.callback(peer.process.end)
        webhooks = stack.enter_context(receiving(SECRET))
        settings = configuration(
            folder,
            webhook_url=webhooks.url,
            carriers={"left": carrier(left.port, binds=2), "right": carrier(right.port, password="other")},
            routes=[
                {"name": "right", "match": {"prefix": ["34610"]}, "tiers": ["right"]},
                {"name": "rest", "tiers": ["left"]},
            ],
            lanes={"transactional": {"doubt_grace": "300ms"}},
        )
        gateway = stack.enter_context(running(folder, settings))
        left.events.wait_for(2, lambda e: e["event"] == "bound")
        right.events.wait(lambda e: e["event"] == "bound")
        yield Stage(gateway, webhooks, left, right, itertools.count(1))


@pytest.fixture(autouse=True)
def nothing_is_answered_by_itself(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test told the SMSCs to do ends with it."""
    yield
    for name in {"stage", "node_stage"} & set(request.fixturenames):
        stage: Stage = request.getfixturevalue(name)
        for peer in (stage.left, stage.right):
            peer.answer = lambda submit: None


@pytest.fixture(scope="module", params=["smpp34", "node-smpp"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The same stage for each scripted SMSC; the tests of a file share it, each with numbers and ids of its own."""
    with on_stage(tmp_path_factory.mktemp("stage"), _SCRIPTED[request.param]) as stage:
        yield stage


@pytest.fixture(scope="module")
def node_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """For what only node-smpp can be told to do."""
    with on_stage(tmp_path_factory.mktemp("stage"), node_smsc) as stage:
        yield stage
