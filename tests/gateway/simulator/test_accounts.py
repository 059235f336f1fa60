from gateway.simulator.accounts import Account
from gateway.simulator.deliveries import Delivery, Inbound
from protocol.pdus import DeliverSm


class Bind:
    """A receiver with so much room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.got: list[Delivery] = []

    def deliver(self, delivery: Delivery, now: float) -> None:
        self.room -= 1
        self.got.append(delivery)


def deliveries(count: int) -> list[Delivery]:
    return [Inbound(DeliverSm()) for _ in range(count)]


def owing(account: Account, count: int) -> list[Delivery]:
    owed = deliveries(count)
    for delivery in owed:
        assert account.promise()
        account.ready(delivery)
    return owed


def test_binds_take_turns() -> None:
    account = Account("shop", 100)
    binds = [Bind(10), Bind(10)]
    for bind in binds:
        account.join(bind)
    owed = owing(account, 4)
    account.hand_out(0.0)
    assert binds[0].got == owed[0::2]
    assert binds[1].got == owed[1::2]


def test_a_full_bind_is_passed_over() -> None:
    account = Account("shop", 100)
    full, free = Bind(1), Bind(10)
    account.join(full)
    account.join(free)
    owing(account, 6)
    account.hand_out(0.0)
    assert len(full.got) == 1
    assert len(free.got) == 5


def test_what_no_bind_takes_waits_for_the_next() -> None:
    account = Account("shop", 100)
    owed = owing(account, 3)
    account.hand_out(0.0)
    assert account.open_count == 3
    bind = Bind(2)
    account.join(bind)
    account.hand_out(0.0)
    assert bind.got == owed[:2]


def test_what_a_lost_bind_leaves_goes_first_and_in_its_order() -> None:
    account = Account("shop", 100)
    lost, left = Bind(3), Bind(10)
    account.join(lost)
    owed = owing(account, 5)
    account.hand_out(0.0)
    account.leave(lost)
    account.put_back(lost.got)
    account.join(left)
    account.hand_out(0.0)
    assert left.got == owed


def test_no_more_is_kept_than_the_limit() -> None:
    account = Account("shop", 2)
    assert account.promise()
    assert account.promise()
    assert not account.promise()
    account.acknowledged()
    assert account.promise()


def test_a_bind_that_never_joined_may_leave() -> None:
    account = Account("shop", 2)
    account.leave(Bind(1))
    assert account.receivers == ()
