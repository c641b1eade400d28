"""Results back from disk; a report with the stages that speak of it, and its network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from .. import checks, models, training  # noqa: F401  load() must know the histories of training
from ..errors import ArtifactError
from ..records import read_saved
from ..report import Report
from .stages import STAGES


def load(path: str | Path) -> Any:
    """Read back a report, or any other result, from the folder it was saved in.

    A report's ``model`` and ``task`` are there if they are of this package's own classes, else None with the
    reason in ``skipped``.  Raises ArtifactError for anything that is not such a folder, is damaged, or was saved by a
    version whose results meant something else.
    """
    folder = checks.folder("path", path)
    if (folder / "model.json").exists() and not (folder / "results.json").exists():
        raise ArtifactError(f"{path} holds a model and no results: read it with dynakit.models.load")
    result, header, parts = read_saved(path)
    if not isinstance(result, Report):
        return result
    report, beside = dataclasses.replace(result, stages=STAGES), folder / "model"
    try:
        if "model" in parts:
            model = models.unpacked(header.get("model"), parts["model"], f"{path}/results.json")
        elif header["format_version"] < 3 and "model" not in report.skipped and beside.is_dir():
            model = models.load(beside)
        else:
            return report
    except ArtifactError as reason:
        return report.without("model", str(reason))
    return dataclasses.replace(report, model=model)
