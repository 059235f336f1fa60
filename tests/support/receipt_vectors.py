"""Receipts in every shape seen in the field (vectors/receipts.jsonl), and the PDUs that they came in."""

import json
from pathlib import Path
from typing import Any

from protocol.numbers import Tlv
from protocol.pdus import DataSm, DeliverSm

VECTORS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "vectors" / "receipts.jsonl").read_text(encoding="utf-8").splitlines()
]
TAGS = {
    "receipted_message_id": Tlv.RECEIPTED_MESSAGE_ID,
    "message_state": Tlv.MESSAGE_STATE,
    "network_error_code": Tlv.NETWORK_ERROR_CODE,
    "message_payload": Tlv.MESSAGE_PAYLOAD,
}


def pdu_of(fields: dict[str, Any]) -> DeliverSm | DataSm:
    """The PDU of a vector's `fields`."""
    octets = bytes.fromhex(fields["hex"]) if "hex" in fields else fields.get("text", "").encode("latin-1")
    tlvs = {
        int(TAGS[name]) if name in TAGS else int(name, 16): bytes.fromhex(value)
        for name, value in fields.get("tlvs", {}).items()
    }
    header = {
        "source_addr": fields.get("source_addr", "34600000001"),
        "destination_addr": fields.get("destination_addr", "SHOP"),
        "esm_class": fields.get("esm_class", 0),
        "data_coding": fields.get("data_coding", 0),
    }
    if fields.get("pdu") == "data_sm":
        return DataSm(**header, tlvs=tlvs)
    return DeliverSm(**header, short_message=octets, tlvs=tlvs)
