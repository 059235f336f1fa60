"""An SMSC that lets a thousand submit_sm pile up unanswered and then answers them with a fault: alone, or all at once.

A fault is a small function that changes what would be done with one submit_sm. What the SMSC took is kept by number, so
that a test can say what the gateway has to tell its customer.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from scripted_smsc import Link, ScriptedSmsc, Submit, receipt_body

IN_FLIGHT = 1000
"""Unanswered at once, over all binds, before the first is answered."""
BINDS, WINDOW = 4, IN_FLIGHT // 4
_LONGEST_WAIT_SECONDS = 15.0
"""For the thousandth; then what there is is answered, and the test says that there were fewer."""
_SLICE, _PAUSE_SECONDS = 25, 0.01
_FIRST_ID = 0xABC00
SYSTEM_ERROR, WRONG_DESTINATION, THROTTLED, QUEUE_FULL = 0x08, 0x0B, 0x58, 0x14


@dataclass(slots=True)
class Plan:
    """What is to be done with one submit_sm."""

    number: int
    """How many came before."""
    message_id: str
    receipt_id: str
    status: int = 0
    has_body: bool = True
    is_answered: bool = True
    answer_after: float = 0.0
    receipts: int = 1
    receipt_after: float = 0.1
    """Seconds after the answer; below 0, the receipt comes before it."""
    then: Callable[[], None] | None = None
    """Done after the answer."""


class LoadedSmsc:
    """Scripts a `ScriptedSmsc`; its thread alone calls it."""

    def __init__(self, *faults: "Fault") -> None:
        self.faults = faults
        self.took: Counter[str] = Counter()
        """Submits that are the SMSC's business now, answered or not, by number."""
        self.refused: set[str] = set()
        """Numbers that were refused for good."""
        self.said: Counter[str] = Counter()
        """What went wrong, by the words of the fault: a load without its fault proves nothing."""
        self.most_in_flight = 0
        self.random = random.Random(7)
        self.first_id = 0
        self.ids: Counter[str] = Counter()
        """How often each id was handed out."""
        self._came = 0
        self._held: list[Submit] | None = []

    def take(self, submit: Submit) -> None:
        self._came += 1
        if self._held is None:
            self._meet(submit, 0.02)
            return
        if not self._held:
            submit.link.smsc.later(_LONGEST_WAIT_SECONDS, self._release)
        self._held.append(submit)
        if len(self._held) == IN_FLIGHT:
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        self.most_in_flight = max(self.most_in_flight, len(held or ()))
        for place, submit in enumerate(held or ()):
            self._meet(submit, 0.02 + place // _SLICE * _PAUSE_SECONDS)

    def _meet(self, submit: Submit, seconds: float) -> None:
        submit.link.smsc.later(seconds, lambda: self._decide(submit))

    def _decide(self, submit: Submit) -> None:
        number = self._next_number()
        plan = Plan(number, f"{_FIRST_ID + number - self.first_id:X}", f"{_FIRST_ID + number - self.first_id:X}")
        for fault in self.faults:
            fault(plan, submit, self)
        if plan.answer_after:
            submit.link.smsc.later(plan.answer_after, lambda: self._do(plan, submit))
        else:  # before the next is decided, however busy the machine is
            self._do(plan, submit)

    def _next_number(self) -> int:
        self.said["decided"] += 1
        return self.said["decided"]

    def _do(self, plan: Plan, submit: Submit) -> None:
        if plan.status == 0:
            self._keep(plan, submit)
        elif plan.status == WRONG_DESTINATION:
            self.refused.add(submit.number)
        if plan.is_answered:
            submit.answer(plan.message_id, status=plan.status, body=plan.has_body)
        if plan.then is not None:
            plan.then()

    def _keep(self, plan: Plan, submit: Submit) -> None:
        self.took[submit.number] += 1
        self.ids[plan.message_id] += 1
        smsc, body = submit.link.smsc, receipt_body(submit, plan.receipt_id)
        if plan.receipt_after < 0:
            smsc.deliver(body)
        for copy in range(plan.receipts - (plan.receipt_after < 0)):
            smsc.later(max(0.0, plan.receipt_after) + 0.05 * copy, lambda: smsc.deliver(body))

    def after_restart(self) -> None:
        """Ids begin again."""
        self.first_id = self.said["decided"]


Fault = Callable[[Plan, Submit, LoadedSmsc], None]


def answers_swallowed(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    """One in a hundred; of every second of them the receipt comes so late that the policy has decided."""
    if plan.number % 100 == 7 and plan.status == 0:
        plan.is_answered = False
        plan.receipt_after = 0.1 if plan.number % 200 == 7 else 5.0
        smsc.said["swallowed"] += 1


def answers_out_of_order(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    plan.answer_after = smsc.random.uniform(0.0, 0.3)
    smsc.said["shuffled"] += 1


def throttled_in_bursts(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    if plan.status == 0 and 100 <= plan.number % 300 < 140:
        plan.status = THROTTLED if plan.number % 2 else QUEUE_FULL
        smsc.said["throttled"] += 1


def connections_dropped(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    _after_a_while(plan, submit.link, smsc, submit.link.cut, "dropped")


def unbound_by_the_peer(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    _after_a_while(plan, submit.link, smsc, submit.link.unbind, "unbound")


def receipts_before_answers(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    plan.receipt_after = -1.0
    smsc.said["early"] += 1


def receipts_twice(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    plan.receipts = 2
    smsc.said["twice"] += 1


def ids_in_another_case(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    plan.message_id, plan.receipt_id = f"000{plan.message_id}", plan.receipt_id.lower()
    smsc.said["spelled otherwise"] += 1


def ids_in_decimal(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    """Hexadecimal in the answer."""
    plan.receipt_id = str(int(plan.message_id, 16))
    smsc.said["in the other base"] += 1


def errors_with_and_without_body(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    """Every tenth number is refused for good; every tenth once only."""
    ending, word = submit.number[-1], f"once {submit.number}"
    if ending == "3":
        plan.status = WRONG_DESTINATION
    elif ending == "6" and not smsc.said[word]:
        plan.status = SYSTEM_ERROR
        smsc.said[word] += 1
    else:
        return
    plan.has_body = plan.number % 2 == 0
    smsc.said["errors"] += 1


def restarted_with_the_same_ids(plan: Plan, submit: Submit, smsc: LoadedSmsc) -> None:
    """In the middle all connections break; then the ids begin again. Receipts of the first half come after that."""
    plan.receipt_after = 1.5 if not smsc.said["restarts"] else plan.receipt_after
    if plan.number == IN_FLIGHT // 2:
        smsc.said["restarts"] += 1

        def restart() -> None:
            for link in list(submit.link.smsc.links):
                link.cut()
            smsc.after_restart()

        plan.then = restart


def _after_a_while(plan: Plan, link: Link, smsc: LoadedSmsc, end: Callable[[], None], word: str) -> None:
    """Each of the first six links ends this way, in the middle of what it has in flight."""
    if not link.is_open:
        return
    smsc.said[f"{word} {id(link)}"] += 1
    if smsc.said[f"{word} {id(link)}"] == WINDOW // 3 and smsc.said[word] < BINDS + 2:
        smsc.said[word] += 1
        plan.then = end


APART: dict[Fault, str] = {
    answers_swallowed: "swallowed",
    answers_out_of_order: "shuffled",
    throttled_in_bursts: "throttled",
    connections_dropped: "dropped",
    unbound_by_the_peer: "unbound",
    receipts_before_answers: "early",
    receipts_twice: "twice",
    ids_in_another_case: "spelled otherwise",
    ids_in_decimal: "in the other base",
    errors_with_and_without_body: "errors",
    restarted_with_the_same_ids: "restarts",
}
"""Each fault, and the word under which it counts itself."""
TOGETHER: tuple[Fault, ...] = (
    answers_out_of_order,
    receipts_twice,
    ids_in_decimal,
    errors_with_and_without_body,
    throttled_in_bursts,
    answers_swallowed,
    connections_dropped,
    unbound_by_the_peer,
    restarted_with_the_same_ids,
)


@contextmanager
def loaded(*faults: Fault) -> Iterator[tuple[LoadedSmsc, ScriptedSmsc]]:
    """An SMSC with these faults."""
    script = LoadedSmsc(*faults)
    smsc = ScriptedSmsc(script.take)
    try:
        yield script, smsc
    finally:
        smsc.close()
