import pytest

from gateway.simulator.message_ids import SPELLINGS, IdFormat
from protocol.receipt_keys import exact_key, other_keys


@pytest.mark.parametrize(
    ("id_format", "response", "text", "tlv"),
    [
        (IdFormat.DECIMAL, "24378", "24378", "24378"),
        (IdFormat.HEX, "5F3A", "5F3A", "5F3A"),
        (IdFormat.HEX_RESPONSE_DECIMAL_RECEIPT, "5F3A", "24378", "24378"),
        (IdFormat.HEX_TLV_DECIMAL_TEXT, "5F3A", "24378", "5F3A"),
        (IdFormat.LOWER_RECEIPT, "5F3A", "5f3a", "5f3a"),
        (IdFormat.PADDED, "24378", "00000000000000024378", "00000000000000024378"),
        (IdFormat.EMPTY, "", "", ""),
        (IdFormat.ZERO, "0", "0", "0"),
        (IdFormat.SAME, "5F3A00", "5F3A00", "5F3A00"),
    ],
)
def test_each_format_spells_an_id_its_own_way(id_format: IdFormat, response: str, text: str, tlv: str) -> None:
    spelling = SPELLINGS[id_format]
    assert (spelling.response(24378), spelling.text(24378), spelling.tlv(24378)) == (response, text, tlv)


def test_every_format_has_a_spelling_that_fits_its_field() -> None:
    for id_format in IdFormat:
        for spell in SPELLINGS[id_format]:
            assert len(spell(1_790_000_000_000_000)) <= 64


def test_a_uuid_is_one_and_the_same_for_a_number() -> None:
    spelling = SPELLINGS[IdFormat.UUID]
    assert len(spelling.response(1)) == 36
    assert spelling.response(1) == spelling.text(1) == spelling.tlv(1) != spelling.response(2)


def test_a_long_id_uses_all_the_room_there_is() -> None:
    assert len(SPELLINGS[IdFormat.LONG].response(7)) == 64


@pytest.mark.parametrize("id_format", [f for f in IdFormat if f not in (IdFormat.EMPTY, IdFormat.ZERO, IdFormat.SAME)])
def test_receipts_of_every_format_can_be_matched(id_format: IdFormat) -> None:
    spelling = SPELLINGS[id_format]
    told = spelling.response(24378)
    for spell in (spelling.text, spelling.tlv):
        assert exact_key(told) in (exact_key(spell(24378)), *other_keys(spell(24378)))
