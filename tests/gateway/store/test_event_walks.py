"""Walks of chance through all that may become of events: each is told in the order of its message, and in one POST at
a time that keeps its members from its first try on."""

import json
import random
from dataclasses import replace

import pytest

from gateway.store.by import by_operator
from gateway.store.interface import DeliveryOutcome

BY = by_operator(None)
STEPS = 80
SECOND = 1_000
ACCOUNTS = ("shop", "mall")


class Walk:
    """What the world knows of the events of one store."""

    def __init__(self, bench, chance):
        self.bench = bench
        self.chance = chance
        self.under_way = {}
        self.members = {}
        self.told = {}
        """By message: types of events, in order."""
        self.sent = []
        self.faults = []
        """What is raised where deliveries are taken, the store sees to by itself."""
        bench.store.take_deliveries(self.take)

    def take(self, deliveries):
        for delivery in deliveries:
            events = [json.loads(body) for body in delivery.bodies]
            if delivery.id in self.under_way:
                self.faults.append("in two POSTs at a time")
            if self.members.setdefault(delivery.webhook_id, events) != events:
                self.faults.append("others than at the first try")
            for event in events:
                told = self.told.setdefault(event["message_id"], [])
                if event["type"] in told:
                    self.faults.append("told already")
                if event["type"] != "message.sent" and told != ["message.sent"]:
                    self.faults.append("out of order")
            self.under_way[delivery.id] = delivery

    def all_is_right(self):
        assert self.faults == []
        counts = self.bench.store.counts()
        assert counts["deliveries_under_way"] == len(self.under_way) == self.bench.under_way()
        ((waiting,),) = self.bench.sql("SELECT count(*) FROM events WHERE state < 3")
        assert counts["events_pending"] == waiting

    async def send(self):
        account = self.chance.choice(ACCOUNTS)
        count = self.chance.randint(1, 7)
        messages = await self.bench.accept(*(self.bench.a_message() for _ in range(count)), account=account)
        bind = self.bench.bind("telco/1")
        await bind.ask(count)
        self.bench.store.answered(bind.name, [bind.an_answer(message) for message in messages], 0, bind.kept.append)
        self.bench.store.close_window(bind.name)
        self.sent += messages

    async def receive(self):
        for _ in range(min(len(self.sent), self.chance.randint(1, 5))):
            message = self.sent.pop(self.chance.randrange(len(self.sent)))
            self.bench.store.receipt(self.bench.a_receipt(f"{message:x}-1"), lambda kept, count=1: None)

    async def end_some(self):
        for delivery in self.chance.sample(list(self.under_way.values()), min(len(self.under_way), 5)):
            self.end(delivery, self.chance.choices((200, 500, 410, None), (12, 2, 1, 1))[0])

    def end(self, delivery, http_status):
        del self.under_way[delivery.id]
        if http_status == 200:
            for event in map(json.loads, delivery.bodies):
                self.told[event["message_id"]].append(event["type"])
        now, taken = self.bench.clock(), http_status == 200
        retry_at = None if taken else now + self.chance.choice((60, 200, 3 * SECOND))
        self.bench.store.delivered(
            DeliveryOutcome(
                delivery.id, delivery.endpoint, now, 9, http_status, None if taken else "x", taken, retry_at,
                http_status == 410, http_status is None,
            )
        )  # fmt: skip

    async def let_pass(self):
        self.bench.clock.advance(self.chance.choice((1, 10, 20, 50, 100, 11 * SECOND)))

    async def enable(self):
        await self.bench.store.enable_endpoint(self.chance.choice(ACCOUNTS), by=BY)

    async def reload(self):
        policy = self.bench.store.policy
        batch = self.chance.choice((1, 3))
        accounts = {**policy.accounts, "mall": replace(policy.accounts["mall"], batch=batch)}
        await self.bench.store.reconfigure(replace(policy, accounts=accounts), "")

    async def undo(self):
        """As after a transaction that was undone."""
        self.bench.store._writer.mirrors.stale = True

    async def go(self, steps):
        moves = (self.send, self.receive, self.end_some, self.let_pass, self.enable, self.reload, self.undo)
        for _ in range(steps):
            await self.chance.choices(moves, (6, 4, 8, 5, 2, 1, 1))[0]()
            if self.chance.random() < 0.7:
                await self.bench.commit()
                self.all_is_right()

    async def tell_the_rest(self):
        for account in ACCOUNTS:
            await self.bench.store.enable_endpoint(account, by=BY)
        for _ in range(200):
            await self.bench.after(11 * SECOND)
            if not self.under_way:
                break
            for delivery in list(self.under_way.values()):
                self.end(delivery, 200)
        self.all_is_right()


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_every_event_is_told_in_order_and_in_one_post_at_a_time(open_store, seed):
    async with open_store(posts_per_connection=seed % 2 * 7 + 1) as bench:
        walk = Walk(bench, random.Random(seed))
        await walk.go(STEPS)
        await bench.commit()
        async with bench.after_a_crash() as after:
            again = Walk(after, random.Random(seed))
            again.members, again.told = dict(walk.members), {name: list(told) for name, told in walk.told.items()}
            await again.go(STEPS // 3)
            await again.tell_the_rest()
            assert after.store.counts() == {"parked": 0, "events_pending": 0, "deliveries_under_way": 0}
        await walk.tell_the_rest()
        ((filed,),) = bench.sql("SELECT count(*) FROM events")
        assert sum(map(len, walk.told.values())) == filed > 0
