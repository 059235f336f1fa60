import pytest

from gateway.rules.faults import Fault, FaultCode
from gateway.rules.senders import NumberOwners, SenderKind, Senders, address_type, kind_of

ANY = Senders(["*"], None)


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        ("SHOP", SenderKind.ALPHANUMERIC),
        ("4U", SenderKind.ALPHANUMERIC),
        ("shop-24.es", SenderKind.ALPHANUMERIC),
        ("+34600000001", SenderKind.INTERNATIONAL),
        ("34600000001", SenderKind.INTERNATIONAL),
        ("7726", SenderKind.SHORT_CODE),
        ("12345678", SenderKind.SHORT_CODE),
        ("0800", SenderKind.SHORT_CODE),
    ],
)
def test_the_kind_of_a_sender_follows_from_its_spelling(sender: str, kind: SenderKind) -> None:
    assert kind_of(sender) is kind
    assert ANY.choose(sender) == sender


def test_ton_and_npi_are_those_that_carriers_ask_for() -> None:
    assert address_type("SHOP") == (5, 0)
    assert address_type("+34600000001") == (1, 1)
    assert address_type("7726") == (3, 0)


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        ("", FaultCode.SENDER_NOT_VALID),
        ("TWELVE CHARS", FaultCode.SENDER_TOO_LONG),
        ("+1234567890123456", FaultCode.SENDER_TOO_LONG),
        ("1234567890123456", FaultCode.SENDER_TOO_LONG),
        ("+034600000", FaultCode.SENDER_NOT_VALID),
        ("0034600000001", FaultCode.SENDER_NOT_VALID),
        ("CAFÉ", FaultCode.SENDER_NOT_VALID),
        ("A`B", FaultCode.SENDER_NOT_VALID),
        ("[SHOP]", FaultCode.SENDER_NOT_VALID),
        ("SHOP\n", FaultCode.SENDER_NOT_VALID),
        ("SH\0P", FaultCode.SENDER_NOT_VALID),
        ("SHOP\ud800", FaultCode.SENDER_NOT_VALID),
        (" SHOP", FaultCode.SENDER_NOT_VALID),
        ("+", FaultCode.SENDER_NOT_VALID),
        ("+SHOP", FaultCode.SENDER_NOT_VALID),
    ],
)
def test_a_sender_that_phones_cannot_show_is_refused(sender: str, code: FaultCode) -> None:
    fault = ANY.choose(sender)
    assert isinstance(fault, Fault)
    assert fault.code is code


def test_an_account_uses_its_own_senders_only() -> None:
    senders = Senders(["SHOP", "34600*"], None)
    assert senders.choose("SHOP") == "SHOP"
    assert senders.choose("+34600111222") == "+34600111222"
    assert senders.choose("34600111222") == "34600111222"
    assert senders.choose("EVIL") == Fault(
        "is not a sender of this account: use one of SHOP, 34600*", FaultCode.SENDER_NOT_ALLOWED
    )
    assert isinstance(senders.choose("+34611111222"), Fault)
    assert isinstance(senders.choose("shop"), Fault)


def test_a_refused_sender_stays_refused_when_asked_again() -> None:
    senders = Senders(["SHOP"], None)
    assert [isinstance(senders.choose("EVIL"), Fault) for _ in range(3)] == [True] * 3


def test_the_default_sender_stands_in_and_its_lack_is_told() -> None:
    assert Senders(["SHOP"], "SHOP").choose(None) == "SHOP"
    fault = Senders(["SHOP"], None).choose(None)
    assert isinstance(fault, Fault)
    assert fault.code is FaultCode.SENDER_MISSING
    assert "default_sender" in fault.words


def test_an_inbound_number_belongs_to_the_account_that_holds_it() -> None:
    owners = NumberOwners({"shop": ["SHOP", "+34600000001", "34611*"], "bank": ["34611222*", "7726"], "all": ["*"]})
    assert owners.account_of_number("34600000001") == "shop"
    assert owners.account_of_number("+34600000001") == "shop"
    assert owners.account_of_number("34611999999") == "shop"
    assert owners.account_of_number("+34611222333") == "bank", "the longest beginning wins"
    assert owners.account_of_number("7726") == "bank"


def test_a_number_of_nobody_or_of_several_goes_to_nobody() -> None:
    owners = NumberOwners({"shop": ["7726", "34611*"], "bank": ["7726", "34611*"], "all": ["*"]})
    assert owners.account_of_number("7726") is None
    assert owners.account_of_number("34611000000") is None
    assert owners.account_of_number("34699") is None
