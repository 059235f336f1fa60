"""A browser without a screen: calls the console's app, keeps its cookies, and sends its forms."""

import re
from typing import Any

from quart_trio import QuartTrio

ADDRESS = "203.0.113.9"
OPERATOR = "operator-token-of-tests"
_FIELD = re.compile(r'name="csrf" value="([^"]+)"')


class ConsoleCaller:
    """One browser at one address."""

    def __init__(self, app: QuartTrio, address: str = ADDRESS) -> None:
        self._client = app.test_client()
        self._scope = {"client": (address, 50_000)}
        self.last = ""
        """The page that was seen last."""

    async def call(
        self, method: str, path: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        answer = await self._client.open(
            path, method=method, form=fields, headers=headers or {}, scope_base=self._scope, follow_redirects=False
        )
        self.last = (await answer.get_data()).decode()
        return answer

    async def get(self, path: str, **given: Any) -> Any:
        return await self.call("GET", path, **given)

    async def post(
        self, path: str, fields: dict[str, str] | None = None, *, headers: dict[str, str] | None = None
    ) -> Any:
        """With what guards the form on the page that was seen last."""
        return await self.call("POST", path, {"csrf": self.csrf, **(fields or {})}, headers)

    @property
    def csrf(self) -> str:
        found = _FIELD.search(self.last)
        return "" if found is None else found[1]

    def cookie(self, name: str) -> Any:
        """A cookie that is kept; None where there is none."""
        return next((one for one in self._client.cookie_jar if one.name == name), None)

    async def sign_in(self, token: str = OPERATOR, *, to: str = "/console") -> Any:
        """By the form, which is asked for first."""
        await self.get(f"/console/sign-in?to={to}")
        return await self.post("/console/sign-in", {"token": token, "to": to})
