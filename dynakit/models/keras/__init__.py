"""Networks that Keras has written, read without Keras and without running anything of the file."""

from .building import built
from .chain import Entry, chain
from .files import opened

__all__ = ["Entry", "built", "chain", "opened"]
