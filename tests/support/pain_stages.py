"""One gateway before many scripted SMSCs, each behind a route of its own: a pain each, all of them tried at once."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemons import SECRET, Gateway, account, carrier, configuration, running
from scripted_smsc import BindScript, Script, ScriptedSmsc, scripted, take_bind
from webhook_receivers import WebhookReceiver, receiving


@dataclass(slots=True, frozen=True)
class Pain:
    """How a carrier behaves, and what is set for it."""

    script: Script
    settings: Mapping[str, Any]
    on_bind: BindScript = take_bind
    able: bool = True
    """Whether it can be waited for."""


class PainStage:
    """Sends to the carrier of a pain by its name."""

    def __init__(self, gateway: Gateway, webhooks: WebhookReceiver, smscs: dict[str, ScriptedSmsc]) -> None:
        self.gateway = gateway
        self.webhooks = webhooks
        self.smscs = smscs
        self._places = {name: place for place, name in enumerate(smscs)}

    def number(self, pain: str, n: int = 1) -> str:
        return f"+346{self._places[pain]:02}{n:06}"

    def send(self, pain: str, text: str = "Hello", n: int = 1, **fields: Any) -> dict[str, Any]:
        return self.gateway.send(self.number(pain, n), text, **fields)

    def timeline(self, message: dict[str, Any], what: str = "receipt") -> list[dict[str, Any]]:
        return [step for step in self.gateway.message(message["id"])["timeline"] if step["what"] == what]

    def wait_receipts(self, message: dict[str, Any], count: int) -> list[dict[str, Any]]:
        """The timeline's receipts, once there are so many."""

        def all_there() -> list[dict[str, Any]] | None:
            found = self.timeline(message)
            return found if len(found) >= count else None

        return self.gateway.wait_for(all_there, f"{count} receipts of {message['id']}")


@contextmanager
def staged(folder: Path, pains: Mapping[str, Pain]) -> Iterator[PainStage]:
    """All carriers bound; in the end nothing of the gateway's own may have gone wrong."""
    with ExitStack() as stack:
        webhooks = stack.enter_context(receiving(SECRET))
        smscs = {name: stack.enter_context(scripted(pain.script, on_bind=pain.on_bind)) for name, pain in pains.items()}
        sections = {
            "carriers": {
                f"c{place:02}": carrier(smscs[name].port, **pain.settings)
                for place, (name, pain) in enumerate(pains.items())
            },
            "routes": [
                {"name": f"c{place:02}", "match": {"prefix": [f"346{place:02}"]}, "tiers": [f"c{place:02}"]}
                for place in range(len(pains))
            ],
            "accounts": {"shop": account(webhooks.url, unicode="allow")},
        }
        gateway = stack.enter_context(running(folder, configuration(folder, **sections)))
        gateway.wait_able(*[f"c{place:02}" for place, pain in enumerate(pains.values()) if pain.able])
        yield PainStage(gateway, webhooks, smscs)
