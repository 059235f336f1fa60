"""`sluice reload` has the running gateway read its configuration again, and prints what came of it."""

import json
from typing import Any

import pytest

from gateway.cli import main

PATH = "/admin/reload"
Printed = pytest.CaptureFixture[str]


def test_what_has_changed_is_printed_line_by_line(gateway: Any, capsys: Printed) -> None:
    done = {"changed": ["routes.spain: added"], "needs_restart": ["http.listen: 1 -> 2"]}
    gateway.on("POST", PATH, done)
    assert main(["reload"]) == 0
    assert capsys.readouterr().out == "routes.spain: added\nneeds a restart: http.listen: 1 -> 2\n"


def test_nothing_to_change_is_said_in_words(gateway: Any, capsys: Printed) -> None:
    gateway.on("POST", PATH, {"changed": [], "needs_restart": []})
    assert main(["reload"]) == 0
    assert capsys.readouterr().out == "Nothing has changed.\n"


def test_programs_get_an_object(gateway: Any, capsys: Printed) -> None:
    done: dict[str, list[str]] = {"changed": ["routes.spain: added"], "needs_restart": []}
    gateway.on("POST", PATH, done)
    assert main(["reload", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == done


def test_each_fault_of_a_configuration_is_printed_and_the_status_is_1(gateway: Any, capsys: Printed) -> None:
    problem = {"code": "invalid_configuration", "detail": "Nothing was changed.", "problems": ["a is wrong", "b too"]}
    gateway.on("POST", PATH, problem, status=422)
    assert main(["reload"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Nothing was changed.\n- a is wrong\n- b too\n")
