import json
from pathlib import Path

from gateway.simulator.record import Record
from gateway.simulator.segment_marks import mark_of
from protocol.pdus import SubmitSm


def test_a_line_tells_a_segment_without_its_text(tmp_path: Path) -> None:
    record = Record(tmp_path / "taken")
    pdu = SubmitSm(source_addr="SHOP", destination_addr="34600111222", esm_class=0x40, short_message=b"\5\0\3\7\2\1Hi")
    record.add(12.3456, "5F3A", "shop", pdu, mark_of(pdu))
    record.write_out()
    line = json.loads((tmp_path / "taken").read_text())
    digest = line.pop("digest")
    assert line == {
        "at": 12.346,
        "id": "5F3A",
        "system_id": "shop",
        "source": "SHOP",
        "destination": "34600111222",
        "reference": 7,
        "part": 1,
        "parts": 2,
        "data_coding": 0,
        "octets": 2,
    }
    assert len(digest) == 16
    record.close()


def test_a_record_is_gone_on_with(tmp_path: Path) -> None:
    for number in range(2):
        record = Record(tmp_path / "taken")
        pdu = SubmitSm(short_message=b"Hi")
        record.add(0.0, str(number), "shop", pdu, mark_of(pdu))
        record.close()
    lines = [json.loads(line) for line in (tmp_path / "taken").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["0", "1"]
    assert lines[0]["digest"] == lines[1]["digest"]
