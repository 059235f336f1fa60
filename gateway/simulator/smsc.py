"""The carrier behind the sockets: takes submissions and owes receipts until they are acknowledged.

No I/O but the record's file; `now` is seconds of the caller's monotonic clock. What becomes of a message is
outcomes.py's to draw, who gets a delivery accounts.py's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from gateway.simulator.accounts import Account
from gateway.simulator.agenda import Agenda
from gateway.simulator.deliveries import Delivery, Inbound, Receipt, ReceiptWriter, Taken, held_seconds, wants
from gateway.simulator.figures import Figures
from gateway.simulator.handset import written
from gateway.simulator.message_ids import SPELLINGS
from gateway.simulator.options import Options, ReceiptParts
from gateway.simulator.outcomes import Answer, Course, Outcome, Outcomes
from gateway.simulator.receipt_stat import INTERMEDIATE, ReceiptStat
from gateway.simulator.recent import Recent
from gateway.simulator.record import Record
from gateway.simulator.segment_marks import Mark, mark_of
from protocol.command_status import CommandStatus
from protocol.pdus import BindRequest, CancelSm, CancelSmResp, DataSm, DeliverSm, QuerySm, QuerySmResp, SubmitSm

_QUERY_LIMIT = 100_000
"""How many messages query_sm can be asked about."""
_CUT = Outcome(Answer(course=Course.DROPPED))
_THROTTLED = Outcome(Answer(CommandStatus.ESME_RTHROTTLED))


@dataclass(slots=True, eq=False)
class Verdict:
    """What was decided about one submit_sm, until it is answered."""

    status: int
    message_id: str
    course: Course
    taken: Taken | None
    """None if it was refused."""
    outcome: Outcome
    parts: tuple[int, int]
    """Which part of how many."""
    is_reported: bool = False


@dataclass(slots=True)
class _Second:
    """The submissions of one system_id in the current second."""

    since: float = -1.0
    count: int = 0


_FOR_GOOD = (int(CommandStatus.ESME_RX_P_APPN), int(CommandStatus.ESME_RX_R_APPN))


class Smsc:
    """One carrier, whatever the number of its connections."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives wall-clock seconds. OSError if the record cannot be opened."""
        self.figures = Figures()
        self.record = Record(options.record) if options.record is not None else None
        self.random = Random(options.seed)  # noqa: S311 - chooses faults, not secrets
        self._clock = clock
        self.change(options)
        self._next_id = self._first_id()
        self._accounts: dict[str, Account] = {}
        self._seconds: dict[str, _Second] = {}
        self._receipts: Agenda[tuple[Account, Delivery]] = Agenda()
        self._seen: Recent[int, bool] = Recent(options.remember)
        self._stats: Recent[str, ReceiptStat] = Recent(min(options.remember, _QUERY_LIMIT))
        self._on_the_way: dict[str, Receipt] = {}
        """By message id, of those whose end is told later: until then it has not come, and can be prevented."""
        self._inbound_count = 0

    def change(self, options: Options) -> None:
        """Goes on by other options: seed, first_id, record and what is remembered stay as they were."""
        self.options = options
        self.is_prompt = options.latency.most == 0 and not options.max_rate and not options.reorder
        """Whether answers leave with the read that brought their request."""
        self._outcomes = Outcomes(options, self.random)
        self._spelling = SPELLINGS[options.id_format]
        self._writer = ReceiptWriter(options.receipt_shape, options.id_format)

    def account(self, system_id: str) -> Account:
        """The account of that name, from now on if it is new."""
        account = self._accounts.get(system_id)
        if account is None:
            account = self._accounts[system_id] = Account(system_id, self.options.receipt_limit)
        return account

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All that ever bound."""
        return tuple(self._accounts.values())

    def bind_status(self, request: BindRequest) -> int:
        """The command_status that answers a bind request."""
        options = self.options
        if options.bind_status:
            return options.bind_status
        if options.system_id is not None and request.system_id != options.system_id:
            return CommandStatus.ESME_RINVSYSID
        if options.password is not None and request.password != options.password:
            return CommandStatus.ESME_RINVPASWD
        return CommandStatus.ESME_ROK

    def submit(self, account: Account, pdu: SubmitSm | DataSm, now: float, *, is_last: bool = False) -> Verdict:
        """Decides about one submission and counts it. A taken one is on record, but owes no receipt until `report`.

        `is_last` has the connection cut in place of the answer.
        """
        figures = self.figures
        figures.submitted += 1
        mark = mark_of(pdu)
        key = hash((pdu.source_addr, pdu.destination_addr, mark.part, mark.text))
        if self.options.throttle_over and self._is_over(account.system_id, now):
            outcome = _THROTTLED
        else:
            outcome = _CUT if is_last else self._outcomes.decide(pdu.destination_addr, key)
        answer = outcome.answer
        place = (mark.part, mark.parts)
        if answer.status:
            if answer.status == CommandStatus.ESME_RTHROTTLED:
                figures.throttled += 1
            else:
                figures.refused += 1
            return Verdict(answer.status, "", answer.course, None, outcome, place)
        if answer.course is Course.DROPPED and not self.options.drop_takes:
            return Verdict(0, "", answer.course, None, outcome, place)
        taken = self._take(account, pdu, mark, key)
        return Verdict(0, self._spelling.response(taken.number), answer.course, taken, outcome, place)

    def report(self, account: Account, verdict: Verdict, now: float, *, at_once: bool = False) -> None:
        """Owes the message's receipts from its schedule on, `receipt_delay` later unless `at_once`. Harmless if
        repeated."""
        taken = verdict.taken
        if taken is None or verdict.is_reported:
            return
        verdict.is_reported = True
        report = verdict.outcome.report
        if not report.states:
            self._stats.put(verdict.message_id, ReceiptStat.DELIVRD)
        if self._stays_silent(verdict.parts):
            return
        for stat in report.states:
            self._stats.put(verdict.message_id, stat)
            if not wants(taken.pdu.registered_delivery, stat):
                continue
            delay = held_seconds(taken) + (0.0 if at_once else self.options.receipt_delay.draw(self.random))
            receipt = Receipt(taken, stat)
            for _ in range(report.copies):
                if self._owe(account, receipt, now, delay) and stat not in INTERMEDIATE:
                    self._on_the_way[verdict.message_id] = receipt

    def release(self, now: float) -> None:
        """Hands out the deliveries whose time has come."""
        accounts: dict[int, Account] = {}
        for account, delivery in self._receipts.take_due(now):
            if self._on_the_way and isinstance(delivery, Receipt):
                self._on_the_way.pop(self._spelling.response(delivery.taken.number), None)
            account.ready(delivery)
            accounts[id(account)] = account
        for account in accounts.values():
            account.hand_out(now)

    @property
    def next_due(self) -> float | None:
        """When `release` has something to do."""
        return self._receipts.next_due

    def delivery_pdu(self, delivery: Delivery) -> DeliverSm | DataSm:
        """The PDU of a delivery that is about to be sent."""
        if isinstance(delivery, Inbound):
            self.figures.inbound_sent += 1
            return delivery.pdu
        self.figures.receipts_sent += 1
        return self._writer.write(delivery, self._clock())

    def settle(self, account: Account, delivery: Delivery, status: int, now: float) -> None:
        """A delivery has its answer: it is done with, or comes again `receipt_retry` later."""
        is_inbound = isinstance(delivery, Inbound)
        if status and not (is_inbound and status in _FOR_GOOD):
            self.figures.receipts_again += 1
            self._receipts.add(now + self.options.receipt_retry, (account, delivery))
            return
        if is_inbound:
            self.figures.inbound_refused += bool(status)
            self.figures.inbound_acknowledged += not status
        else:
            self.figures.receipts_acknowledged += 1
        account.acknowledged()

    def inbound(self, account: Account, source: str, destination: str, text: str) -> None:
        """A handset sends a message: kept for the account until acknowledged, in as many parts as it needs.

        Raises NotEncodable and TooManyParts.
        """
        self._inbound_count += 1
        options = self.options
        reference = self._inbound_count if options.inbound_reference is None else options.inbound_reference
        for pdu in written(source, destination, text, reference, options.inbound_long, options.inbound_parts):
            if account.promise():
                account.ready(Inbound(pdu))
            else:
                self.figures.receipts_discarded += 1

    def query(self, request: QuerySm) -> QuerySmResp:
        """The answer to query_sm: where the message stands, or ESME_RQUERYFAIL if it is not known (any more)."""
        is_on_the_way = request.message_id in self._on_the_way
        stat = ReceiptStat.ENROUTE if is_on_the_way else self._stats.get(request.message_id)
        if stat is None:
            return QuerySmResp(status=CommandStatus.ESME_RQUERYFAIL, sequence=request.sequence)
        return QuerySmResp(message_id=request.message_id, message_state=int(stat), sequence=request.sequence)

    def cancel(self, request: CancelSm) -> CancelSmResp:
        """The answer to cancel_sm: what is on its way is deleted, and its receipt says so when it comes."""
        receipt = self._on_the_way.pop(request.message_id, None)
        if receipt is None:
            return CancelSmResp(CommandStatus.ESME_RCANCELFAIL, request.sequence)
        receipt.state = ReceiptStat.DELETED
        self._stats.put(request.message_id, ReceiptStat.DELETED)
        return CancelSmResp(0, request.sequence)

    def counted(self) -> Figures:
        """The figures as of now."""
        self.figures.waiting = sum(account.open_count for account in self._accounts.values())
        return self.figures

    def _first_id(self) -> int:
        if self.options.first_id is not None:
            return self.options.first_id
        return 1 if self.options.seed is not None else int(self._clock() * 1_000_000)

    def _is_over(self, system_id: str, now: float) -> bool:
        second = self._seconds.setdefault(system_id, _Second())
        if now - second.since >= 1.0:
            second.since, second.count = now, 0
        if second.count >= self.options.throttle_over:
            return True
        second.count += 1
        return False

    def _take(self, account: Account, pdu: SubmitSm | DataSm, mark: Mark, key: int) -> Taken:
        self.figures.taken += 1
        if key in self._seen:
            self.figures.doubled += 1
        else:
            self._seen.put(key, True)
        taken = Taken(self._next_id, pdu, self._clock())
        self._next_id += 1
        if self.record is not None:
            message_id = self._spelling.response(taken.number)
            self.record.add(taken.at, message_id, account.system_id, pdu, mark)
        return taken

    def _stays_silent(self, parts: tuple[int, int]) -> bool:
        wanted = self.options.receipt_parts
        part, total = parts
        if wanted is ReceiptParts.FIRST:
            return part != 1
        return wanted is ReceiptParts.LAST and part != total

    def _owe(self, account: Account, delivery: Delivery, now: float, delay: float) -> bool:
        """Whether it waits."""
        if not account.promise():
            self.figures.receipts_discarded += 1
        elif delay > 0:
            self._receipts.add(now + delay, (account, delivery))
            return True
        else:
            account.ready(delivery)
        return False
