"""Durations as arguments of commands."""

import argparse

from gateway.settings.types import parse_duration


def duration(text: str) -> float:
    """Seconds of `90s` or `10m`. Raises ArgumentTypeError: of a ValueError argparse drops the words."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
