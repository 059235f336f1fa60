"""The section about number facts."""

import pytest
from least_settings import Loads, refusal


@pytest.mark.parametrize(
    ("lookup", "said"),
    [
        ('timeout = "1s"', "has timeout, which does nothing without url"),
        ('url = "numbers.example"', "is 'numbers.example'; write an address such as"),
        ('url = "https://n.example"\ntoken = "a"\ntoken_file = "t"', "has both token and token_file"),
        ('url = "https://n.example"\ntoken_file = "t"', "names a file that does not exist"),
        ('networks_file = "own.csv"', "own.csv, which cannot be read"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(loads: Loads, lookup: str, said: str) -> None:
    told = refusal(loads, f"[lookup]\n{lookup}")
    assert "lookup" in told
    assert said in told


def test_the_token_and_the_table_lie_beside_the_configuration(loads: Loads) -> None:
    files = {"token": "secret\n", "own.csv": "34600,21401\n"}
    given = '[lookup]\nurl = "https://n.example"\ntoken_file = "token"\nnetworks_file = "own.csv"'
    lookup = loads(given, files=files).lookup
    assert lookup.bearer == "secret"
    assert lookup.networks_file is not None
    assert lookup.networks_file.endswith("/own.csv")
