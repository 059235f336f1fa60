"""Countries as labels: bounded, however many an account sends to."""

MOST = 50
OTHER = "other"


class Countries:
    """The first ones met keep their name; the others, and numbers of no country, are one."""

    def __init__(self, most: int = MOST) -> None:
        self._left = most
        self._labels: dict[str | None, str] = {None: OTHER}

    def label(self, country: str | None) -> str:
        found = self._labels.get(country)
        if found is None:
            if self._left <= 0:
                return OTHER
            self._left -= 1
            # `country` is a string here: None has its label from the start.
            found = self._labels[country] = str(country)
        return found
