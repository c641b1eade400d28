"""Files that survive: an artefact is one thing, whole and unchanged, or it is refused in a sentence.

In its folder an artefact is a manifest of a fixed name (``results.json``), and files whose names carry the SHA-256 of
what they hold (``results-0f3a...npz``).  The files are written first and the manifest is replaced last, in one step:
whoever reads sees the old artefact or the new one, whatever is stopped, and whoever else is writing.  Files that no
manifest names any more are removed.  Pages and figures follow the manifest and say which one they are of.

Nothing that is read is ever run, and what a file declares is compared with its size before anything is built of it.
"""

from .archive import npz_bytes, read_npz
from .atomic import stamped, sweep, sync, write_atomically, write_once
from .manifest import FORMAT_VERSION, LARGEST, Artifact, Manifest
from .processes import beginning, host
from .reading import load, lost
from .writing import check_folder, save, write_page

__all__ = [
    "FORMAT_VERSION",
    "LARGEST",
    "Artifact",
    "Manifest",
    "beginning",
    "check_folder",
    "host",
    "load",
    "lost",
    "npz_bytes",
    "read_npz",
    "save",
    "stamped",
    "sweep",
    "sync",
    "write_atomically",
    "write_once",
    "write_page",
]
