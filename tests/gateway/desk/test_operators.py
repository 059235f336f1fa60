"""Operators by their tokens: who they are, what they may do, and what becomes of it at a reload."""

from typing import Any

import pytest
from houses import hashed
from pydantic import ValidationError

from gateway.desk.masks import Sight
from gateway.desk.operators import Operator, Operators
from gateway.settings import Settings
from gateway.settings.types import Role


def settings(*tokens: dict[str, Any]) -> Settings:
    return Settings.model_validate({"operator": {"tokens": list(tokens)}})


ANNA = {"sha256": hashed("annas-token"), "name": "anna"}
VICTOR = {"sha256": hashed("victors-token").upper(), "name": "victor", "role": "viewer"}


def test_a_token_is_its_operators_alone() -> None:
    operators = Operators(settings(ANNA, VICTOR))
    anna, victor = operators.by_secret(" annas-token "), operators.by_secret("victors-token")
    assert (anna, operators.by_secret("nobodys")) == (Operator("anna", Role.OPERATOR, hashed("annas-token")), None)
    assert victor is not None
    assert (victor.name, victor.may_act, victor.sight) == ("victor", False, Sight.MASKED)


def test_a_token_without_a_name_is_the_operators_and_may_act() -> None:
    operator = Operators(settings({"sha256": hashed("token")})).by_secret("token")
    assert operator is not None
    assert (operator.name, operator.may_act, operator.sight) == ("operator", True, Sight.WHOLE)
    assert operator.by(7) == ("operator", 7)


def test_the_audit_names_who_has_a_name() -> None:
    anna = Operators(settings(ANNA)).by_secret("annas-token")
    assert anna is not None
    assert anna.by(None) == ("operator:anna", None)


def test_a_reload_takes_tokens_away_and_gives_roles_anew() -> None:
    operators = Operators(settings(ANNA, VICTOR))
    operators.reconfigure(settings(VICTOR | {"role": "operator"}))
    assert operators.still(hashed("annas-token")) is None
    victor = operators.still(hashed("victors-token"))
    assert victor is not None
    assert victor.may_act


@pytest.mark.parametrize("name", ["", "a b", "anna:1", "é", "a" * 41])
def test_a_name_that_the_audit_could_not_show_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="a name has 1 to 40 letters"):
        settings(ANNA | {"name": name})


def test_there_are_two_roles() -> None:
    with pytest.raises(ValidationError, match="role"):
        settings(ANNA | {"role": "admin"})
