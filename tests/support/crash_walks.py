"""Walks the points at which a gateway can die, one life for each, in two weathers side by side."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from crash_lives import PLACES, POLICY_FIRST, RECEIPTS_FIRST, Life, Weather, living

WEATHERS = (RECEIPTS_FIRST, POLICY_FIRST)


def plans_of(points: Counter[str]) -> list[str]:
    """A plan for each place of each of these points."""
    return [
        f"{kind}:{place}:{number}"
        for kind, places in PLACES.items()
        for number in range(1, points[kind] + 1)
        for place in places
    ]


def walk(folder: Path, *, step: int, first: int) -> dict[Weather, list[Life]]:
    """Every `step`th point, beginning with one more in each weather; the first life of each counts the points."""

    def in_weather(number: int, weather: Weather) -> list[Life]:
        with living(folder / weather.name, weather) as lives:
            counting = lives.live("count")
            plans = plans_of(counting.points)[(first + number) % step :: step]
            return [counting, *map(lives.live, plans)]

    with ThreadPoolExecutor(len(WEATHERS)) as pool:
        return dict(zip(WEATHERS, pool.map(in_weather, range(len(WEATHERS)), WEATHERS), strict=True))


def told(walked: dict[Weather, list[Life]]) -> str:
    """What was seen, as a line for each weather."""
    lines = []
    for weather, lives in walked.items():
        killed = Counter(life.plan.partition(":")[0] for life in lives if life.was_killed)
        doubts, doubled = sum(life.doubts for life in lives), sum(life.doubled for life in lives)
        lines.append(
            f"{weather.name}: points={dict(lives[0].points)} lives={len(lives)} killed={dict(killed)} "
            f"messages_in_doubt={doubts} segments_sent_again={doubled}"
        )
    return "\n".join(lines)


def check(walked: dict[Weather, list[Life]]) -> None:
    """Every promise held in every life, and lives ended where they were to end."""
    lives = [(weather.name, life) for weather, lives in walked.items() for life in lives]
    assert {(name, life.plan): life.broken for name, life in lives if life.broken} == {}
    killed = [life for _, life in lives if life.was_killed]
    # What shares a commit or a write differs from life to life, so that the last points may not come.
    assert len(killed) >= 0.6 * (len(lives) - len(walked)), [life.plan for _, life in lives if not life.was_killed]
    assert {life.plan.partition(":")[0] for life in killed} >= {"commit", "smpp", "http", "webhook"}
    assert any(life.doubts for life in killed)
