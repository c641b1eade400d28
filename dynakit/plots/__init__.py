"""Figures of results: each ``plot_*`` takes a result and an axes (or makes one) and returns the axes.

No function computes, shows or changes global settings; matplotlib is imported when the first one is called.
"""

from .animation import Animation, animate_trial
from .basins import plot_basin_fractions, plot_basins
from .branches import plot_branches
from .connectivity import plot_communities, plot_connectivity
from .cycles import plot_convergence, plot_cycles, plot_multipliers
from .distances import plot_distances, plot_embedding
from .exponents import plot_exponents
from .fixed_point_map import plot_fixed_point_map
from .flow import plot_flow
from .interactive import phase_portrait_3d
from .laws import plot_law, plot_singular_values
from .lesions import plot_lesions
from .linked import Explored
from .manifolds import plot_heteroclinic
from .memory import plot_memory
from .multifunctionality import plot_confusion, plot_multifunctionality
from .nullclines import plot_nullclines
from .phase_line import plot_cobweb, plot_phase_line
from .portrait import plot_phase_portrait
from .psychometric import plot_psychometric
from .raster import plot_raster
from .scaffold import plot_scaffold
from .slow_manifold import plot_slow_manifold
from .slow_set import plot_slow_set
from .spectrum import plot_spectrum
from .style import close, new_axes, using
from .tracks import plot_tracks
from .training import plot_training
from .transitions import plot_transitions
from .trials import plot_activity, plot_trials

__all__ = [
    "Animation",
    "Explored",
    "animate_trial",
    "close",
    "new_axes",
    "phase_portrait_3d",
    "plot_activity",
    "plot_basin_fractions",
    "plot_basins",
    "plot_branches",
    "plot_cobweb",
    "plot_communities",
    "plot_confusion",
    "plot_connectivity",
    "plot_distances",
    "plot_embedding",
    "plot_exponents",
    "plot_convergence",
    "plot_cycles",
    "plot_fixed_point_map",
    "plot_flow",
    "plot_heteroclinic",
    "plot_law",
    "plot_lesions",
    "plot_memory",
    "plot_multifunctionality",
    "plot_multipliers",
    "plot_nullclines",
    "plot_phase_line",
    "plot_phase_portrait",
    "plot_psychometric",
    "plot_raster",
    "plot_scaffold",
    "plot_singular_values",
    "plot_slow_manifold",
    "plot_slow_set",
    "plot_spectrum",
    "plot_tracks",
    "plot_training",
    "plot_transitions",
    "plot_trials",
    "using",
]
