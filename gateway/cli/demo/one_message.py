"""Act 1: one message by the curl that is printed, and its life line by line."""

import json
import shutil
import time
from collections.abc import Mapping
from typing import Any

import trio

from gateway.cli.demo.children import DemoError
from gateway.cli.demo.setting import Setting
from gateway.cli.demo.stage import PATIENCE_SECONDS, Stage
from gateway.cli.timeline_lines import FINAL, Follower, Step, line_of

NUMBER = "+15551234567"
TEXT = "Your code is 1234"
_LOOK_EVERY_SECONDS = 0.05


def curl_command(setting: Setting) -> str:
    """As it is printed, and as it is run."""
    return (
        f"curl -s {setting.url}/v1/sms \\\n"
        f"  -H 'Authorization: Bearer {setting.token}' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps({'to': NUMBER, 'text': TEXT})}'"
    )


async def play(stage: Stage) -> str:
    """Returns the message's id."""
    screen = stage.screen
    screen.heading("1  One message")
    command = curl_command(stage.setting)
    screen.command(command)
    screen.blank()
    answer = await _by_curl(command, stage) if shutil.which("curl") else await _without_curl(stage)
    message_id = answer.get("id")
    if not message_id:
        raise DemoError(f"The message was not accepted: {json.dumps(answer)}", stage.gateway.log)
    screen.say(
        f"{json.dumps({name: answer[name] for name in ('id', 'status', 'from', 'to', 'text')})[:-1]}, ...}}", "dim"
    )
    screen.blank()
    await _follow(stage, message_id)
    return str(message_id)


async def _by_curl(command: str, stage: Stage) -> Mapping[str, Any]:
    """By the shell, as a user who pastes it."""
    done = await trio.run_process(["/bin/sh", "-c", command], capture_stdout=True, capture_stderr=True, check=False)
    try:
        answer: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.decode(errors="replace").strip() or "it said nothing"
        raise DemoError(f"The curl above ended with status {done.returncode}: {said}", stage.gateway.log) from None
    return answer


async def _without_curl(stage: Stage) -> Mapping[str, Any]:
    stage.screen.say("curl is not installed here, so the demo makes the same request itself.", "yellow")
    answer: Mapping[str, Any] = await stage.post("/v1/sms", {"to": NUMBER, "text": TEXT})
    return answer


async def _follow(stage: Stage, message_id: str) -> None:
    follower = Follower()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        message = await stage.get(f"/v1/sms/{message_id}")
        for step in follower.news(message):
            _show(stage, step, message)
        told = {step["type"] for step in message["timeline"] if step["what"] == "webhook"}
        if message["status"] in FINAL and f"message.{message['status']}" in told:
            if message["status"] != "delivered":
                raise DemoError(f"The message was not delivered, it is {message['status']}.", stage.gateway.log)
            return
        await trio.sleep(_LOOK_EVERY_SECONDS)
    raise DemoError(f"The message did not come to its end within {PATIENCE_SECONDS:.0f} s.", stage.gateway.log)


def _show(stage: Stage, step: Step, message: Mapping[str, Any]) -> None:
    after, label, text = line_of(step, message)
    if step["what"] == "receipt":
        label, text = "deliver_sm", f"receipt {text}"
    if step["what"] == "webhook":
        right = step["event_id"] in stage.receiver.events
        text += ", signature right" if right else ", SIGNATURE WRONG"
        stage.screen.event(after, label, text, bad=not right)
    else:
        stage.screen.event(after, label, text)
