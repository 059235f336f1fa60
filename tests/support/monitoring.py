"""The files for Prometheus and Grafana, as far as tests read them."""

import json
import re
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).parents[2] / "config"
RULES, ALERTS = CONFIG / "prometheus/sluice.rules.yml", CONFIG / "prometheus/sluice.alerts.yml"
DASHBOARD = CONFIG / "grafana/sluice.json"
_PARTS = ("_bucket", "_count", "_sum")


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def expressions() -> dict[str, str]:
    """What the dashboard asks, by panel and letter."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
    }


def metrics_in(text: str) -> set[str]:
    """The gateway's metrics that a text names; recorded ones are not among them."""
    return set(re.findall(r"(?<![\w:])sluice_[a-z_]+(?![\w:])", text))


def recorded_in(text: str) -> set[str]:
    """The recorded metrics that a text names."""
    return set(re.findall(r"(?<![\w:])sluice\w*:\w+:\w+", text))


def families(exposed: str) -> dict[str, str]:
    """Every name that may be asked for, with its type, of the text of /metrics."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", exposed, flags=re.MULTILINE))
    parts = {name + part: "part" for name, kind in types.items() if kind == "histogram" for part in _PARTS}
    return types | parts
