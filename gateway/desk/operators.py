"""Who may look and who may act: the operators' tokens, known by their SHA-256 alone, with their names and roles."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from gateway.desk.masks import Sight
from gateway.settings import Settings
from gateway.settings.types import Role
from gateway.store.by import By, by_operator


@dataclass(slots=True, frozen=True)
class Operator:
    """Who bears one token."""

    name: str
    role: Role
    sha256: str
    """Lower-case hexadecimal."""

    @property
    def may_act(self) -> bool:
        return self.role is Role.OPERATOR

    @property
    def sight(self) -> Sight:
        """What the answers of /admin show of numbers."""
        return Sight.WHOLE if self.may_act else Sight.MASKED

    def by(self, request_id: int | None) -> By:
        """What the audit keeps of a doing."""
        return by_operator(request_id, self.name)


class Operators:
    """All of them, by their tokens."""

    def __init__(self, settings: Settings) -> None:
        # As in gateway/api/tokens.py: how long a look-up takes is to tell nothing of the digests that are kept.
        self._key = secrets.token_bytes(32)
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings: theirs are the tokens from now on."""
        operators = [Operator(token.name, token.role, token.sha256.lower()) for token in settings.operator.tokens]
        self._operators = {self._place(operator.sha256): operator for operator in operators}

    def by_secret(self, secret: str) -> Operator | None:
        """Whose token it is; None: nobody's."""
        return self.still(hashlib.sha256(secret.strip().encode()).hexdigest())

    def still(self, sha256: str) -> Operator | None:
        """Who bears the token of this digest by the settings of now; None: nobody any more."""
        operator = self._operators.get(self._place(sha256))
        if operator is None or not hmac.compare_digest(operator.sha256, sha256):
            return None
        return operator

    def _place(self, digest: str) -> bytes:
        return hashlib.blake2b(digest.encode(), digest_size=16, key=self._key).digest()
