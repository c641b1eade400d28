"""What becomes of saved artefacts that are killed, raced for and damaged:  python benchmarks/soak_artifacts.py

Each trial ends in one of four ways: the old artefact, the new one, a refusal in one sentence, or anything else (another
exception, another number, results of one network beside the weights of another).  The last must not occur.

    kills       a process that overwrites A by B is killed (SIGKILL) at a random moment of the save
    races       three threads in each of two processes save A and B into one folder, again and again, while one reads
    mutations   a file is damaged: bits, bytes, cut, lengthened, emptied, deleted, swapped for that of B, fields edited
    forgeries   fields of a manifest are edited and its own hash is made to fit; here a value that no type, length or
                shape contradicts is taken for what was saved, and counted as "new"
"""

from __future__ import annotations

import argparse
import copy
import csv
import functools
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import dynakit as dk
from dynakit.artifacts.manifest import OWN, digest
from dynakit.linalg import one_thread
from dynakit.training import checkpoint

HERE = Path(__file__).parent
TASK = dk.tasks.FlipFlop(n_bits=1, n_steps=30)
COLUMNS = ["trial", "artefact", "file", "trials", "old", "new", "refused in a sentence", "else", "left over"]
Outcomes = Counter[str]


@dataclass(frozen=True)
class Kind:
    """A kind of artefact: how A and B are saved, and which of the two a folder holds, results and weights alike."""

    save: Callable[[str, Path], None]
    load: Callable[[Path], str]
    tell: Callable[[Path], Any]  # all that was read, comparable by ==; loading must not fail otherwise
    n_files: int  # without pages


def network(name: str) -> dk.models.GRU:
    """A network of its own for A and for B."""
    return dk.models.GRU.for_task(TASK, n_hidden=24, seed="AB".index(name))


@functools.cache
def report(name: str) -> dk.Report:
    """A report on A or on B."""
    return dk.analyze(network(name), TASK, include=["fixed_points", "modes", "projection"])


@functools.cache
def points(name: str) -> Any:
    """Fixed points of A or of B."""
    return report(name).fixed_points["rest"]


@functools.cache
def state(name: str) -> checkpoint.State:
    """A state of training of A or B."""
    curves = {curve: ["AB".index(name) + k / 7 for k in range(50)] for curve in checkpoint.CURVES}
    tensors = {f"model/{key}": value for key, value in network(name).state_dict().items()}
    return checkpoint.State(tensors=tensors, **curves)


def weights(model: torch.nn.Module) -> list[bytes]:
    """The weights of a network."""
    return [value.numpy().tobytes() for value in model.state_dict().values()]


def kept(folder: Path) -> Any:
    """What a run would resume from."""
    found = checkpoint.load(folder, {}, state("A").tensors)
    assert found is not None
    return _content(found[0])


def _content(of: checkpoint.State) -> Any:
    return [of.losses, {name: value.numpy().tobytes() for name, value in of.tensors.items()}]


def both(folder: Path) -> Any:
    """Results and network of a report."""
    back = dk.load(folder)
    return [back, back.model and weights(back.model)]


def which(read: Callable[[Path], Any], true: Callable[[str], Any]) -> Callable[[Path], str]:
    """A function that says which of A and B a folder holds; "?" for none of them."""

    @functools.cache
    def known(name: str) -> Any:
        return true(name)

    def load(folder: Path) -> str:
        found = read(folder)
        return next((name for name in "AB" if found == known(name)), "?")

    return load


KINDS = {
    "results": Kind(lambda n, path: points(n).save(path), which(dk.load, points), dk.load, 2),
    "model": Kind(
        lambda n, path: dk.models.save(network(n), path),
        which(lambda path: weights(dk.models.load(path)), lambda n: weights(network(n))),
        lambda path: weights(dk.models.load(path)),
        2,
    ),
    "report": Kind(
        lambda n, path: report(n).save(path), which(both, lambda n: [report(n), weights(network(n))]), both, 3
    ),
    "checkpoint": Kind(
        lambda n, path: checkpoint.save(path, state(n), {}, 0),
        which(kept, lambda n: _content(state(n))),
        kept,
        2,
    ),
}


def outcome(kind: Kind, folder: Path) -> str:
    """How a trial ended."""
    try:
        return {"A": "old", "B": "new"}.get(kind.load(folder), "else")
    except dk.ArtifactError as error:
        return "refused in a sentence" if "\n" not in str(error) else "else"
    except Exception:
        return "else"


def left_over(folder: Path, kind: Kind) -> int:
    """Files that belong to no artefact."""
    pages = {"report.html", "plotly.min.js"}
    return len([p for p in folder.iterdir() if p.is_file() and p.name not in pages]) - kind.n_files


# --- kills and races ---------------------------------------------------------------------------------------


def child(act: Callable[[], None]) -> int:
    """A process that acts and ends."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return pid


def kills(kind: Kind, n: int, rng: random.Random) -> tuple[Outcomes, int]:
    """Kill a process that overwrites A by B; each time over what the last one left."""
    outcomes: Outcomes = Counter()
    left = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for first in "BABA":  # the first time it takes longer: pages are drawn
            began = time.perf_counter()
            kind.save(first, folder)
        takes = time.perf_counter() - began
        while outcomes.total() < n:
            pid = child(lambda: kind.save("B", folder))
            time.sleep(rng.uniform(0, rng.choice([0.3, 1, 3]) * takes))
            os.kill(pid, signal.SIGKILL)
            if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != -signal.SIGKILL:
                continue  # it had ended before
            outcomes[outcome(kind, folder)] += 1
            kind.save("A", folder)
            left += left_over(folder, kind)
    return outcomes, left


def races(kind: Kind, n: int) -> tuple[Outcomes, int]:
    """Three threads in each of two processes save, n times each; a process whose save fails counts as "else"."""
    outcomes: Outcomes = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kind.save("A", folder)
        pids = {child(lambda: _saves(kind, folder, n)) for _ in range(2)}
        while pids:
            outcomes[outcome(kind, folder)] += 1
            for pid in list(pids):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    pids.remove(pid)
                    outcomes["else"] += status != 0
        left = left_over(folder, kind)
        outcomes[outcome(kind, folder)] += 1
    return outcomes, left


def _saves(kind: Kind, folder: Path, n: int) -> None:
    failed = []

    def go(k: int) -> None:
        try:
            for j in range(n):
                kind.save("AB"[(j + k) % 2], folder)
        except BaseException as error:
            failed.append(error)
            print(f"a save failed: {error!r}", file=sys.stderr)

    threads = [threading.Thread(target=go, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(1)


# --- damage ------------------------------------------------------------------------------------------------


def damaged(data: bytes, other: bytes, rng: random.Random) -> bytes | None:
    """The content of a file after one accident, or None if it is deleted; ``other`` is that of B."""
    at, length = rng.randrange(len(data)), rng.choice([1, 1, 1, 4, 64, 4096])
    accident = rng.randrange(9)
    if accident == 0:
        return rng.choice([None, b"", other, data + rng.randbytes(length)])
    if accident == 1:
        return data[:at]
    if accident == 2:
        return data[:at] + bytes(min(length, len(data) - at)) + data[at + length :]
    if accident == 3:
        return data[:at] + data[at + length :]
    if accident == 4:
        return data[:at] + rng.randbytes(length) + data[at:]
    if accident == 5:
        return data[:at] + rng.randbytes(1) + data[at + 1 :]
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def edited(content: Any, rng: random.Random) -> None:
    """Change one value somewhere in a manifest."""
    places = list(_places(content))
    holder, key = rng.choice(places)
    new = [None, True, -1, 0, 3, 10**9, 1e308, "", "x", "../x", [], {}, [1], {"$": "array"}, float("nan")]
    new += [copy.deepcopy(holder_[key_]) for holder_, key_ in rng.sample(places, min(5, len(places)))]
    if rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = rng.choice(new)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(pairs):
        yield content, key
        if isinstance(value, (dict, list)):
            yield from _places(value)


def counterpart(file: Path, folder: Path) -> bytes:
    """The file of B that has the role of a file of A."""
    return next(path for path in folder.iterdir() if path.suffix == file.suffix).read_bytes()


def mutations(kind: Kind, n: int, rng: random.Random) -> Iterator[tuple[str, Outcomes]]:
    """Damage each file of A n times; of manifests a third of the times by editing a value."""
    with tempfile.TemporaryDirectory() as name:
        whole, other, folder = (Path(name) / part for part in ("A", "B", "damaged"))
        kind.save("A", whole)
        kind.save("B", other)
        shutil.copytree(whole, folder)
        for file in sorted(
            path for path in whole.iterdir() if path.suffix in (".json", ".npz", ".safetensors")
        ):
            data, theirs, outcomes = file.read_bytes(), counterpart(file, other), Counter()
            for _ in range(n):
                if file.suffix == ".json" and rng.random() < 1 / 3:
                    content = json.loads(data)
                    edited(content, rng)
                    new = json.dumps(content).encode()
                else:
                    new = damaged(data, theirs, rng)
                put(folder / file.name, new)
                outcomes[outcome(kind, folder)] += 1
            put(folder / file.name, data)
            yield file.suffix[1:], outcomes


def forgeries(kind: Kind, n: int, rng: random.Random) -> Outcomes:
    """Edit a value of the manifest of A, and make its own hash fit."""
    outcomes: Outcomes = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kind.save("A", folder)
        place = next(folder.glob("*.json"))
        data = place.read_bytes()
        while outcomes.total() < n:
            content = json.loads(data)
            edited(content, rng)
            try:
                content[OWN] = digest(content)
            except Exception:
                continue  # what has no files has no hash
            place.write_text(json.dumps(content))
            outcomes[forged(kind, folder)] += 1
    return outcomes


def forged(kind: Kind, folder: Path) -> str:
    """How the reading of a forged manifest ended; what is read must be able to speak."""
    found = outcome(kind, folder)
    if found != "else":
        return found
    try:
        repr(kind.tell(folder))
    except Exception as error:
        print(f"forged: {error!r}", file=sys.stderr)
        return "else"
    return "new"


def put(path: Path, data: bytes | None) -> None:
    """Give a file this content, or none."""
    path.unlink(missing_ok=True)
    if data is not None:
        path.write_bytes(data)


def rows(name: str, arguments: argparse.Namespace) -> list[list[Any]]:
    """The rows of one kind of artefact."""
    rng, kind = random.Random(f"{arguments.seed} {name}"), KINDS[name]
    found = [_row("kills", name, "", *kills(kind, arguments.kills // len(KINDS), rng))]
    found += [_row("races", name, "", *races(kind, arguments.saves))]
    found += [_row("mutations", name, *mutated) for mutated in mutations(kind, arguments.mutations, rng)]
    return [*found, _row("forgeries", name, "json", forgeries(kind, arguments.mutations, rng))]


def _row(trial: str, name: str, file: str, outcomes: Outcomes, left: int | str = "") -> list[Any]:
    return [trial, name, file, outcomes.total(), *(outcomes[column] for column in COLUMNS[4:8]), left]


def draw_once() -> None:
    """Let the pages of a report be drawn once for each manifest: a kill should meet the writing, not the drawing."""
    drawn: dict[str, Any] = {}
    draw = dk.Report._pages

    def pages(self: dk.Report, manifest: str) -> Any:
        if manifest not in drawn:
            drawn[manifest] = draw(self, manifest)
        return drawn[manifest]

    dk.Report._pages = pages  # type: ignore[method-assign]


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="of all kinds together")
    parser.add_argument("--saves", type=int, default=50, help="of each thread")
    parser.add_argument("--mutations", type=int, default=2000, help="of each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "soak_artifacts.csv")
    arguments = parser.parse_args()
    draw_once()
    table = []
    with one_thread(), multiprocessing.get_context("fork").Pool(len(KINDS)) as pool:
        for found in pool.imap(functools.partial(rows, arguments=arguments), KINDS):
            table += found
            for row in found:
                print(*row, flush=True)
    with open(arguments.out, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *table])
    wrong = sum(row[COLUMNS.index("else")] + (row[-1] or 0) for row in table)
    print("nothing else" if not wrong else f"{wrong} others")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
