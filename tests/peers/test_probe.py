"""`sluice probe` against SMSCs that we did not write: what it says of their ids, receipts and refusals."""

import itertools
import tomllib

import pytest
from least_settings import LEAST

from gateway.cli import main

pytestmark = pytest.mark.peer

NUMBER = "+34600777001"


@pytest.fixture
def probed(stage, tmp_path):
    """Probes the SMSC on the left, which answers as told; the exit status and the profile."""

    def probe(answer, *arguments):
        stage.left.answer = answer
        text = LEAST.replace("smpp.telco.example:2775", f"127.0.0.1:{stage.left.port}")
        (tmp_path / "sluice.toml").write_text(f'[store]\nurl = "sqlite://{tmp_path}/sluice.db"\n{text}')
        learned = tmp_path / "learned.toml"
        asked = ["--config", str(tmp_path / "sluice.toml"), "--to", NUMBER, "--yes", "--toml", str(learned)]
        status = main(["probe", "telco", *asked, "--wait", "3s", *arguments])
        return status, tomllib.loads(learned.read_text())

    return probe


def test_hex_in_the_answer_and_decimal_in_the_receipt_is_learned(probed, capsys):
    ids = itertools.count(0xABCDE)

    def answer(submit):
        number = next(ids)
        submit.accept(f"{number:x}")
        submit.receipt(str(number))

    assert probed(answer, "--long") == (0, {"message_id": "decimal"})
    told = capsys.readouterr().out
    assert "receipts came for 10 of 10 submit_sm" in told
    assert "shape of receipts: deliver_sm, text, marked by esm_class (0x04)" in told


def test_an_smsc_that_answers_a_long_message_when_all_of_it_is_in_is_no_trouble(probed, capsys):
    parts = []

    def answer(submit):
        if submit.fields["esm_class"] & 0x40:
            parts.append(submit)
            if len(parts) == 2:
                for part in parts:
                    part.accept(f"long-{part.ref}")
                parts.clear()
        else:
            submit.accept(f"id-{submit.ref}")

    assert probed(answer, "--long")[0] == 0
    told = capsys.readouterr().out
    assert "long by udh8 part 1 of 2: ESME_ROK" in told
    assert "receipts came for 0 of 10 submit_sm" in told


def test_a_throttling_smsc_is_told_by_its_words(probed, capsys):
    assert probed(lambda submit: submit.reject(0x58)) == (0, {})
    assert "ESME_RTHROTTLED in " in capsys.readouterr().out
