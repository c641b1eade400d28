"""Results back from disk; a report with the stages that speak of it, and its network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from .. import models, training  # noqa: F401  load() must know the histories of training
from ..errors import ArtifactError
from ..records import load_record
from ..report import Report
from .stages import STAGES


def load(path: str | Path) -> Any:
    """Read back a report, or any other result, from the folder it was saved in.

    A report's ``model`` and ``task`` are there if they are of this package's own classes, else None with the
    reason in ``skipped``.  Raises ArtifactError for anything that is not such a folder, is damaged, or was saved by a
    version whose results meant something else.
    """
    result = load_record(path)
    if not isinstance(result, Report):
        return result
    report, folder = dataclasses.replace(result, stages=STAGES), Path(path) / "model"
    if "model" in report.skipped or not folder.is_dir():
        return report
    try:
        return dataclasses.replace(report, model=models.load(folder))
    except ArtifactError as reason:
        return report.without("model", str(reason))
