import json

from gateway.simulator.figures import Figures


def test_figures_are_one_line_of_json() -> None:
    line = Figures(submitted=3, doubled=1).as_line()
    assert "\n" not in line
    told = json.loads(line)
    assert (told["submitted"], told["doubled"], told["waiting"]) == (3, 1, 0)
