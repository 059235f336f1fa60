"""Another configuration for a gateway that runs: read, checked, made ready beside it, and swapped in without a gap.

What differs is settings/changes.py's, what the store does with it store/reconfigure.py's; each part of the house takes
its own.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from gateway.api.reload_call import NO_FILE
from gateway.logs import without_numbers
from gateway.metrics import RELOADS
from gateway.settings import ConfigurationError, Problem, Settings, load
from gateway.settings.alerts import OperatorEvent
from gateway.settings.changes import Change, Reloaded, changes, effective
from gateway.settings.kinds import Kind
from gateway.store.by import By
from gateway.store.interface import StoreBusy, StoreFull
from gateway.store.policy import Policy
from gateway.store.reload_interface import ReloadStore

log = logging.getLogger("sluice.daemon")
CONFIGURATION = "configuration"
"""What operators' events about it call it."""
MOST_TOLD = 100
"""Changes, or faults, that an event tells, and the log: more are read off `sluice reload` or `sluice check`."""

Swap = Callable[[], None]


class Parts(NamedTuple):
    """What a reload is made of beside the store."""

    policy_of: Callable[[Settings], Policy]
    """Called in a thread."""
    learn: Callable[[Settings], Awaitable[None]]
    """What has to be read from the store before anything is prepared; harmless where the reload is given up."""
    prepared: Sequence[Callable[[Settings], Swap]]
    """Called in a thread, for what takes long to work out; what they give is called first."""
    parts: Sequence[Callable[[Settings], None]]
    """Called then, in this order and without a pause between them."""
    tell: Callable[[OperatorEvent, str, dict[str, list[str]]], None]


class Reloading:
    """One reload at a time."""

    def __init__(self, path: Path | None, settings: Settings, store: ReloadStore, parts: Parts) -> None:
        """`path`: of the configuration file; None: there is none to be read again."""
        self.settings = settings
        """Those in force."""
        self._path = path
        self._store = store
        self._parts = parts
        self._turn = trio.Lock()
        self._asked = trio.Event()
        self._is_stopping = False

    async def stop(self) -> None:
        """Take no further settings: the gateway stops. One that the store is about to take comes to its end first."""
        self._is_stopping = True
        async with self._turn:
            return

    def ask(self) -> None:
        """As `reload`, by `run`: for signals. Asked during a reload, there is one more after it."""
        self._asked.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Reload whenever it is asked for, until cancelled."""
        task_status.started()
        while True:
            await self._asked.wait()
            self._asked = trio.Event()
            try:
                await self.reload()
            except (ConfigurationError, StoreBusy, StoreFull) as error:
                log.debug("a reload was given up: %s", type(error).__name__)
            except Exception as error:
                # The supervisor: what runs goes on by the settings that it has.
                log.exception("a reload failed: error=%s", type(error).__name__)

    async def reload(self, *, by: By | None = None) -> Reloaded:
        """Read the file and bring it in force.

        Raises ConfigurationError, StoreFull or StoreBusy: then nothing was changed.
        """
        # Who asked may leave meanwhile; half a reload there is not.
        with trio.CancelScope(shield=True):
            async with self._turn:
                self._check_goes_on()
                try:
                    done = await self._reload(by)
                except ConfigurationError as error:
                    await self._refused(error, by)
                    raise
                except (StoreBusy, StoreFull) as error:
                    RELOADS.labels("refused").inc()
                    log.error("the configuration was not reloaded: the store can't write: %s", error)
                    raise
        return done

    async def _reload(self, by: By | None) -> Reloaded:
        # In threads: ten thousand routes take their time.
        new, found = await trio.to_thread.run_sync(self._load)
        done = Reloaded(
            [without_numbers(change.line) for change in found if change.kind is not Kind.RESTART],
            [without_numbers(change.line) for change in found if change.kind is Kind.RESTART],
        )
        await self._parts.learn(new)
        policy, swaps = await trio.to_thread.run_sync(self._prepare, new)
        # It may have taken seconds; what stops is not to be given other carriers.
        self._check_goes_on()
        told = "; ".join([*done.changed, *(f"needs a restart: {line}" for line in done.needs_restart)])
        swap = partial(self._swap, new, swaps)
        await self._store.reconfigure(policy, told or "nothing has changed", swap, by=by)
        self._tell(done)
        return done

    def _check_goes_on(self) -> None:
        if self._is_stopping:
            raise StoreBusy("the gateway stops")

    def _load(self) -> tuple[Settings, list[Change]]:
        if self._path is None:
            raise ConfigurationError([NO_FILE])
        given = load(self._path)
        return effective(self.settings, given), changes(self.settings, given)

    def _prepare(self, settings: Settings) -> tuple[Policy, list[Swap]]:
        try:
            return self._parts.policy_of(settings), [prepare(settings) for prepare in self._parts.prepared]
        except (OSError, ValueError) as error:
            words = f"names a file that could be read a moment ago: {error}"
            raise ConfigurationError([Problem(str(self._path), "", words)]) from error

    def _swap(self, settings: Settings, swaps: Sequence[Swap]) -> None:
        """Without a pause; a part that fails must not keep the others at other settings than the store's."""
        self.settings = settings
        others: list[Swap] = [partial(part, settings) for part in self._parts.parts]
        for swap in [*swaps, *others]:
            try:
                swap()
            except Exception as error:
                log.exception("a part did not take the settings of a reload: error=%s", type(error).__name__)

    def _tell(self, done: Reloaded) -> None:
        RELOADS.labels("applied").inc()
        log.info("reloaded changed=%d needs_restart=%d", len(done.changed), len(done.needs_restart))
        for line in done.changed[:MOST_TOLD]:
            log.info("reloaded: %s", line)
        for line in done.needs_restart[:MOST_TOLD]:
            log.warning("needs a restart: %s", line)
        figures = {"changes": done.changed[:MOST_TOLD], "needs_restart": done.needs_restart[:MOST_TOLD]}
        self._parts.tell(OperatorEvent.CONFIG_RELOADED, CONFIGURATION, figures)

    async def _refused(self, error: ConfigurationError, by: By | None) -> None:
        RELOADS.labels("refused").inc()
        problems = [without_numbers(str(problem)) for problem in error.problems]
        log.error("the configuration was not reloaded, nothing has changed: problems=%d", len(problems))
        for problem in problems[:MOST_TOLD]:
            log.error("not reloaded: %s", problem)
        self._parts.tell(OperatorEvent.CONFIG_REFUSED, CONFIGURATION, {"problems": problems[:MOST_TOLD]})
        try:
            await self._store.reload_refused("; ".join(problems), by=by)
        except (StoreBusy, StoreFull) as fault:
            log.warning("a refused reload can't be written down: %s", fault)
