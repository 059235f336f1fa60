"""HTTP calls to a running gateway, for the commands that ask one; what went wrong is told in plain words.

Which calls there are is told by gateway/api/description/operations.py and operators.py.
"""

import argparse
import http.client
import json
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 10.0
_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Door:
    """One of the gateway's two listeners, and what a user may call its keys."""

    url: str
    url_variable: str
    token_variable: str
    token_advice: str


CALLERS = Door(
    "http://127.0.0.1:8080",
    "SLUICE_URL",
    "SLUICE_TOKEN",
    "a token of an account; `sluice token ACCOUNT` makes one, and prints the line that lets it in",
)
OPERATORS = Door(
    "http://127.0.0.1:9090",
    "SLUICE_OPERATOR_URL",
    "SLUICE_OPERATOR_TOKEN",
    "an operator token, one of `tokens` in [operator] of the gateway's configuration",
)


class CallError(Exception):
    """A call came to nothing; its text is for the user."""


class NotReachableError(CallError):
    """No answer came at all."""


class SilentError(NotReachableError):
    """It was asked, and did not answer in time: it is slow rather than gone."""


class RefusedError(CallError):
    """The gateway answered with a problem."""

    def __init__(
        self,
        status: int,
        text: str,
        *,
        problem: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.problem: Mapping[str, Any] = problem or {}
        """The problem document; empty where what answered sent none."""
        self.headers: Mapping[str, str] = headers or {}
        """Names in lower case."""


def add_arguments(parser: argparse.ArgumentParser, door: Door) -> None:
    """`--url` and `--token`, both also by the environment."""
    parser.add_argument("--url", metavar="URL", help=f"default: ${door.url_variable}, else {door.url}")
    parser.add_argument("--token", metavar="TOKEN", help=f"default: ${door.token_variable}")


def caller_for(arguments: argparse.Namespace, door: Door, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> "Caller":
    """By the arguments, else by the environment. Raises CallError without a token, or for an address that is none."""
    url = arguments.url or os.environ.get(door.url_variable) or door.url
    token = arguments.token or os.environ.get(door.token_variable)
    if not token:
        raise CallError(f"A token is missing. Give {door.token_advice}: by --token or in ${door.token_variable}.")
    return Caller(url, token, door, timeout_seconds)


class Caller:
    """Calls one gateway over one connection, opened when needed. Not for two threads at a time."""

    def __init__(self, url: str, token: str, door: Door, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise CallError(f"{url!r} is not an address; write one such as {door.url}")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.hostname, _port(parts.netloc, url), timeout=timeout_seconds)
        self._base = parts.path.rstrip("/")
        self._url = f"{parts.scheme}://{parts.netloc}{self._base}"
        self._door = door
        self._token = token
        self._is_fresh = True

    def get(self, path: str) -> Any:
        """The JSON of a page. Raises NotReachableError and RefusedError."""
        try:
            return self._call("GET", path, None)
        except NotReachableError:
            # A kept connection may have been closed meanwhile; to ask again is harmless.
            if self._is_fresh:
                raise
            self._is_fresh = True
            return self._call("GET", path, None)

    def text(self, path: str) -> str:
        """A page that is no JSON, such as /metrics. Raises NotReachableError and RefusedError."""
        try:
            return self.open(path, timeout=_TIMEOUT_SECONDS).read().decode()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self._connection.close()
            raise NotReachableError(self._no_answer(error, was_sent=False)) from None

    def post(self, path: str, body: Any) -> Any:
        """The JSON of the answer; never sent twice. Raises NotReachableError and RefusedError."""
        return self._call("POST", path, json.dumps(body).encode())

    def put(self, path: str, body: Any) -> Any:
        """As `post`. Raises NotReachableError and RefusedError."""
        return self._call("PUT", path, json.dumps(body).encode())

    def delete(self, path: str) -> Any:
        """The JSON of the answer, None where it has none. Raises NotReachableError and RefusedError."""
        return self._call("DELETE", path, None)

    def converse(self, path: str, content_type: str, key: str) -> tuple[socket.socket, http.client.HTTPResponse]:
        """A POST whose answer comes while its body, in chunks, is still sent: where to send it, and the answer.

        Raises NotReachableError and RefusedError.
        """
        self._connection.close()
        sending: socket.socket | None = None
        try:
            self._connection.putrequest("POST", self._base + path)
            for name, value in {
                "Authorization": f"Bearer {self._token}",
                "Content-Type": content_type,
                "Idempotency-Key": key,
                "Transfer-Encoding": "chunked",
            }.items():
                self._connection.putheader(name, value)
            self._connection.endheaders()
            sending = self._connection.sock
            response = self._connection.getresponse()
            content = b"" if response.status == 200 else response.read()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self._connection.close()
            is_silent = sending is not None and isinstance(error, TimeoutError)
            raise NotReachableError(self._silent() if is_silent else self._no_answer(error, was_sent=False)) from None
        if response.status != 200:
            raise self._refused(response, content)
        return sending, response

    def open(self, path: str, *, timeout: float | None) -> http.client.HTTPResponse:
        """The answer to a GET that goes on and on, to be read as it comes; `timeout`: seconds of silence at most.

        Raises NotReachableError and RefusedError.
        """
        try:
            self._connection.request("GET", self._base + path, headers={"Authorization": f"Bearer {self._token}"})
            response = self._connection.getresponse()
            if response.status >= 400:
                content = response.read()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self._connection.close()
            raise NotReachableError(self._no_answer(error, was_sent=False)) from None
        if response.status < 400:
            if self._connection.sock is not None:
                self._connection.sock.settimeout(timeout)
            return response
        raise self._refused(response, content)

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        self._connection.close()

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self._token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        asked = False
        try:
            if self._connection.sock is None:
                self._connection.connect()
            asked = True
            self._connection.request(method, self._base + path, body, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self._connection.close()
            kind = SilentError if asked and isinstance(error, TimeoutError) else NotReachableError
            raise kind(self._no_answer(error, was_sent=asked and method != "GET")) from None
        self._is_fresh = False
        if response.status >= 400:
            raise self._refused(response, content)
        if response.status == HTTPStatus.NO_CONTENT:
            return None
        try:
            return json.loads(content)
        except ValueError:
            raise self._refused(response, content) from None

    def _refused(self, response: http.client.HTTPResponse, content: bytes) -> RefusedError:
        told = {name.lower(): value for name, value in response.getheaders()}
        try:
            answer = json.loads(content)
        except ValueError:
            return RefusedError(response.status, self._not_sluice(response.status), headers=told)
        problem = answer if isinstance(answer, dict) else None
        return RefusedError(response.status, self._refusal(response.status, answer), problem=problem, headers=told)

    def _no_answer(self, error: Exception, *, was_sent: bool) -> str:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if was_sent:
            return (
                f"The connection to {self._url} broke before the answer came ({reason}). "
                "It is not known whether the request was taken."
            )
        return (
            f"No gateway answers at {self._url} ({reason}).\n"
            "Start one with `sluice run --config FILE`, or see one work with `sluice demo`.\n"
            f"If it listens elsewhere, say where: --url or ${self._door.url_variable}."
        )

    def _silent(self) -> str:
        return (
            f"What listens at {self._url} took the head of a stream and answered nothing. "
            "Is there a proxy in between? It must hand on both ways at once."
        )

    def _not_sluice(self, status: int) -> str:
        return f"What answers at {self._url} (status {status}) does not speak like a Sluice gateway. Is the URL right?"

    def _refusal(self, status: int, problem: Any) -> str:
        known = problem if isinstance(problem, dict) else {}
        detail = str(known.get("detail") or f"The gateway answered with status {status}.")
        if status == 401:
            advice = f"The gateway does not know this token. Give {self._door.token_advice}"
            return f"{advice}: by --token or in ${self._door.token_variable}."
        if known.get("code") == "not_found" and self._door is OPERATORS and "/docs" in detail:
            return f"{self._url} is where callers are served. Operators have their own address: {self._door.url}."
        fields = known.get("fields")
        lines = [f"  {name}: {text}" for name, texts in fields.items() for text in texts] if fields else []
        return "\n".join([detail, *lines])


def copy(response: http.client.HTTPResponse, output: Path | None) -> None:
    """All of an answer into a file or to standard output, each piece as it comes.

    Raises HTTPException where the answer breaks off, and OSError.
    """
    with nullcontext(sys.stdout.buffer) if output is None else output.open("wb") as to:
        while piece := response.read1(_PIECE):
            to.write(piece)
            to.flush()


def _port(netloc: str, url: str) -> int | None:
    try:
        return urlsplit(f"//{netloc}").port
    except ValueError:
        raise CallError(f"{url!r} has no valid port") from None
