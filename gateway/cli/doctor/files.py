"""The files of the configuration and its secrets: whether others may read or change what only the gateway should."""

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.settings import Settings
from gateway.settings.files import matching

NAME = "files"
_find = Findings(NAME)


async def check(case: Case) -> list[Finding]:
    settings = case.settings
    places = [case.config]
    for pattern in settings.include:
        places += matching(pattern, case.config.parent)
    holds_secrets = _has_secrets_inside(settings)
    found = [_judged(place, str(place), is_secret=holds_secrets) for place in dict.fromkeys(places)]
    for key, name in _secret_files(settings):
        try:
            place = case.secret_files.find(name)
        except ValueError as error:
            found.append(_find.fault(key, str(error), "put the file there, or correct its name"))
            continue
        found.append(_judged(place, f"{key} ({place})", is_secret=True))
    return found


def _judged(place: Path, about: str, *, is_secret: bool) -> Finding:
    try:
        status = place.stat()
        place.open("rb").close()
    except OSError as error:
        allow = f"chown {_user(os.geteuid())} {place} && chmod 0600 {place}"
        return _find.fault(about, f"can't be read: {error.strerror}", f"let this user read it: {allow}")
    mode, owner = stat.S_IMODE(status.st_mode), _user(status.st_uid)
    seen = f"mode {mode:04o}, owner {owner}"
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return _find.warning(about, f"{seen}: others than its owner may change it", f"chmod go-w {place}")
    if is_secret and mode & (stat.S_IROTH | stat.S_IXOTH):
        return _find.warning(about, f"{seen}: everybody on this machine may read the secret in it", f"chmod o= {place}")
    if status.st_uid not in (0, os.geteuid()):
        remedy = f"chown root {place}, or {_user(os.geteuid())}, if {owner} is not meant to change it"
        return _find.note(about, f"{seen}, who can change what this user runs with", remedy)
    return _find.ok(about, seen)


def _secret_files(settings: Settings) -> Iterator[tuple[str, str]]:
    """The key and the file of each."""
    for carrier in settings.carriers.values():
        at = f"carriers.{carrier.name}"
        if carrier.password_file is not None:
            yield f"{at}.password_file", carrier.password_file
        if carrier.tls is not None and carrier.tls.key_file is not None:
            yield f"{at}.tls.key_file", carrier.tls.key_file
    for number, token in enumerate(settings.operator.tokens):
        if token.file is not None:
            yield f"operator.tokens.{number}.file", token.file
    webhooks = {f"accounts.{account.name}": account.webhook for account in settings.accounts.values()}
    for about, webhook in [*webhooks.items(), ("operator", settings.operator.webhook)]:
        for name in [] if webhook is None else webhook.secret_files:
            yield f"{about}.webhook.secret_files", name
    if settings.lookup.token_file is not None:
        yield "lookup.token_file", settings.lookup.token_file


def _has_secrets_inside(settings: Settings) -> bool:
    """Whether the configuration file itself, or the environment, holds a secret."""
    if any(carrier.password_file is None for carrier in settings.carriers.values()):
        return True
    webhooks = [account.webhook for account in settings.accounts.values()] + [settings.operator.webhook]
    return any(webhook is not None and len(webhook.secrets) > len(webhook.secret_files) for webhook in webhooks)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
