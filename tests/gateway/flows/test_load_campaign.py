"""Loading a campaign: slices, turns, and what is left when it ends before its end; the store is a list."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import trio
from houses import a_configuration

from gateway.flows.load_campaign import (
    COST_OF_ERRORS,
    PER_TURN,
    SLICE,
    LoadCampaign,
    Loaded,
    Order,
    TooManyRecipients,
    UnderWay,
)
from gateway.flows.templates import TemplatesOfAll
from gateway.identifiers import Identifiers
from gateway.rules.campaign_checks import Defined
from gateway.settings import Settings
from gateway.store.campaigns.interface import (
    CampaignRow,
    CampaignState,
    KnownCampaign,
    NewCampaign,
    NewRecipient,
    OpenedCampaign,
    RecipientErrors,
    SliceKept,
)
from gateway.store.interface import StoreBusy, StoreFull


class ListedStore:
    """What was asked of it, in order; `faults` are raised by the next slices."""

    def __init__(self) -> None:
        self.opened: list[NewCampaign] = []
        self.slices: list[tuple[list[NewRecipient], list[RecipientErrors]]] = []
        self.sealed: list[bytes] = []
        self.failed: list[str] = []
        self.faults: list[Exception] = []
        self.known: KnownCampaign | None = None
        self.opening: trio.Event | None = None
        """A campaign is opened at once, and told of as such once this is set."""

    async def open_campaign(self, campaign: NewCampaign) -> OpenedCampaign | KnownCampaign:
        self.opened.append(campaign)
        if self.opening is not None:
            await self.opening.wait()
        return self.known or OpenedCampaign()

    async def add_recipients(
        self, campaign: int, recipients: Sequence[NewRecipient], errors: Sequence[RecipientErrors]
    ) -> SliceKept:
        await trio.lowlevel.checkpoint()
        if self.faults:
            raise self.faults.pop(0)
        self.slices.append((list(recipients), list(errors)))
        return SliceKept(len(recipients), 0, 0)

    async def seal_campaign(self, campaign: int, fingerprint: bytes) -> CampaignRow:
        self.sealed.append(fingerprint)
        accepted = sum(len(good) for good, _ in self.slices)
        rejected = sum(len(bad) for _, bad in self.slices)
        return CampaignRow(
            campaign, "shop", CampaignState.LOADING, self.opened[0].definition, accepted + rejected, accepted, rejected,
            0, 0, accepted, 0, None, None, None, 0, None, {}, {}, 0.0,
        )  # fmt: skip

    async def fail_campaign(self, campaign: int, failure: str) -> None:
        await trio.lowlevel.checkpoint()
        self.failed.append(failure)


@pytest.fixture
def store() -> ListedStore:
    return ListedStore()


@pytest.fixture
def load(store: ListedStore) -> LoadCampaign:
    configuration = a_configuration()
    configuration["accounts"]["shop"]["number_check"] = "shape"
    settings = Settings.model_validate(configuration)
    return LoadCampaign(settings, store, Identifiers(), TemplatesOfAll(settings.accounts))


def an_order(load: LoadCampaign, *, key: str | None = None, most: int = 10_000, **changes: Any) -> Order:
    defined = load.define("shop", {"campaign_name": "May", "message": "Hi {name:there}", **changes})
    assert isinstance(defined, Defined)
    return Order("shop", defined, key, 1, most)


async def digest() -> bytes:
    return b"digest"


class Parts:
    """What an upload gives."""

    def __init__(self, *some: list[Any]) -> None:
        self.left = list(some)

    def __aiter__(self) -> "Parts":
        return self

    async def __anext__(self) -> list[Any]:
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop(0)


def numbers(count: int) -> list[str]:
    return [f"+3460{n:07}" for n in range(count)]


async def test_recipients_go_to_disk_in_slices_with_their_places(store: ListedStore, load: LoadCampaign) -> None:
    given = [*numbers(1_200), "nobody", 5]
    outcome = await load.load(an_order(load), Parts(given[:700], given[700:]), digest)
    assert isinstance(outcome, Loaded)
    assert all(len(good) + len(bad) <= SLICE for good, bad in store.slices)
    assert [one.position for good, _ in store.slices for one in good] == list(range(1_200))
    assert [one.position for _, bad in store.slices for one in bad] == [1_200, 1_201]
    assert store.sealed == [b"digest"]
    assert store.failed == []


async def test_the_values_that_the_text_uses_are_kept_and_no_others(store: ListedStore, load: LoadCampaign) -> None:
    given = [{"phone": "+34600000001", "name": "Ada", "password": "x"}, {"phone": "+34600000002", "name": None}]
    await load.load(an_order(load), Parts(given), digest)
    assert [one.fields for good, _ in store.slices for one in good] == ['{"name":"Ada"}', "{}"]


class Turns(trio.abc.Instrument):
    def __init__(self) -> None:
        self.count = 0

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += 1


@pytest.mark.parametrize(
    ("given", "per_turn", "changes"),
    [
        (numbers(5_000), PER_TURN, {}),
        (["nobody"] * 1_000, PER_TURN / COST_OF_ERRORS, {}),
        (numbers(500), PER_TURN / 6, {"message": "x" * 1_200}),
        ([{"phone": n, "name": "x" * 1_000} for n in numbers(500)], PER_TURN / 6, {}),
    ],
    ids=["good ones", "wrong ones", "a long text", "long values"],
)
async def test_others_are_served_while_recipients_are_checked(
    load: LoadCampaign, given: list[Any], per_turn: float, changes: dict[str, Any]
) -> None:
    turns = Turns()
    order = an_order(load, **changes)
    trio.lowlevel.add_instrument(turns)
    try:
        await load.load(order, Parts(given), digest)
    finally:
        trio.lowlevel.remove_instrument(turns)
    assert turns.count >= len(given) / per_turn


async def test_a_slice_is_added_again_while_the_store_is_busy(
    store: ListedStore, load: LoadCampaign, autojump_clock: Any
) -> None:
    store.faults = [StoreBusy("stopping"), StoreBusy("stopping")]
    assert isinstance(await load.load(an_order(load), Parts(numbers(600)), digest), Loaded)
    assert sum(len(good) for good, _ in store.slices) == 600


@pytest.mark.parametrize("fault", [StoreFull("disk"), StoreBusy("locked")])
async def test_a_store_that_takes_no_more_leaves_a_failed_campaign(
    store: ListedStore, load: LoadCampaign, autojump_clock: Any, fault: Exception
) -> None:
    store.faults = [fault] * 20
    with pytest.raises(type(fault)):
        await load.load(an_order(load), Parts(numbers(600)), digest)
    assert (store.failed, store.sealed) == (["store_unavailable"], [])


async def test_more_than_may_be_leave_a_failed_campaign(store: ListedStore, load: LoadCampaign) -> None:
    with pytest.raises(TooManyRecipients):
        await load.load(an_order(load, most=100), Parts(numbers(60), numbers(60)), digest)
    assert (store.failed, store.sealed) == (["too_many_recipients"], [])


async def test_a_caller_that_goes_away_leaves_a_failed_campaign(store: ListedStore, load: LoadCampaign) -> None:
    async with trio.open_nursery() as nursery:

        async def leaving() -> AsyncIterator[list[Any]]:
            yield numbers(10)
            nursery.cancel_scope.cancel()
            await trio.lowlevel.checkpoint()

        nursery.start_soon(load.load, an_order(load, key="may"), leaving(), digest)
    assert (store.failed, store.sealed) == (["upload_cut_off"], [])
    assert isinstance(await load.load(an_order(load, key="may"), Parts(numbers(1)), digest), Loaded)


async def test_a_caller_that_goes_away_while_it_is_opened_leaves_a_failed_campaign(
    store: ListedStore, load: LoadCampaign
) -> None:
    store.opening = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load.load, an_order(load), Parts(numbers(1)), digest)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert (len(store.opened), store.failed, store.slices) == (1, ["upload_cut_off"], [])


async def test_one_key_is_loaded_once_at_a_time_and_accounts_do_not_share_keys(load: LoadCampaign) -> None:
    order = an_order(load, key="may")
    others: list[Any] = []

    async def meanwhile() -> AsyncIterator[list[Any]]:
        others.append(await load.load(order, Parts(numbers(1)), digest))
        others.append(await load.load(order._replace(account="other"), Parts(numbers(1)), digest))
        yield numbers(1)

    assert isinstance(await load.load(order, meanwhile(), digest), Loaded)
    assert others[0] is UnderWay.UNDER_WAY
    assert isinstance(others[1], Loaded)


async def test_a_known_key_reads_no_recipient(store: ListedStore, load: LoadCampaign) -> None:
    await load.load(an_order(load), Parts(numbers(1)), digest)
    store.known = KnownCampaign(await store.seal_campaign(1, b""), b"first")
    read = Parts(numbers(1))
    assert await load.load(an_order(load, key="may"), read, digest) is store.known
    assert len(read.left) == 1
