"""What becomes of sweeps that are killed, crowded, damaged and starved:  python benchmarks/kill_sweeps.py

Small networks are trained and analysed by processes that are sent real signals at random moments, and started again.
Each trial ends with a start that nobody disturbs, and what is there then is compared with a sweep that nobody
disturbed.  A result counts as made twice if its file was replaced after it had been seen; a run that was cut short
before it left one does not.  ``--only K1 K3`` chooses trials, ``--soak MINUTES`` adds K11, which goes on for so long.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import functools
import hashlib
import json
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import dynakit as dk
from dynakit import artifacts
from dynakit.linalg import one_thread
from dynakit.sweeps import claims, engines, refusals, work
from dynakit.sweeps.folder import Folder

HERE = Path(__file__).parent
COLUMNS = ["trial", "what is done", "runs", "starts", "kills", "lost", "made twice", "left over", "bytes", "seen"]
COLUMNS += ["seconds"]
KINDS = ("elman", "gru", "lstm")
TASK = "flip-flop:n_bits=1,n_steps=20"


def plan(seeds: int, *, updates: int = 20, models: tuple[str, ...] = KINDS, alone: bool = False) -> Any:
    """Networks of four units; those of one kind are trained side by side, unless each has updates of its own."""
    runs = []
    for model in models:
        run = {"task": TASK, "model": f"{model}:n_hidden=4", "analysis": {"include": ["fixed_points"]}}
        for k in range(seeds if alone else 1):
            own = {"training": f"bptt:max_updates={updates + k},batch_size=8", "seeds": 1 if alone else seeds}
            runs.append({**run, **own})
    return dk.sweeps.Plan(runs)


# --- what is seen of a sweep -------------------------------------------------------------------------------


def decided(path: Path) -> dict[str, str]:
    """A hash of all that the plan decides, by file: results without what is measured, and the networks kept."""
    found = {}
    for place in sorted((path / "results").glob("*.json")):
        content = json.loads(place.read_text())
        del content["measured"], content["sha256"]
        found[place.name] = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    for place in sorted(path.glob("runs/*/*.safetensors")):  # overwritten ones have a mark of their own in their names
        name = f"{place.parent.name}/{place.name[:22]}"
        found[name] = found.get(name, "") + hashlib.sha256(place.read_bytes()).hexdigest()
    return found


def left_over(path: Path) -> list[str]:
    """Claims, drafts, checkpoints and anything else that should not be there when all is done."""
    known = {"sweep.json", "plan.toml", "claims", "results", "runs"}
    found = [name for name in os.listdir(path) if name not in known] + os.listdir(path / "claims")
    found += [name for name in os.listdir(path / "results") if not name.endswith(".json")]
    unfinished = (".", "checkpoint", "history", "analysis")
    return found + [p.name for p in path.glob("runs/*/*") if p.name.startswith(unfinished)]


class Watch:
    """Looks at the results between kills: whether one that was there is gone, or another in its place."""

    def __init__(self, path: Path) -> None:
        self.path, self.marks = path, dict[str, str]()
        self.lost = self.twice = self.kills = self.starts = 0

    def look(self) -> int:
        """How many results are there."""
        if not (self.path / "sweep.json").exists():
            return 0
        folder = Folder.at(self.path)
        now = {run: folder.mark(run) for run in folder.results()}
        self.lost += len(self.marks.keys() - now.keys())
        self.twice += sum(now[run] != mark for run, mark in self.marks.items() if run in now)
        self.marks = now
        return len(now)


def child(act: Callable[[], Any]) -> int:
    """A process that acts and ends, with a group of its own."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            logging.disable(logging.WARNING)  # dask tells all it does
            sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
            act()
            status = 0
        except KeyboardInterrupt:
            status = 130
        finally:
            os._exit(status)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def start(watch: Watch, what: Any, **options: Any) -> int:
    """A process that sweeps."""
    watch.starts += 1
    return child(lambda: dk.sweep(what, watch.path, **options))


def kill(watch: Watch, pid: int, sign: int = signal.SIGKILL) -> bool:
    """Send a signal, wait, and look; whether it came in time."""
    os.kill(pid, sign)
    killed = ended(pid) == -sign
    watch.kills += killed
    watch.look()
    return killed


def undisturbed(what: Any) -> dict[str, str]:
    """What a sweep leaves that nobody disturbs; made once for each plan."""
    return _undisturbed(tuple(what.ids), what)


@functools.lru_cache(maxsize=16)
def _kept(ids: tuple[str, ...]) -> dict[str, dict[str, str]]:
    return {}


def _undisturbed(ids: tuple[str, ...], what: Any) -> dict[str, str]:
    kept = _kept(ids)
    if not kept:
        with tempfile.TemporaryDirectory() as name:
            assert ended(child(lambda: dk.sweep(what, Path(name) / "sweep"))) == 0
            kept["found"] = decided(Path(name) / "sweep")
    return kept["found"]


@dataclass
class Trial:
    """One row of the table."""

    watch: Watch
    what: Any
    seen: str = ""

    def row(self, name: str, said: str, seconds: float) -> list[Any]:
        """Finish undisturbed, and compare."""
        watch = self.watch
        status = ended(start(watch, self.what))
        done = watch.look()
        same = decided(watch.path) == undisturbed(self.what)
        left = left_over(watch.path)
        lost = watch.lost + len(self.what) - done
        seen = self.seen if status == 0 else f"{self.seen}; the last start ended with {status}"
        return [
            name, said, len(self.what), watch.starts, watch.kills, lost, watch.twice, len(left),
            "equal" if same else "OTHER", seen + ("" if not left else f"; left over: {left[:3]}"), f"{seconds:.0f}",
        ]  # fmt: skip


# --- the trials --------------------------------------------------------------------------------------------


def seconds_of(what: Any) -> float:
    """How long an undisturbed sweep takes, everything loaded."""
    undisturbed(what)
    began = time.monotonic()
    _kept.cache_clear()
    undisturbed(what)
    return time.monotonic() - began


def k1_equality(path: Path, rng: random.Random) -> Trial:
    """12 runs of three kinds of cell, killed at random moments up to 20 times, until all is done"""
    trial = Trial(Watch(path), plan(4, updates=20, alone=True))
    takes = seconds_of(trial.what)
    while trial.watch.kills < 20 and len(trial.watch.marks) < len(trial.what):
        pid = start(trial.watch, trial.what)
        time.sleep(rng.uniform(0.0, 0.1 * takes))
        kill(trial.watch, pid)
    trial.seen = f"{trial.watch.look()} results after the last kill"
    return trial


def k1_shards(path: Path, rng: random.Random) -> Trial:
    """60 runs by two shards, 40 kills at random moments of either, each started again at once"""
    what = plan(20, updates=5, alone=True)
    trial, takes = Trial(Watch(path), what), seconds_of(what)
    pids = {k: start(trial.watch, what, shard=(k, 2)) for k in (1, 2)}
    while trial.watch.kills < 40 and len(trial.watch.marks) < len(what):
        time.sleep(rng.uniform(0.0, 0.04 * takes))
        k = rng.choice((1, 2))
        kill(trial.watch, pids[k])
        pids[k] = start(trial.watch, what, shard=(k, 2))
    trial.seen = f"{trial.watch.look()} results at the last kill"
    for pid in pids.values():
        ended(pid)
    return trial


STEPS = ("open", "write", "fsync", "replace", "unlink", "chmod", "mkdir", "rmdir", "link", "utime")


def mined(n: int) -> None:
    """Let this process end at its n-th call that changes something on disk; halfway through, if it writes."""
    left = [n]

    def mine(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os._exit(9)
            return real(*arguments, **options)

        setattr(os, name, call)

    for name in STEPS:
        mine(name)


def k2_every_step(path: Path, rng: random.Random) -> Trial:
    """2 runs, ended without any cleaning up at each call that changes something on disk"""
    what, watch = plan(2, updates=2, models=("gru",)), Watch(path)
    n, same, unreadable = 1, 0, 0
    while True:
        place = path.with_name(f"{path.name}-{n}")
        if ended(child(lambda n=n, place=place: mined(n) or dk.sweep(what, place))) == 0:
            break
        with contextlib.suppress(dk.ArtifactError):
            unreadable += (place / "sweep.json").exists() and Folder.at(place).counts().total != 2
        assert ended(child(lambda place=place: dk.sweep(what, place))) == 0
        same += decided(place) == undisturbed(what) and not left_over(place)
        watch.kills, watch.starts, n = watch.kills + 1, watch.starts + 2, n + 1
    return Trial(watch, what, f"{same} of {watch.kills} steps: equal and nothing left over; {unreadable} unreadable")


def k3_again_and_again(path: Path, rng: random.Random) -> Trial:
    """24 runs, 50 kills in a row within .05 to .4 s of the start"""
    trial, before, backwards, most = Trial(Watch(path), plan(8, updates=10, alone=True)), 0, 0, 0
    for _ in range(50):
        pid = start(trial.watch, trial.what)
        time.sleep(rng.uniform(0.05, 0.4))
        kill(trial.watch, pid)
        now = trial.watch.look()
        backwards, before = backwards + (now < before), now
        most = max(most, len(artifacts_left(path)))
    trial.seen = f"{before} results after the last kill, {backwards} times fewer than before; at most {most} drafts"
    return trial


def artifacts_left(path: Path) -> list[str]:
    """Temporary files."""
    return [p.name for p in path.rglob(".*.tmp")]


def command(path: Path, *options: str) -> subprocess.Popen:
    """The command line, in a process group of its own."""
    line = [sys.executable, "-m", "dynakit", "resume", str(path), "--jobs", "2", *options]
    return subprocess.Popen(line, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def busy(path: Path) -> list[int]:
    """The two workers, once they are at work."""
    while True:
        found = [entry.holder.pid for entry in claims.entries(path / "claims") if entry.holder.alive(time.time())]
        if len(found) == 2:
            return found
        time.sleep(0.02)


def gone_after(pids: list[int]) -> float:
    """Seconds until processes are no more."""
    began = time.monotonic()
    while any(artifacts.beginning(pid) is not None for pid in pids) and time.monotonic() - began < 60:
        time.sleep(0.02)
    return time.monotonic() - began


def k4_parents_and_workers(path: Path, rng: random.Random) -> Trial:
    """the command with two workers: a worker, the parent, the group killed; SIGTERM; Ctrl-C"""
    what = plan(6, updates=80, alone=True)
    trial, seen = Trial(Watch(path), what), []
    assert ended(child(lambda: prepare(what, path))) == 0
    for who in ("worker", "parent", "group", "SIGTERM", "Ctrl-C"):
        parent = command(path)
        pids = busy(path)
        trial.watch.starts += 1
        trial.watch.kills += 1
        if who == "worker":
            os.kill(pids[0], signal.SIGKILL)
            before = time.monotonic()
            while parent.poll() is None and not {*busy(path)} - {*pids}:
                time.sleep(0.02)
            seen.append(f"worker: another works after {time.monotonic() - before:.1f} s")
            parent.terminate()
            parent.wait()
            continue
        if who == "group":
            os.killpg(parent.pid, signal.SIGKILL)
        else:
            sign = {"parent": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}[who]
            parent.send_signal(sign)
        status = parent.wait()
        seen.append(f"{who}: status {status}, workers gone {gone_after(pids):.1f} s later")
        seen[-1] += f", {Folder.at(path).counts().dead} dead claims"
        trial.watch.look()
    trial.seen = "; ".join(seen)
    return trial


def prepare(what: Any, path: Path) -> None:
    """The folder of a sweep in which nothing is done yet."""

    def at_once(*_: Any) -> None:
        raise StopIteration

    dk.sweep(what, path, callback=at_once)
    for place in (path / "results").glob("*.json"):
        place.unlink()


def k5_damage(path: Path, rng: random.Random) -> Trial:
    """a result cut, one emptied, one flipped, a network and both checkpoints damaged between two starts"""
    what = plan(2, updates=80, alone=True)
    trial = Trial(Watch(path), what)
    ended(start(trial.watch, what))
    trial.watch.look()
    folder = Folder.at(path)
    first, second, third, fourth = [*folder.results()][:4]
    for run in (first, second, third, fourth):
        data = (path / "results" / f"{run}.json").read_bytes()
        new = {first: data[:60], second: b"", third: data.replace(b'"done"', b'"dome"'), fourth: None}[run]
        put(path / "results" / f"{run}.json", new)
        trial.watch.marks.pop(run)
    (next((path / "runs" / first).glob("*.safetensors"))).write_bytes(b"no weights")
    for _ in range(2):  # both slots of the checkpoint
        pid = start(trial.watch, what)
        while artifacts.beginning(pid) is not None and not claims.held(path / "claims"):
            time.sleep(0.005)
        time.sleep(0.1)
        kill(trial.watch, pid, signal.SIGINT)
    damaged = 0
    for place in path.glob("runs/*/checkpoint/*"):
        data = place.read_bytes()
        place.write_bytes(data[: len(data) // 2] if damaged % 2 else data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        damaged += 1
    trial.seen = f"3 results and 1 network damaged, 1 result deleted, {damaged} files of checkpoints damaged: made anew"
    return trial


def put(path: Path, data: bytes | None) -> None:
    """Give a file this content, or none."""
    path.unlink()
    if data is not None:
        path.write_bytes(data)


def k6_changed_plan(path: Path, rng: random.Random) -> Trial:
    """resumed with another setting, another version, another code"""
    what = plan(1)
    trial = Trial(Watch(path), what)
    ended(start(trial.watch, what))
    trial.watch.look()
    said = [refusal(lambda: dk.sweep(plan(1, updates=21), path))]
    known = refusals.versions()
    for name in ("torch", "dynakit"):
        refusals.versions = lambda name=name: {**known, name: "99.0"}
        said.append(refusal(lambda: dk.sweep(what, path)))
    refusals.versions = lambda: known
    trial.seen = f"{sum(map(bool, said))} of 3 refused: " + " | ".join(text[text.find(": ") + 2 :] for text in said)
    return trial


def refusal(act: Callable[[], Any]) -> str:
    """The sentence with which something is refused."""
    try:
        act()
    except dk.ArtifactError as error:
        return str(error)
    return ""


def k7_full_disk(path: Path, rng: random.Random) -> Trial:
    """a disk that is full after some runs (RLIMIT_FSIZE where no file system can be mounted)"""
    what = plan(6, updates=5, alone=True)
    trial = Trial(Watch(path), what)
    path.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(path)], stderr=subprocess.DEVNULL
    )
    read, write = os.pipe()

    def starved() -> None:
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))
        os.write(write, refusal(lambda: dk.sweep(what, path)).encode() or b"not refused")

    ended(child(starved))
    said, counts = os.read(read, 1000).decode(), Folder.at(path).counts()
    trial.watch.starts += 1
    trial.watch.look()
    left = [name for name in left_over(path) if name.endswith(".tmp")] + os.listdir(path / "claims")
    if mounted:
        subprocess.check_call(["mount", "-o", "remount,size=50m", str(path)])
    said = said.replace(str(path), "...")
    trial.seen = f"{counts.done} done, {counts.failed} failed, {len(left)} drafts and claims; {said}"
    return trial


def k8_crowd(path: Path, rng: random.Random) -> Trial:
    """the same sweep started twice with two workers each"""
    what = plan(5, updates=40, alone=True)
    trial = Trial(Watch(path), what)
    pids = [start(trial.watch, what, n_jobs=2) for _ in range(2)]
    while any(artifacts.beginning(pid) is not None for pid in pids):
        trial.watch.look()
        time.sleep(0.05)
    seen = [ended(pid) for pid in pids]
    trial.seen = f"both ended with {seen[0]} and {seen[1]}, {trial.watch.look()} results"
    return trial


def k9_poison(path: Path, rng: random.Random) -> Trial:
    """of 9 runs one raises, one crashes in LAPACK, one takes for ever, one asks for all memory; then all are mended"""
    what = plan(3, updates=10, alone=True)
    trial = Trial(Watch(path), what)
    bad = dict(zip([group.id for group in what.groups], ("raises", "crashes", "hangs", "eats memory")))

    def poisoned(group: Any, folder: Folder) -> None:
        fate = bad.get(group.id)
        if fate == "raises":
            raise ValueError("this one never works")
        if fate == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if fate == "hangs":
            time.sleep(3600)
        if fate == "eats memory":
            resource.setrlimit(resource.RLIMIT_AS, (2**32, resource.getrlimit(resource.RLIMIT_AS)[1]))
            np.ones(2**40)
        work.do(group, folder)

    def sweep() -> None:
        settings = {run.id: {**run.plain(), "name": run.name} for run in what.runs}
        groups = {group.id: [run.id for run in group.runs] for group in what.groups}
        folder = Folder.begin(path, settings=settings, groups=groups, plan={"source": ""})
        engines.run(what.groups, folder, poisoned, engines.Processes(2, time_limit=30.0))

    ended(child(sweep))
    trial.watch.starts += 1
    results = Folder.at(path).results()
    said = [f"{fate}: {results[run]['error'].splitlines()[-1]}" for run, fate in bad.items()]
    counts = Folder.at(path).counts()
    status = command(path).wait()
    trial.seen = f"{counts.done} done, {counts.failed} failed, and the command ends with {status}; " + "; ".join(said)
    ended(start(trial.watch, what, retry_failed=True))
    return trial


def k10_searches(path: Path, rng: random.Random) -> list[Any]:
    """a search for fixed points from 1,000 starts and exponents over 2,000 steps, 8 kills each at random moments"""
    W = np.random.default_rng(0).standard_normal((40, 40)) * 3.0 / np.sqrt(40)
    system, began, seen, same, kills, starts = dk.catalog.tanh_network(W), time.monotonic(), [], 0, 0, 0
    calls: dict[str, Callable[[], Any]] = {
        "search": lambda: dk.find_fixed_points(system, max_starts=1000, seed=0),
        "exponents": lambda: dk.lyapunov_spectrum(system, W[:4] / 9, n_steps=2000, n_transient=200, qr_interval=5),
    }
    for name, call in calls.items():
        place = path.with_name(name)
        before = time.monotonic()
        with one_thread():
            expected = call()
        takes, n_kept = time.monotonic() - before, 0

        def resumed(place: Path = place, call: Callable[[], Any] = call) -> None:
            with one_thread(), dk.resuming(place, least=0.005):
                call()

        for _ in range(8):
            pid, starts = child(resumed), starts + 1
            time.sleep(rng.uniform(0.1, 0.4) * takes)
            os.kill(pid, signal.SIGKILL)
            kills += ended(pid) == -signal.SIGKILL
            n_kept = len(list(place.glob("chunk-*"))) if place.is_dir() else 0
        before, starts = time.monotonic(), starts + 1
        with one_thread(), dk.resuming(place, least=0.005):
            same += call() == expected
        rest = time.monotonic() - before
        seen.append(f"{name}: {n_kept} chunks kept at the last kill, {rest:.1f} s of {takes:.1f} s left to do")
    left = [p for name in calls for p in path.with_name(name).glob(".*")]
    said = (k10_searches.__doc__ or "").strip()
    bytes_ = "equal" if same == len(calls) else "OTHER"
    row = ["K10", said, len(calls), starts, kills, 0, 0, len(left), bytes_, "; ".join(seen)]
    return [*row, f"{time.monotonic() - began:.0f}"]


def kd_dask(path: Path, rng: random.Random) -> Trial:
    """a dask scheduler on loopback and its two workers, one of which is killed"""
    import distributed

    what = plan(10, updates=10, alone=True)
    trial = Trial(Watch(path), what)
    read, write = os.pipe()

    async def schedule() -> None:
        async with distributed.Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
            os.write(write, scheduler.address.encode())
            await scheduler.finished()

    async def serve() -> None:
        place = f"{path}-dask"
        async with distributed.Worker(address, nthreads=1, local_directory=place, dashboard=False) as worker:
            await worker.finished()

    pids = [child(lambda: asyncio.run(schedule()))]
    address = os.read(read, 100).decode()
    pids += [child(lambda: asyncio.run(serve())) for _ in range(2)]
    client = start(trial.watch, what, engine="dask", scheduler=address)
    while trial.watch.look() < 10:
        time.sleep(0.02)
    os.kill(pids[1], signal.SIGKILL)
    trial.watch.kills += 1
    status = ended(client)
    trial.seen = f"killed after 10 results; the call ended with {status} and {trial.watch.look()} results"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        ended(pid)
    return trial


def k11_soak(minutes: float, path: Path, rng: random.Random) -> Trial:
    """200 runs again and again, killed at random for a while"""
    what, until, rounds = plan(67, updates=20, alone=True), time.monotonic() + 60 * minutes, 0
    trial = Trial(Watch(path), what)
    while time.monotonic() < until:
        pid = start(trial.watch, what)
        time.sleep(rng.uniform(0.05, 4.0))
        kill(trial.watch, pid)
        if trial.watch.look() == len(what):
            rounds += decided(path) == undisturbed(what)
            trial.watch.marks = {}
            for place in (path / "results").glob("*.json"):
                place.unlink()
    trial.seen = f"{rounds} whole sweeps with equal bytes on the way"
    return trial


TRIALS: dict[str, Callable[[Path, random.Random], Trial | list[Any]]] = {
    "K1": k1_equality,
    "K1 shards": k1_shards,
    "K2": k2_every_step,
    "K3": k3_again_and_again,
    "K4": k4_parents_and_workers,
    "K5": k5_damage,
    "K6": k6_changed_plan,
    "K7": k7_full_disk,
    "K8": k8_crowd,
    "K9": k9_poison,
    "K10": k10_searches,
    "dask": kd_dask,
}


def rows(arguments: argparse.Namespace) -> Iterator[list[Any]]:
    """The rows of the trials asked for."""
    trials = dict(TRIALS)
    if arguments.soak:
        trials["K11"] = functools.partial(k11_soak, arguments.soak)
    for name in arguments.only or trials:
        rng, began = random.Random(f"{arguments.seed} {name}"), time.monotonic()
        said = (getattr(trials[name], "func", trials[name]).__doc__ or "").strip()
        with tempfile.TemporaryDirectory() as above:
            path = Path(above) / "sweep"
            try:
                trial = trials[name](path, rng)
                yield trial if isinstance(trial, list) else trial.row(name, said, time.monotonic() - began)
            finally:
                if os.path.ismount(path):
                    subprocess.call(["umount", str(path)])


def main() -> None:
    """Write the table; those rows stay that were not asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", choices=[*TRIALS, "K11"])
    parser.add_argument("--soak", type=float, default=0.0, help="minutes of K11")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "kill_sweeps.csv")
    arguments = parser.parse_args()
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    table = {}
    if arguments.out.exists():
        with open(arguments.out, newline="") as file:
            table = {row[0]: row for row in list(csv.reader(file))[1:]}
    wrong = 0
    with tempfile.TemporaryDirectory() as name, one_thread():
        dk.sweep(plan(1, updates=1), Path(name) / "sweep")  # so that nothing need be loaded by a child
    for row in rows(arguments):
        print(*row, sep=" | ", flush=True)
        wrong += any(row[COLUMNS.index(name)] for name in ("lost", "made twice", "left over")) or row[8] != "equal"
        table[row[0]] = row
        ordered = [table[name] for name in [*TRIALS, "K11"] if name in table]
        with open(arguments.out, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *ordered])
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
