"""Holds of carriers: on disk when they are told, in force before any carrier runs, undone where the disk fails."""

from typing import Any

import pytest

from gateway.flows.held_carriers import HeldCarriers
from gateway.store.by import By
from gateway.store.held_carriers.interface import CarrierHold, HoldKind
from gateway.store.interface import StoreBusy

ANNA, BOB = By("operator:anna", 1), By("operator:bob", 2)
PAUSE, DRAIN = HoldKind.PAUSE, HoldKind.DRAIN


class World:
    """The store, the deal and the binds: what each was told, in order."""

    def __init__(self, *kept: CarrierHold) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.kept = list(kept)
        self.is_busy = False

    async def hold_carrier(self, carrier: str, how: HoldKind, why: str | None, *, by: By) -> CarrierHold:
        self._write("kept", carrier, how)
        return CarrierHold(carrier, how, 7, by.who, why)

    async def resume_carrier(self, carrier: str, *, by: By) -> bool:
        self._write("forgotten", carrier)
        return True

    async def carrier_holds(self) -> list[CarrierHold]:
        return self.kept

    def _write(self, *what: Any) -> None:
        if self.is_busy:
            raise StoreBusy
        self.told.append(what)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda carrier: self.told.append((name, carrier))


async def test_nothing_is_dealt_from_before_the_write_and_what_was_dealt_is_taken_back_after_it() -> None:
    world = World()
    held = HeldCarriers(world, world, world)
    await held.hold("telco", PAUSE, "new invoice", ANNA)
    assert world.told == [("hold", "telco"), ("kept", "telco", PAUSE), ("take_back", "telco"), ("bind_again", "telco")]
    assert held.holds["telco"] == CarrierHold("telco", PAUSE, 7, "operator:anna", "new invoice")


async def test_a_drain_unbinds_and_a_resume_brings_all_back() -> None:
    world = World()
    held = HeldCarriers(world, world, world)
    await held.hold("telco", DRAIN, None, ANNA)
    assert world.told[-1] == ("unbind", "telco")
    world.told.clear()
    assert await held.resume("telco", BOB)
    assert world.told == [("forgotten", "telco"), ("resume", "telco"), ("bind_again", "telco")]
    assert held.holds == {}
    assert not await held.resume("telco", BOB)


async def test_who_held_it_first_holds_it_until_it_is_held_otherwise() -> None:
    world = World()
    held = HeldCarriers(world, world, world)
    await held.hold("telco", PAUSE, None, ANNA)
    world.told.clear()
    assert (await held.hold("telco", PAUSE, None, BOB)).who == "operator:anna"
    assert world.told == []
    assert (await held.hold("telco", DRAIN, None, BOB)).who == "operator:bob"


@pytest.mark.parametrize("before", [None, PAUSE])
async def test_where_the_store_cannot_write_all_stays_as_it_was(before: HoldKind | None) -> None:
    world = World()
    held = HeldCarriers(world, world, world)
    if before is not None:
        await held.hold("telco", before, None, ANNA)
    world.told.clear()
    world.is_busy = True
    with pytest.raises(StoreBusy):
        await held.hold("telco", DRAIN, None, BOB)
    assert ("unbind", "telco") not in world.told
    assert (("resume", "telco") in world.told) is (before is None)
    assert held.holds.get("telco") is None if before is None else held.holds["telco"].how is PAUSE


async def test_what_is_on_disk_is_in_force_once_it_is_learned() -> None:
    kept = CarrierHold("telco", DRAIN, 1, "operator", None), CarrierHold("gone", PAUSE, 1, "operator", None)
    world = World(*kept)
    held = HeldCarriers(world, world, world)
    await held.learn()
    of_telco = [("hold", "telco"), ("take_back", "telco"), ("unbind", "telco")]
    assert world.told == [*of_telco, ("hold", "gone"), ("take_back", "gone"), ("bind_again", "gone")]
    assert list(held.holds.values()) == list(kept)
