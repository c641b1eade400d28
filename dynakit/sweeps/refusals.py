"""Why a folder is not written to, in words: another plan, other versions, a disk that takes no more."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from ..errors import ArtifactError
from ..versions import versions
from .table import flat

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def full(error: BaseException | None) -> OSError | None:
    """The error of a full or read-only disk that another error comes from, if it does."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error
        error = error.__cause__ or error.__context__
    return None


def sentence(path: Path, error: OSError) -> ArtifactError:
    """What became of the folder, for a user."""
    if isinstance(error, ArtifactError):
        return error
    if full(error):
        said = f"folder {path} takes no more ({error.strerror}); what is done is kept: make room and start again"
        return ArtifactError(said)
    return ArtifactError(f"folder {path} cannot be written: {error.strerror or error}")


def same_plan(path: Path, kept: dict[str, Any], said: dict[str, Any]) -> None:
    """Raise ArtifactError unless all runs of the folder's plan are in this one, and in the same groups."""
    was, now = kept["settings"], said["settings"]
    gone, new = sorted(was.keys() - now.keys()), sorted(now.keys() - was.keys())
    if gone:
        example = f": {_difference(was[gone[0]], now[new[0]])}" if new else ""
        raise ArtifactError(
            f"folder {path} holds a sweep of another plan: {len(gone)} of its {len(was)} runs are not in this "
            f"one, and {len(new)} of this one are not in it{example}; give another folder"
        )
    if any(said["groups"].get(name) != ids for name, ids in kept["groups"].items()):
        raise ArtifactError(f"folder {path} holds a sweep whose runs are grouped otherwise; give another folder")


def _difference(was: Any, now: Any) -> str:
    """The first settings that two runs differ in."""
    was, now = flat(was), flat(now)
    names = [name for name in dict.fromkeys([*was, *now]) if was.get(name) != now.get(name)]
    return "for example, " + ", ".join(f"{n} was {was.get(n)!r} and is now {now.get(n)!r}" for n in names[:3])


def same_versions(path: Path, was: dict[str, str]) -> None:
    """Raise ArtifactError unless the folder was begun with the versions of now."""
    now = versions()
    other = [f"{name} was {was.get(name)} and is now {now.get(name)}" for name in now if was.get(name) != now.get(name)]
    if other:
        raise ArtifactError(
            f"folder {path} was begun with other versions: {'; '.join(other)}; "
            "go on with accept_versions (--accept-versions), or give another folder"
        )
