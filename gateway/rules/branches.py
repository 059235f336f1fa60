"""Branches: what a message is filed under. A route's own name, or with the country and prefix that decide there.

`ROUTE`, `ROUTE/ES` or `ROUTE/ES+34600`; names of routes hold no slash. Outside a branch is shown as its route.
"""


def branch(route: str, country: str | None = None, prefix: str | None = None) -> str:
    """The branch of a route for a country, first digits (without plus), both or neither."""
    if country is None and prefix is None:
        return route
    return f"{route}/{country or ''}" if prefix is None else f"{route}/{country or ''}+{prefix}"


def route_of(branch: str) -> str:
    """The name of the route."""
    return branch.partition("/")[0]


def facts_of(branch: str) -> tuple[str | None, str | None]:
    """Country and prefix that decide; None where none does."""
    country, _, prefix = branch.partition("/")[2].partition("+")
    return country or None, prefix or None
