"""Campaigns on a real store: what is made of their recipients, when, how fast, and what stops one but no other."""

import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from played_campaigns import PlayedCampaign, a_definition, some_recipients

from gateway.flows.campaign import Expand
from gateway.identifiers import Identifiers
from gateway.rules import campaigns
from gateway.rules.options import MessageOptions, to_json
from gateway.rules.quiet_hours import NO_QUIET_HOURS, QuietHours
from gateway.settings import Lane, Settings
from gateway.settings.countries import CountryRules
from gateway.store.campaigns.interface import Expansion, NewRecipient
from gateway.store.connection import open_loop
from gateway.store.interface import StoreBusy
from gateway.store.policy import policy_of
from gateway.store.sqlite import SqliteStore
from gateway.webhooks.payloads import event_body

NOW = 1_800_000_000_000


class Scene:
    """An open store as PlayedCampaign knows it, with the flow running."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.ids = Identifiers(clock=self.clock)

    def clock(self) -> int:
        return NOW

    async def commit(self) -> None:
        await self.store.keep_alive()

    async def campaign(self, recipients: list[NewRecipient], **definition: Any) -> PlayedCampaign:
        """Loaded, sealed and told of."""
        campaign = PlayedCampaign(self, **definition)
        await campaign.open()
        for first in range(0, len(recipients), 500):
            await campaign.add(recipients[first : first + 500])
        await campaign.seal()
        return campaign

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Commits until it is so."""
        with trio.fail_after(30):
            while not await is_so():
                await self.commit()

    async def until_expanded(self, campaign: PlayedCampaign, *, waiting: int = 0) -> dict[str, int]:
        async def is_so() -> bool:
            return (await campaign.row()).waiting <= waiting

        await self.until(is_so)
        return await campaign.counts()

    async def messages(self) -> list[Any]:
        rows = await self.store._read(lambda c: c.execute("SELECT id FROM messages ORDER BY id").fetchall())
        stories = [await self.store.message(None, row[0]) for row in rows]
        return [story.message for story in stories if story is not None]


@pytest.fixture
def settings() -> Settings:
    telco = {"hosts": ["127.0.0.1:2775"], "system_id": "acme", "password": "x"}
    return Settings.model_validate(
        {
            "carriers": {"telco": telco},
            "routes": [{"name": "rest", "tiers": ["telco"]}],
            "accounts": {"shop": {"senders": ["SHOP"], "default_sender": "SHOP"}},
        }
    )


@pytest.fixture
async def idle(settings: Settings, tmp_path: Path) -> AsyncIterator[Scene]:
    """Without the flow."""
    async with open_loop():
        store = SqliteStore(tmp_path / "sluice.db", policy_of(settings), render=event_body, clock=lambda: NOW)
        async with store.opened(), trio.open_nursery() as nursery:
            await nursery.start(store.run)
            yield Scene(store)
            store.stop()


@pytest.fixture
async def scene(idle: Scene) -> AsyncIterator[Scene]:
    async with trio.open_nursery() as nursery:
        await nursery.start(an_expand(idle).run)
        yield idle
        nursery.cancel_scope.cancel()


def an_expand(scene: Scene) -> Expand:
    return Expand(scene.store, scene.ids, {"rest"}, clock=scene.clock)


def of_recorded(store: "Recorded") -> Expand:
    return Expand(cast(Any, store), Identifiers(clock=lambda: NOW), {"rest"}, clock=lambda: NOW)


async def test_each_recipient_gets_the_text_with_its_own_values(scene: Scene) -> None:
    ann, bob = some_recipients(0, 2)
    recipients = [ann._replace(fields='{"name":"Ann","n":7}'), bob._replace(fields='{"name":"Bob"}')]
    campaign = await scene.campaign(recipients, message="Hi {name}, {n:0} left", tag="may", validity_ms=60_000)
    assert await scene.until_expanded(campaign) == {"queued": 2}
    first, second = await scene.messages()
    assert (first.text, second.text) == ("Hi Ann, 7 left", "Hi Bob, 0 left")
    assert (first.recipient, first.sender, first.lane, first.tag) == (ann.recipient, "SHOP", "promotional", "may")
    assert (first.expires_at, first.submission, first.campaign) == (NOW + 60_000, campaign.id, campaign.id)
    assert (first.variant, first.options) == (None, None)


async def test_a_choice_is_the_numbers_own_and_recorded(scene: Scene) -> None:
    campaign = await scene.campaign(some_recipients(0, 40), message="{Hello|Hi} {name}")
    await scene.until_expanded(campaign)
    texts = {message.recipient: (message.text, message.variant) for message in await scene.messages()}
    assert set(texts.values()) == {("Hello Ann", "Hello"), ("Hi Ann", "Hi")}
    again = await scene.campaign(some_recipients(0, 40), message="{Hello|Hi} {name}")
    await scene.until_expanded(again)
    assert {m.recipient: (m.text, m.variant) for m in await scene.messages() if m.campaign == again.id} == texts
    counts = (await campaign.row()).counts
    assert set(counts) == {("Hello", "queued"), ("Hi", "queued")}
    assert sum(counts.values()) == 40


async def test_the_text_is_prepared_as_the_definition_allows(scene: Scene) -> None:
    named = some_recipients(0, 1, fields='{"name":"Zoë ж"}')
    wide = await scene.campaign(named, allow_unicode=True)
    await scene.until_expanded(wide)
    plain = await scene.campaign(named, transliterate=True)
    await scene.until_expanded(plain)
    refused = await scene.campaign(named)
    assert await scene.until_expanded(refused) == {"failed": 1}
    assert [m.encoding for m in await scene.messages()][:2] == ["ucs2", "gsm7"]


async def test_options_go_with_each_message_and_bound_its_parts(scene: Scene) -> None:
    options = to_json(MessageOptions(max_parts=2))
    recipients = [
        some_recipients(0, 1)[0]._replace(fields='{"name":"%s"}' % ("x" * 200)),
        some_recipients(1, 1)[0]._replace(fields='{"name":"%s"}' % ("x" * 400)),
    ]
    campaign = await scene.campaign(recipients, options=options)
    assert await scene.until_expanded(campaign) == {"queued": 1, "failed": 1}
    assert [m.options for m in await scene.messages()] == [options, options]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"fields": "{}"}, "text_rejected"),
        ({"fields": '{"name":[1]}'}, "text_rejected"),
        ({"route": "gone"}, "no_route"),
    ],
)
async def test_who_can_not_be_sent_to_any_more_ends_as_failed(scene: Scene, changes: Any, error: str) -> None:
    recipients = some_recipients(0, 3)
    recipients[1] = recipients[1]._replace(**changes)
    campaign = await scene.campaign(recipients)
    assert await scene.until_expanded(campaign) == {"queued": 2, "failed": 1}
    assert [message.error for message in await scene.messages()] == [None, error, None]


async def test_a_text_that_is_no_template_any_more_fails_all_and_the_campaign_ends(scene: Scene) -> None:
    campaign = await scene.campaign(some_recipients(0, 3), message="Hi {name")
    assert await scene.until_expanded(campaign) == {"failed": 3}
    assert await campaign.status() == "completed"


async def test_no_more_is_made_than_the_queue_needs(scene: Scene) -> None:
    campaign = await scene.campaign(some_recipients(0, 2_000))
    assert await scene.until_expanded(campaign, waiting=1_500) == {"queued": 500}
    for _ in range(5):
        await scene.commit()
    assert (await campaign.row()).waiting == 1_500
    taken: list[Any] = []
    scene.store.open_window("telco/1", "telco", taken.extend)
    scene.store.ask("telco/1", 2_000)

    async def all_taken() -> bool:
        return len(taken) == 2_000

    await scene.until(all_taken)
    assert len({claim.recipient for claim in taken}) == 2_000


async def test_its_own_rate_paces_it(autojump_clock: trio.testing.MockClock) -> None:
    store = Recorded()
    async with trio.open_nursery() as nursery:
        await nursery.start(of_recorded(store).run)
        store.recipients = some_recipients(0, 1_000)
        store.definition = "rate"
        store.tell(7)
        await store.done.wait()
        nursery.cancel_scope.cancel()
    seconds = trio.current_time() - store.started
    assert 9.0 <= seconds <= 10.5, "1,000 at 100 a second, the first 25 at once"
    assert max(store.slices) <= 100


async def test_it_goes_no_faster_than_its_account_may_send(autojump_clock: trio.testing.MockClock) -> None:
    store = Recorded()
    ids = Identifiers(clock=lambda: NOW)
    expand = Expand(cast(Any, store), ids, {"rest"}, clock=lambda: NOW, fastest={"shop": 50, "mall": 1})
    async with trio.open_nursery() as nursery:
        await nursery.start(expand.run)
        store.recipients = some_recipients(0, 500)
        store.tell(7)
        await store.done.wait()
        nursery.cancel_scope.cancel()
    assert 9.0 <= trio.current_time() - store.started <= 10.5, "500 at 50 a second, though it has no rate of its own"


async def test_a_day_that_is_used_up_is_waited_out(autojump_clock: trio.testing.MockClock) -> None:
    store = Recorded()
    store.today = 30
    async with trio.open_nursery() as nursery:
        await nursery.start(of_recorded(store).run)
        store.recipients = some_recipients(0, 40)
        store.tell(7)
        await trio.sleep(3_600)
        assert (store.slices, len(store.recipients)) == ([30], 10)
        store.today = 100
        await store.done.wait()
        nursery.cancel_scope.cancel()
    assert store.slices == [30, 10]


async def test_one_that_fails_is_put_off_and_the_others_go_on(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    bad = await scene.campaign([], message="Hi")
    store = scene.store
    await store._order(
        lambda work: (
            work.execute(
                "UPDATE campaigns SET state = 2, settled = 0, finished_at = NULL, waiting = 1, definition = '[]'"
            ).rowcount
        )
    )
    await store._order(
        lambda work: (
            work.execute(
                "INSERT INTO campaign_recipients VALUES (?, 0, '+34600000001', 'rest', 'SHOP', 'ES', '{}')", (bad.id,)
            ).rowcount
        )
    )
    with caplog.at_level(logging.ERROR, "sluice.campaign"):
        store._writer.telling.tell_expansions(bad.id)
        good = await scene.campaign(some_recipients(0, 3))
        assert await scene.until_expanded(good) == {"queued": 3}
    assert "failed and is put off campaign=cmp_" in caplog.text


async def test_a_store_that_is_busy_is_asked_again(autojump_clock: trio.testing.MockClock) -> None:
    store = Recorded(busy=3)
    store.recipients = some_recipients(0, 5)
    async with trio.open_nursery() as nursery:
        await nursery.start(of_recorded(store).run)
        store.tell(7)
        await store.done.wait()
        nursery.cancel_scope.cancel()
    assert store.slices == [5]


async def test_paused_and_canceled_campaigns_are_left_alone(scene: Scene) -> None:
    paused = await scene.campaign(some_recipients(0, 1_200))
    await scene.until_expanded(paused, waiting=700)
    await paused.pause()
    await paused.cancel()
    for _ in range(5):
        await scene.commit()
    row = await paused.row()
    assert (row.waiting, row.canceled_waiting) == (0, 700)


async def test_it_can_be_stopped_in_the_midst_of_a_slice_and_nothing_is_lost(idle: Scene) -> None:
    campaign = await idle.campaign(some_recipients(0, 900))
    for _ in range(40):
        async with trio.open_nursery() as nursery:
            await nursery.start(an_expand(idle).run)
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        await nursery.start(an_expand(idle).run)
        await idle.until_expanded(campaign, waiting=400)
        nursery.cancel_scope.cancel()
    await idle.store.keep_alive()  # a slice that was asked for is filed all the same
    made = [message.recipient for message in await idle.messages()]
    assert made == [r.recipient for r in some_recipients(0, len(made))]
    assert len(made) + (await campaign.row()).waiting == 900


class Recorded:
    """A store that has one campaign, on a clock of the test: what it is asked for is recorded."""

    def __init__(self, busy: int = 0) -> None:
        self.recipients: list[NewRecipient] = []
        self.definition = ""
        self.busy = busy
        self.today: int | None = None
        self.slices: list[int] = []
        self.done = trio.Event()
        self.started = 0.0
        self._tell: Callable[[int], None] = lambda campaign: None

    def tell_expansions(self, tell: Callable[[int], None]) -> None:
        self._tell = tell

    def tell(self, campaign: int) -> None:
        self.started = trio.current_time()
        self._tell(campaign)

    def may_send_today(self, account: str) -> int | None:
        return self.today

    async def expansion(self, campaign: int, most: int) -> Any:
        await trio.lowlevel.checkpoint()
        if self.busy:
            self.busy -= 1
            raise StoreBusy
        definition = campaigns.to_json(a_definition(rate=100.0 if self.definition else 0.0))
        return Expansion(campaign, "shop", definition, -1, self.recipients[:most]) if self.recipients else None

    async def expand(self, expansion: Any, messages: list[Any], failed: Any) -> bool:
        await trio.lowlevel.checkpoint()
        self.slices.append(len(messages))
        if self.today is not None:
            self.today -= len(messages)
        del self.recipients[: len(messages)]
        if self.recipients:
            self._tell(expansion.campaign)
        else:
            self.done.set()
        return True


NIGHT_IN_NEW_YORK = QuietHours(
    {"US": CountryRules.model_validate({"quiet_hours": "21:00-08:00"})},
    [Lane.model_validate({"name": "promotional", "priority": 3, "quiet_hours": "respect"})],
)
OPENS = NOW + 5 * 3_600_000  # it is 3:00 there at NOW


def americans(first: int, count: int) -> list[NewRecipient]:
    return [
        one._replace(recipient=f"+1212555{one.recipient[-4:]}", country="US") for one in some_recipients(first, count)
    ]


async def test_recipients_in_quiet_hours_become_messages_scheduled_for_their_end(idle: Scene) -> None:
    expand = Expand(idle.store, idle.ids, {"rest"}, clock=idle.clock, quiet=NIGHT_IN_NEW_YORK)
    campaign = await idle.campaign([*americans(0, 2), *some_recipients(2, 3)], validity_ms=60_000)
    async with trio.open_nursery() as nursery:
        await nursery.start(expand.run)
        assert await idle.until_expanded(campaign) == {"scheduled": 2, "queued": 3}
        nursery.cancel_scope.cancel()
    messages = await idle.messages()
    assert [m.scheduled_at for m in messages] == [OPENS, OPENS, None, None, None]
    assert [m.expires_at for m in messages] == [OPENS + 60_000] * 2 + [NOW + 60_000] * 3


async def test_a_lane_that_ignores_quiet_hours_goes_on(idle: Scene) -> None:
    expand = Expand(idle.store, idle.ids, {"rest"}, clock=idle.clock, quiet=NIGHT_IN_NEW_YORK)
    campaign = await idle.campaign(americans(0, 2), lane="transactional")
    async with trio.open_nursery() as nursery:
        await nursery.start(expand.run)
        assert await idle.until_expanded(campaign) == {"queued": 2}
        nursery.cancel_scope.cancel()


async def test_recipients_of_a_route_that_is_no_more_go_by_the_one_that_takes_them_now(idle: Scene) -> None:
    expand, given = an_expand(idle), []

    def reroute(*facts: Any) -> str | None:
        given.append(facts)
        return "rest" if facts[0] == "ES" else None

    expand.reconfigure({"rest"}, {}, NO_QUIET_HOURS, reroute)
    async with trio.open_nursery() as nursery:
        await nursery.start(expand.run)
        first, second = some_recipients(0, 2)
        recipients = [first._replace(route="gone", country="ES"), second._replace(route="gone", country="FR")]
        campaign = await idle.campaign(recipients, tag="may")
        assert await idle.until_expanded(campaign) == {"queued": 1, "failed": 1}
        nursery.cancel_scope.cancel()
    assert [message.route for message in await idle.messages()] == ["rest", "gone"]
    assert given[0][1:6] == (first.recipient, "promotional", "shop", "SHOP", "may")
