"""A search that several machines share: an Optuna study in a database, and one lock to plan under.

Each point is a trial of the study, waiting with its parameters already set. Who plans is whoever finds nothing waiting
and gets the lock; what is planned is the same whoever does it. A trial whose process gives no sign of life for
`patience_s` is put back, as is whatever a planner that died left out. Tells nobody the address of the database.
"""

import hashlib
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigError, StorageError
from tidegate.optimise.planning import Plan, directions_of, distributions_of
from tidegate.optimise.points import Point, Row

if TYPE_CHECKING:
    import optuna

KINDS = ("postgresql+psycopg", "sqlite")
SCHEMA = "tidegate schema"
"""The tables are made by one at a time, whichever study is the first."""
INDEX, ROW, NOTES = "index", "row", "notes"
PATIENCE_S = 60
BEATS = 4
"""So many signs of life are given in that time."""


class SharedBoard:
    """The study `name` in the database at `url`. Made by whoever comes first. Raises ConfigError, StorageError."""

    def __init__(self, url: str, name: str, plan: Plan, patience_s: int = PATIENCE_S) -> None:
        import optuna
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            self._url = make_url(url)
        except ArgumentError:
            raise ConfigError(["--storage: not an address of a database"]) from None
        if self._url.drivername not in KINDS:
            raise ConfigError([f"--storage {self._url.drivername}: {' or '.join(KINDS)} was expected"])
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._plan, self._name = plan, name
        self._beat_s = max(1, patience_s // BEATS)
        self._beat_again_s = time.monotonic() + self._beat_s
        with _told(), self._locked(SCHEMA):
            self._storage = optuna.storages.RDBStorage(url, heartbeat_interval=self._beat_s, grace_period=patience_s)
            self._study = optuna.create_study(
                study_name=name,
                storage=self._storage,
                load_if_exists=True,
                directions=directions_of(plan),
            )
        self._held: dict[int, optuna.trial.FrozenTrial] = {}
        self._done: dict[int, Row] = {}

    def claim(self, count: int) -> list[Point]:
        """Waiting points that nobody else got first."""
        claimed = self._claimed(count)
        if claimed or self._held:
            return claimed
        self._tend()
        return self._claimed(count)

    def settle(self, row: Row) -> None:
        """Tell the study. A point that was meanwhile put back, and judged again, has the same row anyway."""
        import optuna

        trial = self._held.pop(row.index)
        with _told():
            try:
                self._storage.set_trial_user_attr(trial._trial_id, ROW, row.text())
                state = optuna.trial.TrialState.COMPLETE if row.values else optuna.trial.TrialState.PRUNED
                self._storage.set_trial_state_values(trial._trial_id, state, list(row.values) or None)
            except optuna.exceptions.UpdateFinishedTrialError:
                return
        self._done[row.index] = row

    def beat(self, held: Collection[int]) -> None:
        """A sign of life for each, if it is time for one."""
        now_s = time.monotonic()
        if now_s < self._beat_again_s:
            return
        self._beat_again_s = now_s + self._beat_s
        with _told():
            for index in held:
                self._storage.record_heartbeat(self._held[index]._trial_id)

    def release(self, held: Collection[int]) -> None:
        """Failed without a row: whoever tends the study next puts them back."""
        import optuna

        with _told():
            for index in held:
                trial = self._held.pop(index)
                with suppress(optuna.exceptions.UpdateFinishedTrialError):
                    self._storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.FAIL)

    def rows(self) -> list[Row]:
        """All rows of the plan, by whomever."""
        with _told():
            self._read()
        return [self._done[index] for index in sorted(self._done) if index < self._plan.total]

    def close(self) -> None:
        """Give the connections back."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def _claimed(self, count: int) -> list[Point]:
        import optuna

        points: list[Point] = []
        with _told():
            for trial in self._trials(optuna.trial.TrialState.WAITING):
                if len(points) == count:
                    break
                index = trial.user_attrs[INDEX]
                if index >= self._plan.total:
                    continue
                try:
                    won = self._storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.RUNNING)
                except optuna.exceptions.UpdateFinishedTrialError:
                    continue
                if not won:
                    continue
                self._storage.record_heartbeat(trial._trial_id)
                self._held[index] = trial
                points.append(Point(index, self._plan.space.whole(trial.params), trial.user_attrs[NOTES]))
        return points

    def _tend(self) -> None:
        """Put back what was lost, plan the next batch when the last one is complete."""
        import optuna

        with _told():
            optuna.storages.fail_stale_trials(self._study)
            with self._locked(self._name):
                known = self._read()
                lost = {index: trial for index, trial in known.items() if trial.state is optuna.trial.TrialState.FAIL}
                for trial in lost.values():
                    self._add(Point(trial.user_attrs[INDEX], trial.params, trial.user_attrs[NOTES]))
                if any(not trial.state.is_finished() for trial in known.values()) or lost:
                    return
                for point in self._plan.batch_of(self._done):
                    if point.index not in known:
                        self._add(point)

    def _add(self, point: Point) -> None:
        import optuna

        searched = {axis.name: point.parameters[axis.name] for axis in self._plan.space.axes}
        self._study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.WAITING,
                params=searched,
                distributions=distributions_of(self._plan.space),
                user_attrs={INDEX: point.index, NOTES: dict(point.attrs)},
            )
        )

    def _trials(self, *states: "optuna.trial.TrialState") -> "list[optuna.trial.FrozenTrial]":
        trials = self._study.get_trials(deepcopy=False, states=states or None)
        return [trial for trial in trials if INDEX in trial.user_attrs]

    def _read(self) -> "Mapping[int, optuna.trial.FrozenTrial]":
        """The trial that counts of each point: one with a row, else one that lives, else a lost one."""
        import optuna

        counts: dict[int, optuna.trial.FrozenTrial] = {}
        for trial in self._trials():
            index = trial.user_attrs[INDEX]
            if trial.state.is_finished() and trial.state is not optuna.trial.TrialState.FAIL:
                if index not in self._done:
                    self._done[index] = Row.of_text(trial.user_attrs[ROW])
                counts[index] = trial
            elif index not in counts or counts[index].state is optuna.trial.TrialState.FAIL:
                counts[index] = trial
        return counts

    @contextmanager
    def _locked(self, what: str) -> Iterator[None]:
        """Alone among all that share `what`; the lock of one that dies is free at once."""
        if self._url.drivername == "sqlite":
            from filelock import FileLock

            with FileLock(f"{self._url.database}.lock"):
                yield
            return
        import sqlalchemy as sql

        number = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], "big", signed=True)
        engine = sql.create_engine(self._url, poolclass=sql.NullPool)
        with engine.connect() as connection:
            connection.execute(sql.text("SELECT pg_advisory_lock(:number)"), {"number": number})
            yield


@contextmanager
def _told() -> Iterator[None]:
    """What a database says, without its address, which holds a password."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (SQLAlchemyError, StorageInternalError) as error:
            cause: Any = error.__cause__ or getattr(error, "orig", None) or error
            words = str(getattr(cause, "orig", None) or cause).strip().splitlines() or [type(error).__name__]
            raise StorageError(f"--storage: the database cannot be used ({words[0]})") from None
        except ImportError as error:
            raise ConfigError([f"--storage needs a library that is not here: {error.name}"]) from None
