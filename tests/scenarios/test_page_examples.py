"""The examples of docs/http.md, docs/http/*.md and the README, in each language, run against a whole gateway.

Only hosts and ids are put in. The gateway's clock stands where the examples' dates are still to come.
"""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clocks import Clock
from daemons import OPERATOR_TOKEN, SECRET, TOKEN, Gateway, account, carrier, configuration, started
from needs import need
from page_examples import INDEX, PAGES, blocks
from simulators import simulating
from sluice_processes import sluice
from webhook_receivers import receiving

pytestmark = pytest.mark.scenario

README = Path(__file__).parents[2] / "README.md"
NOW = datetime(2026, 11, 21, 18, tzinfo=UTC)
MESSAGE, CAMPAIGN, EVENT = (
    "msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD",
    "cmp_01KAK5YDQ4V8M3Z2T9N6C1XHRD",
    "evt_01KAK5YBR0C3W8D1F6H9J2K4MN",
)
LATER = "2027-05-24T09:00:00-05:00"
FILES = {
    "recipients.csv": "phone,first_name\n+34600000001,Alice\n+34600000002,Bob\n",
    "opt-outs.csv": "number,source\n+34600000101,web form\n",
}
CURL = 'set -eu -o pipefail\ncurl() { command curl --silent --show-error --fail-with-body --max-time 30 "$@"; }\n'


def bash(code):
    return ["bash", "-c", CURL + code]


def python(code):
    return [sys.executable, "-c", code]


def node(code):
    return ["node", "--input-type=module", "-e", code]


@dataclass
class Language:
    block: str
    command: object
    needs: str
    """A program that has to be there."""
    is_joined: bool
    """A page's blocks follow on each other, and on that of the index."""


LANGUAGES = {
    "curl": Language("sh", bash, "curl", is_joined=False),
    "python": Language("python", python, sys.executable, is_joined=True),
    "node": Language("js", node, "node", is_joined=True),
}


@contextmanager
def on_stage(folder):
    clock = Clock()
    clock.set(NOW)
    with ExitStack() as stack:
        webhooks = stack.enter_context(receiving(SECRET))
        webhooks.ahead_seconds = clock.ahead_seconds
        simulator = stack.enter_context(simulating(folder))
        shop = account(webhooks.url, senders=["*"], default_region="ES", limits={"requests_per_second": 1_000})
        carriers = {"telco": carrier(simulator.port)}
        gateway = Gateway(folder, configuration(folder, carriers=carriers, accounts={"shop": shop}))
        gateway.environment |= clock.environment
        yield stack.enter_context(started(gateway))


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    language = LANGUAGES[request.param]
    need(language.needs, lambda: shutil.which(language.needs), install="run .ci/install-peers")
    return language


@pytest.fixture(scope="module")
def gateway(language, tmp_path_factory):
    """One for each language: a key is given once."""
    with on_stage(tmp_path_factory.mktemp("stage")) as gateway:
        yield gateway


@pytest.fixture
def put_in(gateway, tmp_path):
    """Puts hosts and ids into an example: a message and a campaign that can still be canceled, and an event."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    message = gateway.send("+34600000301", schedule="2026-12-01T09:00:00Z")
    body = {"campaign_name": "May", "message": "Hello", "recipients": ["+34600000302"], "schedule": LATER}
    campaign = gateway.call("POST", "/v1/campaigns/sms", body).json
    event = gateway.call("POST", "/v1/webhook/test").json["event_id"]
    place = f"/v1/campaigns/{campaign['id']}"
    gateway.wait_for(lambda: gateway.get(place)["status"] == "scheduled", "it is scheduled")

    def put(code: str) -> str:
        names = {
            "http://127.0.0.1:8080": gateway.url,
            "http://127.0.0.1:9090": gateway.operator.url,
            MESSAGE: message["id"],
            CAMPAIGN: campaign["id"],
            EVENT: event,
        }
        for name, real in names.items():
            code = code.replace(name, real)
        return code

    return put


def examples(page: Path, language: Language) -> list[str]:
    found = blocks(page, language.block)
    return ["\n".join([*blocks(INDEX, language.block), *found])] if language.is_joined else found


@pytest.mark.parametrize("name", PAGES)
def test_each_example_of_a_page_runs(gateway, language, put_in, tmp_path, name):
    environment = {"PATH": os.environ["PATH"], "TOKEN": TOKEN, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    for example in examples(PAGES[name], language):
        run = subprocess.run(
            language.command(put_in(example)), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 0, f"{example}\n{run.stdout}\n{run.stderr}"


def test_the_commands_of_the_readme_run_as_they_stand(tmp_path):
    section = README.read_text("utf-8").partition("## Campaigns, templates, opt-outs")[2].partition("\n## ")[0]
    commands = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    assert len(commands) > 5
    environment = {"PATH": os.environ["PATH"], "SLUICE_TOKEN": TOKEN}
    need("curl", lambda: shutil.which("curl"), install="run .ci/install-peers")
    with on_stage(tmp_path) as gateway:
        environment["SLUICE_URL"] = gateway.url
        for command in commands:
            code = command.replace("http://127.0.0.1:8080", gateway.url).replace(".venv/bin/sluice", str(sluice()))
            run = subprocess.run(bash(code), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
            assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"
