"""Receipts in every shape seen in the field (vectors/receipts.jsonl), and what no octets may do to their reader."""

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from receipt_vectors import TAGS, VECTORS, pdu_of

from protocol.numbers import Tlv
from protocol.pdus import DataSm, DeliverSm
from protocol.receipt_text import _ORDINARY, _scan, read_text
from protocol.receipts import Receipt, ReceiptState, _read_any, _read_ordinary, read_receipt

ORDINARY = b"id:5F3A sub:001 dlvrd:001 submit date:2603090814 done date:2603090815 stat:DELIVRD err:000 text:hi"


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_shape_is_read_as_a_human_would(vector):
    expected = vector["expected"]
    receipt = read_receipt(pdu_of(vector["fields"]), text_only=vector["fields"].get("text_only", False))
    if expected is None:
        assert receipt is None
        return
    assert receipt == Receipt(
        message_id=expected["message_id"],
        alt_ids=tuple(expected.get("alt_ids", ())),
        state=ReceiptState[expected["state"]],
        stat=expected.get("stat"),
        error=expected.get("error"),
        network_error=tuple(expected["network_error"]) if "network_error" in expected else None,
        submitted_at=moment(expected.get("submitted_at")),
        done_at=moment(expected.get("done_at")),
        source=expected.get("source", "34600000001"),
        destination=expected.get("destination", "SHOP"),
        raw=expected.get("raw", receipt.raw),
        disagreements=tuple(expected.get("disagreements", ())),
        is_intermediate=expected.get("is_intermediate", False),
        reference=expected.get("reference"),
        is_guess=expected.get("is_guess", False),
        may_quote=expected.get("may_quote", False),
    )
    assert "text:" not in receipt.raw.lower()
    assert receipt.is_final == expected.get("is_final", receipt.is_final)


def test_vectors_have_a_name_each_and_are_many():
    names = [vector["name"] for vector in VECTORS]
    assert len(set(names)) == len(names) == len(VECTORS) >= 160


@pytest.mark.parametrize("state", ReceiptState)
def test_message_state_has_the_numbers_of_the_specification(state):
    pdu = DeliverSm(esm_class=4, tlvs={Tlv.MESSAGE_STATE: bytes((state.value,))})
    receipt = read_receipt(pdu)
    assert receipt is not None
    assert receipt.state is state
    assert receipt.is_final == (state.name not in {"SCHEDULED", "ENROUTE", "ACCEPTED", "UNKNOWN"})


@pytest.mark.parametrize("esm_class", range(256))
def test_message_type_bits_alone_decide_where_there_are_no_tlvs(esm_class):
    receipt = read_receipt(DeliverSm(esm_class=esm_class, short_message=ORDINARY))
    is_receipt = esm_class & 0x24 and not esm_class & 0x18
    assert (receipt is not None) == bool(is_receipt)
    if receipt is not None:
        assert receipt.message_id == "5F3A"


def test_dates_with_and_without_a_zone_are_not_compared():
    octets = ORDINARY.replace(b"2603090815", b"250309081430504-")
    receipt = read_receipt(DeliverSm(esm_class=4, short_message=octets))
    assert receipt is not None
    assert receipt.disagreements == ()


@pytest.mark.parametrize("octets", [b"id:" + b"a" * 60_000, b"a " * 30_000, b"\0a" * 30_000, b"text " * 12_000])
def test_what_is_kept_of_a_long_payload_is_bounded(octets):
    receipt = read_receipt(DataSm(esm_class=4, tlvs={Tlv.MESSAGE_PAYLOAD: octets, Tlv.RECEIPTED_MESSAGE_ID: octets}))
    assert receipt is not None
    assert len(receipt.raw) <= 2048
    assert len(receipt.message_id or "") <= 1024


words = st.sampled_from(
    [b"id:", b"ID :", b" stat:", b"DELIVRD", b" err:", b"submit date:", b"done date:", b"2603090814", b"0000000000000",
     b" ", b"\0", b"text:", b"i\0d\0:\0", b"\0i\0d\0:", b",", b"2", b"\xfe\xff", b"\x05\x00\x03\x01\x02\x01", b"sub:"]
)  # fmt: skip
bodies = st.one_of(st.binary(max_size=200), st.lists(words, max_size=20).map(b"".join))
tags = st.sampled_from([*(int(tag) for tag in TAGS.values()), 0x1403])


@given(bodies, st.integers(0, 255), st.integers(0, 255), st.dictionaries(tags, bodies), st.booleans())
@example(b"\0", 4, 0, {}, False)
@example(b"", 4, 8, {0x427: b"", 0x1E: b"", 0x423: b"", 0x424: b"\0"}, True)
def test_no_octets_break_the_reader_and_no_content_stays(body, esm_class, data_coding, tlvs, text_only):
    header = {"esm_class": esm_class, "data_coding": data_coding, "tlvs": tlvs}
    for pdu in (DeliverSm(short_message=body, **header), DataSm(**header)):
        receipt = read_receipt(pdu, text_only=text_only)
        if receipt is None:
            continue
        assert receipt.message_id != ""
        assert receipt.error != ""
        assert "text:" not in receipt.raw.lower()
        for kept in (receipt.raw, receipt.message_id, receipt.error, receipt.stat, *receipt.alt_ids):
            # The store takes neither U+0000 nor lone surrogates.
            assert kept is None or "\0" not in kept
            assert kept is None or kept.encode("utf-8") is not None


QUOTES_AND_COMMAS = ",;|\"'"
ids = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=f":{QUOTES_AND_COMMAS}"),
    min_size=1,
    max_size=30,
)
digits = st.text("0123456789", min_size=1, max_size=14)
ordinary = st.builds(
    "id:{}{} submit date:{} done date:{} stat:{} err:{}{}".format,
    ids,
    st.sampled_from(["", " sub:001 dlvrd:001", " sub:1 dlvrd:0"]),
    digits | st.just("2603090814"),
    digits | st.just("2603090815"),
    st.sampled_from(["DELIVRD", "EXPIRED", "UNDELIV", "REJECTD", "BUFFERED", "X"]),
    st.text("0123456789abcXYZ", max_size=4),
    st.sampled_from(["", " text:", " Text:See you", "text:id:9 stat:X", " text:caf\xe9"]),
)


@given(ordinary)
def test_the_ordinary_layout_is_read_in_one_match_as_the_scan_would_read_it(text):
    octets = text.encode("latin-1")
    assert _ORDINARY.match(text) is not None
    assert read_text(octets) == _scan(octets, text)
    assert read_text(octets) == read_text(octets), "from what is kept of the first"


@given(ordinary, st.sampled_from(["{0}{1}{0}", "{1}{0}", "{0}{1}"]), st.sampled_from(QUOTES_AND_COMMAS))
def test_quotes_and_commas_around_an_id_are_not_the_ids_own(text, around, mark):
    message_id, _, rest = text.removeprefix("id:").partition(" ")
    octets = f"id:{around.format(mark, message_id)} {rest}".encode("latin-1")
    assert read_text(octets).message_id == message_id


@given(ordinary, st.data())
def test_a_text_that_is_almost_ordinary_is_read_as_the_scan_would_read_it(text, data):
    for _ in range(data.draw(st.integers(1, 3))):
        at, count = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 2))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", " ", ":", "0", "t", "T", "text:", "id:", "\0", *QUOTES_AND_COMMAS]))
            + text[at + count :]
        )
    octets = text.encode("latin-1")
    assert read_text(octets) == _scan(octets, text)


def both_ways_agree(pdu: DeliverSm | DataSm) -> bool:
    """Whether the short way was taken, which must tell what the long one does."""
    short, long = _read_ordinary(pdu), _read_any(pdu, text_only=False)
    assert short is None or short == long
    return short is not None


told_ids = st.sampled_from([b"5F3A\0", b"5F3A", b"5F3A\0\0", b"005f3a\0", b" 5F3A\0", b"24378\0", b"7\0", b"", b"\0"])
told_states = st.integers(0, 11).map(lambda number: bytes((number,))) | st.sampled_from([b"", b"\0\2", b"\2\0"])
told = st.fixed_dictionaries(
    {},
    optional={
        int(Tlv.RECEIPTED_MESSAGE_ID): told_ids,
        int(Tlv.MESSAGE_STATE): told_states,
        int(Tlv.NETWORK_ERROR_CODE): st.sampled_from([b"\3\0\1", b"\3", b""]),
        int(Tlv.USER_MESSAGE_REFERENCE): st.just(b"\0\1"),
        int(Tlv.MESSAGE_PAYLOAD): st.just(ORDINARY.replace(b"5F3A", b"77")),
    },
)
of_5f3a = ordinary.map(lambda text: "id:5F3A " + text.partition(" ")[2])


@given(of_5f3a | ordinary | st.just(""), st.sampled_from([0, 4, 4, 4, 0x20, 0x44, 0x0C]), told)
def test_an_ordinary_receipt_is_read_the_short_way_as_the_long_way_reads_it(text, esm_class, tlvs):
    octets = text.encode("latin-1")
    both_ways_agree(
        DeliverSm(source_addr="1", destination_addr="2", esm_class=esm_class, short_message=octets, tlvs=tlvs)
    )
    both_ways_agree(DataSm(esm_class=esm_class, tlvs={**tlvs, int(Tlv.MESSAGE_PAYLOAD): octets}))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_shape_is_read_the_short_way_as_the_long_way_reads_it(vector):
    both_ways_agree(pdu_of(vector["fields"]))


@pytest.mark.parametrize(
    ("tlvs", "is_short"),
    [
        ({}, True),
        ({Tlv.RECEIPTED_MESSAGE_ID: b"5F3A\0", Tlv.MESSAGE_STATE: b"\2"}, True),
        ({Tlv.RECEIPTED_MESSAGE_ID: b"5F3B\0"}, False),
        ({Tlv.MESSAGE_STATE: b"\5"}, False),
        ({Tlv.NETWORK_ERROR_CODE: b"\3\0\1"}, False),
    ],
)
def test_the_short_way_is_taken_where_tlvs_say_what_the_text_says(tlvs, is_short):
    pdu = DeliverSm(esm_class=4, short_message=ORDINARY, tlvs={int(tag): value for tag, value in tlvs.items()})
    assert both_ways_agree(pdu) is is_short


FIELDS = ["id:7A", "sub:001", "dlvrd:001", "submit date:2603090814", "done date:2603090815", "stat:EXPIRED", "err:4A6"]


@given(st.permutations(FIELDS), st.sampled_from([" ", "  ", ", ", "\r\n", ",", " \0"]))
def test_order_of_keys_and_what_parts_them_do_not_matter(fields, separator):
    octets = f"{separator.join(fields)}{separator}text:id:8B stat:DELIVRD".encode()
    receipt = read_receipt(DeliverSm(short_message=octets), text_only=True)
    assert receipt is not None
    assert (receipt.message_id, receipt.state, receipt.error) == ("7A", ReceiptState.EXPIRED, "4A6")
    assert receipt.submitted_at == datetime(2026, 3, 9, 8, 14)
    assert receipt.done_at == datetime(2026, 3, 9, 8, 15)
