"""Plots as text: scales, lines, figures, and the table behind them."""

import pytest

from gateway.console.plots import Plot, Series, ceiling, path, written


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.3, 1), (1, 1), (1.1, 2), (3, 5), (7, 10), (140, 200), (12_001, 20_000)]
)
def test_a_scale_ends_at_a_round_figure(value: float, top: float) -> None:
    assert ceiling(value) == top


def test_a_line_ends_at_the_right_and_is_broken_where_nothing_is_known() -> None:
    assert path([0, 5, None, 10], 10, 180) == "M176 100L177 50M179 0"
    assert path([], 10, 180) == ""
    assert path([None] * 5 + [1.0] * 7, 10, 900) == "M894 90L899 90", "a long one by every fifth value, with the last"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, "rate", "–"),
        (0.0, "rate", "0"),
        (3.25, "rate", "3.2"),
        (41.6, "rate", "42"),
        (12_345, "count", "12.3k"),
        (9_999, "count", "9,999"),
        (0.5, "seconds", "0.5 s"),
        (61, "seconds", "61 s"),
        (600, "seconds", "10 min"),
        (9000, "seconds", "2.5 h"),
    ],
)
def test_figures_are_written_as_people_read_them(value: float | None, unit: str, words: str) -> None:
    assert written(value, unit) == words


def test_the_table_tells_minutes_the_latest_first() -> None:
    values = [1.0] * 60 + [None] * 30 + [4.0] * 30 + [9.0] * 60
    plot = Plot("rate", "Messages", "", "rate", [Series("accepted", values, "s1")])
    assert plot.rows() == [("0", ["9"]), ("1", ["4"]), ("2", ["1"])]
    assert (plot.span, plot.top, plot.scale) == (180, 10, ["10", "5", "0"])
    longer = Plot("rate", "Messages", "", "rate", [Series("accepted", [*values, 2.0], "s1")])
    assert (longer.span, longer.times) == (360, ("6 min ago", "4", "2"))


@pytest.mark.parametrize(
    ("most", "scale"), [(1.0, ["1", "0.5", "0"]), (4.0, ["5", "2.5", "0"]), (9.0, ["10", "5", "0"])]
)
def test_the_middle_of_a_scale_is_half_of_its_top(most: float, scale: list[str]) -> None:
    assert Plot("ready", "Waiting", "", "count", [Series("otp", [0.0, most], "s1")]).scale == scale


def test_a_plot_of_nothing_is_empty_and_whole() -> None:
    plot = Plot("rate", "Messages", "", "rate", [Series("accepted", [], "s1")])
    assert (plot.top, plot.rows(), plot.path(plot.series[0]), plot.series[0].last) == (1, [], "", None)
