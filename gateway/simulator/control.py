"""Control lines: what a running simulator can be told on its standard input, and what it says to that."""

import argparse
import shlex
from typing import NoReturn

from gateway.simulator.arguments import add_arguments, options_from
from gateway.simulator.simulator import Simulator
from protocol.errors import LocalProtocolError

USAGE = "figures | inbound FROM TO TEXT | set OPTION [VALUE] ... | cut | unbind | help"


class _LineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def obey(simulator: Simulator, line: str) -> str:
    """Does what one line says and gives the line to print; a fault is told, never raised."""
    try:
        words = shlex.split(line)
    except ValueError as fault:
        return f"error: {fault}"
    if not words:
        return ""
    try:
        return _obey(simulator, words[0], words[1:])
    except (ValueError, LocalProtocolError) as fault:
        return f"error: {fault}"


def _obey(simulator: Simulator, word: str, rest: list[str]) -> str:
    if word == "figures" and not rest:
        return simulator.figures.as_line()
    if word == "inbound" and len(rest) >= 3:
        return f"inbound to {simulator.inbound(rest[0], rest[1], ' '.join(rest[2:]))}"
    if word == "set" and rest:
        return _set(simulator, rest)
    if word == "cut" and not rest:
        return f"cut {simulator.cut()}"
    if word == "unbind" and not rest:
        return f"unbinding {simulator.unbind()}"
    if word == "help":
        return USAGE
    raise ValueError(f"use {USAGE}")


def _set(simulator: Simulator, words: list[str]) -> str:
    """`set throttle-share 0.5`, the names with or without their dashes."""
    parser = _LineParser(prog="set", add_help=False, allow_abbrev=False)
    add_arguments(parser)
    if not words[0].startswith("--"):
        words = [f"--{words[0]}", *words[1:]]
    simulator.change(options_from(parser.parse_args(words), simulator.options))
    return "set"
