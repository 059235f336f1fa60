"""`sluice demo` as a user meets it: piped, on a terminal, interrupted, and when something goes wrong."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.scenario

PATIENCE_SECONDS = 90
COMMAND = [sys.executable, "-m", "gateway", "demo"]
_ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Its throw-away folder lies in the test's, so that what is left behind is seen."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    return {**kept, "TMPDIR": str(tmp_path), "PYTHONUTF8": "1", "TERM": "xterm-256color"}


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path) -> Iterator[None]:
    """Neither a process nor a file, however the demo ended."""
    yield
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith("sluice-demo-")]
    assert left == []
    assert processes_of(tmp_path) == []


def processes_of(folder: Path) -> list[str]:
    """Command lines that name the folder: simulator and gateway of a demo have their files in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{folder}/sluice-demo-" in line:
            found.append(line)
    return found


def test_one_pass_shows_everything_in_plain_lines_and_ends_with_0(environment: dict[str, str]) -> None:
    done = subprocess.run(
        COMMAND, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    printed = done.stdout
    order = [
        "simulator", "webhook printer", "gateway  ", "is bound, window 20",
        "1  One message", "curl -s http://127.0.0.1:", "on disk", "submit_sm", "deliver_sm  receipt DELIVRD",
        "message.delivered: 204", "signature right",
        "2  A bulk of 100", "97 of 100", '"to" is too short', "set allow_unicode", '"from" is not a sender',
        "delivered        97 in", "ESME_RTHROTTLED",
        "3  kill -9", "500 in one bulk", "bound again", "in doubt", "delivered        500",
        "500 of 500 arrived", "Lost 0, doubled without a word 0.",
        "4  Figures", "p50", "201 to wire", "CPU per message", "MB resident",
        "What to try next", "All went as it must",
    ]  # fmt: skip
    place = 0
    for line in order:
        found = printed.find(line, place)
        assert found >= 0, f"{line!r} does not follow in\n{printed}"
        place = found
    assert "\x1b" not in printed
    assert "\r" not in printed
    assert max(len(line) for line in printed.splitlines() if "gateway" not in line) <= 80
    assert len(printed.splitlines()) < 80


class Terminal:
    """A demo on a terminal of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            os.execve(COMMAND[0], COMMAND, {**environment, "COLUMNS": "80"})
        self._shown = b""

    @property
    def screen(self) -> str:
        """What was shown, without its colours."""
        return _ANSI.sub("", self._shown.decode(errors="replace")).replace("\r", "")

    def read_until(self, done: Callable[[str], bool]) -> str:
        """Reads on until the screen shows it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done(self.screen):
            assert time.monotonic() < deadline, self.screen
            self._read(1.0)
        return self.screen

    def press_ctrl_c(self) -> int:
        """The exit status."""
        os.write(self._descriptor, b"\x03")
        return self.exit_status()

    def exit_status(self) -> int:
        """Reads to the end and waits for it."""
        while self._read(PATIENCE_SECONDS):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self._descriptor)
        return os.waitstatus_to_exitcode(status)

    def _read(self, patience: float) -> bool:
        """False at the end."""
        if not select.select([self._descriptor], [], [], patience)[0]:
            return True
        try:
            octets = os.read(self._descriptor, 65_536)
        except OSError:  # how Linux tells that nobody has the other end any more
            return False
        self._shown += octets
        return bool(octets)


def by_shell(script: str, environment: dict[str, str]) -> str:
    """What the commands print; each must end with 0."""
    done = subprocess.run(
        ["/bin/sh", "-ec", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), script
    return done.stdout


# Python warns of a fork beside threads from 3.12 on; the child does nothing but exec.
@pytest.mark.filterwarnings("ignore:.*forkpty.*:DeprecationWarning")
def test_on_a_terminal_it_stays_and_every_printed_command_works(environment: dict[str, str]) -> None:
    terminal = Terminal(environment)
    screen = terminal.read_until(lambda shown: "Ctrl-C ends all" in shown or "\x1b[1;31m" in shown)
    assert "97/97" in screen
    assert "500/500" in screen
    curl, rest = screen.split("What to try next", 1)
    submit = re.search(r"curl -s \S+/v1/sms \\\n.*\\\n.*\\\n.*", curl)
    look_up = re.search(r"curl -s \S+/v1/sms/msg_\w+ \\\n.*", rest)
    commands = re.findall(r"^  (?:export |\S+ -m gateway ).*$", rest, re.MULTILINE)
    assert submit is not None
    assert look_up is not None
    assert len(commands) >= 5
    told = by_shell("\n".join(commands), environment)
    assert re.search(r"webhook +message.delivered: 204", told)
    assert re.search(r"telco/1 +bound", told)
    assert "Nothing is in doubt" in told
    if shutil.which("curl"):
        assert '"status":"delivered"' in by_shell(look_up[0], environment)
        assert '"status":"queued"' in by_shell(submit[0], environment)
        terminal.read_until(lambda shown: len(re.findall(r"message.delivered to \+15551234567", shown)) >= 2)
    assert terminal.press_ctrl_c() == 0


# And by SIGTERM below, without curl.
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_interrupted_before_the_end_it_takes_everything_with_it(
    environment: dict[str, str], number: signal.Signals
) -> None:
    demo = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo.stdout as printed:
        alarm = threading.Timer(PATIENCE_SECONDS, demo.kill)
        alarm.start()
        seen = next(line for line in printed if "1  One message" in line)
        demo.send_signal(number)
        rest = printed.read()
        alarm.cancel()
    assert seen
    assert demo.wait(PATIENCE_SECONDS) == 130
    assert "Traceback" not in rest


def test_what_goes_wrong_is_told_and_ends_with_1(environment: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "bin" / "curl"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'no route to anywhere' >&2\nexit 7\n")
    broken.chmod(0o755)
    environment["PATH"] = f"{broken.parent}:{environment['PATH']}"
    done = subprocess.run(
        [*COMMAND, "--once"], env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 1
    assert "The curl above ended with status 7: no route to anywhere" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "listening http=" in done.stdout, "the end of the gateway's log is shown"


def test_a_reader_that_goes_away_ends_it_quietly(environment: dict[str, str]) -> None:
    demo = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    assert demo.stderr is not None
    demo.stdout.close()
    with demo.stderr as complaints:
        assert complaints.read() == ""
    assert demo.wait(PATIENCE_SECONDS) == 1


def test_without_curl_the_demo_makes_the_request_itself_and_says_so(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    environment["PATH"] = str(tmp_path / "empty")
    demo = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo.stdout as printed:
        alarm = threading.Timer(PATIENCE_SECONDS, demo.kill)
        alarm.start()
        lines = []
        for line in printed:
            lines.append(line)
            if "2  A bulk" in line:
                demo.terminate()
        alarm.cancel()
    text = " ".join("".join(lines).split())
    assert "curl is not installed here, so the demo makes the same request itself." in text
    assert "message.delivered: 204" in text
    assert "Traceback" not in text
    assert demo.wait(PATIENCE_SECONDS) == 130
