"""How far counters and histograms have risen: what others counted before in the same process does not matter."""

from typing import TypeAlias

from prometheus_client.registry import Collector

Risen: TypeAlias = dict[tuple[str, ...], float]


def values(collector: Collector) -> Risen:
    """Every sample by its name and the values of its labels; no buckets."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in collector.collect()
        for sample in family.samples
        if "le" not in sample.labels
    }


class Rises:
    """Since it was made, or was asked last."""

    def __init__(self, *collectors: Collector) -> None:
        self._before = {id(collector): values(collector) for collector in collectors}

    def of(self, collector: Collector) -> Risen:
        """What has risen, and by how much."""
        now, before = values(collector), self._before[id(collector)]
        self._before[id(collector)] = now
        risen = {key: value - before.get(key, 0) for key, value in now.items()}
        return {key: value for key, value in risen.items() if value}
