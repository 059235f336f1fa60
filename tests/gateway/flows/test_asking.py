"""Questions to carriers: a few at a time, slowly, beside the window; each is told to the store once it is over."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trio
import trio.testing

from gateway.carriers.bind import Bind
from gateway.carriers.traffic import Traffic
from gateway.flows.asking import AGAIN_SECONDS, MOST_AT_ONCE, PAUSE_SECONDS, Asking, final_ms
from gateway.messages import ErrorCode
from gateway.store.enquiry import Enquiries, Enquiry, EnquiryAnswer, EnquiryKind
from gateway.store.interface import AttemptName, StoreBusy
from protocol.command_status import CommandStatus
from protocol.numbers import BindMode
from protocol.pdus import BindRequest, CancelSm, CancelSmResp, GenericNack, QuerySm, QuerySmResp
from protocol.receipts import ReceiptState

NOW = 1_750_000_000_000
QUERY, CANCEL = EnquiryKind.QUERY, EnquiryKind.CANCEL
TEST_BUDGET_SECONDS = 1_000


class Rows:
    """The store's rows, by hand: what is answered is asked no more."""

    def __init__(self) -> None:
        self.open: list[Enquiry] = []
        self.answers: list[EnquiryAnswer] = []
        self.answered = trio.Event()
        self.next_at: int | None = None
        self.busy = 0
        self.looked = 0
        self.tell: Callable[[str], None] = lambda carrier: None

    def tell_enquiries(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def add(self, *enquiries: Enquiry) -> None:
        self.open += enquiries
        self.tell("telco")

    async def enquiries(self, carrier: str, most: int) -> Enquiries:
        assert carrier == "telco"
        await self._maybe_busy()
        self.looked += 1
        return Enquiries(self.open[:most], NOW if self.open else self.next_at)

    async def enquired(self, answer: EnquiryAnswer) -> None:
        await self._maybe_busy()
        self.open = [e for e in self.open if (e.name, e.kind) != (answer.name, answer.kind)]
        self.answers.append(answer)
        self.answered.set()

    async def _maybe_busy(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.busy:
            self.busy -= 1
            raise StoreBusy


class Asked:
    """A carrier with one bind, or none."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.bind: Bind | None = None

    @property
    def bind_to_ask(self) -> Bind | None:
        return self.bind if self.bind is not None and self.bind.can_send else None


class QuietFeed:
    """Of a bind that has nothing to send."""

    def closed(self, doubtful: list[Any], unwritten: list[Any]) -> None: ...


class Table:
    def __init__(self, nursery: trio.Nursery, smsc: Any, settings: Any) -> None:
        self.smsc = smsc
        self.rows = Rows()
        self.carrier = Asked(settings)
        self.asking = Asking(self.rows, [self.carrier], clock=lambda: NOW)
        self._nursery = nursery

    async def bind(self) -> None:
        traffic = Traffic(open_feed=lambda bind: QuietFeed(), deliver=lambda bind, pdus: None)  # type: ignore[arg-type, return-value]
        settings = self.carrier.settings
        self.carrier.bind = bind = Bind("telco/1", BindMode.TRANSCEIVER, settings, self.smsc.near, traffic)
        self._nursery.start_soon(self.smsc.run)
        self._nursery.start_soon(bind.run, BindRequest(BindMode.TRANSCEIVER, "acme", "secret"))
        await trio.testing.wait_all_tasks_blocked()

    async def until_answered(self, count: int) -> None:
        with trio.fail_after(TEST_BUDGET_SECONDS):
            while len(self.rows.answers) < count:
                self.rows.answered = trio.Event()
                await self.rows.answered.wait()


@pytest.fixture
async def table(nursery: trio.Nursery, scripted_smsc: Any, carrier_settings: Callable[..., Any]) -> Table:
    it = Table(nursery, scripted_smsc(), carrier_settings(query_sm=True, cancel_sm=True))
    await it.bind()
    await nursery.start(it.asking.run)
    return it


def an_enquiry(message: int = 1, kind: EnquiryKind = QUERY, known_as: str = "5F3A") -> Enquiry:
    return Enquiry(AttemptName(message, 1, 1), kind, known_as, "SHOP", "+34600000001")


def told(state: int, **changes: Any) -> Callable[[Any], Any]:
    return lambda pdu: QuerySmResp(0, pdu.message_id, message_state=state, sequence=pdu.sequence, **changes)


async def test_a_query_names_the_id_and_the_source_and_its_answer_is_told_as_a_receipt(
    table: Table, autojump_clock: Any
) -> None:
    table.smsc.reply = told(5, error_code=27, final_date="260309081500000+")
    table.rows.add(an_enquiry())
    await table.until_answered(1)
    assert table.smsc.questions == [QuerySm("5F3A", 5, 0, "SHOP", 2)]
    (answer,) = table.rows.answers
    assert (answer.name, answer.kind, answer.bind, answer.asked_at) == (AttemptName(1, 1, 1), QUERY, "telco/1", NOW)
    assert (answer.command_status, answer.message_state) == (0, 5)
    assert answer.told is not None
    receipt = answer.told.receipt
    assert (receipt.state, receipt.error, receipt.message_id) == (ReceiptState.UNDELIVERABLE, "027", "5F3A")
    assert (answer.told.error, answer.told.done_at) == (ErrorCode.UNMAPPED, 1_773_044_100_000)
    assert receipt.raw == "query_sm_resp message_state:5 error_code:27 final_date:260309081500000+"


async def test_a_cancel_names_both_addresses_and_its_answer_ends_nothing(table: Table, autojump_clock: Any) -> None:
    table.smsc.reply = lambda pdu: CancelSmResp(0, pdu.sequence)
    table.rows.add(an_enquiry(kind=CANCEL))
    await table.until_answered(1)
    assert table.smsc.questions == [CancelSm("", "5F3A", 5, 0, "SHOP", 1, 1, "34600000001", 2)]
    (answer,) = table.rows.answers
    assert (answer.kind, answer.command_status, answer.message_state, answer.told) == (CANCEL, 0, None, None)


REFUSALS: list[tuple[Callable[[Any], Any], int]] = [
    (lambda pdu: QuerySmResp(CommandStatus.ESME_RQUERYFAIL, sequence=pdu.sequence), 0x67),
    (lambda pdu: QuerySmResp(CommandStatus.ESME_RINVMSGID, sequence=pdu.sequence), 0x0C),
    (lambda pdu: GenericNack(CommandStatus.ESME_RINVCMDID, pdu.sequence), 0x03),
]


@pytest.mark.parametrize(("reply", "status"), REFUSALS)
async def test_a_refusal_is_told_as_it_came(
    table: Table, autojump_clock: Any, reply: Callable[[Any], Any], status: int
) -> None:
    table.smsc.reply = reply
    table.rows.add(an_enquiry())
    await table.until_answered(1)
    (answer,) = table.rows.answers
    assert (answer.command_status, answer.told) == (status, None)


async def test_a_state_that_the_specification_does_not_name_is_no_end(table: Table, autojump_clock: Any) -> None:
    table.smsc.reply = told(77)
    table.rows.add(an_enquiry())
    await table.until_answered(1)
    (answer,) = table.rows.answers
    assert answer.told is not None
    assert not answer.told.receipt.is_final


async def test_no_answer_is_told_after_the_response_timeout(table: Table, autojump_clock: Any) -> None:
    start = trio.current_time()
    table.rows.add(an_enquiry())
    await table.until_answered(1)
    assert trio.current_time() - start == pytest.approx(60, abs=0.2)
    assert table.rows.answers[0].command_status is None


async def test_questions_of_a_bind_that_is_lost_have_no_answer(table: Table, autojump_clock: Any) -> None:
    table.rows.add(an_enquiry())
    await trio.sleep(1)
    await table.smsc.hang_up()
    await table.until_answered(1)
    assert table.rows.answers[0].command_status is None


async def test_an_id_that_no_frame_can_hold_has_no_answer(table: Table, autojump_clock: Any) -> None:
    table.rows.add(an_enquiry(known_as="5" * 65))
    await table.until_answered(1)
    assert table.rows.answers[0].command_status is None
    assert table.smsc.questions == []


async def test_few_are_asked_at_a_time_and_slowly(table: Table, autojump_clock: Any) -> None:
    table.rows.add(*(an_enquiry(message) for message in range(20)))
    await trio.sleep(3 * PAUSE_SECONDS - 0.05)
    assert len(table.smsc.questions) == 3
    await trio.sleep(30)
    assert len(table.smsc.questions) == MOST_AT_ONCE
    table.smsc.reply = told(2)
    start = trio.current_time()
    await table.until_answered(20)
    assert len(table.smsc.questions) == 20
    assert trio.current_time() - start >= 15 * PAUSE_SECONDS


async def test_what_waits_for_its_answer_is_not_asked_twice(table: Table, autojump_clock: Any) -> None:
    table.rows.add(an_enquiry())
    for _ in range(5):
        await trio.sleep(5)
        table.rows.tell("telco")
    assert len(table.smsc.questions) == 1


async def test_nothing_is_looked_at_while_there_is_nothing_to_ask(table: Table, autojump_clock: Any) -> None:
    await trio.sleep(1)
    looked = table.rows.looked
    await trio.sleep(3_600)
    assert table.rows.looked == looked
    table.rows.tell("another")
    table.rows.next_at = NOW + 60_000
    table.rows.tell("telco")
    await trio.sleep(59)
    assert table.rows.looked == looked + 1
    await trio.sleep(2)
    assert table.rows.looked == looked + 2


async def test_a_store_that_is_busy_is_told_again(table: Table, autojump_clock: Any) -> None:
    table.smsc.reply = told(2)
    table.rows.busy = 2
    table.rows.add(an_enquiry())
    await trio.sleep(2 * AGAIN_SECONDS + 0.1)
    table.rows.busy = 1
    await table.until_answered(1)
    assert len(table.smsc.questions) == 1


async def test_without_a_bind_it_waits_and_asks_once_there_is_one(
    nursery: trio.Nursery, autojump_clock: Any, scripted_smsc: Any, carrier_settings: Callable[..., Any]
) -> None:
    table = Table(nursery, scripted_smsc(), carrier_settings(query_sm=True))
    table.smsc.reply = told(2)
    await nursery.start(table.asking.run)
    table.rows.add(an_enquiry())
    await trio.sleep(100)
    assert table.rows.answers == []
    await table.bind()
    await table.until_answered(1)


async def test_a_carrier_that_takes_no_questions_is_not_looked_after(
    nursery: trio.Nursery, autojump_clock: Any, scripted_smsc: Any, carrier_settings: Callable[..., Any]
) -> None:
    table = Table(nursery, scripted_smsc(), carrier_settings())
    await nursery.start(table.asking.run)
    table.rows.add(an_enquiry())
    await trio.sleep(10)
    assert table.rows.looked == 0


@pytest.mark.parametrize(
    ("written", "ms"),
    [("260309081500000+", 1_773_044_100_000), ("2603090815", 1_773_040_500_000), ("", None), ("x", None)],
)
def test_final_date_is_read_as_the_dates_of_receipts(written: str, ms: int | None) -> None:
    assert final_ms(QuerySmResp(final_date=written), ZoneInfo("Europe/Madrid")) == ms


async def test_a_carrier_that_a_reload_lets_be_asked_is_asked_and_one_that_has_gone_no_longer(
    nursery: trio.Nursery, scripted_smsc: Any, carrier_settings: Callable[..., Any], autojump_clock: Any
) -> None:
    it = Table(nursery, scripted_smsc(), carrier_settings())
    await it.bind()
    await nursery.start(it.asking.run)
    it.smsc.reply = told(2)
    it.rows.add(an_enquiry())
    await trio.sleep(10)
    assert it.rows.looked == 0, "it takes no questions"
    it.carrier.settings = carrier_settings(query_sm=True)
    it.asking.reconfigure([it.carrier])
    await it.until_answered(1)
    it.asking.reconfigure([])
    looked = it.rows.looked
    it.rows.add(an_enquiry(2))
    await trio.sleep(10)
    assert it.rows.looked == looked
