"""What this part hands out: the public names of each room, which stand in the ``__all__`` of its face."""

from . import spikes as spikes
from .automata import *
from .basins import *
from .completeness import *
from .continuation import *
from .cycles import *
from .distances import *
from .exponents import *
from .fields import *
from .fixed_points import *
from .generalization import *
from .linearization import *
from .manifolds import *
from .memory import *
from .multifunctionality import *
from .psychometric import *
from .similarity import *
from .slow_points import *
from .spikes import *
from .trajectories import *
from .wiring import *
