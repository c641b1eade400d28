"""Where the runs of a sweep are done: in this process, in several beside it, on a dask cluster, in shards of an array.

All of them do the same: claim, do, write, give back.  So they may be mixed, stopped and started on one folder.
"""

from __future__ import annotations

import dataclasses
import gc
import re
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .. import artifacts, checks, progress
from ..errors import ArtifactError, DynakitWarning, InputError
from ..wording import counted
from . import claims
from .folder import Folder, Tally
from .once import MOST_DEATHS, Do, GroupOfRuns, Work, attend, go_through, open_runs, to_do
from .workers import Team

AGAIN = 2.0  # seconds after which the results of others are counted again
PATIENCE = 5.0  # seconds for a scheduler to answer, and for the first of its workers to be there


@dataclass(frozen=True)
class Processes:
    """On this machine.

    Attributes:
        n_jobs: processes of one thread each; one is this process itself
        time_limit: seconds that a group of runs may take
        apart: have processes beside this one even if it is one: what kills it kills nothing else
    """

    n_jobs: int = 1
    time_limit: float | None = None
    apart: bool = False

    def __post_init__(self) -> None:
        checks.count("n_jobs", self.n_jobs)
        if self.time_limit is not None:
            checks.number("time_limit", self.time_limit, above=0.0, closed=False)


@dataclass(frozen=True)
class Dask:
    """On the workers of a dask scheduler, which must see the folder under the same path.

    Attributes:
        scheduler: address, such as "tcp://10.0.0.1:8786"
    """

    scheduler: str


def run(
    groups: Iterable[GroupOfRuns],
    folder: Folder,
    do: Do,
    how: Processes | Dask,
    *,
    shard: str | tuple[int, int] | None = None,
    retry_failed: bool = False,
) -> None:
    """Do the groups of runs that have no result yet; :func:`progress.going` is told of the runs that have one.

    ``do(group, folder)`` writes the results of a group; what it raises is the result of those that it has not written.
    With ``shard`` (i of n, from 1) every n-th group comes first, and then what nobody else has claimed.  Raises
    ArtifactError if the folder takes no more, InputError if the scheduler does not answer.
    """
    folder = Folder(folder.path.absolute())
    tally = Tally(folder)
    status = dict(tally.look())
    if tally.damaged:
        said = f"{counted(len(tally.damaged), 'result')} in {folder.path} were damaged, and are made again"
        warnings.warn(f"{said}: {', '.join(sorted(tally.damaged)[:10])}", DynakitWarning, stacklevel=2)
    failed = [run for run, said in status.items() if said == "failed"] if retry_failed else []
    ordered = in_order(sorted(groups, key=lambda group: group.id), shard)
    retry = {run: folder.mark(run) for run in failed}
    dead = frozenset(name for name, alive in claims.held(folder.claims).items() if not alive)
    work = Work(folder, ordered, do, claims.new_session(), retry, dead=dead)
    progress.expect(len(folder.said["settings"]), "run")
    tell = _Teller(tally, work)
    try:
        if not any(to_do(work, group) for group in ordered):
            tell()
        elif isinstance(how, Dask):
            _on_dask(work, how, tell)
        elif how.n_jobs > 1 or how.apart or how.time_limit is not None:
            _beside(work, how, tell)
        else:
            _here(work, tell)
    finally:
        _tidy(tally)


def as_engine(
    engine: Any, *, n_jobs: int = 1, scheduler: str | None = None, time_limit: float | None = None
) -> Processes | Dask:
    """Where to run: "local" or "dask" with what belongs to it, or one of the classes that say it all."""
    if isinstance(engine, Processes | Dask):
        return engine
    if checks.one_of("engine", engine, ("local", "dask")) == "local":
        if scheduler is not None:
            raise InputError("scheduler is for engine 'dask'")
        return Processes(n_jobs, time_limit)
    if not isinstance(scheduler, str) or not scheduler:
        raise InputError(f"scheduler must be the address of one, such as 'tcp://10.0.0.1:8786', got {scheduler!r}")
    if n_jobs != 1:
        raise InputError("n_jobs is for engine 'local': workers of dask are started beside it")
    if time_limit is not None:
        raise InputError("time_limit is for engine 'local': dask cannot end a run without its worker")
    return Dask(scheduler)


def in_order(groups: Sequence[Any], shard: str | tuple[int, int] | None) -> list[Any]:
    """The groups of a shard, and then all others."""
    if shard is None:
        return list(groups)
    k, n = as_shard(shard)
    return [*groups[k - 1 :: n], *(g for j, g in enumerate(groups) if j % n != k - 1)]


def as_shard(value: Any) -> tuple[int, int]:
    """Which of how many, from 1."""
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", value) if isinstance(value, str) else None
    pair: Any = (int(match[1]), int(match[2])) if match else value
    whole = isinstance(pair, list | tuple) and len(pair) == 2 and all(type(item) is int for item in pair)
    if not whole or not 1 <= pair[0] <= pair[1]:
        raise InputError(f"shard must be i/n with i from 1 to n, such as 1/4, got {value!r}")
    return pair[0], pair[1]


class _Teller:
    """Tells how far the sweep is; the results of others are counted now and then."""

    def __init__(self, tally: Tally, work: Work) -> None:
        self.tally, self.work, self.next = tally, work, 0.0
        self.own: dict[str, str] = {}  # what was done here since
        self.running = 0

    def __call__(self, group: GroupOfRuns | None = None) -> bool:
        """Whether to go on; ``group`` has just been done here."""
        for run in group.runs if group else ():
            result = self.work.folder.result(run.id)
            if result is not None:
                self.own[run.id] = result["status"]
        if time.monotonic() > self.next:
            began = time.monotonic()
            self.tally.look()
            self.running = sum(claims.held(self.work.folder.claims).values())
            self.next = time.monotonic() + max(AGAIN if group else 0.0, 20 * (time.monotonic() - began))
        status = self.tally.status | self.own
        failed = sum(said == "failed" for said in status.values())
        return progress.going(len(status), "run", failed=failed, running=self.running)


def _here(work: Work, tell: Callable[..., bool]) -> None:
    from ..linalg import one_thread

    with one_thread(), claims.Claims(work.folder.claims) as own:
        for group in go_through(work, own):
            if not tell(group):
                return


def _beside(work: Work, how: Processes, tell: Callable[..., bool]) -> None:
    n_open = sum(to_do(work, group) for group in work.groups)
    team = Team(work, min(how.n_jobs, n_open), how.time_limit)
    try:
        while team.wait() and tell():
            pass
        tell()
    finally:
        team.stop()


def _tidy(tally: Tally) -> None:
    """Remove what dead processes have left of what is finished."""
    status, folder = tally.look(), tally.folder
    finished = {group for group, runs in folder.said["groups"].items() if all(run in status for run in runs)}
    claims.clear(folder.claims, finished)
    for place in (folder.path, folder.path / "results"):
        artifacts.sweep(place)


# --- dask --------------------------------------------------------------------------------------------------


def _on_dask(work: Work, how: Dask, tell: Callable[..., bool]) -> None:
    client = connect(how.scheduler)
    try:
        left, lost = [group for group in work.groups if to_do(work, group)], 0
        while left and lost <= MOST_DEATHS * len(work.groups):
            lost_now = _one_pass(client, work, left, tell)
            if progress.ended():
                return
            lost += lost_now
            left = [group for group in left if open_runs(work, group)]
            ours = claims.held_in(work.folder.claims, work.session)
            left = [group for group in left if group.id in ours or lost_now]
            time.sleep(1.0 if left else 0.0)  # until claims of a lost machine are known to be dead
    finally:
        client.close()


def connect(scheduler: str) -> Any:
    """A client of a dask scheduler; InputError where none answers."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError("engine 'dask' needs dask and distributed: pip install 'dynakit[cluster]'") from None
    try:
        return Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError, TypeError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
    # The client that failed is to end here: collected while another one starts, it waits for a lock that one holds.
    gc.collect()
    raise InputError(f"scheduler {scheduler!r} does not answer: {said}")


def _one_pass(client: Any, work: Work, left: list[GroupOfRuns], tell: Callable[..., bool]) -> int:
    """Have each group done by some worker; how many tasks dask has given up because their workers died."""
    from distributed import KilledWorker, as_completed

    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise InputError(f"scheduler {client.scheduler.address!r} has no workers") from None
    futures, lost = {client.submit(do_one, *_told(work, group), pure=False): group for group in left}, 0
    try:
        for future in _as_they_end(client, as_completed(futures)):
            try:
                future.result()
            except KilledWorker:
                lost += 1
            if not tell(futures[future]):
                break
    finally:
        client.cancel(list(futures))
    return lost


def _as_they_end(client: Any, futures: Any) -> Iterator[Any]:
    """The futures that are done, one by one, as long as there is a worker: dask itself would wait for one for ever."""
    heard = time.monotonic()
    while not futures.is_empty():
        if futures.has_ready():
            yield from futures.next_batch(block=False)
            heard = time.monotonic()
        elif time.monotonic() - heard > PATIENCE:
            if not client.nthreads():
                raise InputError(f"scheduler {client.scheduler.address!r} has no workers")
            heard = time.monotonic()
        else:
            time.sleep(0.005)


def _told(work: Work, group: GroupOfRuns) -> tuple[Work, GroupOfRuns]:
    """What a worker of dask must know of a group."""
    retry = {run.id: work.retry[run.id] for run in group.runs if run.id in work.retry}
    return dataclasses.replace(work, groups=[group], retry=retry, dead=work.dead & {group.id}), group


def do_one(work: Work, group: GroupOfRuns) -> None:
    """What a worker of dask does."""
    from ..linalg import one_thread

    folder = work.folder
    if not folder.claims.is_dir():
        raise ArtifactError(f"folder {folder.path} is not there for a worker of dask: it must be one that all share")
    with one_thread(), claims.Claims(folder.claims, session=work.session) as own:
        claim = own.take(group.id)
        if claim is not None:
            attend(work, group, own, claim)
