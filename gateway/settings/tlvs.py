"""TLVs as a carrier's settings write them: tags in hexadecimal, values as texts or octets, none of the gateway's own.

Those that a message brings are checked in gateway.rules.options.
"""

from collections.abc import Mapping

from protocol.numbers import Tlv

GATEWAY_TAGS = frozenset(
    {
        Tlv.DEST_ADDR_SUBUNIT,  # flash
        Tlv.USER_MESSAGE_REFERENCE,
        Tlv.SAR_MSG_REF_NUM,
        Tlv.SAR_TOTAL_SEGMENTS,
        Tlv.SAR_SEGMENT_SEQNUM,
        Tlv.MESSAGE_PAYLOAD,
    }
)
"""The gateway sets them itself where a carrier's settings or the message ask for it."""
MOST_OCTETS = 255
"""Of the value of one TLV."""
_HEX = "hex:"


def tlv_octets(value: str) -> bytes:
    """The octets of a TLV's value as settings and messages write it. Raises ValueError where it is no hexadecimal."""
    return bytes.fromhex(value.removeprefix(_HEX)) if value.startswith(_HEX) else value.encode()


def octets_by_tag(tlvs: Mapping[str, str]) -> dict[int, bytes]:
    """Checked TLVs as the wire has them."""
    return {int(tag, 16): tlv_octets(value) for tag, value in tlvs.items()}


def check_tag(value: str) -> str:
    """The tag as `0x1400`. Raises ValueError with what is wrong."""
    try:
        tag = int(value, 16)
    except ValueError:
        tag = -1
    if not 0 < tag <= 0xFFFF:
        raise ValueError(f'is {value!r}, which is no tag; write it in hexadecimal, such as "0x1400"')
    if tag in GATEWAY_TAGS:
        raise ValueError(f"is {value!r}, a tag that the gateway sets itself; take it out")
    return f"0x{tag:04x}"


def check_tlvs(value: dict[str, str]) -> dict[str, str]:
    """The values by their tags as `0x1400`. Raises ValueError with what is wrong."""
    checked: dict[str, str] = {}
    for name, text in value.items():
        tag = check_tag(name)
        if tag in checked:
            raise ValueError(f"has {tag} twice, since {name!r} is the same tag in another spelling; keep one")
        try:
            octets = tlv_octets(text)
        except ValueError:
            raise ValueError(f'has {text!r} for {name}; write octets as "hex:0501"') from None
        if len(octets) > MOST_OCTETS:
            raise ValueError(f"has {len(octets)} octets for {name}; give at most {MOST_OCTETS}")
        checked[tag] = text
    return checked
