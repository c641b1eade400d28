"""What every learner of a stream promises; a learner added to the registry is tested here without another line."""

import copy

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError
from dynakit.models import CSNN, TDNN, TDSNN, NearestNeighbours, OnlineGRU, OnlineLSTM, by_name, load, save
from dynakit.models.registry import LEARNERS
from dynakit.training import Online

TASK = dk.tasks.SequenceStream(code_size=6)
SMALL = {
    "online-lstm": lambda: OnlineLSTM(6, 5, window=8, seed=3),
    "online-gru": lambda: OnlineGRU(6, 5, window=8, rule="batch", seed=3),
    "tdnn": lambda: TDNN(6, 9, retrain_every=50, memory=60, seed=3),
    "tdsnn": lambda: TDSNN(6, 9, retrain_every=50, n_steps=20, normalise=99.0, readout="voltage", seed=3),
    "csnn": lambda: CSNN(6, n_neurons=12, pairs="all", eta=0.01, seed=3),
}


@pytest.fixture(params=LEARNERS)
def learner(request):
    made = SMALL[request.param]()
    assert type(made) is LEARNERS[request.param]
    return made


def answer(learner):
    """What the frozen network puts out for fixed codes."""
    system = dk.as_system(learner)
    inputs = np.random.default_rng(5).uniform(-1, 3, (1, 40, system.input_size))
    return dk.record(system, inputs).outputs


def test_what_is_loaded_is_the_network_that_was_saved(learner, tmp_path):
    untrained = copy.deepcopy(learner)
    dk.train(learner, TASK, Online(max_elements=130, window=5))
    save(learner, tmp_path / "learner")
    again = load(tmp_path / "learner")
    assert type(again) is type(learner)
    assert again.config() == learner.config()
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), learner.state_dict().values()))
    np.testing.assert_array_equal(answer(again), answer(learner))
    assert not np.array_equal(answer(untrained), answer(learner))


def test_a_learner_is_found_by_its_name(learner):
    (name,) = (name for name, cls in LEARNERS.items() if cls is type(learner))
    assert by_name(name) is by_name(type(learner).__name__) is type(learner)
    assert by_name(name).for_task(TASK).code_size == 6


def test_a_frozen_learner_is_left_alone_by_further_learning(learner):
    for t in range(2):
        before = answer(learner)
        frozen = learner.freeze()
        dk.train(learner, TASK, Online(max_elements=130, window=5), seed=t)
        np.testing.assert_array_equal(answer(frozen), before)


def test_the_callback_sees_the_network_as_it_is_at_that_element(learner):
    twin, seen = copy.deepcopy(learner), []
    def look(n, info):
        seen.append(answer(twin.freeze()))

    dk.train(twin, TASK, Online(max_elements=200, window=5), callback=look)
    dk.train(learner, TASK, Online(max_elements=100, window=5))
    np.testing.assert_array_equal(seen[0], answer(learner))
    assert len(seen) == 2


def test_a_saved_report_brings_its_learner_back(learner, tmp_path):
    dk.analyze(learner, TASK, include=["trajectories"]).save(tmp_path / "report")
    report = dk.load(tmp_path / "report")
    assert "model" not in report.skipped
    assert type(report.model) is type(learner)
    np.testing.assert_array_equal(answer(report.model), answer(learner))


def test_a_saved_report_says_that_a_memory_is_not_in_it(tmp_path):
    memory = NearestNeighbours(6)
    dk.train(memory, TASK, Online(max_elements=130, window=5))
    dk.analyze(memory, TASK, include=["trajectories"]).save(tmp_path / "report")
    report = dk.load(tmp_path / "report")
    assert report.model is None
    assert report.skipped["model"] == "a NearestNeighbours is not saved (see dk.models.save); rebuild it"


def test_a_bare_memory_has_no_weights_to_save(tmp_path):
    with pytest.raises(InputError, match="with weights, got a NearestNeighbours"):
        save(NearestNeighbours(6), tmp_path / "memory")
    assert not list(tmp_path.iterdir())
