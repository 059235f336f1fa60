import math

from protocol.keepalive import Keepalive, KeepaliveStep


def a_keepalive() -> Keepalive:
    keepalive = Keepalive(idle=20.0, timeout=5.0, misses=2)
    keepalive.heard(100.0)
    return keepalive


def test_before_anything_was_heard_it_waits_for_ever():
    keepalive = Keepalive(idle=20.0, timeout=5.0, misses=2)
    assert keepalive.deadline == math.inf
    assert keepalive.tick(1e9) is KeepaliveStep.WAIT


def test_silence_asks_for_an_enquiry():
    keepalive = a_keepalive()
    assert keepalive.deadline == 120.0
    assert keepalive.tick(119.9) is KeepaliveStep.WAIT
    assert keepalive.tick(120.0) is KeepaliveStep.ENQUIRE


def test_any_octet_starts_the_silence_anew():
    keepalive = a_keepalive()
    keepalive.heard(115.0)
    assert keepalive.tick(120.0) is KeepaliveStep.WAIT
    assert keepalive.deadline == 135.0


def test_as_many_misses_as_allowed_make_the_link_dead():
    keepalive = a_keepalive()
    keepalive.enquired(120.0)
    assert keepalive.tick(124.0) is KeepaliveStep.WAIT
    assert keepalive.tick(125.0) is KeepaliveStep.ENQUIRE
    keepalive.enquired(125.0)
    assert keepalive.tick(130.0) is KeepaliveStep.DEAD


def test_an_octet_after_a_miss_forgives_it():
    keepalive = a_keepalive()
    keepalive.enquired(120.0)
    keepalive.enquired(125.0)
    keepalive.heard(129.0)
    assert keepalive.tick(149.0) is KeepaliveStep.ENQUIRE
    keepalive.enquired(149.0)
    assert keepalive.tick(154.0) is KeepaliveStep.ENQUIRE


def test_new_terms_hold_from_the_next_sign_of_life_on():
    keepalive = a_keepalive()
    keepalive.retune(idle=7.0, timeout=1.0, misses=1)
    assert keepalive.deadline == 120.0
    keepalive.heard(110.0)
    assert keepalive.deadline == 117.0
    keepalive.enquired(117.0)
    assert keepalive.tick(117.9) is KeepaliveStep.WAIT
    assert keepalive.tick(118.0) is KeepaliveStep.DEAD
