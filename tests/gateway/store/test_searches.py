"""Searches over all accounts: by whatever support was told, in bounded time, going on from where they ended."""

import pytest

from gateway.identifiers import created_at_ms
from gateway.messages import Status
from gateway.store.by import by_account, by_operator
from gateway.store.lists import searches
from gateway.store.lists.interface import MessageFilter


async def found(bench, account=None, *, carrier_id=None, limit=50, cursor=None, **wanted):
    return await bench.store.search(account, MessageFilter(**wanted), carrier_id=carrier_id, limit=limit, cursor=cursor)


async def ids(bench, account=None, **wanted):
    return [row.id for row in (await found(bench, account, **wanted)).rows]


async def test_messages_of_all_accounts_are_found_and_of_one_where_it_is_named(bench):
    own = await bench.accept_one()
    (other,) = await bench.accept(bench.a_message(), account="mall")
    assert await ids(bench) == [other, own]
    assert await ids(bench, "mall") == [other]
    assert await ids(bench, "nobody") == []


async def test_a_client_id_is_found_whoevers_it_is(bench):
    own = await bench.accept_one(client_id="order-1")
    (other,) = await bench.accept(bench.a_message(client_id="order-1"), account="mall")
    await bench.accept_one(client_id="order-2")
    assert await ids(bench, client_id="order-1") == [other, own]
    assert await ids(bench, "shop", client_id="order-1") == [own]
    assert await ids(bench, client_id="order") == []


async def test_a_whole_number_and_its_last_digits_are_found(bench):
    one = await bench.accept_one(recipient="+34600001234")
    other = await bench.accept_one(recipient="+34611111234")
    await bench.accept_one(recipient="+34600012345")
    assert await ids(bench, recipient="+34600001234") == [one]
    assert await ids(bench, ends_with="1234") == [other, one]
    assert await ids(bench, ends_with="01234") == [one]


@pytest.mark.parametrize("given", ["5F3A", "5f3a", "0x5F3A", " 5F3A", "24378"])
async def test_a_carriers_id_is_found_however_it_is_spelled(bench, given):
    message = await bench.sent("5F3A")
    await bench.sent("6000", recipient="+34600000002")
    assert await ids(bench, carrier_id=given) == [message]
    assert await ids(bench, carrier_id=given, carrier="telco") == [message]
    assert await ids(bench, carrier_id=given, carrier="other") == []


@pytest.mark.parametrize("given", ["", " ", "nobody's"])
async def test_an_id_that_no_carrier_gave_finds_nothing(bench, given):
    await bench.sent("5F3A")
    assert await ids(bench, carrier_id=given) == []


async def test_all_that_is_asked_has_to_hold(bench):
    sent = await bench.sent("7", client_id="a")
    waiting = await bench.accept_one(client_id="b")
    assert await ids(bench, statuses=[Status.QUEUED]) == [waiting]
    assert await ids(bench, carrier="telco") == [sent]
    assert await ids(bench, client_id="a", carrier_id="7") == [sent]
    assert await ids(bench, client_id="b", carrier_id="7") == []
    assert await ids(bench, ids=[sent, waiting], statuses=[Status.SENT]) == [sent]
    assert await ids(bench, after=created_at_ms(waiting) + 1) == []


async def test_a_message_is_told_with_the_carrier_that_it_was_put_to(bench):
    sent = await bench.sent("7")
    waiting = await bench.accept_one()
    assert (await found(bench)).carriers == {sent: "telco"}
    assert [row.id for row in (await found(bench)).rows] == [waiting, sent]


async def test_pages_go_on_where_the_one_before_ended(bench):
    messages = [await bench.accept_one(recipient="+34600001234") for _ in range(5)]
    first = await found(bench, ends_with="1234", limit=3)
    rest = await found(bench, ends_with="1234", limit=3, cursor=first.next_cursor)
    assert [row.id for row in first.rows + rest.rows] == messages[::-1]
    assert (first.looked_back_to, rest.next_cursor, rest.looked_back_to) == (None, None, None)


class Clock:
    """Each look at it takes so many seconds."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


async def test_a_search_that_takes_too_long_ends_and_tells_how_far_it_looked(bench):
    wanted = await bench.accept_one(recipient="+34600001234")
    others = []
    for _ in range(6):
        await bench.after(1_000)
        others.append(await bench.accept_one())
    look = MessageFilter(ends_with="1234")
    hasty = await searches.walked(bench.store._read, None, look, 5, None, Clock(1.0), slice_=2)
    assert (hasty.rows, hasty.looked_back_to) == ([], created_at_ms(others[-2]))
    patient = await searches.walked(bench.store._read, None, look, 5, hasty.next_cursor, Clock(0.0), slice_=2)
    assert [row.id for row in patient.rows] == [wanted]
    assert (patient.next_cursor, patient.looked_back_to) == (None, None)


async def test_a_full_page_looks_no_further(bench):
    messages = [await bench.accept_one(recipient="+34600001234") for _ in range(6)]
    page = await searches.walked(bench.store._read, None, MessageFilter(ends_with="1234"), 3, None, slice_=2)
    assert ([row.id for row in page.rows], page.looked_back_to) == (messages[:2:-1], None)
    assert await ids(bench, ends_with="1234", cursor=page.next_cursor) == messages[2::-1]


async def test_what_was_done_by_hand_about_a_message_is_found_by_it(bench):
    message, other = await bench.accept_one(), await bench.accept_one()
    assert await bench.store.reveal(message, by=by_operator(1, "anna"))
    await bench.store.cancel(None, message, by_operator(2, "ben"))
    await bench.store.cancel("shop", other, by_account("shop", 3))
    assert [(row.who, row.what) for row in await bench.store.audit_of(message)] == [
        ("operator:anna", "reveal"),
        ("operator:ben", "cancel"),
    ]
    assert not await bench.store.reveal(1, by=by_operator(4))


async def test_the_audit_is_looked_through_by_who_and_what(bench):
    for number, name in enumerate(("anna", "ben", "anna")):
        await bench.store.reveal(await bench.accept_one(), by=by_operator(number, name))
    await bench.store.cancel("shop", await bench.accept_one(), by_account("shop", 9))

    async def requests(**asked):
        return [row.request_id for row in (await bench.store.audit(limit=50, cursor=None, **asked)).rows]

    assert await requests(who="anna") == await requests(who="operator:anna") == [2, 0]
    assert await requests(who="shop", what="cancel") == await requests(what="cancel") == [9]
    assert await requests(who="ben", what="cancel") == []


async def test_a_messages_events_are_told_again_in_their_order(bench):
    bench.take_deliveries()
    message = await bench.sent("1")
    await bench.outcome(bench.deliveries[-1], 200)
    assert await bench.store.replay_message(message, by=by_operator(1, "anna")) == 1
    (row,) = await bench.store.audit_of(message)
    assert (row.what, row.message, row.replayed) == ("replay", message, 1)
    assert await bench.store.replay_message(await bench.accept_one(), by=by_operator(2)) == 0
    assert await bench.store.replay_message(1, by=by_operator(3)) is None


async def test_an_operator_cancels_whoevers_message_and_the_audit_says_who(bench):
    message = await bench.accept_one()
    await bench.store.cancel(None, message, by_operator(7, "anna"))
    (row,) = (await bench.store.audit(limit=5, cursor=None)).rows
    assert (row.who, row.what, row.message) == ("operator:anna", "cancel", message)
