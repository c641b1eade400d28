"""Write RESULTS.md from the tables of the benchmarks:  python benchmarks/results.py"""

from __future__ import annotations

import csv
import os
import platform
from pathlib import Path

import torch

HERE = Path(__file__).parent
SECTIONS = {
    "leaky_scan": (
        "One training step of a leaky Dale network",
        "Forward and backward at 100 units, 64 trials, 153 steps, with recurrent noise. `naive` is the loop a user "
        "writes (two linear layers and fresh noise at each step), `hoisted` the same loop with weights, input and "
        "noise taken out of it, `native` torch's own `nn.RNN(relu)` without leak, noise or signs. The limit is the "
        "two small matrix products per step and one large one; noise and memory traffic are what is left above it.",
        "python benchmarks/bench_leaky_scan.py",
    ),
    "together": (
        "Many networks trained side by side",
        "`train_together` by BPTT against `train` for each, per network and update, on `FlipFlop()`: 3 bits, 100 "
        "steps, each network on trials of its own. Of what is left, `products` are the three products of matrices "
        "per step (forward, back, gradient of all weights), `drawing` is that of the trials, and `traffic` what it "
        "takes to write states and derivatives to memory and read them again, at the speed at which this machine "
        "copies.",
        "python benchmarks/bench_together.py",
    ),
    "together_runs": (
        "Networks that end side by side",
        "Until the mean score of ten batches reaches the goal: at which updates they end, how many end at the very "
        "update at which they end alone, the largest difference of a weight then, and CPU seconds of all.",
        "python benchmarks/bench_together.py",
    ),
    "spiking": (
        "One training step of a recurrent LIF network",
        "Forward and backward at 100 neurons, 32 trials, 100 steps, in single precision. `naive` is the loop a user "
        "writes around a surrogate of six lines, `hoisted` the same loop with input and readout taken out of it. The "
        "limit is `products_alone`: one small matrix product per step and direction, and one large one.",
        "python benchmarks/bench_spiking.py",
    ),
    "online": (
        "One element of a stream",
        "`replay`: 100 gradient steps of an LSTM of 20 units over a full window, against torch's gradients through the "
        "window. `columns`: 1,000 spiking neurons for 100 steps, against a product of all spikes and all weights. "
        "`memory`: the nearest of 10,000 contexts, against distances of whole contexts. Limits: 6,400 multiply-adds "
        "twice per step back, some 30 steps for each of 100; one row of weights read per spike.",
        "python benchmarks/bench_online.py",
    ),
    "jacobian": (
        "Jacobians of 256-unit cells",
        "Closed form against `torch.func.vmap(jacrev)` of the same functional cell, 64 states. The limit is the memory "
        "bandwidth of writing the result once.",
        "python benchmarks/bench_jacobian.py",
    ),
    "fixed_points": (
        "Fixed points of trained networks",
        "`find_fixed_points` from the states of trials, in 5 orders, against Adam on the speed (Golub and Sussillo "
        "2018; written anew from its description, without its Jacobian stage) from 1024 of these states with noise. "
        "`cpu_s` is the median of a method's runs; the rest of a row is its worst run. `true`: distinct roots within "
        "1e-3 of a returned point, of the `known` ones that float64 Newton confirms from any run. `_arrived`: of the "
        "points below the baseline's tolerance alone. `true_polished`: distinct roots that float64 Newton, off the "
        "clock, reaches from all that was returned.",
        "python benchmarks/bench_fixed_points.py --only trained",
    ),
    "fixed_points_random": (
        "Fixed points of random networks",
        "x' = tanh(W x), W ~ N(0, g^2/n), from noisy states of the chaotic trajectory. How many points there are is "
        "not known; `known` are those found by any search and their mirror images.",
        "python benchmarks/bench_fixed_points.py --only random",
    ),
    "completeness": (
        "Points missed in random networks of two to six units",
        "`find_fixed_points` with default starts against Newton's method of its own from 12,000 states, at gains 1, 2 "
        "and 3: all weights and biases N(0, gain^2), a random constant input. `false consistent`: a point is missed "
        "and the search says nothing of it. `false verdicts`: neighbouring states do otherwise than is said.",
        "python benchmarks/bench_completeness.py",
    ),
    "proofs": (
        "Proofs that all fixed points are known, against brute force",
        "Random networks of 4 to 12 units that few equations decide, of low rank or full. Brute force: every pattern "
        "of relu units, Newton's method from 2,000 states for the others. `missed`: found by it, and not on a list "
        "called proved. `only proved`: on such a list and not found by it. `degree off`: the sum of the signs of "
        "det(1 - W D) is not +1 although f is bounded. A relu network without input stands still at a kink, which is "
        "left. `seconds`: CPU time of a proof, median and longest.",
        "python benchmarks/bench_proofs.py",
    ),
    "enclosures": (
        "Bounds of functions against values",
        "Random intervals of widths from 1e-9 to 1 (boxes of five units below), a random point in each. `outside`: "
        "values or slopes outside of their bounds. `width`: how many times |f'| r the image of a small interval takes "
        "up, the median.",
        "python benchmarks/bench_enclosures.py",
    ),
    "own_cells": (
        "Cells of one's own",
        "Fifty steps of 8 units written by hand, of five kinds, with random weights: leaky ones, a gate, a layer "
        "norm, a SiLU. Against Newton's method of its own from 12,000 states of the box that is read off their code.",
        "python benchmarks/bench_enclosures.py",
    ),
    "enumeration": (
        "All fixed points of trained piecewise-linear networks",
        "`enumerate_fixed_points` on set/reset memories of leaky ReLU networks with n units, without Dale's law and "
        "with it: the verdict is about all of R^n, within 600 s. The limit is the number of sub-problems: each is a "
        "few products and factorisations of n x n matrices. `agree`: with `find_fixed_points` on the same network.",
        "python benchmarks/bench_enumeration.py",
    ),
    "lyapunov": (
        "Lyapunov exponents of a 256-unit LSTM",
        "The ten largest of 512 exponents (`top_10`), and all of them (`full`), by `lyapunov_spectrum` with transient, "
        "checks and errors; the limits are J Q and one QR per interval alone, on the same states. Per step.",
        "python benchmarks/bench_lyapunov.py",
    ),
    "echo_state": (
        "Echo states of 504 random networks under noise",
        "What `check_echo_state` says of networks of 3 to 12 units, gains 0.5 to 8, over 1000 steps, held against 500 "
        'other states of the invariant box followed by plain steps. `contradicted`: "echo state" is said, and two of '
        "them are apart at the end. `too_many`: more responses are counted than they end in. `proved_wrong`: one "
        "response is proved, and they differ. `of_them_several`: the exponent along one trajectory is negative, which "
        "alone would have been called an echo state, and they end in several places.",
        "python benchmarks/bench_echo_state.py",
    ),
    "echo_unit": (
        "Responses of x' = tanh(2 x + u)",
        "Two to every input below a* = 0.53284, whatever its course; two to +-a in turn up to 2.29559; above a* one to "
        "random inputs, in the end: what is counted belongs to the horizon. Just below a bound states are on their way "
        'for long, and the verdict is "undetermined".',
        "python benchmarks/bench_echo_state.py",
    ),
    "basins": (
        "Labelling 600 random states of a closed-loop LSTM of 32 units",
        "`map_basins` on an LSTM that holds two opposite cycles on one circle, from states of the box of its activity "
        "and from noisy recorded states: by proximity to the cycles that `find_limit_cycles` certified, and by "
        "recurrence with no attractor given. The limit is stepping the network: `1000_steps_s` is what 1000 steps of "
        "all 600 states cost; `last_arrival` is the step at which the last state came near its cycle for good.",
        "python benchmarks/bench_basins.py",
    ),
    "analyze": (
        "`analyze` on trained networks, and where the time goes",
        "Flip-flops of 3 bits in 100 units (seven constant inputs), and of 2 bits in 512 (five): all stages, then the "
        "figures and the saved report. CPU seconds. The floor of the memory check is one product of the states with "
        "the recurrent weights per step: it follows 128 states for 3000 steps, those that have met as one. States "
        "that are not yet at rest then, and states after pulses, are followed only until the linear part of an "
        "attractor is known to draw them in: the GRU of 100 units has modes of up to 33,000 steps. "
        "The Elman network, trained for so short a time, has seven invariant circles, each refined and followed to "
        "its multipliers.",
        "python benchmarks/bench_analyze.py",
    ),
    "own_lstm": (
        "An LSTM written by hand",
        "A trained 3-bit flip-flop of 16 units, its weights in torch's layer and in modules whose state is a tuple, a "
        "dictionary or units first, in a forward of whole sequences stepped one element at a time, and in a step that "
        "draws noise: `find_fixed_points` with default starts. `worst`, `eigenvalues` and `orbits` are the largest "
        "differences from the closed form: of points, of spectra, of 25 steps from 5 random states.",
        "python benchmarks/bench_own_lstm.py",
    ),
    "against": (
        "Now and before steps of any kind were taken",
        "Random networks of gain 2, `as_system` and `find_fixed_points` with default starts, against commit 9d81c5f, "
        "the last in which a state was one tensor and certificates followed few functions. The versions take turns in "
        "processes of their own; `ratio` is the median of now to before within a round, `range` its least and "
        "greatest. Whole networks and cells of one's own are taken about a millisecond later than they were: what they "
        "do with large states, and whether they count their steps, is looked at first.",
        "python benchmarks/bench_against.py --against ANOTHER_CHECKOUT --rounds 6",
    ),
    "jax": (
        "A GRU written in JAX",
        "A jitted step of 16 units, random weights of gain 1.5, `find_fixed_points` with default starts; construction "
        "is within the first search. `jax`: torch carries the step out from its trace. `jax, looped`: the same within "
        "a loop of `lax`, which JAX has to run. `compiled`: functions that JAX compiles meanwhile. Medians over three "
        "networks, points of all three.",
        "python benchmarks/bench_jax.py",
    ),
    "soak_artifacts": (
        "Saved artefacts that are killed, raced for and damaged",
        "How trials ended: with the old artefact, with the new one, with a refusal in one sentence, or with anything "
        "else, which must not occur. Kills: a process that overwrites is killed at a random moment. Races: three "
        "threads in each of two processes save into one folder; the trials are reads meanwhile. Mutations: one file "
        'is damaged; "old" is what damage to unused bytes, or none at all, leaves. Forgeries: a manifest is edited '
        'and sealed anew; "new" is a value that no type, length or shape contradicts.',
        "python benchmarks/soak_artifacts.py",
    ),
    "similarity": (
        "Dynamical similarity of two operators",
        "`compare_operators` (`ours`), the same from 2,000 random frames (`many`), and dsa-metric 2.0.2 "
        "(Euclidean, 1,500 iterations of rate .005, single precision) on pairs of norm 1. `largest_excess`: above "
        "the least that any of them found; `least_found`: on how many pairs it is that, to 1e-6; `below_ours`: on "
        "how many it is below ours. Of a rotated copy the truth is 0, of normal operators the distance of the "
        "eigenvalues; of two Gaussian ones it is not known, but lies above `mean_bound`.",
        "python benchmarks/bench_similarity.py",
    ),
    "wiring_laws": (
        "Spectra of random matrices beside their laws",
        "Normal entries of variance 1 / N, many draws: the mean of what was found, what `compare_with_law` predicts, "
        "and the standard deviation over draws beside the one it says of a single matrix. `as_predicted`: share of "
        "draws so judged. `false_outliers`: share in which something is counted beyond the margin, overshoot and three "
        "standard deviations, that no part of low rank put there. Without rows that sum to zero, Rajan and Abbott's "
        "law is not held against a matrix: all verdicts are undetermined, and its outlier is off.",
        "python benchmarks/bench_wiring.py",
    ),
    "wiring_time": (
        "What wiring costs",
        "CPU time of one call; Louvain's algorithm once on a directed graph with a tenth of its edges, beside "
        "networkx's, and the modularity each finds; a hundred sets of a fifth of the units, 32 trials of 60 steps, in "
        "one batch, and in a call each, of which half is the score of the whole network.",
        "python benchmarks/bench_wiring.py",
    ),
    "kill_sweeps": (
        "Sweeps that are killed, crowded, damaged and starved",
        "Networks of four units, trained and analysed by processes that are sent real signals; each trial ends with an "
        "undisturbed start, after which results and weights are compared with those of an undisturbed sweep. `lost`: "
        "results that were there and are gone, or runs without one at the end. `made twice`: results that were "
        "replaced after they had been seen. `left over`: claims, drafts, checkpoints. K1 to K10 are the trials of a "
        "plan written before the code.",
        "python benchmarks/kill_sweeps.py",
    ),
    "sweeps": (
        "What a sweep costs besides its runs",
        "Runs that do nothing, and runs that keep one processor busy, by this process, by one beside it and by two. A "
        "result is written through to the disk, so a trivial run costs two flushes of the file system.",
        "python benchmarks/bench_sweeps.py",
    ),
    "tasks": (
        "Drawing trials",
        "64 trials of 100 steps and 3 bits, against one Python call per trial and step.",
        "python benchmarks/bench_tasks.py",
    ),
}


def table(path: Path) -> str:
    """A CSV file as a Markdown table."""
    with open(path, newline="") as file:
        head, *rows = csv.reader(file)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main() -> None:
    """Write the page."""
    text = [
        "# Benchmarks",
        "CPU time of one thread, medians of interleaved runs, ratios within one run. Absolute times belong to one "
        f"machine ({platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}); ratios travel better. "
        "Made by `python benchmarks/results.py` from the tables beside it.",
    ]
    for name, (title, what, command) in SECTIONS.items():
        if not (HERE / f"{name}.csv").exists():
            continue
        text += [f"## {title}", what, f"`{command}`", table(HERE / f"{name}.csv")]
    (HERE / "RESULTS.md").write_text("\n\n".join(text) + "\n")


if __name__ == "__main__":
    main()
