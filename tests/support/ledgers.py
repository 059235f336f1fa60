"""What a customer keeps of the events: little enough that a run of hours fits into memory, enough to miss none."""

from collections import Counter, defaultdict
from typing import Any

from arrivals import Arrivals
from webhook_receivers import Delivery, WebhookReceiver

ENDS = frozenset({"delivered", "undelivered", "expired", "rejected", "failed", "unknown", "canceled"})


class Ledger(Arrivals[dict[str, Any]]):
    """Takes the place of a receiver's events; each event comes here once, in the order of first arrival."""

    def __init__(self) -> None:
        super().__init__("events")
        self.ids: set[str] = set()
        self.told: defaultdict[str, list[str]] = defaultdict(list)
        """Kinds told of each message, `in_doubt` among them."""
        self.ends: dict[str, str] = {}
        """The end of each message as it was told last."""
        self.doubted: set[str] = set()
        self.marked: set[str] = set()
        """Messages whose last event says that they may have arrived twice."""
        self.messages_of: defaultdict[str, set[str]] = defaultdict(set)
        """By number: where each number is written to once, more than one message is a repeat that was carried out."""
        self.out_of_order: list[str] = []
        self._latest: dict[str, str] = {}

    def add(self, item: dict[str, Any]) -> None:
        message, kind = item["message_id"], item["type"].removeprefix("message.")
        self.ids.add(item["id"])
        self.told[message].append(kind)
        self.messages_of[item["data"]["to"]].add(message)
        if kind == "in_doubt":
            self.doubted.add(message)
        if kind in ENDS:
            self.ends[message] = kind
        if item["data"]["possible_duplicate"]:
            self.marked.add(message)
        else:
            self.marked.discard(message)
        # Ids sort by the time at which they were handed out.
        if item["id"] < self._latest.get(message, ""):
            self.out_of_order.append(f"{message}: {item['id']} came after {self._latest[message]}")
        self._latest[message] = item["id"]

    def __len__(self) -> int:
        return len(self.ids)


class Tries(Arrivals[Delivery]):
    """Takes the place of a receiver's deliveries: counts them by what was answered."""

    def __init__(self) -> None:
        super().__init__("webhook deliveries")
        self.answered: Counter[int] = Counter()

    def add(self, item: Delivery) -> None:
        self.answered[item.answered] += 1


def keep_little(receiver: WebhookReceiver) -> Ledger:
    """Have a receiver write into a ledger from now on."""
    ledger = Ledger()
    receiver.events, receiver.deliveries = ledger, Tries()
    return ledger
