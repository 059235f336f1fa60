"""What a receipt may quote of its message's text is kept as long as the text, and no longer."""

import pytest

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
QUOTED = "etat:REMIS Votre code est 1234"


async def quiet_time(bench, ms):
    """Let time pass with little to do."""
    bench.clock.advance(ms)
    for _ in range(12):
        await bench.commit()


async def raws(bench, message):
    return [receipt.raw for receipt in (await bench.story(message)).receipts]


@pytest.mark.parametrize("together", [1, 2])
async def test_what_a_receipt_may_quote_is_erased_with_the_text_whatever_it_tells(bench, together):
    messages = [await bench.sent(str(n)) for n in range(together)]
    told = [("ENROUTE", QUOTED), ("DELIVRD", QUOTED), ("UNDELIV", "id stat err and nothing else")]
    for stat, raw in told:
        for n in range(together):
            receipt = bench.a_receipt(str(n), stat, raw=raw, may_quote=raw is QUOTED)
            bench.store.receipt(receipt, lambda kept: None)
        await bench.commit()
    for message in messages:
        await quiet_time(bench, DAY - 2 * HOUR)
        assert sorted(await raws(bench, message)) == sorted(raw for _, raw in told)
        break
    await quiet_time(bench, 3 * HOUR)
    await quiet_time(bench, HOUR)
    for message in messages:
        assert (await bench.story(message)).message.text is None
        assert sorted(await raws(bench, message)) == ["", "", "id stat err and nothing else"]
    assert bench.sql("SELECT count(*) FROM quoting_receipts") == [(0,)]


async def test_of_a_message_whose_text_is_erased_at_its_end_so_are_the_quotes_that_come_after(bench):
    message = await bench.sent("1", lane="otp")
    await bench.receipt("1", raw=QUOTED, may_quote=True)
    await quiet_time(bench, 2_000)
    assert await raws(bench, message) == [""]
    await bench.receipt("1", "UNDELIV", raw=QUOTED, may_quote=True)
    await quiet_time(bench, 2_000)
    assert await raws(bench, message) == ["", ""]


async def test_what_waits_for_its_answer_is_kept_no_longer_than_texts_are(bench):
    await bench.receipt("nobody", raw=QUOTED, may_quote=True)
    await bench.receipt("nobody else")
    await bench.after(DAY)
    assert bench.sql("SELECT carrier_message_id FROM parked") == [("nobody else",)]


async def test_a_quote_in_what_waited_for_its_answer_goes_with_the_text_too(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    await bench.receipt("5F3A", raw=QUOTED, may_quote=True)
    await bind.send(message, "5F3A")
    assert await raws(bench, message) == [QUOTED]
    await quiet_time(bench, 2 * DAY)
    await quiet_time(bench, HOUR)
    assert await raws(bench, message) == [""]


async def test_quotes_of_a_message_that_is_no_more_are_forgotten(bench):
    message = await bench.sent("1", lane="otp")
    await bench.receipt("1", raw=QUOTED, may_quote=True)
    bench.sql("UPDATE quoting_receipts SET message = ?", message + 1)
    await quiet_time(bench, 2_000)
    assert bench.sql("SELECT count(*) FROM quoting_receipts") == [(0,)]
