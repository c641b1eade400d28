"""(c) Does the wiring say how long a network remembers, and how much noise it stands?  Out of sample."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import thousand
import wiring
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

N_SHUFFLES = 20
N_TREES = 100


def predicted(
    X: np.ndarray, y: np.ndarray, groups: np.ndarray, *, across: bool, seed: int, forest: bool = True
) -> dict[str, float]:
    """R^2 out of sample by one or two models, in ten folds: of networks, or of whole conditions never seen."""
    folds = GroupKFold(min(10, len(set(groups)))) if across else KFold(10, shuffle=True, random_state=seed)
    models = {
        "ridge": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13))),
        **({"forest": RandomForestRegressor(N_TREES, min_samples_leaf=3, random_state=seed)} if forest else {}),
    }
    found = {}
    for name, model in models.items():
        guess = cross_val_predict(model, X, y, groups=groups if across else None, cv=folds)
        found[name] = float(1 - ((y - guess) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    return found


TARGETS = {"hold time": "log10 of steps, 3,000 at most", "noise stood": "log2 of noise over spread of states"}


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Measure all networks, then predict by settings, by wiring, and by wiring within conditions."""
    started = time.perf_counter()
    sweep = thousand.swept(quick, n_jobs)
    done = sweep[sweep.statuses == "done"]
    ids = done.ids.tolist()
    blocks = [ids[k : k + 20] for k in range(0, len(ids), 20)]
    rows = parts.rows(wiring.measure, [(block, quick) for block in blocks], n_jobs)
    measured = [key for key in rows[0] if not key.startswith("_")]
    columns = {key: np.array([x for row in rows for x in row[key]], dtype=float) for key in measured}
    columns["hold time"] = np.log10(np.maximum(thousand.numbers(done, "hold_time"), 1.0))
    columns["noise stood"] = np.log2(columns["noise stood"])
    conditions = [str(thousand.Condition.of(settings)) for settings in done.settings]
    said = {"seeds": sorted(set(thousand.numbers(done, "replicate").astype(int).tolist())), "quick": quick}
    each = [{"id": ids[k], "condition": conditions[k]} | {c: v[k] for c, v in columns.items()} for k in range(len(ids))]
    parts.write(thousand.STUDY, out / "wiring.csv", each, started=started, **said)
    if not quick:
        found = [row for target in TARGETS for row in explained(columns, target, np.array(conditions))]
        parts.write(thousand.STUDY, out / "prediction.csv", found, started=started, **said)
        figure(columns, np.array(conditions), found, out / "prediction.png")


def explained(columns: dict[str, np.ndarray], target: str, conditions: np.ndarray) -> list[dict[str, Any]]:
    """How much of the differences between networks each set of predictors foretells."""
    y = columns[target]
    X = np.stack([v for k, v in columns.items() if k not in TARGETS], axis=1)
    names = np.unique(conditions)
    dummies = (conditions[:, None] == names).astype(float)
    within = [_centred(each, conditions) for each in (X, y[:, None])]
    asked = {
        "settings alone": (dummies, y, False),
        "wiring": (X, y, False),
        "wiring, conditions never seen": (X, y, True),
        "wiring, within conditions": (within[0], within[1][:, 0], False),
    }
    rows = []
    for name, (predictors, wanted, across) in asked.items():
        found = predicted(predictors, wanted, conditions, across=across, seed=0)
        shuffled = [
            predicted(predictors, rng.permutation(wanted), conditions, across=across, seed=0, forest=False)["ridge"]
            for rng in map(np.random.default_rng, range(N_SHUFFLES))
        ]
        rows.append(
            {"target": target, "predictors": name, "networks": len(wanted), "spread": float(wanted.std())}
            | {"R2, ridge": found["ridge"], "R2, forest": found["forest"]}
            | {"shuffled, highest of 20": float(np.max(shuffled))}
        )
    return rows


def _centred(values: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Each row less the mean of its condition."""
    found = values.copy()
    for name in np.unique(conditions):
        found[conditions == name] -= found[conditions == name].mean(axis=0)
    return found


def figure(columns: dict[str, np.ndarray], conditions: np.ndarray, found: list[dict[str, Any]], path: Path) -> None:
    """What each set of predictors foretells, and how single numbers of the wiring go with it within conditions."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = sheet.subplots(1, 2)
    names = list(dict.fromkeys(row["predictors"] for row in found))
    y = np.arange(len(names))[::-1]
    for shift, (target, colour) in zip((0.2, -0.2), zip(TARGETS, ("#D55E00", "#0072B2"))):
        of = [next(r for r in found if r["target"] == target and r["predictors"] == name) for name in names]
        left.barh(y + shift, [max(r["R2, ridge"], r["R2, forest"]) for r in of], 0.35, color=colour, label=target)
    left.axvline(0, color="#000000", linewidth=0.8)
    left.set_yticks(y, names)
    left.set_xlabel("$R^2$ out of sample, better of ridge and forest")
    left.legend(frameon=False)
    names = [k for k in columns if k not in TARGETS]
    for target, colour in zip(TARGETS, ("#D55E00", "#0072B2")):
        goal = _centred(columns[target][:, None], conditions)[:, 0]
        r = [np.corrcoef(_centred(columns[k][:, None], conditions)[:, 0], goal)[0, 1] for k in names]
        right.plot(r, np.arange(len(names)), "o", color=colour)
    right.axvline(0, color="#7F7F7F", linestyle=":")
    right.set_yticks(np.arange(len(names)), names)
    right.set_xlabel("correlation within conditions")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=150)
