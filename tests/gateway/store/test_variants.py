"""A message knows which variant of its text was chosen, and tells it with each event; most have none."""

import json

from gateway.messages import MessageState
from gateway.store.by import by_account


async def told(bench, message):
    await bench.commit()
    rows = bench.sql(f"SELECT body FROM events WHERE message = {message} ORDER BY id")
    return [json.loads(row[0])["data"] for row in rows]


async def test_the_variant_is_kept_with_its_message_and_told_in_its_events(bench):
    usual, spun = await bench.accept(bench.a_message(), bench.a_message(variant="Hello", client_id="a-1"))
    assert (await bench.store.message("shop", spun)).message.variant == "Hello"
    assert (await bench.store.message("shop", usual)).message.variant is None
    await bench.store.cancel("shop", spun, by_account("shop", 1))
    await bench.store.cancel("shop", usual, by_account("shop", 1))
    assert [data["variant"] for data in await told(bench, spun)] == ["Hello"]
    assert [(data["variant"], data["campaign_id"]) for data in await told(bench, usual)] == [(None, None)]


async def test_a_message_has_its_campaign_by_its_queue_and_tells_it(bench):
    (message,) = await bench.accept(bench.a_message())
    campaign = 7 << 20

    def into_the_campaigns(work):
        queue = work.queues.id_of(work.connection, "transactional", "rest", "shop", campaign=campaign)
        work.move(work.find(message), MessageState.QUEUED, queue=queue)
        return queue

    queue = await bench.store._order(into_the_campaigns)
    queues = bench.store._writer.mirrors.queues
    assert queues.campaign(queue) == campaign
    assert [row.ready for row in bench.store.queues() if row.campaign == campaign] == [1]
    assert (await bench.store.message("shop", message)).message.campaign == campaign
    await bench.store.cancel("shop", message, by_account("shop", 1))
    assert [data["campaign_id"][:4] for data in await told(bench, message)] == ["cmp_"]


async def test_a_queue_elsewhere_is_one_of_the_same_campaign(bench):
    def make(work):
        connection, queues = work.connection, work.queues
        queue = queues.id_of(connection, "transactional", "rest", "shop", campaign=5)
        found = queues.elsewhere(connection, queue, stay="telco"), queues.unfit_for(connection, queue, ["telco"])
        return queue, *found, queues.id_of(connection, "transactional", "rest", "shop")

    queue, elsewhere, unfit, of_none = await bench.store._order(make)
    queues = bench.store._writer.mirrors.queues
    assert [queues.campaign(one) for one in (queue, elsewhere, unfit, of_none)] == [5, 5, 5, 0]
    assert len({queue, elsewhere, unfit, of_none}) == 4
