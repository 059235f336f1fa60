"""Whose doing something is, as the audit keeps it."""

from typing import NamedTuple

UNNAMED = "operator"
"""What an operator's token is called that has no name of its own."""


class By(NamedTuple):
    """Whose doing it is."""

    who: str
    """`account:NAME`, `operator:NAME`, or `operator` of a token without a name."""
    request_id: int | None
    """None: it did not come by HTTP."""


def by_account(account: str, request_id: int | None) -> By:
    """An account's doing; of the operators' own, which has no name, an operator's."""
    return By(f"account:{account}" if account else UNNAMED, request_id)


def by_operator(request_id: int | None, name: str = UNNAMED) -> By:
    """An operator's doing, by the name of the token."""
    return By(UNNAMED if name == UNNAMED else f"{UNNAMED}:{name}", request_id)
