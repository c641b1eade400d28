"""A process that dies at any step of a save leaves the old artefact or the new one, and the next save clears up.

The steps are the calls by which a save changes anything on disk: the child ends, without any cleaning up, at the first
of them, at the second, and so on.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.provenance import Provenance
from dynakit.report.pictures import Drawing
from dynakit.training import checkpoint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

STEPS = ("open", "write", "fsync", "replace", "unlink", "chmod", "mkdir", "rmdir")


def killed_at(n: int, save) -> bool:
    """Whether a child that saves dies at its n-th step, halfway through it if it writes."""
    pid = os.fork()
    if pid == 0:
        try:
            _mined(n)
            save()
            os._exit(0)
        except BaseException:
            os._exit(2)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, 9)
    return status == 9


def _mined(n: int) -> None:
    left = [n]

    def mine(name):
        real = getattr(os, name)

        def call(*arguments, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os._exit(9)
            return real(*arguments, **kwargs)

        setattr(os, name, call)

    for name in STEPS:
        mine(name)


def history(n: int) -> dk.History:
    curves = {name: np.arange(float(n)) for name in ("losses", "scores", "seconds", "learning_rates")}
    return dk.History(**curves, stopped=f"after {n}")


def model(n: int) -> dk.models.GRU:
    return dk.models.GRU(1, n, 1, seed=n)


def report(n: int) -> dk.Report:
    network = model(n)
    score = {"score": n / 10}
    known = {"model": network, "results": score, "history": history(n), "provenance": Provenance()}
    return dk.Report(network=f"number {n}", parts={}, **known)


def state(n: int) -> checkpoint.State:
    curves = {name: [float(n)] * n for name in checkpoint.CURVES}
    return checkpoint.State(tensors={"model/w": torch.full((3,), float(n))}, **curves)


def kept(folder: Path) -> int:
    found = checkpoint.load(folder, {}, {"model/w": torch.zeros(3)})
    assert found is not None
    assert found[0].losses == [float(found[0].tensors["model/w"][0])] * found[0].update
    return found[0].update


def of_report(folder: Path) -> int:
    """Results and network of one report."""
    back = dk.load(folder)
    n = len(back.history)
    assert back == report(n)
    assert all(torch.equal(a, b) for a, b in zip(back.model.parameters(), model(n).parameters(), strict=True))
    return n


def of_model(folder: Path) -> int:
    back = dk.models.load(folder)
    assert all(
        torch.equal(a, b) for a, b in zip(back.parameters(), model(back.n_hidden).parameters(), strict=True)
    )
    return back.n_hidden


KINDS = {
    "history": (lambda n, folder: history(n).save(folder), lambda folder: len(dk.load(folder)), 2),
    "model": (lambda n, folder: dk.models.save(model(n), folder), of_model, 2),
    "report": (lambda n, folder: report(n).save(folder), of_report, 3),
    "checkpoint": (lambda n, folder: checkpoint.save(folder, state(n), {}, 0), kept, 2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_step_a_save_is_killed_at(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(
        dk.Report, "plot", lambda *_: None
    )  # what is drawn takes time, and is not the question
    monkeypatch.setattr("dynakit.report.pages.draw", lambda *_: Drawing({"png": b"a picture by dynakit"}, (9, 9)))
    monkeypatch.setattr("dynakit.report.page.can_turn", lambda: False)
    save, load, n_files = KINDS[kind]
    save(3, tmp_path)
    outcomes, n = [], 1
    while killed_at(n, lambda: save(4, tmp_path)):
        outcomes.append(load(tmp_path))
        if n % 5 == 0:
            save(3, tmp_path)  # over what was left
            assert len([p for p in tmp_path.iterdir() if p.name not in ("figures", "report.html")]) == n_files
        elif outcomes[-1] == 4:
            save(3, tmp_path)
        n += 1
        assert load(tmp_path) == 3
    assert load(tmp_path) == 4
    assert {*outcomes} == {3, 4}
    assert n > 12
    if kind == "report":
        said = json.loads((tmp_path / "results.json").read_text())["manifest_sha256"]
        assert said in (tmp_path / "report.html").read_text()
        assert [p.name for p in (tmp_path / "figures").iterdir()] == ["training.png"]


@pytest.mark.parametrize("kind", ["model", "checkpoint"])
def test_two_processes_save_into_one_folder_while_it_is_read(kind, tmp_path):
    save, load, n_files = KINDS[kind]
    save(3, tmp_path)
    pids = []
    for first in (3, 4):
        pids.append(os.fork())
        if pids[-1] == 0:
            try:
                for k in range(8):
                    save(3 + (first + k) % 2, tmp_path)
                os._exit(0)
            finally:
                os._exit(1)
    while pids:
        assert load(tmp_path) in (3, 4)
        done, status = os.waitpid(pids[0], os.WNOHANG)
        if done:
            pids.pop(0)
            assert status == 0
    assert load(tmp_path) in (3, 4)
    assert len([*tmp_path.iterdir()]) == n_files
