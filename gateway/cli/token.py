"""`sluice token ACCOUNT`: makes a caller's token, shows it once, and the lines to paste. Keeps and changes nothing."""

import argparse
import hashlib
import secrets
import sys

from gateway.settings import Scope
from gateway.settings.types import check_name

NAME = "token"
HELP = "make a token for an account: prints it once, and the line to paste into the configuration"

_RANDOM_BYTES = 32  # 256 bits, 43 characters: nothing to guess, so one round of SHA-256 is enough to keep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("account", metavar="ACCOUNT", help="the account's name, as in [accounts.NAME]")


def run(arguments: argparse.Namespace) -> int:
    """0 with the token and its TOML on standard output; 2 when no account can be named so."""
    try:
        account = check_name(arguments.account)
    except ValueError as error:
        print(f"The account {error}.", file=sys.stderr)
        return 2
    token = new_token()
    print(f"The token of {account}, shown this once; hand it over and keep no copy:\n")
    print(f"{token}\n")
    print("Paste into the configuration; while it replaces another token, keep both in the list:\n")
    print(f"[accounts.{account}]\n{token_line(token)}")
    return 0


def new_token() -> str:
    """A fresh token: `sk_` and 43 characters that are safe in headers and URLs."""
    return f"sk_{secrets.token_urlsafe(_RANDOM_BYTES)}"


def token_line(token: str) -> str:
    """The TOML that lets a token in, by its hash alone."""
    scopes = ", ".join(f'"{scope}"' for scope in Scope)
    return f'tokens = [{{ sha256 = "{hashlib.sha256(token.encode()).hexdigest()}", scopes = [{scopes}] }}]'
