"""How a bind leaves: it waits for what is owed, unbinds, waits for the answer; each wait has its end. Pure."""

from protocol.session import Session
from protocol.session_states import SessionState

ANSWERED_SECONDS = 0.1
"""For the last answer that we owed to be written before the bind goes: cut short, the delivery would come again."""
_NEVER = float("inf")


class Leaving:
    """Of one bind; begun at most once."""

    __slots__ = ("_unbind_seconds", "until")

    def __init__(self, unbind_seconds: float) -> None:
        """`unbind_seconds`: how long an unbind is waited for. SMSCs answer it after seconds, or just close."""
        self._unbind_seconds = unbind_seconds
        self.until = _NEVER
        """When the wait that it has come to ends."""

    def begin(self, until: float, unbind_seconds: float) -> None:
        """Wait until then for what is owed, and for the unbind so long at most."""
        self.until = until
        self._unbind_seconds = min(self._unbind_seconds, unbind_seconds)

    def go_on(self, session: Session, now: float, *, still_owed: bool) -> str | None:
        """Take the next step, if it is time; in words, why the link is to be closed now, if it is."""
        state = session.state
        if state is SessionState.UNBINDING:
            return "the unbind was not answered" if now >= self.until else None
        if state is SessionState.BOUND:
            if not still_owed or now >= self.until:
                self.until = now + self._unbind_seconds
                session.unbind(now)
            return None
        return None if state is SessionState.CLOSED else "left before it was bound"
