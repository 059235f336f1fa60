"""Who is signed in to the console: sessions, in memory alone, each bound to the token that opened it.

A restart ends them all. Whether a token is still one is asked of gateway/desk/operators at every request.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import trio

COOKIE = "sluice_console"
LONGEST_SECONDS = 12 * 3600.0
IDLE_SECONDS = 3600.0
MOST_SESSIONS = 1_000
"""One more ends the one that was not used for longest."""


class Flash(NamedTuple):
    """What was done, to be shown once."""

    words: str
    is_error: bool


@dataclass(slots=True)
class Session:
    """One browser's. Times in seconds of a clock that only rises."""

    token_sha256: str
    csrf: str
    """What each form of this session carries."""
    began_at: float
    seen_at: float
    flash: Flash | None = None
    place: str = ""
    """The digest of its cookie."""


class Sessions:
    """All that are open. What a browser holds is kept as its digest alone."""

    def __init__(self, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        """By the digest of the cookie; the one used last stands last."""

    def begin(self, token_sha256: str) -> str:
        """The cookie of a new session of this token."""
        now = self._clock()
        for place in [place for place, one in self._sessions.items() if _is_over(one, now)]:
            del self._sessions[place]
        if len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        cookie = secrets.token_urlsafe(32)
        place = _place(cookie)
        self._sessions[place] = Session(token_sha256, secrets.token_urlsafe(32), now, now, place=place)
        return cookie

    def of(self, cookie: str | None, *, is_use: bool = True) -> Session | None:
        """The session of this cookie, which counts as used now, if it `is_use`; None: there is none, or it is over."""
        now = self._clock()
        session = self._sessions.get(_place(cookie or ""))
        if session is None:
            return None
        if _is_over(session, now):
            self.end(session)
            return None
        if is_use:
            session.seen_at = now
            self._sessions[session.place] = self._sessions.pop(session.place)
        return session

    def is_open(self, session: Session) -> bool:
        """Whether it goes on; to ask this is not to use it."""
        return session.place in self._sessions and not _is_over(session, self._clock())

    def end(self, session: Session) -> None:
        """Nobody can go on with it."""
        self._sessions.pop(session.place, None)

    def __len__(self) -> int:
        return len(self._sessions)


def _is_over(session: Session, now: float) -> bool:
    return now - session.began_at >= LONGEST_SECONDS or now - session.seen_at >= IDLE_SECONDS


def _place(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()
