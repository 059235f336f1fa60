"""Numbers of the bench: percentiles, and medians over runs."""

import statistics
from collections.abc import Iterable, Sequence


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Of values in order; None of none."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


def spread(name: str, values: Iterable[float]) -> dict[str, float | None]:
    """p50 and p99 of milliseconds."""
    ordered = sorted(values)
    return {f"{name}p50_ms": percentile(ordered, 50), f"{name}p99_ms": percentile(ordered, 99)}


def medians(runs: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    """Figure by figure over runs of one row; a figure that a run lacks does not count in that run."""
    names = {name: None for run in runs for name in run}
    return {name: _median([value for run in runs if (value := run.get(name)) is not None]) for name in names}


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None
