"""Frames to begin with: each PDU of the protocol, and each receipt of the vectors."""

import json
from pathlib import Path

from protocol.codec import encode
from protocol.pdus import (
    HEADER_ONLY,
    AlertNotification,
    BindMode,
    BindRequest,
    BindResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EsmClass,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Tlv,
    Unknown,
)

VECTORS = Path(__file__).parents[1] / "vectors" / "receipts.jsonl"


def receipt_texts() -> list[bytes]:
    """The text of each receipt in the vectors."""
    found = []
    for line in VECTORS.read_text("utf-8").splitlines():
        fields = json.loads(line)["fields"]
        found.append(bytes.fromhex(fields["hex"]) if "hex" in fields else fields.get("text", "").encode("latin-1"))
    return found


def pdus() -> list[Pdu]:
    """One of each kind, with its fields filled."""
    mode = BindMode.TRANSCEIVER
    message = {"source_addr": "SHOP", "destination_addr": "34600000001", "short_message": b"Hello"}
    return [
        BindRequest(mode, "acme", "secret", "SMPP", 0x34, 1, 1, "34*", 1),
        BindResp(mode, 0, "telco", 0x34, 1),
        SubmitSm(**message, tlvs={Tlv.SAR_MSG_REF_NUM: b"\0\1"}, sequence=2),
        SubmitSmResp(0, "5F3A", {Tlv.ADDITIONAL_STATUS_INFO_TEXT: b"fine\0"}, 2),
        DeliverSm(**message, esm_class=int(EsmClass.UDHI), sequence=3),
        DeliverSmResp(0, 3),
        DataSm("", 1, 1, "SHOP", 1, 1, "34600000001", 0, 1, 8, {Tlv.MESSAGE_PAYLOAD: b"\0H\0i"}, 4),
        DataSmResp(0, "5F3B", {}, 4),
        QuerySm("5F3A", 1, 1, "SHOP", 5),
        QuerySmResp(0, "5F3A", "260309081500000+", 2, 0, 5),
        AlertNotification(tlvs={Tlv.MS_AVAILABILITY_STATUS: b"\1"}, sequence=6),
        Outbind("telco", "secret", 7),
        Unknown(0x0001_0200, 0, b"??", 8),
        *[kind(0, 9) for kind in HEADER_ONLY],
    ]


def frames() -> list[bytes]:
    """All of them as frames."""
    receipts = [DeliverSm(esm_class=4, short_message=text[:254], sequence=1) for text in receipt_texts()]
    return [encode(pdu) for pdu in [*pdus(), *receipts]]
