"""A long call that is killed, made again: it goes on where it was, and returns what an undisturbed call returns."""

from __future__ import annotations

import errno
import os
import signal

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit import artifacts, resumption
from dynakit.analysis.exponents import course, frames
from dynakit.analysis.fixed_points import newton

SMALL = 1e-9  # seconds: every chunk is kept
TASK = dk.tasks.FlipFlop(n_bits=1, n_steps=30)


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch):
    monkeypatch.setattr(course, "STRETCH", 100)


@pytest.fixture(scope="module")
def system():
    """Strongly coupled at random: many fixed points, and chaos."""
    W = np.random.default_rng(0).standard_normal((12, 12)) * 2.5 / np.sqrt(12)
    return dk.catalog.tanh_network(W)


@pytest.fixture(scope="module")
def model():
    return dk.models.GRU.for_task(TASK, n_hidden=4, seed=1)


def search(system):
    return dk.find_fixed_points(system, max_starts=1000, seed=2)


def spectrum(system, **options):
    starts = 0.1 * torch.arange(1.0, 3.0, dtype=torch.float64)[:, None].expand(2, system.state_size)
    return dk.lyapunov_spectrum(system, starts, n_steps=450, n_transient=50, **options)


def report(model):
    return dk.analyze(model, TASK, include=["fixed_points", "modes", "connectivity"], seed=1)


def killed_after(n, call, folder):
    """A child that makes the call, and is killed as soon as it has kept ``n`` chunks."""
    pid = os.fork()
    if pid == 0:
        try:
            left = [n]

            def then_die(keep):
                def kept(*arguments, **options):
                    keep(*arguments, **options)
                    left[0] -= 1
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

                return kept

            resumption.artifacts.write_atomically = then_die(artifacts.write_atomically)
            resumption.save_record = then_die(resumption.save_record)
            with dk.resuming(folder, least=SMALL):
                call()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.fixture
def made(monkeypatch):
    """How often each kind of work was done."""
    counts = {"strategy": 0, "step": 0}

    def counted(name, function):
        def call(*arguments, **options):
            counts[name] += 1
            return function(*arguments, **options)

        call.__name__ = function.__name__
        return call

    real = newton.Newton.follow

    def follow(self, strategy, *arguments):
        return real(self, counted("strategy", strategy), *arguments)

    monkeypatch.setattr(newton.Newton, "follow", follow)
    monkeypatch.setattr(frames.Frames, "step", counted("step", frames.Frames.step))
    return counts


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
def test_a_search_for_fixed_points_goes_on_at_its_last_chunk(system, tmp_path, made):
    undisturbed = search(system)
    of_all = made["strategy"]
    assert killed_after(of_all // 2, lambda: search(system), tmp_path)
    assert len(os.listdir(tmp_path)) == of_all // 2 > 2
    made["strategy"] = 0
    with dk.resuming(tmp_path, least=SMALL):
        assert search(system) == undisturbed
    assert made["strategy"] == of_all - of_all // 2


@needs_fork
@pytest.mark.parametrize("options", [{}, {"qr_interval": 7}, {"n_exponents": 2}])
def test_lyapunov_exponents_go_on_at_the_last_stretch(system, tmp_path, made, options):
    undisturbed = spectrum(system, **options)
    of_all = made["step"]
    assert killed_after(3, lambda: spectrum(system, **options), tmp_path)
    made["step"] = 0
    with dk.resuming(tmp_path, least=SMALL):
        assert spectrum(system, **options) == undisturbed
    assert 0 < made["step"] <= of_all - 2 * course.STRETCH


def test_driven_exponents_are_those_of_their_own_inputs(system, tmp_path):
    driven = dk.catalog.tanh_network(np.eye(2), W_in=[[1.0], [0.5]])
    inputs = np.random.default_rng(1).standard_normal((2, 500, 1))
    inputs[1, :350] = inputs[0, :350]
    apart = [spectrum(driven, inputs=one) for one in inputs]
    with dk.resuming(tmp_path, least=SMALL):
        assert [spectrum(driven, inputs=one) for one in inputs] == apart
        assert spectrum(driven, inputs=inputs) == spectrum(driven, inputs=inputs)
    assert apart[0] != apart[1]


@needs_fork
def test_an_analysis_goes_on_at_the_stage_it_was_in(model, tmp_path, monkeypatch):
    undisturbed = report(model)
    assert killed_after(2, lambda: report(model), tmp_path / "whole")
    found = []
    real = resumption.kept_results

    def kept_results(decided_by, make):
        return real(decided_by, lambda: found.append(decided_by) or make())

    monkeypatch.setattr(resumption, "kept_results", kept_results)
    with dk.resuming(tmp_path / "stages", least=SMALL):
        assert report(model) == undisturbed
    n = len(found)
    assert len([name for name in os.listdir(tmp_path / "stages") if name.startswith("results-")]) == n > 2
    with dk.resuming(tmp_path / "stages", least=SMALL):
        again = report(model)
    assert again == undisturbed
    assert again.summary() == undisturbed.summary()
    assert len(found) == n  # none was run again
    with dk.resuming(tmp_path / "whole", least=SMALL):
        assert report(model) == undisturbed


def test_maps_that_share_their_weights_are_told_apart(system, tmp_path):
    twice = dk.Iterated(system, 2)
    apart = [spectrum(one) for one in (system, twice)]
    with dk.resuming(tmp_path, least=SMALL):
        assert [spectrum(one) for one in (system, twice)] == apart
        assert spectrum(twice) == apart[1] != apart[0]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_what_is_damaged_is_done_again(system, tmp_path, damage):
    undisturbed = spectrum(system)
    with dk.resuming(tmp_path, least=SMALL):
        spectrum(system)
        for place in tmp_path.iterdir():
            data = place.read_bytes()
            place.write_bytes({"cut": data[:-9], "flip": data[:700] + b"!" + data[701:], "empty": b""}[damage])
        assert spectrum(system) == undisturbed


def test_of_a_function_and_of_what_is_quickly_done_nothing_is_kept(system, tmp_path):
    W = torch.eye(2, dtype=torch.float64)
    with dk.resuming(tmp_path, least=SMALL):
        spectrum(dk.FunctionSystem(lambda x: torch.tanh(x @ W), 2))
    with dk.resuming(tmp_path, least=1e3):
        spectrum(system)
    assert os.listdir(tmp_path) == []


def test_what_another_version_has_kept_is_not_taken(system, tmp_path, made, monkeypatch):
    with dk.resuming(tmp_path, least=SMALL):
        spectrum(system)
        monkeypatch.setattr(resumption, "versions", lambda: {"dynakit": "99"})
        made["step"] = 0
        spectrum(system)
    assert made["step"] >= 500


def test_a_full_disk_and_a_folder_that_is_none_are_sentences(system, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(dk.ArtifactError, match="cannot be written"), dk.resuming(tmp_path / "file"):
        pass
    with pytest.raises(dk.InputError, match="least must be"), dk.resuming(tmp_path, least=-1):
        pass

    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", no_room)
    with dk.resuming(tmp_path / "full", least=SMALL), pytest.raises(dk.ArtifactError, match="No space left"):
        spectrum(system)
