"""Questions out: query_sm and cancel_sm about what a carrier took, slowly and beside the window of its submits.

What is asked, and what becomes of it, is the store's (gateway.store.enquiries): its rows are asked until it has settled
them, so nothing is lost with a bind or with the process.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

import trio

from gateway.carriers.addresses import Addresses
from gateway.carriers.bind import Bind
from gateway.identifiers import MESSAGE, now_ms, public
from gateway.logs import quoted
from gateway.metrics import ENQUIRIES
from gateway.rules.causes import cause_of_receipt
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.store.enquiry import Enquiry, EnquiryAnswer, EnquiryKind, EnquiryStore
from gateway.store.interface import ReceiptIn, StoreBusy, StoreFull
from protocol.command_status import StatusClass, classify, name_of
from protocol.errors import LocalProtocolError
from protocol.pdus import CancelSm, QuerySm, QuerySmResp
from protocol.receipts import Receipt, ReceiptState
from protocol.session_events import QuestionAnswered
from protocol.times import parse_receipt_date, to_utc_ms

MOST_AT_ONCE = 5
"""Questions of one carrier that wait for their answer."""
PAUSE_SECONDS = 0.2
"""Between two questions of one carrier: a few a second, since carriers count them where they count submits."""
AGAIN_SECONDS = 1.0
"""Before a carrier without a bind, or a store that could not answer, is looked at again."""
_NAMES = {EnquiryKind.QUERY: "query_sm", EnquiryKind.CANCEL: "cancel_sm"}
_STATES = {state.value: state for state in ReceiptState}
_log = logging.getLogger("sluice.asking")


class Asked(Protocol):
    """What asking needs of a carrier."""

    @property
    def settings(self) -> CarrierSettings: ...

    @property
    def bind_to_ask(self) -> Bind | None:
        """One that can send now."""


class Asking:
    """Asks the carriers that take questions."""

    def __init__(self, store: EnquiryStore, carriers: Iterable[Asked], *, clock: Callable[[], int] = now_ms) -> None:
        self._store = store
        self._clock = clock
        self._more: dict[str, trio.Event] = {}
        self._asked: dict[str, tuple[Asked, trio.CancelScope]] = {}
        self._nursery: trio.Nursery | None = None
        self._carriers: list[Asked] = []
        self.reconfigure(carriers)
        store.tell_enquiries(self._stir)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Runs until cancelled."""
        async with trio.open_nursery() as self._nursery:
            self.reconfigure(self._carriers)
            task_status.started()
            await trio.sleep_forever()

    def reconfigure(self, carriers: Iterable[Asked]) -> None:
        """These are the carriers now. What was asked of one that has gone is answered or given up with its binds."""
        self._carriers = [c for c in carriers if c.settings.query_sm or c.settings.cancel_sm]
        if self._nursery is None:
            return
        for name, (carrier, scope) in list(self._asked.items()):
            if carrier not in self._carriers:
                scope.cancel()
                del self._asked[name], self._more[name]
        for carrier in self._carriers:
            name = carrier.settings.name
            if name not in self._asked:
                self._more[name], scope = trio.Event(), trio.CancelScope()
                self._asked[name] = carrier, scope
                self._nursery.start_soon(self._keep_asking, carrier, scope)

    def _stir(self, carrier: str) -> None:
        if carrier in self._more:
            self._more[carrier].set()

    async def _keep_asking(self, carrier: Asked, scope: trio.CancelScope) -> None:
        """Until the scope is cancelled; questions under way then still have their answers recorded."""
        under_way: set[tuple[int, ...]] = set()
        async with trio.open_nursery() as nursery:
            with scope:
                while True:
                    more = self._more[carrier.settings.name] = trio.Event()
                    rest = await self._ask_some(carrier, under_way, nursery)
                    with trio.move_on_after(rest):
                        await more.wait()

    async def _ask_some(self, carrier: Asked, under_way: set[tuple[int, ...]], nursery: trio.Nursery) -> float:
        """Ask what may be asked now; seconds until there may be more, if nothing is told before."""
        if len(under_way) >= MOST_AT_ONCE:
            return AGAIN_SECONDS
        try:
            found = await self._store.enquiries(carrier.settings.name, MOST_AT_ONCE)
        except (StoreBusy, StoreFull):
            return AGAIN_SECONDS
        asked = False
        for enquiry in found.now:
            key = (*enquiry.name, enquiry.kind)
            bind = carrier.bind_to_ask
            if key in under_way or bind is None or len(under_way) >= MOST_AT_ONCE:
                continue
            asked = True
            under_way.add(key)
            nursery.start_soon(self._ask, Question(bind, enquiry, self._clock), under_way)
            await trio.sleep(PAUSE_SECONDS)
        if asked:
            return 0.0
        if found.next_at is None:
            return float("inf")
        return max(AGAIN_SECONDS if found.now else 0.0, (found.next_at - self._clock()) / 1000)

    async def _ask(self, question: "Question", under_way: set[tuple[int, ...]]) -> None:
        answer = await question.ask()
        enquiry = question.enquiry
        outcome = "no_answer" if answer.command_status is None else name_of(answer.command_status)
        ENQUIRIES.labels(question.bind.carrier, _NAMES[enquiry.kind], _class_of(answer.command_status)).inc()
        _log.info(
            "asked=%s message=%s part=%d bind=%s outcome=%s state=%s",
            _NAMES[enquiry.kind],
            public(MESSAGE, enquiry.name.message),
            enquiry.name.part,
            question.bind.name,
            outcome,
            "" if answer.told is None else answer.told.receipt.state.name,
        )
        while True:
            try:
                await self._store.enquired(answer)
                break
            except (StoreBusy, StoreFull):
                await trio.sleep(AGAIN_SECONDS)
        under_way.discard((*enquiry.name, enquiry.kind))
        self._stir(question.bind.carrier)


class Question:
    """One enquiry, put to one bind once."""

    def __init__(self, bind: Bind, enquiry: Enquiry, clock: Callable[[], int]) -> None:
        self.bind = bind
        self.enquiry = enquiry
        self._clock = clock
        self._answer: QuestionAnswered | None = None

    async def ask(self) -> EnquiryAnswer:
        """Ask, and wait for the answer, the response_timeout or the end of the bind."""
        over = trio.Event()
        asked_at, started = self._clock(), trio.current_time()
        try:
            self.bind.question(self._pdu(), partial(self._done, over))
        except LocalProtocolError as error:
            # The bind was lost a moment ago, or an id of the carrier's has no place in a PDU.
            _log.warning("can't be asked bind=%s detail=%s", self.bind.name, quoted(error))
            over.set()
        await over.wait()
        name, kind = self.enquiry.name, self.enquiry.kind
        latency_ms = int((trio.current_time() - started) * 1000)
        answer = EnquiryAnswer(name, kind, self.bind.name, asked_at, latency_ms, None)
        if self._answer is None:
            return answer
        answer = answer._replace(command_status=self._answer.status)
        if (told := self._answer.told) is None:
            return answer
        receipt = receipt_of(told, self.enquiry)
        at, cause = self._clock(), cause_of_receipt(receipt.state, None)
        done_at = final_ms(told, ZoneInfo(self.bind.settings.receipt_timezone))
        as_receipt = ReceiptIn(self.bind.carrier, self.bind.name, receipt, at, None, done_at, cause)
        return answer._replace(message_state=told.message_state, told=as_receipt)

    def _done(self, over: trio.Event, answer: QuestionAnswered | None) -> None:
        self._answer = answer
        over.set()

    def _pdu(self) -> QuerySm | CancelSm:
        enquiry, addresses = self.enquiry, Addresses(self.bind.settings)
        source = addresses.source(enquiry.sender)
        if enquiry.kind is EnquiryKind.QUERY:
            return QuerySm(enquiry.carrier_message_id, source.ton, source.npi, source.addr)
        # Beside an id service_type is to be NULL (SMPP 3.4 §4.9.1); the addresses are compared by some.
        return CancelSm(
            "",
            enquiry.carrier_message_id,
            *source,
            addresses.dest_ton,
            addresses.dest_npi,
            enquiry.recipient.removeprefix("+"),
        )


def receipt_of(told: QuerySmResp, enquiry: Enquiry) -> Receipt:
    """What a query_sm_resp says, as a receipt would."""
    state = _STATES.get(told.message_state, ReceiptState.UNKNOWN)
    return Receipt(
        message_id=enquiry.carrier_message_id,
        alt_ids=(),
        state=state,
        stat=None,
        error=f"{told.error_code:03d}" if told.error_code else None,
        network_error=None,
        submitted_at=None,
        done_at=None,
        source=enquiry.recipient.removeprefix("+"),
        destination=enquiry.sender,
        raw=(
            f"query_sm_resp message_state:{told.message_state} error_code:{told.error_code} "
            f"final_date:{told.final_date.encode('ascii', 'replace').decode()}"
        ),
        disagreements=(),
    )


def final_ms(told: QuerySmResp, zone: ZoneInfo) -> int | None:
    """When the message ended, milliseconds UTC, if the carrier says so: an SMPP time, or a date as receipts have it."""
    moment = parse_receipt_date(told.final_date)
    return None if moment is None else to_utc_ms(moment, zone)


def _class_of(status: int | None) -> str:
    if status is None:
        return "no_answer"
    kind = classify(status)
    if kind is StatusClass.ACCEPTED:
        return "accepted"
    return "refused" if kind is StatusClass.PERMANENT else "temporary"
