"""
Left alone for three thousand steps
===================================

The test of a memory is to leave it alone. Both networks score 1.0 on their own trials. Of the one that was
trained with quiet periods of one fixed length, every "set" is forgotten a while later: what remains are the
states that would have read "reset" anyway. The other keeps what it was told, but for one state of 64,
released while a pulse was still on.
"""

from pathlib import Path

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
checks = {}
for kind, gap in (("fixed", 20), ("random", (10, 80))):
    task = dk.tasks.SetReset(quiet_gap=gap)
    system = dk.as_system(dk.models.load(networks / f"set_reset_{kind}"))
    ends = dk.record(system, task.sample(64, seed=1).inputs).states[:, -1]
    name = f"trained with {'20 steps' if kind == 'fixed' else '10 to 80 steps'} of quiet"
    checks[name] = dk.check_memory(system, ends, task.rest, task.decode, n_steps=3000)
    print(name, checks[name])

# %%
# The share of states whose readout still says what it said at release.
ax = dk.plots.plot_memory(checks)

# %%
# Calls: :func:`dynakit.check_memory`, :func:`dynakit.plots.plot_memory`; ``dk.analyze`` does it for every
# network.
