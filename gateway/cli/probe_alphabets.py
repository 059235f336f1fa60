"""What a data_coding means to a carrier: by what the phone shows of octets that are other characters in each alphabet.

No answer of a carrier tells it. Either somebody reads the phone, or a text comes back in letters that are beyond doubt.
"""

from collections.abc import Callable, Iterator

from gateway.cli.probe_observed import Observed
from gateway.cli.probe_trials import CODINGS, TELLING_MARK, coding_label
from protocol.alphabets import Alphabet

SHOWN = {
    Alphabet.GSM7: "¤¡§ü",
    Alphabet.LATIN9: "$@_~ä€",
    Alphabet.LATIN1: "$@_~ä¤",
    Alphabet.ASCII: "$@_~",
}
"""How TELLING begins in each; the first that fits is it."""
_UCS2 = 8


def ask(observed: Observed, answer: Callable[[str], str]) -> None:
    """Ask a person about each text that was taken; `answer` asks a question and gives the line. What is none of the
    choices: not known. The end of the input ends the asking, and nothing that was learned is lost by it."""
    choices = {str(number): alphabet for number, alphabet in enumerate(SHOWN, 1)}
    listed = ", ".join(f"{number} = {SHOWN[alphabet]}" for number, alphabet in choices.items())
    for coding in taken(observed):
        try:
            told = answer(
                f"data_coding {coding}: what stands behind the colon on the phone? {listed}, 0 = nothing of these: "
            )
        except EOFError:
            return
        alphabet = choices.get(told.strip())
        if alphabet is not None:
            observed.alphabets[coding] = alphabet


def taken(observed: Observed) -> list[int]:
    """The data_codings that were answered ESME_ROK."""
    labels = {sent.label for sent in observed.sent if sent.status == 0}
    return [coding for coding in CODINGS if coding_label(coding) in labels]


def hear(observed: Observed, octets: bytes, data_coding: int) -> None:
    """An inbound message: one of the texts come back, if its letters tell in which alphabet it was understood."""
    if data_coding != _UCS2:
        # As it was sent, very likely: that tells nothing.
        return
    text = octets.decode("utf-16-be", "replace")
    if not text.startswith(TELLING_MARK):
        return
    coding, _, shown = text.removeprefix(TELLING_MARK).partition(": ")
    found = next((alphabet for alphabet, told in SHOWN.items() if shown.startswith(told)), None)
    if found is not None and coding in map(str, CODINGS):
        observed.alphabets[int(coding)] = found


def findings(observed: Observed) -> Iterator[str]:
    """What is known of each."""
    for coding, alphabet in observed.alphabets.items():
        yield f"data_coding {coding} is {alphabet.value} here"
    if observed.sent and not observed.alphabets and (codings := taken(observed)):
        yield f"data_codings that are taken: {', '.join(map(str, codings))}; what they mean the phone shows (--ask)"


def profile(observed: Observed) -> dict[str, object]:
    """The keys that follow: data_coding 0 where it is known, else the first that is."""
    if not observed.alphabets:
        return {}
    coding = min(observed.alphabets)
    alphabet = observed.alphabets[coding]
    learned: dict[str, object] = {"data_coding": coding} if coding else {}
    if alphabet is not Alphabet.GSM7:
        learned["alphabet"] = alphabet.value
    return learned
