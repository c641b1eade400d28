"""Many networks as one: gradients in closed form on shared buffers, and each network as if it were alone."""

from . import bptt as bptt  # registers itself
from .kinds import unlike as unlike
from .noise import add_noise as add_noise
from .together import Block as Block
from .together import Member as Member
from .together import SideBySide as SideBySide
