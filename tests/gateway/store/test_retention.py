"""What is no longer owed is erased, a little at a time, and nothing else is."""

import json
from itertools import pairwise

from gateway.messages import MessageState
from gateway.rules.timestamps import rfc3339
from gateway.settings import InDoubt
from gateway.store import retention
from gateway.store.by import by_account
from gateway.store.interface import IdempotencyKey
from gateway.store.lines.interface import LineKeys, LinesIn
from gateway.store.policy import LanePolicy

BY = by_account("shop", None)
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


async def quiet_time(bench, ms, commits=12):
    """Let time pass with little to do."""
    bench.clock.advance(ms)
    for _ in range(commits):
        await bench.commit()


async def told(bench, *ids, account="shop", lane="transactional"):
    """Messages that were delivered, and whose events were taken."""
    bench.take_deliveries()
    messages = []
    for id_ in ids:
        messages.append(await bench.sent(id_, lane=lane))
        await bench.outcome(bench.deliveries[-1])
        await bench.receipt(id_)
        await bench.receipt(id_, "UNDELIV")
        await bench.outcome(bench.deliveries[-1])
    return messages


async def test_a_text_is_erased_once_its_lane_no_longer_keeps_it(bench):
    (message,) = await told(bench, "1")
    await quiet_time(bench, DAY - 1_000)
    assert (await bench.story(message)).message.text is not None
    await quiet_time(bench, 1_000)
    row = (await bench.story(message)).message
    assert (row.text, row.text_erased_at) == (None, bench.clock())


async def test_an_otp_is_erased_at_its_end(bench):
    (message,) = await told(bench, "1", lane="otp")
    await quiet_time(bench, 1_000)
    assert (await bench.story(message)).message.text is None


async def test_a_text_is_erased_in_its_time_although_a_doubt_has_a_longer_grace(open_store):
    lanes = {"transactional": LanePolicy(2, InDoubt.HOLD, 7 * DAY, HOUR)}
    async with open_store(lanes=lanes) as bench:
        bind = bench.bind()
        answered = await bench.accept_one(expires_at=bench.clock() + MINUTE)
        await bind.ask(1)
        await bind.doubt(answered)
        await bind.send(answered, "late")
        await bench.receipt("late")
        receipted = await bench.accept_one(expires_at=bench.clock() + MINUTE)
        await bind.ask(1)
        await bind.doubt(receipted)
        await bench.receipt("unknown")
        for message in (receipted, answered):
            assert await bench.state(message) is MessageState.DELIVERED
        await bench.after(MINUTE)
        await bench.after(HOUR)
        for message in (receipted, answered):
            assert (await bench.story(message)).message.text is None


async def test_a_late_end_does_not_change_when_the_text_was_erased(bench):
    for lane in ("transactional", "otp"):
        message = await bench.sent(lane, lane=lane)
        await bench.after(5 * DAY)
        await bench.after(2 * DAY)
        erased_at = (await bench.story(message)).message.text_erased_at
        assert erased_at is not None
        assert await bench.state(message) is MessageState.UNKNOWN
        await bench.receipt(lane)
        await bench.after(2 * DAY)
        assert (await bench.story(message)).message.text_erased_at == erased_at


async def test_the_text_of_an_open_message_is_kept(bench):
    message = await bench.accept_one(expires_at=bench.clock() + 100 * DAY)
    await quiet_time(bench, 50 * DAY)
    assert (await bench.story(message)).message.text == "Your code is 1234"


async def test_a_message_goes_with_all_that_was_done_for_it(bench):
    old = await told(bench, "1", "2")
    await quiet_time(bench, 2 * DAY)
    (young,) = await told(bench, "3")
    await quiet_time(bench, 89 * DAY)
    for message in old:
        assert await bench.store.message(None, message) is None
    for table in ("attempts", "receipts"):
        assert bench.sql(f"SELECT DISTINCT message FROM {table}") == [(young,)], table
    assert await bench.state(young) is MessageState.DELIVERED


async def test_an_old_scheduled_message_is_kept_until_it_has_ended_for_long_enough(bench):
    message = await bench.accept_one(
        scheduled_at=bench.clock() + 100 * DAY, expires_at=bench.clock() + 101 * DAY, client_id="a"
    )
    await quiet_time(bench, 99 * DAY)
    assert await bench.state(message) is MessageState.SCHEDULED
    await quiet_time(bench, 3 * DAY)
    assert await bench.state(message) is MessageState.EXPIRED
    await quiet_time(bench, 89 * DAY)
    assert await bench.state(message) is MessageState.EXPIRED
    await quiet_time(bench, 2 * DAY)
    assert await bench.store.message(None, message) is None


async def test_a_client_id_is_free_again_once_its_message_is_gone(bench):
    first = await bench.accept_one(client_id="a", expires_at=bench.clock() + DAY)
    await quiet_time(bench, 2 * DAY)
    await quiet_time(bench, 91 * DAY)
    assert await bench.store.message(None, first) is None
    assert await bench.accept_one(client_id="a")


async def test_told_events_and_their_tries_go_and_untold_ones_stay(bench):
    await told(bench, "1")
    bench.deliveries.clear()
    waiting = await bench.sent("2", recipient="+34600000002")
    await quiet_time(bench, 31 * DAY)
    assert bench.sql("SELECT DISTINCT message FROM events WHERE id < ?", (bench.clock() - 30 * DAY) << 20) == [
        (waiting,)
    ]
    assert bench.sql("SELECT count(*) FROM webhook_tries") == [(0,)]


async def test_tries_of_an_earlier_delivery_of_a_replayed_event_go_too(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[-1], 500, retry_at=None)
    await bench.store.replay("shop", None, None, None, failed_only=True, by=BY)
    await bench.commit()
    await bench.outcome(bench.deliveries[-1])
    assert bench.sql("SELECT count(*) FROM webhook_tries") == [(2,)]
    await quiet_time(bench, 31 * DAY, commits=30)
    assert bench.sql("SELECT count(*) FROM webhook_tries") == [(0,)]


async def test_idempotency_keys_inbound_messages_and_the_audit_go_in_their_time(bench):
    await bench.store.accept(bench.a_submission(key=IdempotencyKey("k", b"f")))
    bench.store.inbound(bench.an_inbound(account=None), lambda kept: None)
    message = await bench.accept_one()
    await bench.store.cancel("shop", message, by_account("shop", 1))
    await quiet_time(bench, DAY)
    assert bench.sql("SELECT count(*) FROM idempotency") == [(0,)]
    assert bench.sql("SELECT count(*) FROM inbound") == [(1,)]
    await quiet_time(bench, 91 * DAY)
    assert bench.sql("SELECT count(*) FROM inbound") == [(0,)]
    assert bench.sql("SELECT count(*) FROM audit") == [(0,)]


async def test_answers_to_the_lines_of_a_stream_go_in_their_time(bench):
    submission = bench.a_submission(bench.a_message())
    keys = LineKeys("k", {1: bytes([1] * 16)}, {})
    await bench.store.file_lines(LinesIn(submission, [1], keys))
    assert bench.sql("SELECT count(*) FROM stream_lines") == [(1,)]
    await quiet_time(bench, DAY)
    assert bench.sql("SELECT count(*) FROM stream_lines") == [(0,)]


async def test_a_commit_erases_a_slice_and_the_next_goes_on(bench):
    messages = [bench.a_message(expires_at=bench.clock() + MINUTE, lane="otp") for _ in range(450)]
    await bench.accept(*messages, account="quiet")
    await bench.after(MINUTE)
    erased = [bench.sql("SELECT count(*) FROM messages WHERE text IS NULL")[0][0]]
    for _ in range(5):
        bench.clock.advance(1_000)
        await bench.commit()
        erased.append(bench.sql("SELECT count(*) FROM messages WHERE text IS NULL")[0][0])
    steps = [after - before for before, after in pairwise(erased)]
    assert max(steps) <= retention.ROWS_A_TRANSACTION
    assert erased[-1] == 450


async def test_a_large_batch_erases_nothing(bench):
    await bench.store.accept(bench.a_submission(key=IdempotencyKey("k", b"f")))
    bench.clock.advance(DAY)
    await bench.accept(*(bench.a_message(expires_at=bench.clock() + 10**9) for _ in range(500)))
    assert bench.sql("SELECT count(*) FROM idempotency") == [(1,)]
    await bench.commit()
    assert bench.sql("SELECT count(*) FROM idempotency") == [(0,)]


async def test_nothing_that_is_to_erase_waits_for_all_of_another_kind(bench):
    await bench.accept(*(bench.a_message(expires_at=bench.clock() + MINUTE) for _ in range(400)), account="quiet")
    await bench.after(MINUTE)
    await quiet_time(bench, 2 * DAY, commits=20)
    for n in range(100):
        await bench.store.accept(bench.a_submission(key=IdempotencyKey(f"k{n}", b"f")))
    bench.sql("UPDATE messages SET done_at = ?", bench.clock() - 91 * DAY)
    bench.sql("UPDATE idempotency SET expires_at = ?", bench.clock())
    left = [(100, 400)]
    while left[-1] != (0, 0):
        bench.clock.advance(1_000)
        await bench.commit()
        left.append(
            (
                bench.sql("SELECT count(*) FROM idempotency")[0][0],
                bench.sql("SELECT count(*) FROM messages")[0][0],
            )
        )
        assert len(left) < 20
    assert left[1][0] < 100, "keys at once"
    assert left[1][1] < 400, "and messages"


async def test_a_commit_erases_no_more_rows_than_it_may_of_all_kinds_together(bench):
    await told(bench, *(str(n) for n in range(30)))
    keyed = [IdempotencyKey(f"k{n}", b"f") for n in range(300)]
    for key in keyed:
        await bench.store.accept(bench.a_submission(key=key))
    bench.clock.advance(100 * DAY)
    tables = ("messages", "attempts", "receipts", "events", "webhook_tries", "idempotency")

    def rows():
        return sum(bench.sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables)

    counts = [rows()]
    for _ in range(30):
        await bench.commit()
        counts.append(rows())
        bench.clock.advance(1_000)
    assert max(before - after for before, after in pairwise(counts)) <= retention.ROWS_A_TRANSACTION
    assert counts[-1] == 0


async def test_small_commits_erase_as_many_messages_as_they_accept(bench):
    """25 messages a commit with all that was done for each: 2,500 messages/s at 100 commits/s."""
    bench.take_deliveries()
    old = await bench.accept(*(bench.a_message() for _ in range(150)), account="mall")
    bind = bench.bind()
    await bind.ask(150)
    await bind.answer(*(bind.an_answer(message, carrier_message_id=f"m{message}") for message in old))
    for message in old:
        bench.store.receipt(bench.a_receipt(f"m{message}"), lambda kept: None)
    delivered = 0
    while delivered < len(bench.deliveries):
        for delivery in bench.deliveries[delivered:]:
            delivered += 1
            await bench.outcome(delivery)
        await bench.after(bench.policy.linger_ms)
    assert bench.sql("SELECT count(*) FROM events WHERE state = 3") == [(300,)]
    bench.clock.advance(91 * DAY)
    for _ in range(7):
        messages = [bench.a_message(expires_at=bench.clock() + DAY) for _ in range(25)]
        await bench.accept(*messages, account="quiet")
        bench.clock.advance(10)
    assert bench.sql("SELECT count(*) FROM messages WHERE done_at IS NOT NULL") == [(0,)]
    for table in ("events", "webhook_tries", "attempts", "receipts"):
        assert bench.sql(f"SELECT count(*) FROM {table}") == [(0,)], table


async def test_an_origin_goes_when_no_message_and_no_event_names_it_any_more(bench):
    bench.take_deliveries()
    message = await bench.accept_one(webhook_url="https://one.example/a")
    bind = bench.bind()
    await bind.ask(1)
    await bind.send(message, "1")
    await bench.outcome(bench.deliveries[-1])
    await bench.receipt("1")
    await bench.outcome(bench.deliveries[-1])
    waiting = await bench.accept_one(
        webhook_url="https://two.example/a",
        scheduled_at=bench.clock() + 200 * DAY,
        expires_at=bench.clock() + 201 * DAY,
    )
    await quiet_time(bench, 31 * DAY)
    origins = "SELECT url FROM endpoints WHERE own = 0 ORDER BY url"
    assert bench.sql("SELECT count(*) FROM events") == [(0,)]
    assert bench.sql(origins) == [("https://one.example",), ("https://two.example",)]
    for _ in range(4):
        await quiet_time(bench, 20 * DAY)
    assert bench.sql(origins) == [("https://two.example",)]
    assert await bench.state(waiting) is MessageState.SCHEDULED
    assert len(await bench.store.endpoints("shop")) == 2


def stored_inbound(bench):
    ((text, erased_at),) = bench.sql("SELECT text, text_erased_at FROM inbound")
    ((body,),) = bench.sql("SELECT body FROM events WHERE type = 'message.inbound'")
    return text, erased_at, json.loads(body)["data"]


async def an_inbound_is_told(bench, http_status=200, **changes):
    bench.take_deliveries()
    bench.store.inbound(bench.an_inbound(text="Grüße 🙂"), lambda kept: None)
    await bench.commit()
    await bench.outcome(bench.deliveries[-1], http_status, **changes)


async def test_the_text_of_an_inbound_message_goes_from_its_row_and_its_event_together(bench):
    await an_inbound_is_told(bench)
    ((before,),) = bench.sql("SELECT body FROM events")
    await quiet_time(bench, DAY - 1_000)
    text, erased_at, data = stored_inbound(bench)
    assert (text, erased_at, data["text"]) == ("Grüße 🙂", None, "Grüße 🙂")
    await quiet_time(bench, 1_000)
    text, erased_at, data = stored_inbound(bench)
    assert (text, erased_at) == (None, bench.clock())
    expected = json.loads(before)
    expected["data"] |= {"text": None, "text_erased_at": rfc3339(bench.clock())}
    ((after,),) = bench.sql("SELECT body FROM events")
    assert list(json.loads(after)["data"].items()) == list(expected["data"].items())
    assert json.loads(after) == expected


async def test_an_inbound_text_that_nobody_has_taken_is_kept_for_its_replay(bench):
    await an_inbound_is_told(bench, 500, retry_at=None)
    await quiet_time(bench, 3 * DAY)
    assert stored_inbound(bench)[0] == "Grüße 🙂"
    await bench.store.replay("shop", None, None, None, failed_only=True, by=BY)
    await bench.commit()
    assert bench.bodies()[-1]["data"]["text"] == "Grüße 🙂"
    await bench.outcome(bench.deliveries[-1])
    await quiet_time(bench, HOUR)
    text, _, data = stored_inbound(bench)
    assert (text, data["text"]) == (None, None)


async def test_a_replay_after_the_erasing_tells_without_the_text(bench):
    await an_inbound_is_told(bench)
    await quiet_time(bench, DAY)
    await bench.store.replay("shop", None, None, None, failed_only=False, by=BY)
    await bench.commit()
    assert bench.bodies()[-1]["data"]["text"] is None


async def test_an_inbound_text_of_nobodys_number_goes_too(bench):
    bench.store.inbound(bench.an_inbound(account=None), lambda kept: None)
    await bench.commit()
    await quiet_time(bench, DAY)
    assert bench.sql("SELECT text, text_due FROM inbound") == [(None, None)]


async def test_an_inbound_text_never_taken_goes_with_its_event(bench):
    await an_inbound_is_told(bench, 500, retry_at=None)
    await quiet_time(bench, 31 * DAY)
    await quiet_time(bench, HOUR)
    assert bench.sql("SELECT count(*) FROM events") == [(0,)]
    assert bench.sql("SELECT text FROM inbound") == [(None,)]


async def test_no_text_is_left_in_the_file_once_all_are_erased(bench):
    """Not even where it was: what is erased is overwritten."""
    for lane in ("otp", "transactional"):
        await told(bench, *(f"{lane}-{n}" for n in range(12)), lane=lane)
    bench.store.inbound(bench.an_inbound(text="Your code is 1234"), lambda kept: None)
    await bench.commit()
    await bench.outcome(bench.deliveries[-1])
    await quiet_time(bench, 2 * DAY)
    bench.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"Your code is" not in bench.store.path.read_bytes()


async def a_day(bench, number):
    """Sixty messages with all that belongs to one: key, attempt, receipts, events, tries; and some come in."""
    messages = [bench.a_message(recipient=f"+346000{n:05}", expires_at=bench.clock() + HOUR) for n in range(60)]
    submission = bench.a_submission(*messages, account="mall", key=IdempotencyKey(f"day-{number}", b"f"))
    await bench.store.accept(submission)
    bind = bench.bind()
    claims = await bind.ask(60)
    await bind.answer(*(bind.an_answer(claim.message) for claim in claims))
    for claim in claims:
        bench.store.receipt(bench.a_receipt(f"{claim.message:x}-1", to=claim.recipient[1:]), lambda kept: None)
    for _ in range(5):
        bench.store.inbound(bench.an_inbound(), lambda kept: None)
    bench.store.close_window(bind.name)
    while bench.deliveries:
        await bench.outcome(bench.deliveries.pop())
        await bench.after(bench.policy.linger_ms)
    for _ in range(20):
        bench.clock.advance(DAY // 20)
        await bench.commit()


async def test_the_file_stops_growing_once_a_day_goes_for_each_that_comes(open_store):
    """What is erased leaves its pages to what comes: no vacuum is needed, and none can hold up the writer."""
    tables = ("messages", "attempts", "events", "webhook_tries", "idempotency", "inbound")
    async with open_store(messages_ms=3 * DAY, events_ms=2 * DAY) as bench:
        bench.take_deliveries()
        pages, rows = [], []
        for number in range(15):
            await a_day(bench, number)
            pages.append(bench.sql("PRAGMA page_count")[0][0])
            rows.append({table: bench.sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables})
    assert rows[0]["messages"] == 60
    assert pages[3] > pages[0], "it had grown before"
    assert rows[5] == rows[14], "what is kept stays the same"
    assert max(pages[6:]) <= pages[5] * 1.05
