"""How a log line looks: logfmt on standard error, one line an entry; what every key and line means is in docs/logs.md.

What may never be logged (texts, full numbers, tokens, passwords, secrets) is not passed to a logger in the first place;
`redacted` is how a number is named, `quoted` how words of others are. The formatter is a second line: it shows no words
of exceptions, and masks what still looks like a number or a secret. Libraries speak from warnings up.
"""

import json
import logging
import os
import re
import sys
import time
import traceback
from types import TracebackType
from typing import Any

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
LEVELS = tuple(_LEVELS)
_PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
"""sd-daemon(3)."""
_FIRST_KEY = re.compile(r"(?:^|\s)[a-z][a-z0-9_]*=")
_PLAIN = re.compile(r"[!#-<>-\[\]-~]+")
"""Of a value that needs no quotes."""
_NUMBER = re.compile(r"\+\d{4,12}(?=\d{3}\b)")
_CONFIGURED = re.compile(r"(?<=['\"])\+?\d{5,}(?=\d{3}['\"])")
_SECRET = re.compile(r"(?i:\b(bearer|basic)\s+)\S+|\b(sk_|whsec_)[A-Za-z0-9_+/=-]+|(?<=://)[^/\s@\"]+(?=@)")
"""Of an Authorization header; a token or a webhook secret; the user of a URL."""
_MOST_FAULTS = 8
"""Of a chain or a group of exceptions."""


def set_up(level: str) -> None:
    """Send everything of Sluice, and warnings of others, to standard error; a fault that ends the process too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Logfmt(to_journal=is_journal(sys.stderr.fileno(), os.environ.get("JOURNAL_STREAM", ""))))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sluice").setLevel(_LEVELS[level])
    # Hypercorn, which is given this name; its "Running on ... (CTRL + C to quit)" says what our own line has said.
    logging.getLogger("sluice.http").setLevel(max(logging.WARNING, _LEVELS[level]))
    sys.excepthook = _log_the_end


def is_journal(descriptor: int, journal_stream: str) -> bool:
    """Whether the descriptor is the journal's: systemd tells its device and inode (systemd.exec(5)), since a service's
    standard error may have been redirected to a file."""
    status = os.fstat(descriptor)
    return journal_stream == f"{status.st_dev}:{status.st_ino}"


class Logfmt(logging.Formatter):
    """`at=... level=info room=daemon msg=listening http=...`; words before the first key become `msg`.

    For the journal, which has times of its own: a priority, as `<6>`, in place of `at`.
    """

    def __init__(self, *, to_journal: bool) -> None:
        super().__init__()
        self._to_journal = to_journal

    def format(self, record: logging.LogRecord) -> str:
        said = masked(record.getMessage())
        first = _FIRST_KEY.search(said)
        words, pairs = (said, "") if first is None else (said[: first.start()], said[first.start() :])
        parts = [f"level={record.levelname.lower()} room={record.name.removeprefix('sluice.')}"]
        if words.strip(" :,"):
            parts.append(f"msg={quoted(words.strip(' :,'))}")
        if pairs:
            parts.append(pairs.strip().replace("\n", "\\n").replace("\r", "\\r"))
        if record.exc_info and record.exc_info[1] is not None:
            parts.append(f"fault={quoted(stack_of(record.exc_info[1]))}")
        line = " ".join(parts)
        if self._to_journal:
            return f"<{_PRIORITIES.get(record.levelname, 5)}>{line}"
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"at={at}.{int(record.msecs):03d}Z {line}"


def quoted(value: object) -> str:
    """A value that may hold blanks or anything else, as it stands behind a key: in quotes where it needs them."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def redacted(number: str) -> str:
    """A number as logs may show it: its last three digits."""
    return "..." + number[-3:]


def masked(line: str) -> str:
    """Without what looks like an international number, a token, a secret or the user of a URL."""
    if "+" in line:
        line = _NUMBER.sub("...", line)
    return _SECRET.sub(lambda found: f"{found[1] or ''}{' ' if found[1] else ''}{found[2] or ''}***", line)


def without_numbers(line: str) -> str:
    """A line about the configuration without the whole numbers that stand there in quotes."""
    return _CONFIGURED.sub("...", line)


def stack_of(error: BaseException) -> str:
    """Kinds of exceptions and where they were raised, with their causes and what groups hold.

    Not their words, which may hold what a message says, but of those that say `may_be_logged`.
    """
    faults: list[str] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(faults) < _MOST_FAULTS:
        fault = waiting.pop(0)
        if fault is None:
            continue
        frames = "".join(traceback.format_tb(fault.__traceback__))
        words = f": {fault}" if getattr(fault, "may_be_logged", False) else ""
        faults.append(f"Traceback of {type(fault).__module__}.{type(fault).__qualname__}{words}\n{frames}")
        if isinstance(fault, BaseExceptionGroup):
            waiting += fault.exceptions
        waiting.append(fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__))
    return "caused by ".join(faults)


def _log_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None, *_: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger("sluice.daemon").critical("ended by a fault", exc_info=(kind, error, trace))
