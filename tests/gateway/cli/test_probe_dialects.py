"""`sluice probe` learns which alphabet a data_coding means, how long messages go, and how fast, from what it sees."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from probes import NUMBER, configured, learned
from simulators import simulating

from gateway.cli import main, probe_alphabets, probe_capabilities, probe_pace
from gateway.cli.probe_observed import Observed, Paced, Sent
from gateway.cli.probe_trials import TELLING
from gateway.settings import load
from protocol.alphabets import Alphabet
from protocol.reading import read_text
from protocol.writing import TextWay


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    with simulating(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


def observed(statuses):
    """What was answered, by label."""
    return Observed(bind_seconds=0.1, sent=[Sent(label, 1, 1, status) for label, status in statuses.items()])


@dataclass
class Person:
    """Who reads the phone."""

    lines: list[str]
    asked: list[str] = field(default_factory=list)

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)


def coded(*statuses):
    return observed({f"data_coding {coding}": status for coding, status in statuses})


@pytest.mark.parametrize("alphabet", [Alphabet.GSM7, Alphabet.LATIN1, Alphabet.LATIN9])
def test_the_telling_octets_are_shown_otherwise_in_each_alphabet(alphabet):
    shown, _ = read_text(TELLING, 0, False, TextWay(alphabet=alphabet))
    fits = [one for one, told in probe_alphabets.SHOWN.items() if shown.startswith(told)]
    assert fits[0] is alphabet


@pytest.mark.parametrize(
    ("lines", "keys"),
    [
        (["1"], {}),
        (["2"], {"alphabet": "latin9"}),
        (["3"], {"alphabet": "latin1"}),
        (["4"], {"alphabet": "ascii"}),
        (["0"], {}),
        (["what?"], {}),
        (["²"], {}),
        ([""], {}),
    ],
)
def test_the_alphabet_is_learned_from_what_a_person_reads(lines, keys):
    seen, person = coded((0, 0), (3, 0x45)), Person(lines)
    probe_alphabets.ask(seen, person)
    assert len(person.asked) == 1, "what was refused is on no phone"
    assert probe_alphabets.profile(seen) == keys


def test_who_goes_away_while_being_asked_loses_nothing_that_was_learned():
    seen, person = coded((0, 0), (1, 0), (3, 0)), Person(["3"])
    probe_alphabets.ask(seen, person)
    assert len(person.asked) == 2
    assert probe_alphabets.profile(seen) == {"alphabet": "latin1"}


def test_another_data_coding_is_learned_where_the_usual_one_is_nothing_we_know():
    seen = coded((0, 0), (1, 0), (241, 0))
    probe_alphabets.ask(seen, Person(["0", "0", "1"]))
    assert probe_alphabets.profile(seen) == {"data_coding": 241}
    assert list(probe_alphabets.findings(seen)) == ["data_coding 241 is gsm7 here"]


@pytest.mark.parametrize(
    ("text", "data_coding", "alphabets"),
    [
        ("Sluice probe 5, data_coding 0: $@_~ä€", 8, {0: Alphabet.LATIN9}),
        ("Sluice probe 5, data_coding 1: ¤¡§üd$", 8, {1: Alphabet.GSM7}),
        ("Sluice probe 5, data_coding 0: ?????", 8, {}),
        ("Sluice probe 5, data_coding 7: $@_~ä€", 8, {}),
        ("Sluice probe 5", 8, {}),
        ("Sluice probe 5, data_coding 0: $@_~ä€", 0, {}),
        ("STOP", 8, {}),
    ],
)
def test_the_alphabet_is_learned_from_a_text_that_comes_back_in_letters_beyond_doubt(text, data_coding, alphabets):
    seen = Observed()
    probe_alphabets.hear(seen, text.encode("utf-16-be"), data_coding)
    assert seen.alphabets == alphabets


def test_what_octets_no_text_has_teach_nothing():
    seen = Observed()
    probe_alphabets.hear(seen, b"\xd8\x00\x00", 8)
    assert seen.alphabets == {}


@pytest.mark.parametrize(
    ("statuses", "keys"),
    [
        ({"udh8": 0, "udh16": 0, "sar": 0}, {}),
        ({"udh8": 0x43, "udh16": 0, "sar": 0}, {"long_messages": "udh16"}),
        ({"udh8": None, "udh16": 0x43, "sar": 0x43, "payload": 0}, {"long_messages": "payload"}),
        ({"udh8": 0x43, "sar": 0x43}, {}),
        ({}, {}),
    ],
)
def test_the_first_way_of_long_messages_that_is_taken_is_learned(statuses, keys):
    seen = observed({f"long by {form}": status for form, status in statuses.items()})
    assert probe_capabilities.profile(seen) == keys
    assert len(list(probe_capabilities.findings(seen))) == len(statuses)


def test_steps_double_and_are_no_more_than_was_allowed():
    assert list(probe_pace.steps(100)) == [5, 10, 20, 40, 25]
    assert list(probe_pace.steps(3)) == [3]
    assert list(probe_pace.steps(0)) == []


@pytest.mark.parametrize(
    ("paces", "keys"),
    [
        ([Paced(5, 0.8, 5), Paced(10, 0.9, 10), Paced(20, 1.0, 13, 7)], {"submit_rate": 10}),
        ([Paced(5, 0.8, 5), Paced(10, 0.9, 10)], {}),
        ([Paced(5, 0.8, 3, 2)], {}),
        ([Paced(5, 0.8, 5), Paced(10, 3.0, 10), Paced(20, 3.0, 13, 7)], {"submit_rate": 5}),
        ([Paced(5, 0.8, 5), Paced(10, 0.9, 8, 0, 2)], {}),
        ([], {}),
    ],
)
def test_the_pace_that_was_taken_whole_below_a_throttle_is_learned(paces, keys):
    seen = Observed(paces=paces)
    assert probe_pace.profile(seen) == keys
    assert len(list(probe_pace.findings(seen))) >= len(paces)


def test_answers_of_a_step_are_counted_by_what_they_mean():
    paced = Paced(5)
    for status in (0, 0, 0x58, 0x14, 0x0B, None):
        probe_pace.note(paced, status)
    assert (paced.taken, paced.throttled, paced.unanswered) == (2, 2, 1)


def test_what_an_smsc_takes_is_told_and_the_profile_is_one_that_the_check_takes(simulator, tmp_path, capsys):
    keys = learned(tmp_path, simulator, "--long", "--alphabets", "--pace", "12")
    told = capsys.readouterr().out
    for form in ("udh8", "udh16", "sar", "payload"):
        assert f"a long message by {form} is taken" in told
    assert "data_codings that are taken: 0, 1, 3, 241" in told
    assert "data_coding 241: ESME_ROK in " in told
    assert "5 submit_sm in a second: 5 taken\n" in told
    assert "7 submit_sm in a second: 7 taken\n" in told
    assert "it never throttled" in told
    assert "submit_rate" not in keys
    assert load(Path(configured(tmp_path, 1, 'profile = "learned.toml"')), {}).carriers["telco"].query_sm
    assert main(["check", "--config", configured(tmp_path, 1, 'profile = "learned.toml"')]) == 0


def test_a_throttle_ends_the_search_for_the_pace(simulator, tmp_path, capsys):
    simulator.set("throttle-over", "8")
    try:
        keys = learned(tmp_path, simulator, "--pace", "200")
    finally:
        simulator.set("throttle-over", "0")
    told = capsys.readouterr().out
    assert keys["submit_rate"] == 5
    assert " throttled" in told
    assert "20 submit_sm in a second" not in told


@pytest.mark.parametrize(
    "arguments",
    [["--pace", "5"], ["--long"], ["--alphabets"], ["--to", NUMBER, "--ask"], ["--to", NUMBER, "--pace", "100000"]],
)
def test_what_makes_no_sense_together_is_refused_before_anything_is_sent(tmp_path, arguments, capsys):
    assert main(["probe", "telco", "--config", configured(tmp_path, 1), "--yes", *arguments]) == 2
    assert "do not go to this carrier" in capsys.readouterr().err


def test_all_that_is_sent_is_counted_before_it_is_asked_whether_to(simulator, tmp_path, capsys):
    config = configured(tmp_path, simulator.port)
    assert main(["probe", "telco", "--config", config, "--to", NUMBER, "--long", "--alphabets", "--pace", "50"]) == 2
    assert f"61 test messages go to {NUMBER}" in capsys.readouterr().err
