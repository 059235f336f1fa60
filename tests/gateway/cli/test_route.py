"""`sluice route` tells by a configuration alone, or asks a running gateway."""

import json
from pathlib import Path

import pytest
from least_settings import LEAST

from gateway.cli import main


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "sluice.toml"
    bank = f'[accounts.bank]\ntokens = [{{ sha256 = "{"ab" * 32}" }}]\nsenders = ["BANK"]\n'
    file.write_text(f'{LEAST}default_sender = "SHOP"\n{bank}')
    return file


def test_a_configuration_explains_line_by_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "+34600000001", "--account", "shop", "--lane", "otp", "--config", str(config)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "number +34600000001: Spain (ES), mobile, network 21401 (table)",
        "message of account shop, lane otp, sender SHOP",
        'route "rest": yes: it takes everything',
        "tier 1: telco",
        "telco: taken as able to send",
        "telco gets it",
    ]


def test_programs_get_an_object(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "+34600000001", "--account", "shop", "--json", "--config", str(config)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["route"] == "rest"
    assert said["lines"][-1] == "telco gets it"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["+34600000001"], "account is missing: give one of shop, bank"),
        (["+34600000001", "--account", "none"], "account is not in the settings, which have shop, bank"),
        (["+34600", "--account", "shop"], "number is too short"),
        (["+34600000001", "--account", "shop", "--lane", "x"], "lane is not a lane: use one of otp"),
        (["+34600000001", "--account", "bank"], "sender "),
    ],
)
def test_what_is_wrong_with_the_question_is_told(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["route", *arguments, "--config", str(config)]) == 1
    assert said in capsys.readouterr().err


def test_a_number_that_no_route_takes_is_told_with_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sluice.toml"
    match = 'name = "rest"\nmatch = { country = ["FR"] }'
    file.write_text(f'{LEAST}default_sender = "SHOP"\n'.replace('name = "rest"', match))
    assert main(["route", "+34600000001", "--config", str(file)]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        'route "rest": no: it takes country FR, and this is ES',
        "no route takes it: it is refused as no_route",
    ]


def test_without_a_token_it_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLUICE_OPERATOR_TOKEN", raising=False)
    assert main(["route", "+34600000001"]) == 1
    assert "A token is missing." in capsys.readouterr().err
