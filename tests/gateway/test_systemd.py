"""What systemd is told, and that neither it nor a store that can't write ends the daemon."""

import socket

import pytest
import trio

from gateway.store.interface import StoreBusy, StoreFull
from gateway.systemd import Notifier


@pytest.fixture
def systemd(tmp_path):
    """systemd's end of the socket, and the environment it gives."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(1)
        yield receiver, {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}


async def test_a_line_is_told_as_it_is(systemd):
    receiver, environ = systemd
    await Notifier(environ).tell("READY=1", "STATUS=Listening")
    assert receiver.recv(100) == b"READY=1\nSTATUS=Listening"


async def test_without_a_socket_nothing_is_told_and_nothing_fails():
    notifier = Notifier({})
    await notifier.tell("READY=1")
    await notifier.feed_watchdog(trio.sleep_forever)


async def test_a_manager_that_is_gone_is_no_reason_to_stop(tmp_path, caplog):
    await Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell("STOPPING=1", "STATUS=Draining")
    assert "STOPPING=1" in caplog.text


async def test_a_beat_is_skipped_while_another_holds_the_database(systemd, autojump_clock, caplog):
    receiver, environ = systemd
    beats = []

    async def prove():
        beats.append(trio.current_time())
        if len(beats) in (1, 3):
            raise StoreBusy("not now")

    with trio.move_on_after(35):
        await Notifier(environ).feed_watchdog(prove)
    assert len(beats) == 4, "a third of systemd's time apart"
    receiver.setblocking(False)
    assert [receiver.recv(100) for _ in range(2)] == [b"WATCHDOG=1"] * 2
    with pytest.raises(BlockingIOError):
        receiver.recv(100)
    assert caplog.text.count("not now") == 2


async def test_a_full_disk_is_no_reason_to_be_restarted(systemd, autojump_clock):
    receiver, environ = systemd

    async def prove():
        raise StoreFull("the disk of the store is full")

    with trio.move_on_after(5):
        await Notifier(environ).feed_watchdog(prove)
    assert receiver.recv(100) == b"WATCHDOG=1"
