import pytest

from gateway.simulator.options import Options, OptionsError, share, state_share, status, status_share
from gateway.simulator.receipt_stat import ReceiptStat


def test_the_defaults_are_a_carrier_without_faults() -> None:
    options = Options()
    assert options.receipt_share == 1
    assert not options.errors
    assert not options.throttle_share


@pytest.mark.parametrize(
    "values",
    [
        {"throttle_share": 1.1},
        {"throttle_share": -0.1},
        {"swallow_share": float("nan")},
        {"throttle_share": 0.6, "swallow_share": 0.5},
        {"errors": ((8, 0.6), (20, 0.6))},
        {"receipt_states": ((ReceiptStat.UNDELIV, 0.6), (ReceiptStat.EXPIRED, 0.6))},
        {"deliver_window": 0},
        {"receipt_limit": 0},
        {"throttle_over": -1},
    ],
)
def test_values_beyond_their_bounds_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(OptionsError, match="is not between"):
        Options(**values)  # type: ignore[arg-type]


def test_ten_tenths_are_a_whole() -> None:
    assert Options(errors=tuple((status, 0.1) for status in range(1, 11)))


@pytest.mark.parametrize("text", ["ESME_RTHROTTLED", "RTHROTTLED", "esme_rthrottled", "0x58", "88"])
def test_a_status_is_read_by_name_or_number(text: str) -> None:
    assert status(text) == 0x58


@pytest.mark.parametrize("text", ["ESME_RNONSENSE", "", "-1", "0x1FFFFFFFF"])
def test_what_is_no_status_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="command_status"):
        status(text)


def test_shares_are_fractions_or_percentages() -> None:
    assert share("0.05") == share("5%") == 0.05
    for text in ("5", "-1%", "x", "nan", ""):
        with pytest.raises(ValueError, match="share"):
            share(text)


def test_shares_of_statuses_and_states_are_read() -> None:
    assert status_share("ESME_RMSGQFUL=2%") == (0x14, 0.02)
    assert state_share("undeliv=0.1") == (ReceiptStat.UNDELIV, 0.1)
    with pytest.raises(ValueError, match="UNDELIV"):
        state_share("NOWHERE=0.1")
