"""On the workers of a dask scheduler, one of which is killed: the same results as in one process."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import time

import pytest

import dynakit as dk
from dynakit.sweeps import claims, engines
from dynakit.sweeps.engines import Dask, Processes
from tests.sweeps.workload import begin, do, fixed_bytes, groups_of, left_over, noted

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def child(serve) -> int:
    """A process that serves until it is killed."""
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(serve())
        finally:
            os._exit(1)
    return pid


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler on the loopback interface, and the processes of its two workers."""
    import distributed

    read, write = os.pipe()

    async def schedule():
        async with distributed.Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
            os.write(write, scheduler.address.encode())
            await scheduler.finished()

    async def work():
        place = str(tmp_path_factory.mktemp("worker"))
        async with distributed.Worker(address, nthreads=1, local_directory=place, dashboard=False) as worker:
            await worker.finished()

    pids = [child(schedule)]
    address = os.read(read, 100).decode()
    pids += [child(work) for _ in range(2)]
    yield address, pids[1:]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_one_of_two_workers_is_killed_and_the_bytes_are_the_same(tmp_path, cluster):
    groups, (address, workers) = groups_of(30), cluster
    alone = begin(tmp_path / "alone", groups)
    engines.run(groups, alone, do, Processes())
    folder = begin(tmp_path / "sweep", groups)

    def ends(group, folder):
        if group.id == "0007" and not os.path.exists(f"{folder.path}.once"):
            open(f"{folder.path}.once", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        do(group, folder, seconds=0.01)

    engines.run(groups, folder, ends, Dask(address))
    assert claims.artifacts.beginning(workers[0]) is None or claims.artifacts.beginning(workers[1]) is None
    assert folder.counts().done == 30
    assert sorted(noted(folder)) == [group.id for group in groups]
    assert fixed_bytes(folder) == fixed_bytes(alone)
    assert left_over(folder) == []


def test_what_raises_and_what_worker_sees_no_folder(tmp_path, cluster, monkeypatch):
    groups, (address, _) = groups_of(3), cluster

    def raises(group, folder):
        if group.id == "0001":
            raise ValueError("never")
        do(group, folder)

    folder = begin(tmp_path / "sweep", groups)
    engines.run(groups, folder, raises, Dask(address))
    assert folder.counts()[:2] == (2, 1)
    engines.run(groups, folder, functools.partial(do), Dask(address), retry_failed=True)
    assert folder.counts().done == 3

    other = begin(tmp_path / "other", groups)
    monkeypatch.setattr(engines.Folder, "__reduce__", lambda self: (engines.Folder, ("/nowhere/to/be/seen",)))
    with pytest.raises(dk.ArtifactError, match="must be one that all share"):
        engines.run(groups, other, do, Dask(address))
    assert left_over(other) == []


def test_for_a_scheduler_that_is_not_there_nothing_is_written(tmp_path):
    with pytest.raises(dk.InputError, match="scheduler 'nonsense' does not answer"):
        dk.sweep({"task": "xor", "model": "gru"}, tmp_path / "new", engine="dask", scheduler="nonsense")
    assert not list(tmp_path.iterdir())
    clients = [each for each in gc.get_objects() if type(each).__name__ == "Client" and hasattr(each, "scheduler_file")]
    assert all(client.status == "closed" for client in clients)


def test_a_scheduler_without_workers_is_one_sentence_within_seconds(tmp_path, cluster, monkeypatch):
    address, workers = cluster
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    monkeypatch.setattr(engines, "PATIENCE", 0.5)
    began = time.monotonic()
    with pytest.raises(dk.InputError, match="has no workers"):
        engines.run(groups_of(2), begin(tmp_path / "sweep", groups_of(2)), do, Dask(address))
    assert time.monotonic() - began < 10
