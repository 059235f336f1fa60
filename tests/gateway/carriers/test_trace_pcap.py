"""The trace as a capture file, and what of it is redacted."""

from traced_pdus import AT_NS, DELIVER_RECEIPT, SUBMIT, TEXT, packets, seen

from gateway.carriers.trace_pcap import FILE_HEADER, Packets
from protocol.codec import encode
from protocol.numbers import Tlv
from protocol.pdus import DataSm, SubmitSmResp


def test_the_capture_file_is_tcp_to_port_2775_with_sequence_numbers_that_go_on() -> None:
    maker = Packets()
    answer = encode(SubmitSmResp(0, "5F3A", sequence=7))
    frames = [seen(SUBMIT), seen(answer, sent=False), seen(SUBMIT), seen(SUBMIT, connection=2)]
    found = packets(FILE_HEADER + b"".join(maker.record(one, show=False) for one in frames))
    assert {at for at, _ in found} == {AT_NS}
    facts = [one for _, one in found]
    assert [one["ports"] for one in facts] == [(20_001, 2775), (2775, 20_001), (20_001, 2775), (20_002, 2775)]
    length = len(SUBMIT)
    assert [(one["seq"], one["ack"]) for one in facts] == [
        (1, 1),
        (1, 1 + length),
        (1 + length, 1 + len(answer)),
        (1, 1),
    ]
    assert facts[1]["data"] == answer


def test_the_capture_file_has_neither_number_nor_text_unless_shown() -> None:
    record = Packets().record(seen(SUBMIT), show=False)
    assert b"xxxxxxxx987\0" in record
    assert b"SHOP\0" in record
    assert TEXT not in record
    assert TEXT in Packets().record(seen(SUBMIT), show=True)
    receipt = Packets().record(seen(DELIVER_RECEIPT), show=False)
    assert b"id:5F3A sub:001" in receipt
    assert b"Your code" not in receipt


def test_a_pdu_larger_than_a_packet_is_cut_into_several() -> None:
    frame = encode(DataSm(tlvs={int(Tlv.MESSAGE_PAYLOAD): bytes(65_500)}))
    found = packets(FILE_HEADER + Packets().record(seen(frame), show=True))
    assert b"".join(one["data"] for _, one in found) == frame
    assert [one["seq"] for _, one in found] == [1, 65_496]
