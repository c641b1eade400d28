"""The contract of a system: what every analysis takes for granted of the map it is given."""

from __future__ import annotations

from typing import Any

from .. import checks
from ..provenance import with_provenance
from .case import case_of
from .contract import Contract, hold
from .derivatives import DERIVATIVES
from .hooks import HOOKS
from .maps import MAPS

CLAUSES = MAPS | DERIVATIVES | HOOKS


@with_provenance
def check_system(system: Any, states: Any = None, *, drives: Any = None, seed: Any = 0, n_states: int = 4) -> Contract:
    """Hold a system, or a network as :func:`dynakit.as_system` takes it, to what every analysis takes for granted.

    One line in the tests of a network, cell or :class:`dynakit.System` of your own.  Every clause is tried:

    - of the map: ``shapes`` (leading axes come back, float64), ``repeatable`` (twice the same, bit by bit),
      ``arguments`` and ``weights`` (left as they were), ``generators`` (no global one is drawn from), ``batch`` (rows
      in another order, one by one or many give the same), ``neighbours`` (a NaN stays in its row), ``speed``,
      ``trajectory`` and ``settle`` (the step, again and again);
    - of derivatives: ``jacobian``, ``input_jacobian``, ``observe_jacobian`` (differences, as good as rounding allows,
      at states off the kinks), ``gradient`` (through ``step``), ``jvp`` (J Q), ``newton_step``, ``jacobian_bounds``
      (hold the Jacobians at random states and corners of balls), ``regularity`` (linear pieces where such are claimed),
      ``kinks``, ``single_precision``;
    - of what else it says of itself: ``box`` (random states and corners stay in it), ``pieces`` (reproduce step and
      readout), ``rate_form`` (solved by states at rest, or why there is none), ``parts`` (cover the state once),
      ``recurrent_weights`` (square, finite, copies).

    Args:
        system: a System, or anything that ``as_system`` takes without further arguments.
        states: (unit,) or (state, unit) where to look; None: ``n_states`` random ones.
        drives: (input,) or (state, input), the inputs there; None: random ones.
        seed: of what is drawn.
        n_states: how many states are drawn.

    Returns:
        What was checked, and what was not asked, with the reason: a map that jumps has no Jacobian.

    Raises:
        ContractError: an AssertionError with one sentence for each clause that is broken, also in its ``failures``.
        InputError: ``system`` cannot be adapted, or states and drives do not fit it.

    >>> import torch, dynakit as dk
    >>> dk.testing.check_system((torch.nn.RNN(2, 3), torch.nn.Linear(3, 1))).skipped
    {'regularity': 'the map does not say that it is made of linear pieces'}
    """
    case = case_of(system, states, drives, seed, checks.count("n_states", n_states))
    return hold(case.system.name, CLAUSES, case)
