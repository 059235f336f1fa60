"""Signing in to the console by an operator's token, and out again."""

import logging
import secrets

from quart import Response, request

from gateway.console.attempts import Attempts
from gateway.console.frame import HOME, Frame, see_other, sent
from gateway.console.guard import SIGN_IN, Guard
from gateway.console.origins import address_of, is_by_tls
from gateway.console.sessions import COOKIE, LONGEST_SECONDS, Sessions
from gateway.desk.operators import Operators

log = logging.getLogger("sluice.console")
FORM_COOKIE = "sluice_console_form"
"""What the form to sign in carries twice, as there is no session yet: others could sign a browser in as themselves."""
_MOST_TOKEN = 1024


class SignIn:
    """/console/sign-in and /console/sign-out."""

    def __init__(self, frame: Frame, guard: Guard, operators: Operators, sessions: Sessions) -> None:
        self._frame = frame
        self._guard = guard
        self._operators = operators
        self._sessions = sessions
        self._attempts = Attempts()

    async def form(self) -> Response:
        """The form; who is signed in already goes on."""
        to = within(request.args.get("to"))
        return self._form(to) if self._guard.who() is None else see_other(to)

    async def sign_in(self) -> Response:
        """A token, and where to go with it."""
        fields = await sent()
        to = within(fields.get("to"))
        address = address_of(request, self._guard.trusted_proxies)
        if wait := self._attempts.wait_seconds(address):
            words = f"Too many wrong tokens came from your address. Try again in {wait} seconds."
            return self._form(to, words, status=429, headers={"Retry-After": str(wait)})
        once = request.cookies.get(FORM_COOKIE, "")
        if not once or not await self._guard.is_form_of(once):
            return self._form(to, "This form was too old, or not ours. Try again.", status=403)
        token = fields.get("token", "")
        operator = self._operators.by_secret(token) if len(token) <= _MOST_TOKEN else None
        if operator is None:
            self._attempts.wrong(address)
            log.warning("a wrong token at the console address=%s", address)
            return self._form(to, "There is no operator with this token.", status=401)
        log.info("signed in to the console operator=%s address=%s", operator.name, address)
        answer = see_other(to)
        self._set(answer, COOKIE, self._sessions.begin(operator.sha256), int(LONGEST_SECONDS), HOME)
        self._set(answer, FORM_COOKIE, "", 0, SIGN_IN)
        return answer

    async def sign_out(self) -> Response:
        """The session ends, for a viewer too; a page that nobody may stay on."""
        found = self._guard.who()
        if found is not None:
            session = found[0]
            if not await self._guard.is_form_of(session.csrf):
                return self._guard.error(
                    403, "You are still signed in", "This form was not sent by a page of this console."
                )
            self._sessions.end(session)
        answer = see_other(SIGN_IN)
        self._set(answer, COOKIE, "", 0, HOME)
        return answer

    def _form(self, to: str, words: str = "", *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        once = secrets.token_urlsafe(32)
        answer = self._frame.bare("sign_in.html", title="Sign in", status=status, to=to, words=words, csrf=once)
        answer.headers.update(headers or {})
        self._set(answer, FORM_COOKIE, once, 3600, SIGN_IN)
        return answer

    def _set(self, answer: Response, name: str, value: str, seconds: int, path: str) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path=path,
            httponly=True,
            samesite="Strict",
            secure=is_by_tls(request, self._guard.trusted_proxies),
        )


def within(to: str | None) -> str:
    """The page to go to, if it is one of the console's; its first page otherwise."""
    if to is None or "\\" in to or not to.isprintable() or not (to == HOME or to.startswith((f"{HOME}/", f"{HOME}?"))):
        return HOME
    return (
        HOME if to.startswith((SIGN_IN, f"{HOME}/sign-out", f"{HOME}/static/", f"{HOME}/live")) or "/.." in to else to
    )
