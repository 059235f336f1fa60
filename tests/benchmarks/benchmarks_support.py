"""What the benchmarks of parts share; what runs the whole gateway is `sluice bench` (gateway/cli/bench)."""

from collections.abc import Iterable

from gateway.cli.bench.figures import spread
from gateway.cli.bench.machine import machine as facts


def machine() -> str:
    return ", ".join(facts().values())


def percentiles(name: str, values: Iterable[float]) -> dict[str, str]:
    """Figures `name` with p50 and p99, of milliseconds."""
    return {one: f"{value:.1f}" for one, value in spread(name, values).items() if value is not None}
