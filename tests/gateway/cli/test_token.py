"""`sluice token` makes a token that nobody guesses, and a line that lets it in."""

import argparse
import hashlib
import re
import tomllib

import pytest

from gateway.cli import token
from gateway.settings import Account, Scope


def made(account: str) -> int:
    parser = argparse.ArgumentParser()
    token.add_arguments(parser)
    return token.run(parser.parse_args([account]))


def test_the_printed_lines_let_the_printed_token_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert made("shop") == 0
    printed = capsys.readouterr().out
    (secret,) = re.findall(r"^sk_[A-Za-z0-9_-]{43}$", printed, re.MULTILINE)
    table = tomllib.loads(printed[printed.index("[accounts.shop]") :])["accounts"]["shop"]
    account = Account.model_validate({"name": "shop", **table})
    assert account.tokens[0].sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert account.tokens[0].scopes == set(Scope)
    assert printed.count(secret) == 1


def test_every_token_is_another() -> None:
    assert len({token.new_token() for _ in range(100)}) == 100


def test_a_name_that_no_account_can_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert made("my shop") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "a name has 1 to 40 letters" in printed.err
