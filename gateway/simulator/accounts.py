"""Deliveries kept for one system_id until they are acknowledged, and which of its binds each goes to.

It outlives every connection. Pure bookkeeping: the connections write, the Smsc knows when a receipt's time has come.
"""

from collections import deque
from typing import Protocol

from gateway.simulator.deliveries import Delivery


class Receiver(Protocol):
    """A bind that may be given deliveries."""

    @property
    def room(self) -> int:
        """Deliveries that it may take now."""

    def deliver(self, delivery: Delivery, now: float) -> None:
        """Queues the delivery's PDU; `Account.acknowledged` or `Account.put_back` follows."""


class Account:
    """What one system_id is owed."""

    def __init__(self, system_id: str, limit: int) -> None:
        self.system_id = system_id
        self._limit = limit
        self._ready: deque[Delivery] = deque()
        self._receivers: deque[Receiver] = deque()
        self._open_count = 0

    @property
    def open_count(self) -> int:
        """Deliveries promised and not yet acknowledged: waiting for their time, ready, or under way."""
        return self._open_count

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """The binds that take deliveries now."""
        return tuple(self._receivers)

    def promise(self) -> bool:
        """Counts one more delivery to come; False if no more are kept, and then it must be discarded."""
        if self._open_count >= self._limit:
            return False
        self._open_count += 1
        return True

    def ready(self, delivery: Delivery) -> None:
        """The time of a promised delivery has come."""
        self._ready.append(delivery)

    def acknowledged(self) -> None:
        """One delivery is done with."""
        self._open_count -= 1

    def put_back(self, deliveries: list[Delivery]) -> None:
        """Those that a lost connection leaves: first in line again, in their order."""
        self._ready.extendleft(reversed(deliveries))

    def join(self, receiver: Receiver) -> None:
        """One more bind takes deliveries."""
        self._receivers.append(receiver)

    def leave(self, receiver: Receiver) -> None:
        """That bind takes no more; it may never have joined."""
        if receiver in self._receivers:
            self._receivers.remove(receiver)

    def hand_out(self, now: float) -> None:
        """Gives what is ready to the binds in turn, as far as they have room."""
        ready, receivers = self._ready, self._receivers
        full = 0
        while ready and full < len(receivers):
            receiver = receivers[0]
            receivers.rotate(-1)
            if receiver.room > 0:
                full = 0
                receiver.deliver(ready.popleft(), now)
            else:
                full += 1
