"""A run that is stopped and resumed is the run that was never stopped, bit for bit."""

import dataclasses
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from dynakit.errors import ArtifactError
from dynakit.models import GRU, LeakyRNN
from dynakit.tasks import FlipFlop
from dynakit.training import BPTT, checkpoint, train
from dynakit.training.checkpoint import SLOTS

from ..artifacts.sealing import forge
from .test_gradient import TASK, Spoiled, weights

METHOD = BPTT(max_updates=45, learning_rate=1e-2, checkpoint_every=0.0)


class Stop(Exception):
    pass


def stop_at(update):
    def callback(k, info):
        if k == update:
            raise Stop

    return callback


def network():
    return LeakyRNN.for_task(TASK, 12, tau=range(60, 180, 10), dale="abs", sigma_rec=0.1, mask_rec=np.ones((12, 12)))


def spoiled():
    """NaN in the 14th, 15th and 35th batch, whichever run draws it."""
    bad = {TASK_SEEDS[k] for k in (13, 14, 34)}

    class Task(Spoiled):
        def sample(self, n_trials, seed=0):
            self.bad = seed in bad
            return super().sample(n_trials, seed)

    task = Task(None)
    task.factor = lambda call: float("nan") if task.bad else 1.0
    return task


def batch_seeds():
    seen = []

    class Task(Spoiled):
        def sample(self, n_trials, seed=0):
            seen.append(seed)
            return super().sample(n_trials, seed)

    train(network(), Task(lambda call: 1.0), METHOD, seed=8)
    return seen[1:]  # the first is drawn to identify the task


TASK_SEEDS = batch_seeds()


def test_batches_are_all_different():
    assert len(set(TASK_SEEDS)) == METHOD.max_updates


@pytest.mark.parametrize("make_task", [lambda: TASK, spoiled])
@pytest.mark.parametrize("stops", [[1], [7, 30], [16, 17, 44], [45]])
def test_resumed_equals_uninterrupted(stops, make_task, tmp_path):
    whole = network()
    expected = train(whole, make_task(), METHOD, seed=8)
    method = dataclasses.replace(METHOD, checkpoint=tmp_path / "run")
    for at in stops:
        with pytest.raises(Stop):
            train(network(), make_task(), method, seed=8, callback=stop_at(at))
    resumed = network()
    history = train(resumed, make_task(), method, seed=8)
    assert torch.equal(weights(resumed), weights(whole))
    for name in ("losses", "scores", "learning_rates"):
        np.testing.assert_array_equal(getattr(history, name), getattr(expected, name))
    assert history.n_rollbacks == expected.n_rollbacks == (3 if make_task is spoiled else 0)
    assert history.stopped == expected.stopped
    assert (np.diff(history.seconds) >= 0).all()


def test_ctrl_c_leaves_a_checkpoint_before_its_time(tmp_path):
    class Interrupted(FlipFlop):
        calls = 0

        def sample(self, n_trials, seed):
            Interrupted.calls += 1
            if Interrupted.calls == 30:
                raise KeyboardInterrupt
            return super().sample(n_trials, seed)

    whole, seen, resumed = network(), [], network()
    train(whole, TASK, METHOD, seed=8)
    method = dataclasses.replace(METHOD, checkpoint=tmp_path / "run", checkpoint_every=1e6)
    own = Interrupted(**dataclasses.asdict(TASK))
    with pytest.raises(KeyboardInterrupt):
        train(network(), own, method, seed=8)
    train(resumed, own, method, seed=8, callback=lambda k, info: seen.append(k))
    assert seen[0] > 15
    assert torch.equal(weights(resumed), weights(whole))


def test_a_finished_run_is_returned_not_repeated(tmp_path):
    method = dataclasses.replace(METHOD, checkpoint=tmp_path)
    first = train(network(), TASK, method, seed=8)
    model = network()
    again = train(model, TASK, method, seed=8, callback=stop_at(45))
    np.testing.assert_array_equal(first.losses, again.losses)
    assert first.stopped == again.stopped


def test_resuming_goes_on_instead_of_starting_over(tmp_path):
    method = dataclasses.replace(METHOD, checkpoint=tmp_path)
    with pytest.raises(Stop):
        train(network(), TASK, method, seed=8, callback=stop_at(30))
    seen = []
    train(network(), TASK, method, seed=8, callback=lambda k, info: seen.append(k))
    assert seen[0] >= 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 9}, "seed was 8 and is now 9"),
        ({"method": {"learning_rate": 0.5}}, "learning_rate was 0.01 and is now 0.5"),
        ({"task": FlipFlop(n_bits=1, n_steps=41)}, "first batch was"),
        ({"model": GRU.for_task(TASK, 12)}, "model was 'LeakyRNN' and is now 'GRU'"),
        ({"model": LeakyRNN.for_task(TASK, 13)}, "model.n_hidden was 12 and is now 13"),
        ({"model": LeakyRNN.for_task(TASK, 12, dale="abs", sigma_rec=0.1)}, "model.mask_rec was"),
    ],
)
def test_another_run_is_refused(change, message, tmp_path):
    method = dataclasses.replace(METHOD, checkpoint=tmp_path)
    with pytest.raises(Stop):
        train(network(), TASK, method, seed=8, callback=stop_at(30))
    method = dataclasses.replace(method, **change.get("method", {}))
    with pytest.raises(ArtifactError, match=message):
        train(change.get("model", network()), change.get("task", TASK), method, seed=change.get("seed", 8))


def test_one_damaged_slot_is_survived_two_are_not(tmp_path):
    whole = network()
    train(whole, TASK, METHOD, seed=8)
    method = dataclasses.replace(METHOD, checkpoint=tmp_path)
    with pytest.raises(Stop):
        train(network(), TASK, method, seed=8, callback=stop_at(30))
    damage(tmp_path, SLOTS[0])
    resumed = network()
    with pytest.raises(Stop):  # from the other slot, before it writes anew
        train(resumed, TASK, method, seed=8, callback=stop_at(21))
    for slot in SLOTS:
        damage(tmp_path, slot)
    with pytest.raises(ArtifactError, match=r"cannot be resumed.*SHA-256.*SHA-256"):
        train(network(), TASK, method, seed=8)


def damage(folder, slot):
    place = next(folder.glob(f"{slot}-*.safetensors"))
    kept = place.read_bytes()
    place.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))


@pytest.fixture
def stopped(tmp_path):
    """The settings of a run that was stopped, and can be resumed."""
    method = dataclasses.replace(METHOD, checkpoint=tmp_path)
    with pytest.raises(Stop):
        train(network(), TASK, method, seed=8, callback=stop_at(30))
    return method


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content.update(update=3), "of 3 updates it keeps curves of shapes"),
        (lambda content: content["counters"].update(scale="1"), "scale is '1'"),
        (lambda content: content["counters"].update(n_rollbacks=True), "n_rollbacks is True"),
        (lambda content: content["counters"].pop("stopped"), "'stopped' is missing"),
        (lambda content: content.update(identity=None), "belongs to another run"),
        (lambda content: content.pop("update"), "update"),
    ],
)
def test_a_forged_checkpoint_is_refused_by_type_and_shape(stopped, change, said, tmp_path):
    for slot in SLOTS:
        forge(tmp_path / f"{slot}.json", change)
    with pytest.raises(ArtifactError, match=said):
        train(network(), TASK, stopped, seed=8)


def test_weights_of_other_shapes_are_refused():
    kept = checkpoint.State(tensors={"model/w": torch.zeros(3), "optimizer/exp_avg/0": torch.zeros(3)})
    for tensors, said in [
        ({"model/w": torch.zeros(4)}, r"model/w must have shape \(3,\), got \(4,\)"),
        ({"optimizer/exp_avg/0": torch.zeros(4)}, "optimizer/exp_avg/0 of shape .4,. is not known"),
        ({"optimizer/exp_avg/x": torch.zeros(3)}, "optimizer/exp_avg/x of shape .3,. is not known"),
        ({"model/v": torch.zeros(3)}, "model/v of shape .3,. is not known"),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(Path(folder), dataclasses.replace(kept, tensors={**kept.tensors, **tensors}), {}, 0)
            with pytest.raises(ArtifactError, match=said):
                checkpoint.load(Path(folder), {}, {"model/w": torch.zeros(3)})


def test_checkpoints_of_the_second_format_are_resumed(stopped, tmp_path):
    for slot in SLOTS:
        content = json.loads((tmp_path / f"{slot}.json").read_text())
        file = content["files"][""]
        said = {key: content[key] for key in ("format", "dynakit", "update", "identity", "counters")}
        old = {**said, "format_version": 2, **file, "file": f"{slot}.safetensors"}
        (tmp_path / file["file"]).rename(tmp_path / f"{slot}.safetensors")
        (tmp_path / f"{slot}.json").write_text(json.dumps(old))
    resumed, whole = network(), network()
    seen = []
    train(resumed, TASK, stopped, seed=8, callback=lambda k, info: seen.append(k))
    train(whole, TASK, METHOD, seed=8)
    assert seen[0] >= 20
    assert torch.equal(weights(resumed), weights(whole))
    assert len([*tmp_path.iterdir()]) == 4  # the files of the second format are gone


@pytest.mark.parametrize("slot", SLOTS)
def test_a_slot_that_cannot_be_known_any_more_is_written_over_while_the_other_is_whole(slot, stopped, tmp_path):
    place = tmp_path / f"{slot}.json"
    place.write_bytes(b"?" * 300 + place.read_bytes())
    history = train(network(), TASK, stopped, seed=8)
    assert len(history) == METHOD.max_updates
    assert all(json.loads((tmp_path / f"{slot}.json").read_text())["update"] > 20 for slot in SLOTS)


def test_a_lost_manifest_is_no_fresh_start_but_a_first_save_that_was_cut_short_is(stopped, tmp_path):
    places = [tmp_path / f"{slot}.json" for slot in SLOTS]
    places[0].unlink()
    with pytest.raises(Stop):  # the other slot is whole
        train(network(), TASK, stopped, seed=8, callback=stop_at(21))
    for place in places:
        place.unlink(missing_ok=True)
    with pytest.raises(ArtifactError, match=r"resumed: .*checkpoint-a.json is missing, but its files are there"):
        train(network(), TASK, stopped, seed=8)
    for slot in SLOTS:  # as a killed process leaves it
        (tmp_path / f".{slot}.json.00000000-1-00000000.tmp").touch()
    seen = []
    train(network(), TASK, stopped, seed=8, callback=lambda k, info: seen.append(k))
    assert seen[0] == 1


def test_what_is_anothers_is_neither_resumed_nor_overwritten(tmp_path):
    (tmp_path / "checkpoint-a.json").write_text('{"mine": 1}')
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(ArtifactError, match=r"not a dynakit/checkpoint manifest|is not a folder"):
            train(network(), TASK, dataclasses.replace(METHOD, checkpoint=place), seed=8)
    assert sorted(p.read_text() for p in tmp_path.iterdir()) == ["mine", '{"mine": 1}']
