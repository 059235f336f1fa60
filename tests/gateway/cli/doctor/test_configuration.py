"""`sluice doctor`: a configuration that is wrong is told with its remedy, and cautions are warnings."""

import json
from pathlib import Path

import pytest
from examined_machines import written

from gateway.cli import main


def test_a_secret_that_cannot_be_read_is_a_wrong_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path)
    (tmp_path / "telco_password").unlink()
    assert main(["doctor", "--config", str(config), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    (fault,) = [finding for finding in told["findings"] if finding["verdict"] == "fault"]
    assert fault["check"] == "configuration"
    assert "password_file names a file that does not exist" in fault["seen"]
    assert fault["remedy"]


def test_cautions_of_the_check_are_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = written(tmp_path, carrier='hosts = ["127.0.0.1:2775"]\nschedule_delivery_time = "relative"')
    assert main(["doctor", "--config", str(config), "--only", "configuration"]) == 0
    captured = capsys.readouterr()
    assert "warning  carriers.telco: schedule_delivery_time without cancel_sm" in captured.out
    assert "no faults, 1 warning" in captured.err
