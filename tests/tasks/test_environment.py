import numpy as np
import pytest

from dynakit.errors import InputError
from dynakit.tasks import environment, from_environment


class Actions:
    """Three choices."""

    n = 3

    def __init__(self):
        self.seed(None)

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def sample(self):
        return int(self.rng.integers(self.n))


class TrialEnvironment:
    """Builds whole trials as neurogym does: one-dimensional evidence, then a choice; buffers are reused."""

    def __init__(self, gt=None):
        self.action_space, self.own_gt, self.trial, self.buffer = Actions(), gt, None, np.zeros((9, 2))
        self.seed(None)

    def seed(self, seed):
        self.rng = np.random.RandomState(seed)

    def new_trial(self):
        n_steps, choice = self.rng.randint(4, 9), self.rng.randint(1, 3)
        self.trial = {
            "ground_truth": choice,
            "coherence": 5.0 * choice,
            "side": "left",
            "path": [1, 2],
            "n": n_steps,
        }
        self.buffer[:] = 0
        self.ob = self.buffer[:n_steps]
        self.ob[1:, choice - 1] = 1
        self.gt = np.zeros(n_steps, dtype=int)
        self.gt[-1] = choice
        if self.own_gt is not None:
            self.gt = self.own_gt(self)
        return self.trial


class SteppedEnvironment:
    """Only reset and step, in the manner of gymnasium; the observation counts the steps of the trial."""

    def __init__(self, lengths=(3, 5), with_truth=True, ending="terminated"):
        self.action_space, self.lengths, self.with_truth, self.ending = Actions(), lengths, with_truth, ending

    def reset(self, *, seed=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.t, self.n = 0, int(self.rng.choice(self.lengths))
        return np.array([0.0]), {}

    def step(self, action):
        info = {"gt": self.t % 3} if self.with_truth else {}
        self.t += 1
        over = self.t == self.n
        info["new_trial"] = over and self.ending == "info"
        return np.array([float(self.t)]), 0.0, over and self.ending == "terminated", False, info


class Wrapped:
    """A wrapper that hides all but the gymnasium interface."""

    def __init__(self, env):
        self.unwrapped, self.action_space = env, env.action_space


@pytest.mark.parametrize("wrap", [lambda env: env, Wrapped])
def test_whole_trials_are_padded_and_masked(wrap):
    task = from_environment(wrap(TrialEnvironment()), n_trials=50, seed=1)
    inputs, targets, mask = (t.numpy() for t in (task.trials.inputs, task.trials.targets, task.trials.mask))
    lengths, choices = task.trials.conditions["n"], task.trials.conditions["ground_truth"]
    assert inputs.shape == (50, 8, 2)
    assert targets.shape == (50, 8, 3)
    assert set(choices) == {1, 2}
    for u, y, m, n, choice in zip(inputs, targets, mask, lengths, choices):
        np.testing.assert_array_equal(m, np.repeat((np.arange(8) < n)[:, None], 3, axis=1))
        assert (u[1:n, choice - 1] == 1).all()
        assert u.sum() == n - 1
        assert y[: n - 1, 0].all()  # one-hot class 0 until the choice
        assert y[n - 1].tolist() == [0, choice == 1, choice == 2]
        assert y.sum() == n
    assert set(task.trials.conditions) == {"ground_truth", "coherence", "side", "n"}
    assert task.score(targets, task.trials) == 1.0


def test_seeds_repeat_and_global_numbers_stay():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    a, b, c = (from_environment(TrialEnvironment(), n_trials=20, seed=s).trials.inputs for s in (1, 1, 2))
    assert a.equal(b)
    assert not a.equal(c)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("width", [None, 2])
def test_graded_ground_truth_is_taken_as_it_is(width):
    def ramp(env):
        values = np.linspace(0, 1, len(env.ob))
        return values if width is None else np.stack([values, -values], axis=1)

    task = from_environment(TrialEnvironment(ramp), n_trials=5)
    n = task.trials.conditions["n"][0]
    assert task.n_outputs == (width or 1)
    np.testing.assert_allclose(task.trials.targets[0, :n, 0], np.linspace(0, 1, n), atol=1e-7)


@pytest.mark.parametrize("ending", ["terminated", "info"])
def test_stepped_environments_pair_each_observation_with_its_truth(ending):
    task = from_environment(SteppedEnvironment(ending=ending), n_trials=20)
    lengths = task.trials.mask[:, :, 0].sum(dim=1).int().numpy()
    assert set(lengths) == {3, 5}
    for u, y, n in zip(task.trials.inputs.numpy(), task.trials.targets.numpy(), lengths):
        np.testing.assert_array_equal(u[:n, 0], np.arange(n))
        np.testing.assert_array_equal(y[:n].argmax(axis=1), np.arange(n) % 3)


def test_an_action_space_need_only_say_how_many_actions_there_are():
    class Choices:
        n = 3

    env = SteppedEnvironment()
    env.action_space = Choices()
    task = from_environment(env, n_trials=20)
    assert (len(task.trials), task.n_outputs) == (20, 3)
    env.action_space = None
    with pytest.raises(InputError, match=r"no new_trial\(\) and no action_space.sample\(\) or action_space.n; trials"):
        from_environment(env)


def test_without_ground_truth_there_are_no_targets():
    assert from_environment(SteppedEnvironment(with_truth=False), n_trials=3).n_outputs is None


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (object(), r"a object has no new_trial\(\) and no reset\(\), no step\(\), no action_space"),
        (TrialEnvironment(lambda env: env.gt[:-1]), "one entry per step"),
        (TrialEnvironment(lambda env: env.gt + 3), r"classes 0\.\.2, got 3"),
        (TrialEnvironment(lambda env: env.gt[:, None]), r"integer classes \(time,\)"),
        (TrialEnvironment(lambda env: env.gt.astype(str)), "dtype <U"),
        (TrialEnvironment(lambda env: env.gt * np.nan), "targets must be finite"),
    ],
)
def test_environments_that_cannot_be_used(env, words):
    with pytest.raises(InputError, match=words):
        from_environment(env, n_trials=3)


def test_endless_trials_are_given_up(monkeypatch):
    monkeypatch.setattr(environment, "MOST_STEPS", 50)
    with pytest.raises(InputError, match="ended none within 50 steps"):
        from_environment(SteppedEnvironment(ending="never"), n_trials=1)
