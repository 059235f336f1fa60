"""What a probe's observations say of a carrier: lines to read, and the settings in which it differs. Pure."""

from collections.abc import Iterator
from datetime import UTC

from gateway.cli import probe_alphabets, probe_capabilities, probe_pace
from gateway.cli.probe_observed import Heard, Observed, Trial
from protocol.command_status import BindRefusal, StatusClass, bind_refusal, classify, name_of
from protocol.numbers import EsmClass, Tlv
from protocol.pdus import DataSm
from protocol.receipt_keys import exact_key

_REMEDIES = {
    BindRefusal.ALREADY_BOUND: "The place is taken: another session of this system_id lives, or the carrier has not "
    "forgotten a lost one. Stop that, or wait out the carrier's inactivity timer.",
    BindRefusal.BAD_CREDENTIALS: "Compare system_id, password and system_type with the carrier's letter; some refuse "
    "by them the address that you come from as well.",
    BindRefusal.BIND_FAILED: "Many carriers say so of a wrong password or of an address that they do not know; ask "
    "them for both, and whether the account may bind in this mode.",
    BindRefusal.NOT_OFFERED: 'The carrier does not take this kind of bind: try mode = "transmitter+receiver".',
    BindRefusal.TRY_LATER: "Try again in some minutes; if it stays so, ask the carrier what this status means there.",
}
_QUARTER, _HALF_MINUTE = 900, 30
_ODD_ZONES = {3.5: "Asia/Tehran", 4.5: "Asia/Kabul", 5.5: "Asia/Kolkata", 5.75: "Asia/Kathmandu", 6.5: "Asia/Yangon"}
_ZONE_LIMIT_SECONDS = 15 * 3600


def remedy(observed: Observed) -> str:
    """What to do when it could not bind."""
    if observed.refusal is not None:
        return f"The bind was refused: {name_of(observed.refusal)}. {_REMEDIES[bind_refusal(observed.refusal)]}"
    if observed.connect_seconds is None:
        return (
            f"No connection: {observed.problem}. Look at host, port and tls, at a firewall on the way, and whether the "
            "carrier knows the address that you come from."
        )
    said = observed.problem or "no answer to the bind"
    return f"Connected, and not bound: {said}. Many carriers close like this where they expect TLS, or another address."


def findings(observed: Observed) -> Iterator[str]:
    """What was learned, a line each."""
    if observed.connect_seconds is not None and observed.bind_seconds is not None:
        yield f"connected in {_ms(observed.connect_seconds)}, bound in {_ms(observed.bind_seconds)}"
    version = observed.interface_version
    said = "not told" if version is None else f"{version >> 4}.{version & 15} (0x{version:02x})"
    yield f'the carrier calls itself "{_printable(observed.system_id)}"; SMPP version (sc_interface_version): {said}'
    if observed.enquiries:
        yield f"enquire_link answered in {', '.join(_ms(one) for one in observed.enquiries)}"
    else:
        yield "enquire_link was not answered"
    yield from _answers(observed)
    yield from _ids(observed)
    yield from _receipts(observed)
    yield from probe_capabilities.findings(observed)
    yield from probe_alphabets.findings(observed)
    yield from probe_pace.findings(observed)
    if observed.acknowledged:
        yield (
            f"{len(observed.acknowledged)} receipts were acknowledged, each with a test message's number and id: "
            f"{', '.join(map(_printable, dict.fromkeys(observed.acknowledged)))}"
        )
    if observed.others:
        yield (
            f"{observed.others} other deliveries came; they were answered with ESME_RX_T_APPN, so that the carrier "
            "keeps them for the gateway"
        )
    if observed.problem:
        yield f"the session ended early: {observed.problem}"


def profile(observed: Observed) -> dict[str, object]:
    """The keys in which the carrier shows itself different from profile generic."""
    learned: dict[str, object] = {}
    if observed.interface_version == 0x50:
        learned["interface_version"] = "5.0"
    learned |= probe_alphabets.profile(observed) | probe_pace.profile(observed)
    base = _base(observed)
    if base is not None:
        learned["message_id"] = base
    if (offset := _offset_hours(observed)) and (zone := _zone(offset)) is not None:
        learned["receipt_timezone"] = zone
    if observed.receipts and not any(heard.is_marked for heard in observed.receipts):
        learned["text_receipts"] = True
    learned |= probe_capabilities.profile(observed)
    heard_parts = {heard.sent.part for heard in observed.receipts if heard.sent.parts > 1}
    parts = {sent.parts for sent in observed.sent if sent.parts > 1 and sent.status == 0}
    if parts and len(heard_parts) == 1:
        learned["receipts_of"] = "first" if heard_parts == {1} else "last" if heard_parts == {max(parts)} else "one"
    return learned


def shown(trials: list[Trial], observed: Observed) -> Iterator[str]:
    """What a phone should show of the texts that were taken, and what to change if it does not."""
    refused = {sent.label for sent in observed.sent if sent.status != 0}
    taken = [trial for trial in trials if trial.label not in refused]
    if not taken:
        return
    yield "The phone should show, character by character (no answer of the carrier tells whether it does):"
    for trial in taken:
        yield f"    {trial.text}"
    yield (
        "If it does not: other characters in the first text want another `alphabet` (gsm7, latin1, latin9, ascii) or "
        "`data_coding`; in the second, `ucs2_data_coding`; a long one in pieces, `long_messages`."
    )
    if any(trial.coding is not None for trial in taken):
        shown = ", ".join(f"{alphabet.value} {told}" for alphabet, told in probe_alphabets.SHOWN.items())
        yield f"Behind the colon of a text with its data_coding stands what that means to the carrier: {shown}."


def _answers(observed: Observed) -> Iterator[str]:
    for sent in observed.sent:
        part = f" part {sent.part} of {sent.parts}" if sent.parts > 1 else ""
        if sent.status is None:
            yield f"{sent.label}{part}: no answer"
            continue
        told = f"{sent.label}{part}: {name_of(sent.status)} in {_ms(sent.latency_seconds)}"
        if sent.status:
            told += {
                StatusClass.THROTTLED: ", which asks for less: set submit_rate or window",
                StatusClass.PERMANENT: ", which the gateway takes for final",
            }.get(classify(sent.status), ", which the gateway tries again")
        elif sent.message_id:
            told += f', message_id "{_printable(sent.message_id)}"'
        else:
            told += ", without a message_id: receipts can only be found by user_message_reference"
        yield told if sent.congestion is None else f"{told}, congestion_state {sent.congestion}"
    answered = [sent.latency_seconds for sent in observed.sent if sent.status is not None]
    if answered:
        slowest = max(answered)
        per_second = 10 / max(slowest, 0.001)
        yield f"window 10 on one bind carries about {per_second:,.0f} submit_sm a second at {_ms(slowest)}"


def _ids(observed: Observed) -> Iterator[str]:
    ids = [sent.message_id for sent in observed.sent if sent.message_id]
    if not ids:
        return
    if len(set(map(exact_key, ids))) < len(ids):
        yield "ids of different messages are the same: receipts are told apart by their numbers alone"
    yield f"ids in submit_sm_resp: {', '.join(dict.fromkeys(_form(one) for one in ids))}"
    written = [one for heard in observed.receipts for one in _written(heard)]
    if written:
        yield f"ids in receipts: {', '.join(dict.fromkeys(f'{where} {_form(one)}' for where, one in written))}"
    base = _base(observed)
    if base is not None:
        yield f'ids come in another base: the receipts\' are {base} (message_id = "{base}")'


def _receipts(observed: Observed) -> Iterator[str]:
    taken = [sent for sent in observed.sent if sent.status == 0]
    if not taken:
        return
    heard = {id(one.sent) for one in observed.receipts}
    yield f"receipts came for {len(heard)} of {len(taken)} submit_sm"
    for one in dict.fromkeys(_shape(heard) for heard in observed.receipts):
        yield f"shape of receipts: {one}"
    states = dict.fromkeys(
        f"{one.receipt.stat or one.receipt.state.name} err {one.receipt.error}" for one in observed.receipts
    )
    if states:
        yield f"they say: {', '.join(states)}"
    for disagreement in dict.fromkeys(words for one in observed.receipts for words in one.receipt.disagreements):
        yield f"a receipt contradicts itself: {disagreement}"
    offset = _offset_hours(observed)
    if offset is not None:
        yield f"dates of receipts are UTC{offset:+g} h by this machine's clock"


def _shape(heard: Heard) -> str:
    pdu = heard.pdu
    has_tlvs = Tlv.RECEIPTED_MESSAGE_ID in pdu.tlvs or Tlv.MESSAGE_STATE in pdu.tlvs
    has_text = heard.receipt.stat is not None
    where = "text and TLVs" if has_tlvs and has_text else "TLVs" if has_tlvs else "text"
    kind = pdu.esm_class & EsmClass.MESSAGE_TYPE_MASK
    mark = "marked by esm_class" if kind else "marked by TLVs" if heard.is_marked else "not marked at all"
    swapped = "" if pdu.source_addr != pdu.destination_addr else ", both addresses the same"
    return f"{'data_sm' if isinstance(pdu, DataSm) else 'deliver_sm'}, {where}, {mark} (0x{pdu.esm_class:02x}){swapped}"


def _written(heard: Heard) -> Iterator[tuple[str, str]]:
    has_tlv = Tlv.RECEIPTED_MESSAGE_ID in heard.pdu.tlvs
    if heard.receipt.message_id:
        yield "TLV" if has_tlv else "text", heard.receipt.message_id
    for other in heard.receipt.alt_ids:
        yield "text", other


def _form(message_id: str) -> str:
    """The shape of an id, in words."""
    if message_id.isascii() and message_id.isdigit():
        base = f"{len(message_id)} digits"
        return f"{base}, zeros in front" if len(message_id) > 1 and message_id[0] == "0" else base
    try:
        int(message_id, 16)
    except ValueError:
        return f"{len(message_id)} characters that are no number"
    case = "capitals" if message_id == message_id.upper() else "small letters"
    return f"{len(message_id)} hexadecimal digits in {case}"


def _base(observed: Observed) -> str | None:
    """`decimal` or `hex`, if receipts spell ids in that base and answers in the other, in all that were seen."""
    seen = set()
    for heard in observed.receipts:
        answer, receipt = exact_key(heard.sent.message_id), exact_key(heard.receipt.message_id or "")
        if answer == receipt:
            return None
        if receipt.isdigit() and answer == f"{int(receipt):x}":
            seen.add("decimal")
        elif answer.isdigit() and receipt == f"{int(answer):x}":
            seen.add("hex")
    return seen.pop() if len(seen) == 1 else None


def _zone(offset: float) -> str | None:
    """A zone that is so far ahead of UTC; one without summer time, since a clock does not tell more."""
    if offset.is_integer() and -12 <= offset <= 14:
        # The sign of these names is the other way round: Etc/GMT-2 is two hours ahead of UTC.
        return f"Etc/GMT{-int(offset):+d}"
    return _ODD_ZONES.get(offset)


def _offset_hours(observed: Observed) -> float | None:
    """Hours, in quarters, that the dates of receipts are ahead of UTC; None where they tell none."""
    offsets = set()
    for heard in observed.receipts:
        done = heard.receipt.done_at
        if done is None or done.tzinfo is not None:
            continue
        ahead = done.replace(tzinfo=UTC).timestamp() - heard.at
        if abs(ahead) > _ZONE_LIMIT_SECONDS:
            return None
        offsets.add(round((ahead + _HALF_MINUTE) / _QUARTER) / 4)
    return offsets.pop() if len(offsets) == 1 else None


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
