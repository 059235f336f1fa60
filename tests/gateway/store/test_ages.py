"""Since when the oldest waits: looked at without a statement a message, and enough to let a queue overflow."""

from gateway.rules.tiers import Tierings
from gateway.settings import Route
from gateway.store.ages import LEAST_LOOK_MS, LOOK_MS, MOST_QUEUES, Ages, QueueAge, look_every

SECOND = 1_000


async def test_the_oldest_of_each_lane_and_route_is_known_a_second_later(bench):
    await bench.accept_one(lane="otp")
    await bench.accept(bench.a_message(), bench.a_message(route="pair"), bench.a_message(route="pair"))
    await bench.accept_one("mall", route="pair")
    await bench.after(SECOND)
    await bench.after(4 * SECOND)
    assert bench.store.queue_ages() == [
        QueueAge("otp", "rest", 5 * SECOND, 1),
        QueueAge("transactional", "pair", 5 * SECOND, 3),
        QueueAge("transactional", "rest", 5 * SECOND, 1),
    ]


async def test_what_was_sent_waits_no_more_and_the_next_is_the_oldest(bench):
    await bench.accept_one()
    await bench.after(3 * SECOND)
    await bench.accept_one()
    await bench.after(2 * SECOND)
    await bench.bind().ask(1)
    await bench.after(2 * SECOND)
    assert bench.store.queue_ages() == [QueueAge("transactional", "rest", 4 * SECOND, 1)]
    await bench.bind("telco/2").ask(1)
    assert bench.store.queue_ages() == []


async def test_a_scheduled_message_waits_from_its_time_on(bench):
    await bench.accept_one(scheduled_at=bench.clock() + 10 * SECOND)
    await bench.after(10 * SECOND)
    await bench.after(SECOND)
    assert [age.oldest_ms for age in bench.store.queue_ages()] == [SECOND]


async def test_branches_of_a_route_are_one_to_whoever_asks(bench):
    await bench.accept(bench.a_message(route="rest/ES"), bench.a_message(route="rest/FR"))
    assert [(age.route, age.ready) for age in bench.store.queue_ages()] == [("rest", 2)]
    assert {row.route for row in bench.store.queues()} == {"rest"}


async def test_a_queue_whose_oldest_has_waited_too_long_goes_to_every_tier(open_store):
    tiers = ["telco", "backup"]
    routes = [Route(name="rest", tiers=tiers, overflow_after="3s"), Route(name="tiered", tiers=tiers)]
    async with open_store(tierings=Tierings(routes)) as bench:
        backup = bench.bind("backup/1")
        late = await bench.accept_one()
        await bench.accept_one(route="tiered")
        await backup.ask(5)
        await bench.after(2 * SECOND)
        assert backup.claims == []
        await bench.after(2 * SECOND)
        assert backup.messages == [late]


def test_many_queues_are_looked_at_in_turn():
    asked = []

    class Found:
        def fetchone(self):
            return (1 << 60, None)

    def execute(statement, parameters):
        asked.append(parameters[0])
        return Found()

    looking, filled = Ages(), set(range(1, MOST_QUEUES + 101))
    for _ in range(2):
        looking.look(execute, filled, {2})
    in_turn = [queue for queue in sorted(filled) if queue != 2]
    assert asked == (in_turn * 2)[: 2 * MOST_QUEUES], "one of which nothing is dealt takes no turn"


def test_who_overflows_sooner_is_looked_at_oftener():
    assert [look_every(ms) for ms in (0, 100, 1_000, 60_000)] == [LOOK_MS, LEAST_LOOK_MS, 500, LOOK_MS]
