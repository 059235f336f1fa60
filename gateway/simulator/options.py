"""Everything the simulator can be told, with its default, unit and bounds. docs/simulator.md explains it to users."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from gateway.simulator.message_ids import IdFormat
from gateway.simulator.receipt_stat import ReceiptStat
from gateway.simulator.spans import Span
from protocol.command_status import CommandStatus
from protocol.segments import MAX_PARTS, LongMessages


class ReceiptShape(Enum):
    """How a receipt is written down (SMPP 3.4 appendix B leaves it to the SMSC)."""

    TEXT_TLV = "text+tlv"
    TEXT = "text"
    TLV = "tlv"
    MINIMAL = "minimal"
    BARE = "bare"
    ODD_CASE = "odd-case"
    PAYLOAD = "payload"
    DATA_SM = "data-sm"
    ESM_CLASS_0 = "esm-class-0"
    UNSWAPPED = "unswapped"


class ReceiptParts(Enum):
    """Which parts of a long message have a receipt."""

    EVERY = "every"
    FIRST = "first"
    LAST = "last"


class OptionsError(ValueError):
    """The options contradict one another or leave their bounds."""


_AT_ONCE = Span()


@dataclass(frozen=True, slots=True)
class Options:
    """Shares lie between 0 and 1, times are in seconds, 0 switches a limit off."""

    system_id: str | None = None
    """Only this one may bind; None lets anyone."""
    password: str | None = None
    bind_status: int = 0
    never_bind: bool = False
    """bind requests are never answered."""
    silent: bool = False
    """Takes TCP connections, reads them and never says a word: half open."""
    unbind_after: float = 0.0
    enquire_link_idle: float = 30.0
    response_timeout: float = 60.0
    """How long a deliver_sm waits for its answer before it is sent again."""

    latency: Span = _AT_ONCE
    """From a submit_sm to its answer."""
    reorder: bool = False
    max_rate: float = 0.0
    """Answers per second and bind: a carrier that is slow rather than one that throttles."""
    throttle_over: int = 0
    """submit_sm per second and system_id; those above get ESME_RTHROTTLED."""
    throttle_share: float = 0.0
    errors: tuple[tuple[int, float], ...] = ()
    """command_status and share."""
    drop_every: int = 0
    drop_share: float = 0.0
    drop_takes: bool = True
    """Whether the submit_sm that meets the cut was taken before it."""
    swallow_share: float = 0.0
    late_answer: float = 65.0
    """When the answer to a number ending in 000504 comes: just after the usual response timeout."""
    number_outcomes: bool = True
    id_format: IdFormat = IdFormat.DECIMAL
    first_id: int | None = None
    """None: 1 with a seed, else from the clock, so that no id comes again after a restart."""

    receipt_delay: Span = _AT_ONCE
    """From the answer's time to the receipt."""
    receipt_share: float = 1.0
    receipt_states: tuple[tuple[ReceiptStat, float], ...] = ()
    """Final state and share; what they leave of 1 is DELIVRD."""
    receipt_first: float = 0.0
    duplicate_receipts: float = 0.0
    receipt_shape: ReceiptShape = ReceiptShape.TEXT_TLV
    receipt_parts: ReceiptParts = ReceiptParts.EVERY
    receipt_retry: float = 1.0
    """How long a receipt waits after an answer other than ESME_ROK."""
    receipt_limit: int = 1_000_000
    """Deliveries kept for one system_id; beyond it the newest are thrown away and counted."""
    deliver_window: int = 100

    inbound: int = 0
    """Inbound messages to each receiving bind after it is bound."""
    inbound_from: str = "34600000099"
    inbound_to: str = "1234"
    inbound_text: str = "Hello from the handset"
    inbound_long: LongMessages = LongMessages.UDH8
    """How the parts of a long one are joined."""
    inbound_reference: int | None = None
    """Of the long ones; None: a new one for each."""
    inbound_parts: tuple[int, ...] = ()
    """The parts of a long one that come, in their order: `2, 1, 1`. Empty: all."""

    record: Path | None = None
    remember: int = 1_000_000
    """How many messages are remembered to tell the doubled and to answer query_sm; the oldest are forgotten first."""
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in (
            "throttle_share",
            "drop_share",
            "swallow_share",
            "receipt_share",
            "receipt_first",
            "duplicate_receipts",
        ):
            _bounded(name, getattr(self, name), 0, 1)
        faults = self.throttle_share + self.drop_share + self.swallow_share + sum(share for _, share in self.errors)
        _bounded("the shares of throttles, errors, drops and swallowed answers together", faults, 0, 1)
        _bounded("the shares of receipt states together", sum(share for _, share in self.receipt_states), 0, 1)
        for name in ("deliver_window", "receipt_limit", "remember"):
            _bounded(name, getattr(self, name), 1, 100_000_000)
        for name in ("throttle_over", "drop_every", "inbound", "max_rate", "unbind_after"):
            _bounded(name, getattr(self, name), 0, 100_000_000)


def status(text: str) -> int:
    """A command_status by name (`ESME_RTHROTTLED`, `RTHROTTLED`) or number (`0x58`, `88`)."""
    name = text.strip().upper()
    for candidate in (name, f"ESME_{name}"):
        if candidate in CommandStatus.__members__:
            return int(CommandStatus[candidate])
    try:
        number = int(name, 0)
    except ValueError:
        raise ValueError(f"{text!r} is neither a command_status such as ESME_RTHROTTLED nor a number") from None
    if not 0 <= number <= 0xFFFF_FFFF:
        raise ValueError(f"{text!r} does not fit into a command_status")
    return number


def share(text: str) -> float:
    """A share between 0 and 1, or a percentage: `0.05`, `5%`."""
    digits = text.strip()
    try:
        value = float(digits[:-1]) / 100 if digits.endswith("%") else float(digits)
    except ValueError:
        raise ValueError(f"{text!r} is not a share: write 0.05 or 5%") from None
    _bounded("a share", value, 0, 1)
    return value


def status_share(text: str) -> tuple[int, float]:
    """`ESME_RMSGQFUL=0.02`."""
    name, _, amount = text.partition("=")
    return status(name), share(amount)


def part_numbers(text: str) -> tuple[int, ...]:
    """`2,1,1`; `all` for none in particular."""
    if text.strip() == "all":
        return ()
    numbers = text.split(",")
    if not all(number.strip().isdecimal() and 1 <= int(number) <= MAX_PARTS for number in numbers):
        raise ValueError(f"{text!r} names no parts: write 2,1,1 or all")
    return tuple(map(int, numbers))


def state_share(text: str) -> tuple[ReceiptStat, float]:
    """`UNDELIV=0.1`."""
    name, _, amount = text.partition("=")
    try:
        state = ReceiptStat[name.strip().upper()]
    except KeyError:
        known = ", ".join(state.name for state in ReceiptStat)
        raise ValueError(f"{name!r} is not the state of a receipt: {known}") from None
    return state, share(amount)


def _bounded(name: str, value: float, least: float, most: float) -> None:
    # Written so that a NaN fails; a hair above 1 is what ten shares of 0.1 may sum to.
    if not least <= value <= most + 1e-9:
        raise OptionsError(f"{name.replace('_', ' ')}: {value:g} is not between {least:,} and {most:,}")
