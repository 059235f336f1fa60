"""A store's life: one owner, versions, a writer that ends last, connections that are closed on every path."""

import re
import resource
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trio
import trio.testing

from gateway.messages import MessageState
from gateway.rules.tiers import Tier
from gateway.settings import load
from gateway.store.connection import LEAST_SQLITE, StoreLocked, check_version, lock, open_loop
from gateway.store.interface import StoreBusy
from gateway.store.opening import PATIENCE_SECONDS, StoreUnopened
from gateway.store.policy import policy_of
from gateway.store.sqlite import SqliteStore
from gateway.webhooks.payloads import event_body

SETTINGS = """
[store]
url = "sqlite:///tmp/sluice.db"
[carriers.telco]
hosts = ["smpp1.telco.example:2776"]
system_id = "acme"
password = "secret"
response_timeout = "30s"
receipt_horizon = "48h"
[[routes]]
name = "rest"
tiers = ["telco"]
[accounts.shop]
tokens = [{ sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", scopes = ["send"] }]
senders = ["SHOP"]
default_lane = "transactional"
"""


def threads_of_connections():
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]


def left_behind(before):
    """Threads that have not ended: one that has said that its connection is closed may take a moment."""
    new = [thread for thread in threads_of_connections() if thread not in before]
    for thread in new:
        thread.join(1)
    return [thread for thread in new if thread.is_alive()]


# --- one owner


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path):
    path = tmp_path / "deep" / "sluice.db"
    script = "import sys; from pathlib import Path; from gateway.store.connection import lock\n"
    script += "with lock(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.readline()"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(StoreLocked, match=f"process {other.pid};"), lock(path):
            pass
        other.communicate("\n")
    with lock(path):
        pass


def test_a_lock_ends_with_its_process_however_it_dies(tmp_path):
    path = tmp_path / "sluice.db"
    script = "import sys, time; from pathlib import Path; from gateway.store.connection import lock\n"
    script += "with lock(Path(sys.argv[1])): print('mine', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        other.kill()
    with lock(path):
        pass


# --- versions


async def test_a_store_of_a_newer_version_is_refused_and_closed(open_store, tmp_path):
    path = tmp_path / "sluice.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = threads_of_connections()
    with pytest.raises(RuntimeError, match="install the newer Sluice again"):
        async with open_store():
            pass
    assert left_behind(before) == []


def test_the_sqlite_in_use_is_new_enough():
    check_version()
    assert sqlite3.sqlite_version_info >= LEAST_SQLITE


# --- open and close


@pytest.mark.parametrize("what", [ValueError, trio.Cancelled])
async def test_connections_are_closed_however_the_block_is_left(open_store, what):
    before = threads_of_connections()
    with trio.CancelScope() as scope:
        try:
            async with open_store() as bench:
                await bench.accept_one()
                assert len(threads_of_connections()) == len(before) + 3
                if what is ValueError:
                    raise ValueError
                scope.cancel()
                await trio.sleep_forever()
        except* ValueError:
            pass
    assert left_behind(before) == []


async def test_a_file_that_is_no_database_is_refused_and_closed(open_store, tmp_path):
    (tmp_path / "sluice.db").write_text("this is no database, " * 100)
    before = threads_of_connections()
    with pytest.raises(StoreUnopened, match=r"sluice.db can't be opened: file is not a database"):
        async with open_store():
            pass
    assert left_behind(before) == []


async def test_a_folder_that_is_not_there_is_refused_and_closed(open_store, tmp_path):
    before = threads_of_connections()
    with pytest.raises(StoreUnopened, match=r"nowhere/sluice.db can't be opened"):
        async with open_store(tmp_path / "nowhere" / "sluice.db"):
            pass
    assert left_behind(before) == []


async def test_a_database_that_another_holds_at_the_start_is_waited_for_and_then_refused_in_words(open_store, bench):
    """What it had asked for is as it was: nothing that the tries have learned is kept."""
    message = await bench.accept_one()
    async with bench.after_a_crash() as copy:
        path = copy.store.path
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        late = SqliteStore(path, bench.policy, render=event_body, clock=bench.clock)
        with pytest.raises(StoreUnopened, match=r"another process holds .*sluice.db locked; end it"):
            async with late.opened(patience_seconds=0):
                pass
    finally:
        other.close()
    async with late.opened(patience_seconds=0):
        assert late.backlog() == 1
        assert await late.message(None, message) is not None


def test_a_start_that_finds_no_room_is_tried_again_by_systemd_for_as_long_as_it_takes():
    unit = (Path(__file__).parents[3] / "systemd" / "sluice.service").read_text("utf-8")
    (interval,) = re.findall(r"^StartLimitIntervalSec=(\d+)s$", unit, re.MULTILINE)
    (starts,) = re.findall(r"^StartLimitBurst=(\d+)$", unit, re.MULTILINE)
    assert PATIENCE_SECONDS * int(starts) > int(interval)


def test_a_lock_holds_although_there_is_no_room_to_say_who_has_it(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with (
            lock(tmp_path / "sluice.db"),
            pytest.raises(StoreLocked, match="another process"),
            lock(tmp_path / "sluice.db"),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- the writer's end


async def test_a_writer_that_stops_writes_what_was_asked(tmp_path, clock, open_store):
    async with open_store() as bench:
        message, bind = await bench.accept_one(), bench.bind()
        await bind.ask(1)
        late = [bench.a_message() for _ in range(3)]
        async with trio.open_nursery() as nursery:
            for one in late:
                nursery.start_soon(bench.store.accept, bench.a_submission(one))
            await trio.testing.wait_all_tasks_blocked()
            bench.store.answered(bind.name, [bind.an_answer(message)], 0, bind.kept.append)
            bench.store.stop()
    async with open_store() as bench:
        assert await bench.state(message) is MessageState.SENT
        assert [await bench.state(one.id) for one in late] == [MessageState.QUEUED] * 3
    assert bind.kept == [True]


async def test_after_a_stop_nothing_more_is_taken(bench):
    bench.store.stop()
    with pytest.raises(StoreBusy, match="closing"):
        await bench.accept_one()


async def test_a_store_that_cannot_write_is_given_up_after_a_while(open_store, mock_clock, caplog):
    """Another holds the lock: the daemon must end all the same, and what is lost is found at the next start."""
    async with open_store() as bench:
        messages, bind = await bench.accept(bench.a_message(), bench.a_message()), bench.bind()
        await bind.ask(2)

        def be_impatient(connection):
            connection.execute("PRAGMA busy_timeout = 10")

        await bench.store._writer._call(be_impatient)
        mock_clock.rate = 50
        other = sqlite3.connect(bench.store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        bench.store.doubt(bind.name, bind.names(messages[0]), 0)
        bench.store.release(bind.name, bind.names(messages[1]), 0)
        bench.store.answered(bind.name, [bind.an_answer(messages[0])], 0, bind.kept.append)
    other.close()
    assert bind.kept == [False]
    assert "ends without this on disk: answers=0 receipts=0 inbound=0 released=1 doubted=1" in caplog.text
    async with open_store() as bench:
        assert bench.store.started_with_doubts == 2


async def test_a_cancelled_writer_still_writes_what_was_asked(tmp_path, clock, open_store):
    async with open_store() as bench:
        messages = [bench.a_message() for _ in range(20)]
    store = SqliteStore(tmp_path / "sluice.db", bench.policy, render=event_body, clock=clock)
    async with store.opened(), trio.open_nursery() as nursery:
        await nursery.start(store.run)
        for message in messages:
            nursery.start_soon(store.accept, bench.a_submission(message))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    async with open_store() as bench:
        assert {await bench.state(message.id) for message in messages} == {MessageState.QUEUED}


async def test_a_look_up_that_is_cancelled_gives_its_reader_back(bench):
    message = await bench.accept_one()
    for _ in range(5):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(bench.story, message)
            nursery.cancel_scope.cancel()
    assert (await bench.story(message)).message.id == message


# --- checkpoints


async def test_the_log_is_copied_into_the_database_beside_the_writer(bench):
    await bench.accept(*(bench.a_message(text="x" * 1_000) for _ in range(5_000)))
    size = bench.store.path.stat().st_size
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.store.checkpoint)
        with trio.fail_after(30):
            while bench.store.path.stat().st_size == size:  # noqa: ASYNC110 a file tells nobody
                await trio.sleep(0.05)
        await bench.accept_one()
        nursery.cancel_scope.cancel()
    assert bench.store.backlog() == 5_001


async def test_a_log_that_has_become_long_is_begun_anew_between_commits(bench):
    log = bench.store.path.with_name(bench.store.path.name + "-wal")
    await bench.accept(*(bench.a_message(text="x" * 30_000) for _ in range(2_500)))
    assert log.stat().st_size > 64 * 2**20
    for _ in range(60):
        await bench.commit()
    await bench.accept_one()
    for _ in range(60):
        await bench.commit()
    assert log.stat().st_size < 2**20


# --- settings


def test_the_policy_is_the_settings_in_the_stores_units(tmp_path):
    file = tmp_path / "sluice.toml"
    file.write_text(SETTINGS)
    policy = policy_of(load(file, {}))
    assert (policy.lanes["otp"].priority, policy.lanes["otp"].in_doubt) == (1, "hold")
    assert policy.lanes["otp"].text_kept_ms == 0
    assert (policy.carriers["telco"].receipt_horizon_ms, policy.carriers["telco"].answer_deadline_ms) == (
        48 * 3_600_000,
        2 * 30_000 + 60_000,
    )
    assert policy.tierings.of("rest").tiers == (Tier(("telco",)),)
    assert policy.accounts["shop"].url is None
    assert policy.messages_ms == 90 * 24 * 3_600_000


def test_the_loop_is_the_one_of_trio_asyncio():
    assert open_loop.__module__.startswith("trio_asyncio")
