"""Tokens, limits and the reload call itself, as a reload leaves them."""

import hashlib
from typing import Any

import pytest

from gateway.api.account.limits import LimitsOfAll
from gateway.api.problems import Problem
from gateway.api.reload_call import NothingToReload
from gateway.api.tokens import Grant, Tokens
from gateway.settings import AccountLimits, ConfigurationError


def scopes() -> frozenset[str]:
    return frozenset({"send"})


def owner(tokens: Tokens, token: str) -> str | None:
    return tokens.plain_owner(f"Bearer {token}", "send")


def test_tokens_of_other_settings_open_and_those_before_do_not() -> None:

    first, second = (hashlib.sha256(token.encode()).hexdigest() for token in ("one", "two"))
    tokens = Tokens([Grant(first, "shop", scopes())])
    assert owner(tokens, "one") == "shop"
    tokens.replace([Grant(second, "mall", scopes())])
    assert (owner(tokens, "one"), owner(tokens, "two")) == (None, "mall")


class NoUse:
    def account_use(self, account: str) -> Any:
        raise AssertionError(account)


def test_what_was_used_of_a_limit_that_stays_is_still_counted() -> None:
    now = 0
    limits = {"shop": AccountLimits(requests_per_second=1), "mall": AccountLimits(requests_per_second=1)}
    of_all = LimitsOfAll(limits, NoUse(), clock=lambda: now)
    of_all.admit("shop")
    of_all.admit("mall")
    of_all.reconfigure({"shop": limits["shop"], "mall": AccountLimits(requests_per_second=2)})
    with pytest.raises(Problem):
        of_all.admit("shop")
    of_all.admit("mall")
    of_all.reconfigure({})
    of_all.admit("shop")


async def test_a_gateway_without_a_file_says_so() -> None:
    with pytest.raises(ConfigurationError, match="without a file"):
        await NothingToReload().reload()
