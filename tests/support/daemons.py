"""The gateway as its users run it: `sluice run` with a configuration file, in a process of its own on free ports."""

import hashlib
import json
import os
import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from arrivals import PATIENCE_SECONDS
from callers import Caller
from child_processes import ChildProcess
from quiet_logs import private_in
from sluice_processes import sluice_process

from gateway.api.submit_calls import SUBMIT_PATHS

TOKEN = "sk_test_of_the_shop"
OPERATOR_TOKEN = "operator_token_of_the_tests"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OPERATORS_SECRET = "whsec_" + "b3BlcmF0b3I" * 4

_LISTENING = re.compile(r"listening http=(\S+)(?: submit=(\S+))? operator=(\S+)")
_FAULTS = ("Traceback", "level=critical", "fault=ours")


def environment() -> dict[str, str]:
    """Of this process, without what would configure a gateway."""
    ours = ("SLUICE_", "NOTIFY_SOCKET", "WATCHDOG_", "CREDENTIALS_DIRECTORY")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {"PYTHONUNBUFFERED": "1"}


def faults_in(lines: Iterable[str]) -> list[str]:
    """Those of a log that tell of a fault of the gateway, whatever the test is about."""
    return [line for line in lines if any(mark in line for mark in _FAULTS)]


def sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def carrier(port: int, **keys: Any) -> dict[str, Any]:
    """Settings of a carrier on loopback, which is tried again soon after a loss."""
    return {
        "hosts": [f"127.0.0.1:{port}"],
        "system_id": "acme",
        "password": "secret",
        "reconnect_floor": "20ms",
        "reconnect_ceiling": "200ms",
        "throttle_pause": "50ms",
        **keys,
    }


def operator_told_at(url: str) -> dict[str, Any]:
    """The operator's section of a gateway whose alarms are posted there, signed by OPERATORS_SECRET."""
    tokens = [{"sha256": sha256(OPERATOR_TOKEN)}]
    return {"listen": ["127.0.0.1:0"], "tokens": tokens, "webhook": {"url": url, "secrets": [OPERATORS_SECRET]}}


def account(webhook_url: str | None = None, **keys: Any) -> dict[str, Any]:
    """Settings of the account that TOKEN opens: sender SHOP and the number 34600 000 000, textbook numbers taken."""
    webhook = {} if webhook_url is None else {"webhook": {"url": webhook_url, "secrets": [SECRET]}}
    return {
        "tokens": [{"sha256": sha256(TOKEN), "scopes": ["send", "read", "opt_outs"]}],
        "senders": ["SHOP", "34600000000"],
        "default_sender": "SHOP",
        "number_check": "shape",
        **webhook,
        **keys,
    }


def configuration(folder: Path, *, webhook_url: str | None = None, **sections: Any) -> dict[str, Any]:
    """A whole configuration: `sections` replace or add top-level keys. One route takes the carriers as its tiers."""
    carriers = sections.get("carriers", {})
    return {
        "http": {"listen": ["127.0.0.1:0"]},
        "operator": {"listen": ["127.0.0.1:0"], "tokens": [{"sha256": sha256(OPERATOR_TOKEN)}]},
        "store": {"url": f"sqlite://{folder / 'sluice.db'}", "disk_reserve": 0},
        "webhooks": {"allow_networks": ["127.0.0.0/8"]},
        "routes": [{"name": "rest", "tiers": list(carriers)}],
        "accounts": {"shop": account(webhook_url)},
        **sections,
    }


def to_toml(settings: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_inline(value)}\n" for key, value in settings.items())


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


AnyGateway = TypeVar("AnyGateway", bound="Gateway")


class Gateway(Caller):
    """A gateway that can be started, stopped, killed and started again on the same store; and a caller of it."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """`folder` holds its configuration file; where its store lies the settings say."""
        super().__init__("", TOKEN)
        self.folder = folder
        self.settings = dict(settings)
        self.process: ChildProcess | None = None
        self.submit_url: str | None = None
        """Where calls that send go, if it listens for them alone."""
        self.operator = Caller("", OPERATOR_TOKEN)
        self.environment = environment()
        self.log: list[str] = []
        """Of the processes that have ended."""

    def start(self, *, log_level: str = "debug") -> None:
        """Returns once it listens; binding to its carriers goes on. Raises AssertionError when it ends instead."""
        file = self.folder / "sluice.toml"
        self.write()
        arguments: list[str | Path] = ["run", "--config", file, "--log-level", log_level]
        self.process = sluice_process(arguments, folder=self.folder, environment=self.environment)
        line = self.process.errors.wait(lambda line: _LISTENING.search(line) is not None)
        found = _LISTENING.search(line)
        assert found is not None
        self.url, self.submit_url, self.operator.url = found[1], found[2], found[3]

    def url_for(self, method: str, path: str) -> str:
        submits = method == "POST" and path in SUBMIT_PATHS
        return self.submit_url if submits and self.submit_url is not None else self.url

    def write(self, **sections: Any) -> None:
        """Other top-level keys in the configuration file, in the place of those that there are."""
        self.settings.update(sections)
        self.write_text(to_toml(self.settings))

    def write_text(self, text: str) -> None:
        """This text as the configuration file."""
        (self.folder / "sluice.toml").write_text(text, encoding="utf-8")

    def reload(self, **sections: Any) -> dict[str, Any]:
        """Put these into the file and have it read again; what has changed."""
        self.write(**sections)
        answer = self.operator.call("POST", "/admin/reload", {})
        assert answer.status == 200, answer
        done: dict[str, Any] = answer.json
        return done

    def stop(self, seconds: float = 40.0) -> int:
        """SIGTERM; the exit status once it has drained and ended."""
        self.leave()
        return self.wait_ended(seconds)

    def leave(self) -> None:
        """SIGTERM: it starts to drain."""
        assert self.process is not None
        self.process.signal(signal.SIGTERM)

    def wait_ended(self, seconds: float = 40.0) -> int:
        """The exit status of a process that was told to leave."""
        assert self.process is not None
        status = self.process.wait(seconds)
        self._keep_log()
        return status

    def kill(self) -> None:
        """SIGKILL: as when the machine loses it, except for what the disk has cached."""
        assert self.process is not None
        self.process.end()
        self._keep_log()

    def wait_logged(self, words: str, *, after: int = 0, seconds: float = PATIENCE_SECONDS) -> str:
        """The first line of the running process's log that holds these words; `after`: of `logged` earlier."""
        assert self.process is not None
        return self.process.errors.wait(lambda line: words in line, after=after, seconds=seconds)

    def logged(self) -> int:
        """How many lines the running process has logged, to wait for one after them."""
        assert self.process is not None
        return len(self.process.errors)

    def asked(self, *arguments: str | Path) -> ChildProcess:
        """A `sluice` command that asks the gateway, as an operator types it."""
        door = ["--url", self.operator.url, "--token", OPERATOR_TOKEN]
        return sluice_process([*arguments, *door], folder=self.folder, environment=environment())

    def wait_able(self, *carriers: str) -> None:
        """Until each of these carriers has been able to send since the start of the process."""
        for name in carriers:
            self.wait_logged(f"carrier={name} able=True")

    def faults(self) -> list[str]:
        """What its log tells of faults of its own, over all its processes."""
        lines = self.log + (self.process.errors.all() if self.process is not None else [])
        return faults_in(lines)

    def _keep_log(self) -> None:
        assert self.process is not None
        self.log += self.process.errors.all()
        self.process = None


class QuietGateway(Gateway):
    """For much traffic: at debug level it would log more than it sends."""

    def start(self, *, log_level: str = "info") -> None:
        super().start(log_level=log_level)


def attempt(folder: Path, settings: Mapping[str, Any], **variables: str) -> ChildProcess:
    """A `sluice run` that is not to start; `variables`: more of its environment."""
    file = folder / "another.toml"
    file.write_text(to_toml(settings), encoding="utf-8")
    return sluice_process(["run", "--config", file], folder=folder, environment=environment() | variables)


@contextmanager
def running(folder: Path, settings: Mapping[str, Any]) -> Iterator[Gateway]:
    """A started gateway; in the end it has to drain, to exit with 0, and to have logged no fault, nothing private."""
    with started(Gateway(folder, settings)) as gateway:
        yield gateway


@contextmanager
def started(gateway: AnyGateway) -> Iterator[AnyGateway]:
    """The same for one that is not of the ordinary kind."""
    try:
        gateway.start()
        yield gateway
        status = gateway.stop() if gateway.process is not None else 0
    finally:
        if gateway.process is not None:
            gateway.kill()
        _show(gateway.log)
    assert status == 0, f"the gateway ended with {status}"
    assert not gateway.faults(), "\n".join(gateway.faults())
    assert not (private := private_in(gateway.log)), "\n".join(private[:20])


def _show(log: list[str]) -> None:
    """Where pytest captures it, it is shown beside a failure."""
    print("\n".join(["log of the gateway:", *log[-200:]]))
