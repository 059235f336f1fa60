import argparse
from pathlib import Path

import pytest

from gateway.simulator.arguments import add_arguments, options_from
from gateway.simulator.message_ids import IdFormat
from gateway.simulator.options import Options, OptionsError, ReceiptParts, ReceiptShape
from gateway.simulator.receipt_stat import ReceiptStat
from gateway.simulator.spans import Span
from protocol.segments import LongMessages


def a_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return parser


def read(*words: str, base: Options | None = None) -> Options:
    return options_from(a_parser().parse_args(words), base or Options())


def test_all_parts_of_inbound_messages_come_again_when_told() -> None:
    assert read("--inbound-parts", "all", base=Options(inbound_parts=(2,))).inbound_parts == ()
    with pytest.raises(argparse.ArgumentError, match="names no parts"):
        read("--inbound-parts", "1,x")


def test_nothing_given_leaves_the_defaults() -> None:
    assert read() == Options()


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--system-id shop", "system_id", "shop"),
        ("--inbound-long udh16", "inbound_long", LongMessages.UDH16),
        ("--inbound-reference 7", "inbound_reference", 7),
        ("--inbound-parts 2,1,1", "inbound_parts", (2, 1, 1)),
        ("--password secret", "password", "secret"),
        ("--bind-status RALYBND", "bind_status", 5),
        ("--never-bind", "never_bind", True),
        ("--silent", "silent", True),
        ("--unbind-after 5m", "unbind_after", 300.0),
        ("--enquire-link-idle 5", "enquire_link_idle", 5.0),
        ("--response-timeout 10s", "response_timeout", 10.0),
        ("--latency 10-50ms", "latency", Span(0.01, 0.05)),
        ("--reorder", "reorder", True),
        ("--max-rate 20", "max_rate", 20.0),
        ("--throttle-over 100", "throttle_over", 100),
        ("--throttle-share 5%", "throttle_share", 0.05),
        ("--error RSYSERR=0.1 --error 0x14=2%", "errors", ((8, 0.1), (0x14, 0.02))),
        ("--drop-every 1000", "drop_every", 1000),
        ("--drop-share 0.01", "drop_share", 0.01),
        ("--no-drop-takes", "drop_takes", False),
        ("--swallow-share 1%", "swallow_share", 0.01),
        ("--late-answer 90s", "late_answer", 90.0),
        ("--no-number-outcomes", "number_outcomes", False),
        ("--id-format hex-response-decimal-receipt", "id_format", IdFormat.HEX_RESPONSE_DECIMAL_RECEIPT),
        ("--first-id 7", "first_id", 7),
        ("--receipt-delay 1-5s", "receipt_delay", Span(1, 5)),
        ("--receipt-share 90%", "receipt_share", 0.9),
        ("--no-receipts", "receipt_share", 0.0),
        ("--receipt-state EXPIRED=0.1", "receipt_states", ((ReceiptStat.EXPIRED, 0.1),)),
        ("--undelivered-share 0.2", "receipt_states", ((ReceiptStat.UNDELIV, 0.2),)),
        ("--receipt-first", "receipt_first", 1.0),
        ("--receipt-first 0.5", "receipt_first", 0.5),
        ("--duplicate-receipts 10%", "duplicate_receipts", 0.1),
        ("--receipt-shape minimal", "receipt_shape", ReceiptShape.MINIMAL),
        ("--receipt-parts last", "receipt_parts", ReceiptParts.LAST),
        ("--receipt-retry 2s", "receipt_retry", 2.0),
        ("--receipt-limit 50", "receipt_limit", 50),
        ("--deliver-window 10", "deliver_window", 10),
        ("--inbound 3", "inbound", 3),
        ("--inbound-from 34600000001", "inbound_from", "34600000001"),
        ("--inbound-to 777", "inbound_to", "777"),
        ("--inbound-text STOP", "inbound_text", "STOP"),
        ("--record taken.jsonl", "record", Path("taken.jsonl")),
        ("--remember 1000", "remember", 1000),
        ("--seed 7", "seed", 7),
    ],
)
def test_each_option_is_read(words: str, name: str, value: object) -> None:
    assert getattr(read(*words.split()), name) == value
    assert getattr(Options(), name) != value, "this case could not fail"


def test_every_option_can_be_given() -> None:
    given = {action.dest for action in a_parser()._actions}
    assert given >= set(Options.__dataclass_fields__)


def test_the_undelivered_share_joins_the_other_states() -> None:
    base = Options(receipt_states=((ReceiptStat.EXPIRED, 0.1), (ReceiptStat.UNDELIV, 0.5)))
    assert read("--undelivered-share", "0.2", base=base).receipt_states == (
        (ReceiptStat.EXPIRED, 0.1),
        (ReceiptStat.UNDELIV, 0.2),
    )


def test_what_is_not_given_stays_as_it_was() -> None:
    assert read("--throttle-share", "0.5", base=Options(seed=7)) == Options(seed=7, throttle_share=0.5)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--latency soon", "not a length of time"),
        ("--throttle-share 2", "between 0 and 1"),
        ("--error NONSENSE=0.1", "command_status"),
        ("--id-format roman", "decimal, hex"),
        ("--receipt-state GONE=0.1", "DELIVRD"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_what_could(words: str, reason: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=reason):
        read(*words.split())


def test_values_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(OptionsError, match="together"):
        read("--throttle-share", "0.6", "--swallow-share", "0.6")
