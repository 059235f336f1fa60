"""One PDU of each kind: what the codec, the session's tables and the fuzz targets are all tried on."""

from protocol.numbers import RESPONSE_BIT, BindMode, EsmClass, Tlv
from protocol.pdus import (
    HEADER_ONLY,
    AlertNotification,
    BindRequest,
    BindResp,
    CancelSm,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unknown,
)


def every_pdu(sequence: int) -> list[Pdu]:
    """Each kind under this sequence number, its fields filled; Unknown twice, as a request and as a response."""
    mode = BindMode.TRANSCEIVER
    source, destination, unheard_of = "SHOP", "34600000001", 0x0001_0200
    return [
        BindRequest(mode, "acme", "secret", "SMPP", 0x34, 1, 1, "34*", sequence),
        BindResp(mode, 0, "telco", 0x34, sequence),
        Outbind("telco", "secret", sequence),
        SubmitSm(
            source_addr=source,
            destination_addr=destination,
            short_message=b"Hello",
            tlvs={Tlv.SAR_MSG_REF_NUM: b"\0\1"},
            sequence=sequence,
        ),
        SubmitSmResp(0, "5F3A", {Tlv.ADDITIONAL_STATUS_INFO_TEXT: b"fine\0"}, sequence),
        DeliverSm(
            source_addr=destination,
            destination_addr=source,
            esm_class=int(EsmClass.UDHI),
            short_message=b"Hello",
            sequence=sequence,
        ),
        DeliverSmResp(0, sequence),
        DataSm("", 1, 1, source, 1, 1, destination, 0, 1, 8, {Tlv.MESSAGE_PAYLOAD: b"\0H\0i"}, sequence),
        DataSmResp(0, "5F3B", {}, sequence),
        QuerySm("5F3A", 1, 1, source, sequence),
        QuerySmResp(0, "5F3A", "260309081500000+", 2, 0, sequence),
        CancelSm("", "5F3A", 1, 1, source, 1, 1, destination, sequence),
        AlertNotification(tlvs={Tlv.MS_AVAILABILITY_STATUS: b"\1"}, sequence=sequence),
        *[kind(0, sequence) for kind in HEADER_ONLY],
        Unknown(unheard_of, 0, b"??", sequence),
        Unknown(RESPONSE_BIT | unheard_of, 0, b"??", sequence),
    ]
