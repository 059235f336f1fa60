"""Logging set up once: one line an entry on standard error, without times under systemd, whose journal has its own.

What may never be logged (texts, full numbers, tokens, passwords) is not passed to a logger in the first place;
`redacted` is how a number is named. Libraries speak from warnings up: at debug some would print what they are given.
"""

import logging
import os
import sys

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
LEVELS = tuple(_LEVELS)


def set_up(level: str) -> None:
    """Send everything of Sluice, and warnings of others, to standard error."""
    under_journal = "JOURNAL_STREAM" in os.environ
    layout = "%(levelname)s %(name)s %(message)s" if under_journal else "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(layout))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sluice").setLevel(_LEVELS[level])
    # Hypercorn, which is given this name; its "Running on ... (CTRL + C to quit)" says what our own line has said.
    logging.getLogger("sluice.http").setLevel(max(logging.WARNING, _LEVELS[level]))


def redacted(number: str) -> str:
    """A number as logs may show it: its last three digits."""
    return "..." + number[-3:]
