"""How the bench speaks with its children: a line on standard input, a line of JSON on standard output."""

import os
import selectors
import sys
from collections.abc import Callable


def say(line: str) -> None:
    """One line to the bench."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def control_lines(selector: selectors.BaseSelector) -> Callable[[], list[str]]:
    """Watch standard input; the function gives the lines that came, an empty one when the bench has gone."""
    descriptor = sys.stdin.fileno()
    os.set_blocking(descriptor, False)
    selector.register(descriptor, selectors.EVENT_READ, "control")
    rest = b""

    def lines() -> list[str]:
        nonlocal rest
        octets = os.read(descriptor, 65_536)
        if not octets:
            return [""]
        *whole, rest = (rest + octets).split(b"\n")
        return [line.decode() for line in whole]

    return lines
