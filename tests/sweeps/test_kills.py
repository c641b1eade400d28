"""Whatever is killed, at whichever step: no run is lost, none done twice, nothing left over, and the same bytes.

A miniature of each trial of ``benchmarks/kill_sweeps.py``.
"""

from __future__ import annotations

import errno
import functools
import os
import random
import signal
import time

import pytest

import dynakit as dk
from dynakit.sweeps import claims, engines, workers
from dynakit.sweeps.engines import Processes
from tests.artifacts import test_kills as saves
from tests.sweeps.workload import Folder, begin, do, fixed_bytes, groups_of, left_over, noted

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(autouse=True)
def _processes_are_forked(monkeypatch, forked):
    monkeypatch.setattr(claims, "LOOK", 0.02)
    monkeypatch.setattr(workers, "POLL", 0.02)


def child(act) -> int:
    """A process that acts and ends with its status."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            status = act() or 0
        except workers.Stopped:
            status = 143
        except KeyboardInterrupt:
            status = 130
        finally:
            os._exit(status)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def finish(folder: Folder, groups, how=None) -> dict[str, bytes]:
    """Go on undisturbed: what is decided then, after a look at what is left over."""
    folder = begin(folder.path, groups)
    engines.run(groups, folder, do, how or Processes())
    assert folder.counts().done == sum(len(group.runs) for group in groups)
    assert left_over(folder) == []
    assert len(noted(folder)) == len({*noted(folder)})  # nothing twice
    return fixed_bytes(folder)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a number of runs, in groups of a size, leave if nothing happens; made once for each."""

    @functools.cache
    def leave(n, size=1):
        groups = groups_of(n, size)
        return finish(begin(tmp_path_factory.mktemp("undisturbed") / "sweep", groups), groups)

    return leave


def test_two_shards_killed_at_random(tmp_path, undisturbed):
    groups, rng = groups_of(50), random.Random(1)
    folder = begin(tmp_path / "sweep", groups)

    def shard(k):
        slow = functools.partial(do, seconds=0.003)
        engines.run(groups, begin(folder.path, groups), slow, Processes(), shard=(k, 2))

    pids, kills, marks = {k: child(lambda k=k: shard(k)) for k in (1, 2)}, 0, {}
    while kills < 12 and len(marks) < 50:
        time.sleep(rng.uniform(0.0, 0.02))
        k = rng.choice((1, 2))
        os.kill(pids[k], signal.SIGKILL)
        kills += ended(pids[k]) == -signal.SIGKILL
        now = {run: folder.mark(run) for run in folder.results()}
        assert marks.items() <= now.items()  # what is there stays, untouched
        assert folder.counts().failed == 0
        marks, pids[k] = now, child(lambda k=k: shard(k))
    assert [ended(pid) for pid in pids.values()] == [0, 0]
    assert finish(folder, groups) == undisturbed(50)


def test_killed_at_every_step(tmp_path, monkeypatch, undisturbed):
    """A process ends, without any cleaning up, at its first change of anything on disk, at the second, and so on."""
    monkeypatch.setattr(saves, "STEPS", (*saves.STEPS, "link", "utime"))
    groups = groups_of(2, size=2)
    n, halfway, dead = 1, set(), 0

    def sweep():
        engines.run(groups, begin(tmp_path / str(n), groups), do, Processes())

    while saves.killed_at(n, sweep):
        if (tmp_path / str(n) / "sweep.json").exists():
            counts = Folder.at(tmp_path / str(n)).counts()
            halfway.add(counts.done)
            dead += counts.dead > 0
        assert finish(Folder(tmp_path / str(n)), groups) == undisturbed(2, 2)
        n += 1
    assert n > 30
    assert halfway == {0, 1, 2}
    assert dead > 10


def test_killed_soon_after_each_start_it_still_gets_on(tmp_path, undisturbed):
    groups = groups_of(40)
    folder, before, slow = begin(tmp_path / "sweep", groups), 0, functools.partial(do, seconds=0.005)
    for k in range(15):
        pid = child(lambda: engines.run(groups, begin(folder.path, groups), slow, Processes()))
        while not (claims.entries(folder.claims) if k % 2 else folder.counts().done > before):
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        ended(pid)
        done = folder.counts().done
        assert done >= before
        before = done
        assert len(left_over(folder)) < 6
    assert 8 <= before < 40
    assert finish(folder, groups) == undisturbed(40)


def test_a_worker_that_is_killed_is_replaced(tmp_path, undisturbed):
    groups = groups_of(30)
    folder = begin(tmp_path / "sweep", groups)
    slow = functools.partial(do, seconds=0.01)
    pid = child(lambda: engines.run(groups, folder, slow, Processes(2)))
    killed = set()
    while len(killed) < 3:
        time.sleep(0.03)
        for entry in claims.entries(folder.claims)[:1]:
            if entry.holder.pid not in killed:
                os.kill(entry.holder.pid, signal.SIGKILL)
                killed.add(entry.holder.pid)
    assert ended(pid) == 0
    assert folder.counts().done == 30  # without another start
    assert finish(folder, groups) == undisturbed(30)


def workers_of(folder: Folder) -> list[int]:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        found = [entry.holder.pid for entry in claims.entries(folder.claims)]
        if len(found) == 2:
            return found
        time.sleep(0.005)
    raise AssertionError("nobody works")


def gone(pids) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if all(claims.artifacts.beginning(pid) is None for pid in pids):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(("sign", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_workers_end_with_the_one_who_watches_over_them(tmp_path, sign, status, undisturbed):
    groups = groups_of(20)
    folder = begin(tmp_path / "sweep", groups)

    def watch():
        signal.signal(signal.SIGTERM, workers.stop)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        engines.run(groups, folder, functools.partial(do, seconds=0.3), Processes(2))

    pid = child(watch)
    busy = workers_of(folder)
    os.kill(pid, sign)
    assert ended(pid) == status
    assert gone(busy)
    assert folder.counts().claimed == 0
    if sign != signal.SIGKILL:
        assert left_over(folder) == []  # given back
    assert finish(folder, groups) == undisturbed(20)


def test_all_killed_at_once(tmp_path, undisturbed):
    groups = groups_of(12)
    folder = begin(tmp_path / "sweep", groups)

    def watch():
        os.setpgid(0, 0)
        engines.run(groups, folder, functools.partial(do, seconds=0.3), Processes(2))

    pid = child(watch)
    busy = workers_of(folder)
    os.killpg(pid, signal.SIGKILL)
    ended(pid)
    assert gone(busy)
    assert folder.counts().dead == 2
    assert finish(folder, groups, Processes(2)) == undisturbed(12)


def test_what_is_damaged_between_two_starts_is_done_again_and_said(tmp_path, undisturbed):
    groups = groups_of(6)
    folder = begin(tmp_path / "sweep", groups)
    engines.run(groups, folder, do, Processes())
    place = folder.path / "results"
    (place / "0001.json").write_bytes((place / "0001.json").read_bytes()[:50])
    (place / "0003.json").write_bytes(b"")
    (place / "0004.json").unlink()
    (folder.claims / "0004.1-0").write_bytes(b"")
    others = {run: folder.mark(run) for run in ("0000", "0002", "0005")}
    with pytest.warns(dk.DynakitWarning, match="2 results in .* were damaged, and are made again: 0001, 0003"):
        engines.run(groups, folder, do, Processes())
    assert {run: folder.mark(run) for run in others} == others
    assert sorted(noted(folder)) == ["0000", "0001", "0001", "0002", "0003", "0003", "0004", "0004", "0005"]
    assert fixed_bytes(folder) == undisturbed(6)
    assert left_over(folder) == []


@pytest.mark.parametrize("how", [Processes(), Processes(2)], ids=["here", "two processes"])
def test_a_full_disk_ends_it_in_a_sentence_and_with_room_it_goes_on(tmp_path, how, monkeypatch, undisturbed):
    groups = groups_of(6)
    folder = begin(tmp_path / "sweep", groups)
    real = os.write

    def no_room_after_some(descriptor, data):
        if len(folder.results()) >= 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    with monkeypatch.context() as full:
        full.setattr(os, "write", no_room_after_some)
        full.setattr("tests.sweeps.workload.note", lambda *_: None)
        with pytest.raises(dk.ArtifactError, match=r"takes no more \(No space left on device\); what is done is kept"):
            engines.run(groups, folder, do, how)
    counts = folder.counts()
    assert counts.failed == 0
    assert 2 <= counts.done <= 3
    assert left_over(folder) == []
    assert finish(folder, groups) == undisturbed(6)


def test_the_same_sweep_started_twice_with_two_workers_each(tmp_path, undisturbed):
    groups = groups_of(40, size=2)
    folder = begin(tmp_path / "sweep", groups)
    slow = functools.partial(do, seconds=0.003)
    pids = [child(lambda: engines.run(groups, begin(folder.path, groups), slow, Processes(2))) for _ in range(2)]
    assert [ended(pid) for pid in pids] == [0, 0]
    assert sorted(noted(folder)) == [run.id for group in groups for run in group.runs]
    assert finish(folder, groups) == undisturbed(40, 2)
