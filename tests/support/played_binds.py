"""Binds of a real store, played by hand: they ask, list what they are dealt, and answer when told."""

from collections.abc import Iterable
from typing import Any

from gateway.store.interface import Answer, AttemptName, Claim, Verdict


class PlayedBind:
    """One bind's window, on a bench (tests/gateway/store/conftest.py)."""

    def __init__(self, bench: Any, name: str, carrier: str) -> None:
        self.bench = bench
        self.name = name
        self.carrier = carrier
        self.claims: list[Claim] = []
        self.kept: list[bool] = []
        bench.store.open_window(name, carrier, self.claims.extend)

    @property
    def messages(self) -> list[int]:
        """Ids of what it was dealt, in order."""
        return [claim.message for claim in self.claims]

    async def ask(self, room: int) -> list[Claim]:
        """Ask for so many PDUs; what was dealt for it."""
        before = len(self.claims)
        self.bench.store.ask(self.name, room)
        await self.bench.commit()
        return self.claims[before:]

    def claim_of(self, message: int) -> Claim:
        """The latest claim of a message."""
        return next(claim for claim in reversed(self.claims) if claim.message == message)

    def names(self, message: int, parts: Iterable[int] | None = None) -> list[AttemptName]:
        claim = self.claim_of(message)
        return [
            AttemptName(message, s.segment.part, s.attempt)
            for s in claim.segments
            if parts is None or s.segment.part in parts
        ]

    def an_answer(
        self,
        message: int,
        verdict: Verdict = Verdict.SENT,
        part: int = 1,
        name: AttemptName | None = None,
        **changes: Any,
    ) -> Answer:
        status = {Verdict.SENT: 0, Verdict.POSTPONED: 0x58, Verdict.RETRY: 0x08, Verdict.REFUSED: 0x0B}[verdict]
        is_sent = verdict is Verdict.SENT
        (name,) = [name] if name else self.names(message, [part])
        part = name.part
        answer = Answer(
            *name,
            verdict,
            status,
            f"{message:x}-{part}" if is_sent else "",
            self.bench.clock(),
            40,
            self.bench.clock() + 5_000 if verdict in (Verdict.POSTPONED, Verdict.RETRY) else 0,
            "destination_not_served" if verdict is Verdict.REFUSED else None,
            next(c.segments[0].segment.total for c in self.claims if c.message == message),
        )
        return answer._replace(**changes)

    async def answer(self, *answers: Answer, room: int = 0) -> None:
        self.bench.store.answered(self.name, list(answers), room, self.kept.append)
        await self.bench.commit()

    async def send(self, message: int, carrier_message_id: str | None = None, part: int = 1) -> None:
        """The carrier accepts a segment."""
        answer = self.an_answer(message, part=part)
        if carrier_message_id is not None:
            answer = answer._replace(carrier_message_id=carrier_message_id)
        await self.answer(answer)

    async def doubt(self, message: int, parts: Iterable[int] | None = None) -> None:
        self.bench.store.doubt(self.name, self.names(message, parts), 0)
        await self.bench.commit()

    async def release(self, message: int, parts: Iterable[int] | None = None) -> None:
        self.bench.store.release(self.name, self.names(message, parts), 0)
        await self.bench.commit()
