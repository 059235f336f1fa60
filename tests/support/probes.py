"""`sluice probe` as the tests run it: against one carrier, and what it wrote into a profile."""

import tomllib
from pathlib import Path

from least_settings import LEAST
from simulators import Simulator

from gateway.cli import main

NUMBER = "+34600000001"


def configured(folder: Path, port: int, *lines: str) -> str:
    """A configuration file of the one carrier."""
    text = LEAST.replace("smpp.telco.example:2775", f"127.0.0.1:{port}")
    text = text.replace('system_id = "acme"', "\n".join(['system_id = "acme"', *lines]))
    file = folder / "sluice.toml"
    file.write_text(f'[store]\nurl = "sqlite://{folder}/sluice.db"\n{text}')
    return str(file)


def probed(folder: Path, port: int, *arguments: str, lines: tuple[str, ...] = ()) -> int:
    return main(["probe", "telco", "--config", configured(folder, port, *lines), *arguments])


def learned(folder: Path, simulator: Simulator, *arguments: str, lines: tuple[str, ...] = ()) -> dict[str, object]:
    """The profile that it wrote."""
    file = folder / "learned.toml"
    sending = ["--to", NUMBER, "--yes", "--wait", "10s", "--toml", str(file), *arguments]
    assert probed(folder, simulator.port, *sending, lines=lines) == 0
    return tomllib.loads(file.read_text())
