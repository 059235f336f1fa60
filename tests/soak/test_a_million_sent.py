"""A campaign of a million, really sent: killed while it loads and while it goes, paused on its way; its memory flat."""

import pytest
from a_million import MOST_MIB, RECIPIENTS, number, parts
from arrivals import wait_until
from chunked_uploads import chunked_upload
from daemons import Gateway, account, carrier, configuration
from memory import MemoryLog
from records import Record
from simulators import simulating

WINDOW = 50
_QUERY = {"campaign_name": "A million", "message": "{Hello|Hi} {name}, your code is {code}"}
_KILLS_AT = (0.2, 0.7)
_PAUSE_AT = 0.4


def an_upload(gateway):
    return chunked_upload(gateway, _QUERY, "a-million", seconds=300)


def put(upload, until=RECIPIENTS):
    for rows in parts(until):
        upload.put(rows)


def load_with_a_kill(gateway):
    with an_upload(gateway) as upload:
        put(upload, RECIPIENTS * 2 // 5)
        gateway.kill()
    gateway.start(log_level="info")
    with an_upload(gateway) as upload:
        put(upload)
        _, answer = upload.end()
        assert answer["recipients"]["accepted"] == RECIPIENTS
    return gateway.get("/v1/campaigns")["entities"][0]["id"]


def gone(row):
    return row["recipients"]["accepted"] - row["counts"]["waiting"] - row["counts"]["queued"]


def send_others(gateway):
    """Ten windows of them in the campaign's lane: one that still went would have its turns among these."""
    others = [{"to": f"+347{n:08}", "text": "Hello", "lane": "promotional"} for n in range(10 * WINDOW)]
    for other in gateway.send_bulk(others):
        gateway.wait_message(other["id"], status="delivered")


def send_with_kills(gateway, campaign):
    """How many went out after the answer to a pause."""

    def sent(share):
        def so_many():
            row = gateway.get(f"/v1/campaigns/{campaign}")
            assert sum(row["counts"].values()) == RECIPIENTS, row
            return row if gone(row) >= share * RECIPIENTS else None

        return wait_until(so_many, f"{share:.0%} have gone", seconds=900)

    over = None
    for share in sorted((*_KILLS_AT, _PAUSE_AT)):
        sent(share)
        if share in _KILLS_AT:
            gateway.kill()
            gateway.start(log_level="info")
            continue
        paused = gateway.call("POST", f"/v1/campaigns/{campaign}/pause")
        assert paused.status == 200, paused
        before = gone(paused.json)
        send_others(gateway)
        over = gone(gateway.get(f"/v1/campaigns/{campaign}")) - before
        assert gateway.call("POST", f"/v1/campaigns/{campaign}/resume").status == 200
    sent(1)
    return over


@pytest.mark.timeout(2400)
def test_a_million_sent_over_kills_lose_nobody_and_nobody_hears_twice(tmp_path, capsys):
    record = Record(tmp_path / "taken.jsonl")
    with simulating(tmp_path, *record.option, "--no-number-outcomes") as simulator:
        settings = configuration(
            tmp_path,
            carriers={"telco": carrier(simulator.port, window=WINDOW)},
            lanes={"promotional": {"doubt_grace": "5s"}},
            accounts={"shop": account()},
        )
        gateway, memory = Gateway(tmp_path, settings), MemoryLog()
        gateway.start(log_level="info")
        with memory.watching(lambda: gateway.process.pid):
            campaign = load_with_a_kill(gateway)
            over = send_with_kills(gateway, campaign)
            ended = wait_until(
                lambda: (row := gateway.get(f"/v1/campaigns/{campaign}"))["status"] == "completed" and row,
                "it is completed",
                seconds=120,
            )
        gateway.stop()
    counts = ended["counts"]
    missing = {number(n) for n in range(RECIPIENTS)} - set(record.numbers())
    with capsys.disabled():
        print(f"\nresident at most {memory.most()} MiB, lives {memory.lasts()}; {over} after the pause; {counts}")
    assert record.twice() == set()
    assert len(missing) <= counts["unknown"] <= len(_KILLS_AT) * WINDOW
    assert counts["delivered"] + counts["unknown"] == RECIPIENTS
    assert over is not None
    assert over <= 2 * WINDOW
    assert memory.most() < MOST_MIB
