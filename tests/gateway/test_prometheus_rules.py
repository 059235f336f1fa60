"""The rules, alerts and dashboard: Prometheus takes them, they say what they should, and their words are explained."""

import json
import re
from pathlib import Path

import pytest
from monitoring import ALERTS, CONFIG, DASHBOARD, RULES, dashboard, expressions, recorded_in
from promtools import promtool

TESTS = sorted((CONFIG / "prometheus/tests").glob("*.yml"))
DOCS = Path(__file__).parents[2] / "docs"


def alerts():
    return re.findall(r"- alert: (\w+)", ALERTS.read_text())


def test_prometheus_takes_the_rules_and_alerts():
    checked = promtool("check", "rules", str(RULES), str(ALERTS))
    assert checked.returncode == 0, checked.stderr.decode()


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_give_and_alerts_fire_as_their_tests_say(path):
    tested = promtool("test", "rules", str(path))
    assert tested.returncode == 0, tested.stdout.decode() + tested.stderr.decode()


def test_every_alert_is_tested_and_has_its_heading_in_the_runbook():
    tested = dict.fromkeys(re.findall(r"- \{alertname: (\w+),", (CONFIG / "prometheus/tests/alerts.yml").read_text()))
    section = (DOCS / "operations.md").read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert alerts() == list(tested)
    assert re.findall(r"^### (Sluice\w+)$", section, flags=re.MULTILINE) == alerts()


def test_every_alert_names_its_own_place_in_the_runbook():
    named = re.findall(r"- alert: (\w+).*?runbook: (\S+)", ALERTS.read_text(), flags=re.DOTALL)
    assert named == [(alert, f"docs/operations.md#{alert.lower()}") for alert in alerts()]


def test_prometheus_understands_every_question_of_the_dashboard(tmp_path):
    asked = [
        f"  - {{record: 'asked:{number}', expr: {json.dumps(expr.replace('$instance', '.*'))}}}"
        for number, expr in enumerate(expressions().values())
    ]
    rules = tmp_path / "asked.yml"
    rules.write_text("\n".join(["groups:", "- name: asked", "  rules:", *asked, ""]))
    checked = promtool("check", "rules", str(rules))
    assert checked.returncode == 0, checked.stderr.decode()


def test_what_alerts_and_dashboard_read_is_recorded():
    recorded = re.findall(r"- record: (\S+)", RULES.read_text())
    assert recorded_in(ALERTS.read_text()) | recorded_in(" ".join(expressions().values())) <= set(recorded)


def test_the_first_row_is_six_panels():
    top = [panel for panel in dashboard()["panels"] if panel["gridPos"]["y"] == 0]
    assert [(panel["type"], panel["gridPos"]["x"], panel["gridPos"]["w"]) for panel in top] == [
        ("stat", x, 4) for x in range(0, 24, 4)
    ]
    assert [panel["title"] for panel in top] == [
        "Accepted per second",
        "Submission success",
        "Delivery rate",
        "Callback completion",
        "Oldest queued, by lane",
        "Carriers and alarms",
    ]
    assert all(panel["description"] for panel in top)


def test_panels_lie_side_by_side_and_have_one_number_each():
    panels = dashboard()["panels"]
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken)), "no panel lies over another"
    assert max(x for x, _ in taken) == 23
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_dashboard_asks_whatever_prometheus_it_is_given():
    assert dashboard()["uid"] == "sluice"
    assert "${datasource}" in DASHBOARD.read_text()
    sources = [target["datasource"]["uid"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    assert set(sources) == {"${datasource}"}
