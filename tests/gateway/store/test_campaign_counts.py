"""Whatever happens to a campaign, its counts say what its messages say, and sum up to what was accepted."""

import random

import pytest
from played_campaigns import PlayedCampaign, some_recipients

from gateway.store.campaigns.interface import NewRecipient
from gateway.store.interface import Verdict

SECOND = 1_000
MINUTE = 60_000
STEPS = 100
NAMES = [
    "expand",
    "expand",
    "ask",
    "ask",
    "ask",
    "answer",
    "answer",
    "many",
    "receipt",
    "receipt",
    "doubt",
    "release",
    "pause",
    "resume",
    "resume",
    "time",
    "other",
]


class Walk:
    """A random walk of one campaign among other traffic."""

    def __init__(self, bench, seed):
        self.random = random.Random(seed)
        self.campaign = PlayedCampaign(bench, validity_ms=10 * MINUTE)
        self.reopen(bench)

    def reopen(self, bench):
        self.bench = self.campaign.bench = bench
        self.binds = [bench.bind(f"telco/{n}") for n in (1, 2)]
        self.open: list[tuple[int, int]] = []

    async def step(self):
        name = self.random.choice(NAMES)
        await getattr(self, name)()

    async def expand(self):
        variant = self.random.choice([None, "Hello", "Hi"])
        await self.campaign.expand(self.random.randint(1, 6), variant=variant)

    async def other(self):
        await self.bench.accept_one()

    async def ask(self):
        await self.random.choice(self.binds).ask(self.random.randint(1, 4))

    def outstanding(self):
        done = getattr(self, "done", set())
        self.done = done
        return [(b, n) for b in self.binds for c in b.claims for n in b.names(c.message) if n not in done]

    async def answer(self):
        if found := self.outstanding():
            bind, name = self.random.choice(found)
            self.done.add(name)
            verdict = self.random.choice([Verdict.SENT, Verdict.SENT, *Verdict])
            await bind.answer(bind.an_answer(name.message, verdict, name=name))
            self.open.append(name)

    async def many(self):
        bind = self.random.choice(self.binds)
        if names := [name for holder, name in self.outstanding() if holder is bind]:
            self.done.update(names)
            await bind.answer(*(bind.an_answer(name.message, name=name) for name in names))
            self.open += names

    async def receipt(self):
        if self.open:
            name = self.random.choice(self.open)
            message = (await self.bench.story(name.message)).message
            stat = self.random.choice(["DELIVRD", "DELIVRD", "UNDELIV", "EXPIRED", "REJECTD"])
            await self.bench.receipt(f"{name.message:x}-1", stat, to=message.recipient[1:])

    async def doubt(self):
        if found := self.outstanding():
            bind, name = self.random.choice(found)
            self.done.add(name)
            self.bench.store.doubt(bind.name, [name], 1)
            await self.bench.commit()
            self.open.append(name)

    async def release(self):
        if found := self.outstanding():
            bind, name = self.random.choice(found)
            self.done.add(name)
            self.bench.store.release(bind.name, [name], 1)
            await self.bench.commit()

    async def pause(self):
        await self.campaign.pause()

    async def resume(self):
        await self.campaign.resume()

    async def time(self):
        await self.bench.after(self.random.choice([SECOND, 10 * SECOND, MINUTE]))


@pytest.mark.parametrize("seed", range(6))
async def test_counts_sum_to_what_was_accepted_at_every_step(open_store, seed):
    async with open_store() as bench:
        walk = Walk(bench, seed)
        await walk.campaign.load(40)
        for _ in range(STEPS):
            await walk.step()
            assert await walk.campaign.counts_are_right()
        await walk.campaign.cancel()
        for _ in range(3):
            await bench.after(20 * MINUTE)
            assert await walk.campaign.counts_are_right()
        assert bench.ready_is_right()
        async with bench.after_a_crash() as after:
            walk.reopen(after)
            assert await walk.campaign.counts_are_right()


async def test_a_transaction_that_is_undone_counts_nothing(bench):
    campaign = await PlayedCampaign(bench).load(3)
    expansion = await bench.store.expansion(campaign.id, 3)
    twice = [campaign.a_message(r) for r in expansion.recipients]
    twice[2] = twice[2]._replace(id=twice[0].id)
    with pytest.raises(Exception, match="UNIQUE"):
        await bench.store.expand(expansion, twice)
    assert await campaign.counts_are_right()
    assert (await campaign.row()).waiting == 3
    assert await campaign.expand()
    assert await campaign.counts_are_right()


async def test_a_step_that_fails_alone_counts_nothing_of_what_it_undid(bench):
    campaign = await PlayedCampaign(bench, validity_ms=MINUTE).load(2)
    await campaign.expand()
    bench.sql(
        f"CREATE TRIGGER no_way BEFORE UPDATE ON messages WHEN OLD.id = {campaign.messages[0]} AND NEW.state = 12 "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    await bench.after(2 * MINUTE)
    assert await campaign.counts() == {"queued": 1, "expired": 1}
    bench.sql("DROP TRIGGER no_way")
    await bench.after(2 * MINUTE)
    assert await campaign.counts() == {"expired": 2}


# --- kills


async def test_messages_of_no_campaign_are_looked_for_only_while_a_campaign_has_messages_under_way(bench):
    known = bench.store._writer.mirrors.campaigns
    await PlayedCampaign(bench).load(5, scheduled_at=bench.clock() + 3_600_000)
    assert not known
    campaign = await PlayedCampaign(bench).load(1)
    await campaign.expand()
    assert known
    async with bench.after_a_crash() as after:
        campaign.bench = after
        known = after.store._writer.mirrors.campaigns
        assert known
        bind = after.bind()
        await bind.ask(1)
        await bind.send(bind.messages[0], "c1")
        await after.receipt("c1", to=(await after.story(bind.messages[0])).message.recipient[1:])
        assert await campaign.counts() == {"delivered": 1}
        assert not known


async def test_a_kill_while_loading_leaves_what_its_key_begins_again(bench):
    lost = PlayedCampaign(bench)
    await lost.open("may")
    await lost.add(some_recipients(0, 20))
    async with bench.after_a_crash() as after:
        lost.bench = after
        assert await lost.status() == "loading"
        campaign = await PlayedCampaign(after).load(30, key="may")
        assert await lost.status() == "failed"
        assert (await campaign.row()).accepted == 30
        assert await campaign.expand()
        assert len(campaign.messages) == 30


async def test_a_kill_right_after_the_seal_leaves_a_campaign_that_moves_on(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open()
    await campaign.add(some_recipients(0, 5))
    # As on a disk where the transaction that moves it on never came.
    bench.sql("UPDATE campaigns SET fingerprint = x'66' WHERE id = ?", campaign.id)
    async with bench.after_a_crash() as after:
        campaign.bench = after
        told = []
        after.store.tell_expansions(told.append)
        await after.commit()
        assert await campaign.status() == "running"
        assert set(told) == {campaign.id}


async def test_a_kill_while_running_loses_and_doubles_no_recipient(bench):
    campaign = await PlayedCampaign(bench).load(100)
    rng = random.Random(7)
    stores = 0

    async def go_on(bench):
        nonlocal stores
        stores += 1
        campaign.bench = bench
        for _ in range(rng.randint(1, 3)):
            await campaign.expand(rng.randint(1, 9))
        # Read, rendered, and not filed when it dies.
        await bench.store.expansion(campaign.id, 5)
        assert await campaign.counts_are_right()
        if (await campaign.row()).waiting:
            async with bench.after_a_crash() as after:
                await go_on(after)
        else:
            rows = [row[0] for row in bench.sql("SELECT recipient FROM messages ORDER BY id")]
            assert rows == [r.recipient for r in some_recipients(0, 100)]
            assert bench.ready_is_right()

    await go_on(bench)
    assert stores > 3


async def test_a_canceled_campaign_goes_on_ending_after_a_kill(bench):
    campaign = await PlayedCampaign(bench).load(450)
    await campaign.expand(450)
    # As on a disk where none of the transactions that end its messages came.
    bench.sql("UPDATE campaigns SET state = 11, finished_at = ? WHERE id = ?", bench.clock(), campaign.id)
    async with bench.after_a_crash() as after:
        campaign.bench = after
        for _ in range(5):
            await after.commit()
        assert await campaign.counts() == {"canceled": 450}
        assert after.sql("SELECT settled FROM campaigns") == [(1,)]


async def test_variants_are_counted_apart_also_one_without_letters(bench):
    campaign = PlayedCampaign(bench)
    await campaign.open()
    await campaign.add([NewRecipient(n, f"+3460000{n:04d}", "rest", "SHOP", "ES", "{}") for n in range(6)])
    await campaign.seal()
    for variant in (None, "", "Hi"):
        await campaign.expand(2, variant=variant)
    bind = bench.bind()
    await bind.ask(3)
    await bind.answer(*(bind.an_answer(message) for message in bind.messages))
    row = await campaign.row()
    assert row.counts == {(None, "sent"): 2, ("", "sent"): 1, ("", "queued"): 1, ("Hi", "queued"): 2}
