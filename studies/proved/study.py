"""Which trained networks have all their fixed points proved, and what a search and a score say of the same networks.

    python3 run.py study proved [--quick] [--only networks] [--jobs 2]

Writes the tables and figures of ``figures/proved/`` (with --quick: of ``out/proved/``).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import ends
import parts
import proved_figure
import trained
from trained import Condition

STUDY = "proved"
SEEDS = [0, 1, 2]
CONDITIONS = [
    *(Condition(bits=1, units=n) for n in (16, 32, 128)),
    *(Condition(bits=2, units=n) for n in (16, 32, 64)),
    *(Condition(bits=3, units=n) for n in (16, 32)),
    *(Condition(bits=n, l2=1.0) for n in (1, 2, 3)),
    *(Condition(bits=n, kind="leaky") for n in (1, 2, 3)),
    Condition(bits=2, kind="leaky", radius=1.0),
    *(Condition(bits=n, kind="Dale") for n in (1, 2)),
    Condition(bits=2, kind="GRU"),
    Condition("perceptual", kind="leaky"),
    Condition("context", kind="leaky"),
]
FEW = {Condition(bits=3, units=64): [0, 1]}  # half a minute each
QUICK = [Condition(bits=1, units=8), Condition(bits=1, kind="GRU", units=8)]


def networks(out: Path, *, quick: bool, n_jobs: int) -> None:
    """One row per trained network, one per condition, and the figure of both."""
    started = time.perf_counter()
    calls = [(list(c), SEEDS[:1] if quick else SEEDS, quick) for c in (QUICK if quick else CONDITIONS)]
    calls += [] if quick else [(list(c), seeds, quick) for c, seeds in FEW.items()]
    rows = [row for found in parts.rows(trained.measure, calls, n_jobs) for row in found]
    said = {"seeds": SEEDS[:1] if quick else SEEDS, "started": started, "quick": quick}
    parts.write(STUDY, out / "networks.csv", rows, **said)
    parts.write(STUDY, out / "conditions.csv", summary(rows), **said)
    proved_figure.figure(rows, out / "proved.png")


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per condition."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in Condition._fields), []).append(row)
    return [dict(zip(Condition._fields, key)) | _of_group(group) for key, group in groups.items()]


def _of_group(group: list[dict[str, Any]]) -> dict[str, Any]:
    def each(name: str) -> str:
        return " ".join(str(row.get(name, "")) for row in group)

    return {
        "networks": len(group),
        "proved": sum(row["verdict"] == "proved" for row in group),
        "least score": min(row["score"] for row in group),
        "equations": each("equations"),
        "points": each("points"),
        "searched points": each("searched points"),
        "provably lack a memory": sum(int(row.get("contents that provably have none") or 0) > 0 for row in group),
        "proof CPU s, most": max(row["proof CPU s"] for row in group),
        "search CPU s, most": max(row["search CPU s"] for row in group),
    }


def limits(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Where the method ends."""
    started = time.perf_counter()
    rows = parts.rows(ends.measure, ends.calls(quick), n_jobs)
    parts.write(STUDY, out / "ends.csv", rows, seeds=SEEDS, started=started, quick=quick)


PARTS = {"networks": networks, "limits": limits}

if __name__ == "__main__":
    parts.main(STUDY, PARTS, __doc__ or "")
