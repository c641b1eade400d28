"""Ridge regression: the readout in closed form, on the states the network has under the task's inputs.

With features q_t of the states, targets y_t and weights w_t per row,

    W = argmin sum_t w_t^2 |W q_t + b - y_t|^2 + beta |W|^2     (Hoerl and Kennard 1970)

Several targets are held by one readout by *blending* (Flynn, Tsachouridis and Amann 2021, sec. II C): the data of the
k-th are multiplied by alpha_k, features and targets alike, so that w_t = alpha_k for the rows of its trials; for two,
alpha and 1 - alpha.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .. import checks, linalg
from ..errors import InputError, NumericalError
from ..models import RecurrentModel
from ..provenance import Provenance
from ..results import History
from ..seeding import stream
from ..tasks import Task, Trials
from .base import Callback, fit, told

TOGETHER = 2**25  # entries of the states recorded in one go


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """Settings of the closed-form readout; ``dk.train(model, task, Ridge(beta=1e-2))``.

    Only the readout changes.  The states are recorded without noise, in float64, under ``n_trials`` trials of the
    task; the first ``washout`` steps of each do not count, nor does what the mask of the trials leaves out.

    ``blend`` weighs trials by the target they show: a number alpha for two targets (alpha for the first name in
    alphabetical order, 1 - alpha for the second), or a dict with one weight per name; None weighs all alike.  ``by`` is
    the condition of the trials that names the target, by default the only one in words.

    ``intercept=False`` leaves the bias of the readout at 0; otherwise it is fitted without penalty.

    The History has one entry, with loss and score on these trials after the fit, and ``condition``, that of the normal
    equations.  The model may be any with a linear readout; InputError otherwise.
    """

    beta: float = 1e-2
    washout: int = 0
    n_trials: int = 16
    blend: float | Mapping[str, float] | None = None
    by: str | None = None
    intercept: bool = True

    def __post_init__(self) -> None:
        checks.number("beta", self.beta, above=0)
        checks.count("washout", self.washout, least=0)
        checks.count("n_trials", self.n_trials)
        if isinstance(self.blend, Mapping):
            for name, weight in self.blend.items():
                checks.number(f"blend[{name!r}]", weight, above=0)
        elif self.blend is not None:
            checks.number("blend", self.blend, above=0, below=1)
        if self.by is not None and self.blend is None:
            raise InputError(f"by={self.by!r} names what blend weighs: give blend, too")

    def weights(self, trials: Trials) -> np.ndarray:
        """The weight of each trial (trial,)."""
        if self.blend is None:
            return np.ones(len(trials))
        names = self._names(trials)
        blend = self.blend
        if not isinstance(blend, Mapping):
            present = np.unique(names)
            if len(present) != 2:
                raise InputError(
                    f"blend is a number for two targets, but the trials show {len(present)}: "
                    f"{', '.join(present[:8])}; give a dict with one weight per name"
                )
            blend = {present[0]: blend, present[1]: 1 - blend}
        missing = sorted(set(names.tolist()) - set(blend))
        if missing:
            raise InputError(f"blend has no weight for {missing[0]!r}, which the trials show")
        return np.array([blend[name] for name in names.tolist()], dtype=float)

    def _names(self, trials: Trials) -> np.ndarray:
        words = {name: labels for name, labels in trials.conditions.items() if labels.dtype.kind == "U"}
        if self.by is None and len(words) == 1:
            return next(iter(words.values()))
        if self.by is None:
            raise InputError(
                f"by must say which condition of the trials names the target, as {len(words)} are in words: "
                f"{', '.join(words) or 'none'}"
            )
        return trials.conditions[checks.one_of("by", self.by, trials.conditions)].astype(str)


@fit.register
def _(method: Ridge, model: nn.Module, task: Task, *, seed: int, callback: Callback | None) -> History:
    if not isinstance(model, RecurrentModel):
        raise InputError(f"model must be a RecurrentModel for Ridge, got a {type(model).__name__}")
    W, b = model.linear_readout()
    began = time.monotonic()
    trials = task.sample(method.n_trials, seed=int(stream(seed, "batch", 0).integers(2**62)))
    if trials.targets is None:
        raise InputError("these trials have no targets, so no readout can be fitted; give targets")
    counted = _counted(trials, method.washout)
    with torch.no_grad():
        features = _features(model, trials)
        solved, condition = _solve(
            method, features, trials, counted, intercept=method.intercept and b is not None
        )
        W.copy_(torch.from_numpy(solved[:-1].T))
        if b is not None:
            b.copy_(torch.from_numpy(solved[-1]))
        outputs = features @ W.double().cpu().T + (0.0 if b is None else b.double().cpu())
    scored = dataclasses.replace(trials, mask=torch.from_numpy(counted).float(), score_mask=None)
    info = {"loss": float(task.loss(outputs, scored)), "score": float(task.score(outputs, scored))}
    told(callback, 1, {**info, "total": 1, "learning_rate": 0.0})
    blend = dict(method.blend) if isinstance(method.blend, Mapping) else method.blend
    names = {"method": "Ridge", "model": type(model).__name__, "task": type(task).__name__}
    return History(
        losses=np.array([info["loss"]]),
        scores=np.array([info["score"]]),
        seconds=np.array([time.monotonic() - began]),
        learning_rates=np.zeros(1),
        condition=condition,
        stopped=f"solved at condition {condition:.2g}",
        provenance=Provenance.of(seed=seed, **names, **{**vars(method), "blend": blend}),
    )


def _counted(trials: Trials, washout: int) -> np.ndarray:
    """What is to be fitted, boolean (trial, time, output)."""
    assert trials.targets is not None
    mask = torch.ones_like(trials.targets) if trials.mask is None else trials.mask
    counted = mask.numpy().astype(bool)
    counted[:, :washout] = False
    if not counted.any(axis=(0, 1)).all():
        raise InputError(
            f"washout={washout} and the mask of the trials leave nothing to fit in trials of {trials.n_steps} steps"
        )
    return counted


def _features(model: RecurrentModel, trials: Trials) -> torch.Tensor:
    """The features (trial, time, feature) in float64, recorded on a copy of the model, a few trials at a time."""
    twin = copy.deepcopy(model).double().eval()
    inputs = trials.inputs.to(next(twin.parameters()).device, torch.float64)
    some = max(1, TOGETHER // (trials.n_steps * model.state_size))
    parts = [twin.features(twin(inputs[i : i + some]).states) for i in range(0, len(inputs), some)]
    features = torch.cat(parts).cpu()
    bad = ~torch.isfinite(features).all(-1) & trials.valid
    if bool(bad.any()):
        trial, step = bad.nonzero()[0].tolist()
        raise NumericalError(f"the states of the model are not finite from step {step} of trial {trial} on")
    return features


def _solve(
    method: Ridge, features: torch.Tensor, trials: Trials, counted: np.ndarray, *, intercept: bool
) -> tuple[np.ndarray, float]:
    """Coefficients (feature + 1, output), those of the constant last, and the worst condition of the equations."""
    assert trials.targets is not None
    weights = np.broadcast_to(method.weights(trials)[:, None], counted.shape[:2])
    targets = trials.targets.double().numpy()
    solved = np.zeros((features.shape[-1] + 1, targets.shape[-1]))
    condition, left = 0.0, list(range(targets.shape[-1]))
    while left:  # outputs with the same mask share one factorisation
        rows = counted[..., left[0]]
        same = [k for k in left if (counted[..., k] == rows).all()]
        w = weights[rows][:, None]
        A = features.numpy()[rows]
        if intercept:
            A = np.concatenate([A, np.ones_like(w)], 1)
        penalty = np.full(A.shape[1], method.beta)
        penalty[features.shape[-1] :] = 0.0
        X, once = linalg.ridge(A * w, targets[rows][:, same] * w, penalty)
        solved[: len(X), same], condition = X, max(condition, once)
        left = [k for k in left if k not in same]
    return solved, condition
