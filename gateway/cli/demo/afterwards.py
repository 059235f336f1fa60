"""What to try next, as commands that work as printed, and staying up while they are tried."""

import shutil
import sys
from pathlib import Path

from gateway.cli.demo.receiver import Told
from gateway.cli.demo.setting import HTTP_PORT, OPERATOR_PORT
from gateway.cli.demo.stage import Stage


def sluice_command() -> str:
    """How the command that runs now can be called again from here."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{_from_here(Path(sys.executable))} -m gateway"
    found = shutil.which("sluice")
    return "sluice" if found and Path(found).resolve() == called.resolve() else _from_here(called)


def show(stage: Stage, message_id: str) -> None:
    """For a demo that stays up."""
    screen, setting, sluice = stage.screen, stage.setting, sluice_command()
    screen.heading("What to try next, in another terminal, while this one stays open")
    screen.say("Paste the curl from above again: its webhooks appear here. Or:", "dim")
    screen.blank()
    screen.command(f"curl -s {setting.url}/v1/sms/{message_id} \\\n  -H 'Authorization: Bearer {setting.token}'")
    screen.blank()
    screen.command(f"export SLUICE_TOKEN={setting.token}")
    screen.command(f"export SLUICE_OPERATOR_TOKEN={setting.operator_token}")
    if setting.http_port != HTTP_PORT:
        screen.command(f"export SLUICE_URL={setting.url}")
    if setting.operator_port != OPERATOR_PORT:
        screen.command(f"export SLUICE_OPERATOR_URL={setting.operator_url}")
    screen.command(f"{sluice} send +15551234567 'Hello from Sluice' --watch")
    screen.command(f"{sluice} status")
    screen.command(f"{sluice} doubts")
    screen.blank()
    screen.row("in the browser", f"{setting.url}/docs", "green")
    screen.row("to read", "README.md, and what the gateway ran with:")
    screen.row("", str(setting.configuration))
    screen.blank()
    screen.say("Ctrl-C ends all of it and removes its folder.", "bold")
    screen.blank()
    stage.receiver.on_told = lambda told: _show_told(stage, told)


def show_for_one_pass(stage: Stage) -> None:
    """For a demo that ends now: only what works without it."""
    sluice = sluice_command()
    stage.screen.heading("What to try next")
    for command, what in (
        (f"{sluice} demo", "on a terminal it stays up, so that you can paste the curl"),
        (f"{sluice} simulator", "a carrier to try your own configuration against"),
        (f"{sluice} --help", 'all commands; README.md, "A first real carrier", tells how to go on'),
    ):
        stage.screen.say(f"# {what}", "dim")
        stage.screen.command(command)


def _show_told(stage: Stage, told: Told) -> None:
    to = f" to {told.data['to']}" if "to" in told.data else ""
    stage.screen.row("webhook", f"{told.type}{to}; signature right", "dim")


def _from_here(path: Path) -> str:
    # Not resolved: the python of a virtual environment is a link, and must be called by it.
    absolute = Path.cwd() / path
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)
