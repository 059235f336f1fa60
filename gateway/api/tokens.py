"""Who calls: bearer tokens, known by their SHA-256 alone, their scopes, and the networks they may be used from.

The same check serves callers (accounts) and operators; which scope a call needs stands in the table of operations.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quart import Request

from gateway.api.addresses import Network, client_address, is_in
from gateway.api.problem_types import ADDRESS_NOT_ALLOWED, INSUFFICIENT_SCOPE, UNAUTHORIZED
from gateway.api.problems import Problem

REALM = 'Bearer realm="sluice"'


@dataclass(slots=True, frozen=True)
class Grant:
    """What one token opens."""

    sha256: str
    """Lower-case hexadecimal."""
    owner: str
    """The account's name."""
    scopes: frozenset[str]
    allow_from: Sequence[Network] = ()
    """Empty: from anywhere."""


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header. Raises a Problem 401 where there is none."""
    if authorization is None:
        raise Problem(UNAUTHORIZED, "Send `Authorization: Bearer` and your token.", headers={"WWW-Authenticate": REALM})
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Problem(
            UNAUTHORIZED,
            "The scheme of the Authorization header must be Bearer.",
            headers={"WWW-Authenticate": REALM},
        )
    return token.strip()


def not_valid() -> Problem:
    """A 401 for a token that is nobody's."""
    return Problem(
        UNAUTHORIZED, "The token is not valid.", headers={"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
    )


class Tokens:
    """All tokens of one listener."""

    def __init__(self, grants: Iterable[Grant], trusted_proxies: Sequence[Network] = ()) -> None:
        # Found by a digest under a key of this process alone, so that how long a look-up takes tells nobody outside
        # anything of the digests that are kept; a look at each grant in turn would cost more with every account.
        self._key = secrets.token_bytes(32)
        self.generation = 0
        """Changes with the tokens."""
        self.replace(grants, trusted_proxies)

    def replace(self, grants: Iterable[Grant], trusted_proxies: Sequence[Network] = ()) -> None:
        """These are the tokens from the next request on."""
        self.generation += 1
        self._grants = {self._place(grant.sha256): grant for grant in grants}
        self._trusted_proxies = trusted_proxies

    def owner(self, request: Request, scope: str) -> str:
        """Whose token the request bears. Raises a Problem: 401 without a valid one, 403 when it may not do this."""
        grant = self._grant(request.headers.get("Authorization"))
        if scope not in grant.scopes:
            raise Problem(
                INSUFFICIENT_SCOPE,
                f"This call needs a token with the scope `{scope}`.",
                headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'},
            )
        if grant.allow_from:
            self._check_address(request, grant)
        return grant.owner

    def plain_owner(self, authorization: str, scope: str) -> str | None:
        """Whose token it is, as far as the header alone tells that it may do this; None: `owner` tells."""
        try:
            grant = self._grant(authorization)
        except Problem:
            return None
        return grant.owner if scope in grant.scopes and not grant.allow_from else None

    def _grant(self, authorization: str | None) -> Grant:
        digest = hashlib.sha256(bearer(authorization).encode()).hexdigest()
        grant = self._grants.get(self._place(digest))
        if grant is None or not hmac.compare_digest(grant.sha256, digest):
            raise not_valid()
        return grant

    def _place(self, digest: str) -> bytes:
        return hashlib.blake2b(digest.encode(), digest_size=16, key=self._key).digest()

    def _check_address(self, request: Request, grant: Grant) -> None:
        peer = request.scope.get("client")
        address = client_address(
            peer[0] if peer else None,
            request.headers.getlist("X-Forwarded-For"),
            request.headers.getlist("Forwarded"),
            self._trusted_proxies,
        )
        if address is None or not is_in(address, grant.allow_from):
            seen = "an address that cannot be known" if address is None else str(address)
            raise Problem(
                ADDRESS_NOT_ALLOWED, f"The request comes from {seen}, which is not among the networks of this token."
            )
