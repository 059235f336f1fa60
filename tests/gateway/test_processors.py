"""The processors that a process keeps to."""

import os
import sys

import pytest

from gateway.processors import keep_to

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps processes to processors")


@pytest.fixture(autouse=True)
def allowed():
    before = os.sched_getaffinity(0)
    yield sorted(before)
    os.sched_setaffinity(0, before)


def test_a_process_keeps_to_the_processors_that_are_named(allowed):
    assert keep_to(allowed[:1]) is None
    assert os.sched_getaffinity(0) == {allowed[0]}


def test_without_any_named_it_keeps_what_the_system_gives(allowed):
    assert keep_to([]) is None
    assert sorted(os.sched_getaffinity(0)) == allowed


def test_one_that_is_not_there_is_refused_and_nothing_changes(allowed):
    refusal = keep_to([allowed[0], 4095])
    assert refusal is not None
    assert "names 4095, which this process may not use" in refusal
    assert str(allowed[0]) in refusal
    assert sorted(os.sched_getaffinity(0)) == allowed
