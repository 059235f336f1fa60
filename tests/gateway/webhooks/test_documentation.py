"""The receivers in docs/webhooks.md are run against what we sign."""

import base64
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import EventType
from gateway.webhooks.signing import Signer

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
KEYS = [b"o" * 24, b"n" * 32]
SECRETS = ["whsec_" + base64.b64encode(key).decode() for key in KEYS]
EVENT, BATCH = '{"id":"evt_1","text":"ñ🙂"}'.encode(), b'[{"id":"evt_1"},{"id":"evt_2"}]'


def snippet(language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(code)


def signed(body: bytes, at_seconds: float | None = None) -> dict[str, str]:
    headers = Signer(KEYS).headers("evt_1", body, int(time.time() if at_seconds is None else at_seconds))
    return {name.decode(): value.decode() for name, value in headers}


def ours() -> list[tuple[bytes, dict[str, str], list[str]]]:
    return [(EVENT, signed(EVENT), ["evt_1"]), (BATCH, signed(BATCH), ["evt_1", "evt_2"])]


def not_ours() -> list[tuple[bytes, dict[str, str]]]:
    return [
        (EVENT + b" ", signed(EVENT)),
        (EVENT, signed(EVENT, time.time() - 3600)),
        (EVENT, {**signed(EVENT), "webhook-signature": "v1,bm90IG91cnM="}),
        (EVENT, {}),
    ]


@pytest.mark.parametrize("secret", SECRETS)
def test_the_python_receiver_takes_ours_and_no_other(secret: str) -> None:
    names: dict[str, Any] = {}
    exec(snippet("python"), names)
    for body, headers, ids in ours():
        assert [event["id"] for event in names["events"](secret, headers, body)] == ids
    for body, headers in not_ours():
        with pytest.raises(names["WebhookVerificationError"]):
            names["events"](secret, headers, body)


NODE_ASKS = """
const cases = JSON.parse(require("node:fs").readFileSync(0));
console.log(JSON.stringify(cases.map(([secret, headers, body]) => {
  try { return events(secret, headers, Buffer.from(body)).map((event) => event.id); } catch (error) { return null; }
})));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_node_receiver_takes_ours_and_no_other() -> None:
    cases = [(secret, headers, body.decode()) for secret in SECRETS for body, headers, _ in ours()]
    cases += [(SECRETS[0], headers, body.decode()) for body, headers in not_ours()]
    run = subprocess.run(
        ["node", "-e", snippet("javascript") + NODE_ASKS],
        input=json.dumps(cases).encode(),
        capture_output=True,
        check=True,
    )
    assert json.loads(run.stdout) == [["evt_1"], ["evt_1", "evt_2"]] * 2 + [None] * 4


def test_every_event_that_can_be_asked_for_is_explained() -> None:
    table = PAGE[PAGE.index("| type |") : PAGE.index("A message that did not arrive")]
    names = re.findall(r"`((?:message|webhook|campaign|recipient)\.\w+)`", table)
    assert set(names) == {str(event) for event in EventType}
