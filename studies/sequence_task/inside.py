"""``dynakit.analyze`` on each learner after half the stream: what can be asked of it, and what it answers.

The answers are written as they are, one after the other, into ``summaries.txt``.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import parts
import runs

import dynakit as dk

ASKED = ("KNN", "TDNN", "TDSNN", "LSTM", "CSNN")
SEED = 0


def summary(name: str, n_elements: int) -> dict[str, Any]:
    """What the report of one learner says; its own codes are those of the task."""
    learner = runs.LEARNERS[name](SEED)
    method = dk.training.Online(max_elements=n_elements, window=min(101, n_elements // 20))
    history = dk.train(learner, runs.TASK, method, seed=SEED)
    began = time.process_time()
    report = dk.analyze(learner.freeze(), runs.TASK, seed=SEED)
    seconds = time.process_time() - began
    return {"name": name, "history": history.headline(), "summary": report.summary(), "seconds": round(seconds)}


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """All learners, one text."""
    names, n_elements = (("KNN",), 400) if quick else (ASKED, runs.TASK.swap_at)
    found = parts.rows(summary, [(name, n_elements) for name in names], n_jobs)
    texts = [f"command: python3 run.py study {runs.STUDY}{' --quick' if quick else ''}\n"]
    for one in found:
        title = f"{one['name']}, after {n_elements:,} elements ({one['history']}); analysed in {one['seconds']} s"
        texts.append(f"{title}\n{'=' * len(title)}\n\n{one['summary']}\n")
    out.mkdir(parents=True, exist_ok=True)
    (out / "summaries.txt").write_text("\n".join(texts))
