"""The command line: one function per command, on public names only.  ``dynakit`` is ``python -m dynakit``."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

import dynakit as dk
from dynakit import commands

MOST_TYPED = """
```
dynakit demo                                  # two networks, and two pages
dynakit train flip-flop:n_bits=3 gru          # three bits, in out/model
dynakit analyze out/model flip-flop:n_bits=3  # a page, in out/report
dynakit analyze weights.pt set-reset          # weights of a torch layer
dynakit sweep plan.toml --jobs 2              # many networks, in out/plan
```
"""
app = App(name="dynakit", help=(dk.__doc__ or "").partition("\n")[0] + "\n" + MOST_TYPED, version=dk.__version__)
Flag = Annotated[bool, Parameter(negative=())]
Rest = Annotated[str, Parameter(allow_leading_hyphen=True, show=False)]


@app.command
def demo(*, out: Path = Path("out/demo"), seed: int = 0) -> None:
    """Train one memory network twice and find out what each has learnt; less than a minute.

    A set/reset flip-flop with Dale's law is trained with quiet gaps of one length, and again with gaps of
    random length.  Both score well; only one of them remembers.

    Args:
        out: folder for the two reports.
        seed: of the weights, the trials and the searches.
    """
    _make(out)
    tasks = {
        "fixed-gap": dk.tasks.SetReset(quiet_gap=20),
        "random-gaps": dk.tasks.SetReset(quiet_gap=(10, 80)),
    }
    for name, task in tasks.items():
        model = dk.models.LeakyRNN.for_task(
            task, n_hidden=50, dale="abs", autapses=False, signed_io=False, sigma_rec=0.05, seed=seed
        )
        method = dk.training.BPTT(learning_rate=5e-3, max_updates=300)
        with dk.ProgressBar(f"training, {name}", after=0) as callback:
            history = dk.train(model, task, method, seed=seed, callback=callback)
        with dk.ProgressBar(f"analysing, {name}", after=0) as callback:
            report = dk.analyze(model, task, seed=seed, callback=callback).with_history(history)
        report.save(out / name)
        print(f"=== {name}: trained with {_gaps(task)} ===\n{_opening(report)}\n")
    pages = [out / name / "report.html" for name in tasks]
    print("The score cannot tell them apart; compare the portraits on the two pages:")
    print("\n".join(str(page) for page in pages))
    _show(pages)


def _show(pages: Sequence[Path]) -> None:
    """Open pages in the browser of whoever sits in front of the terminal, if there is one."""
    graphical = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.stdout.isatty() and graphical:
        for page in pages:
            webbrowser.open(page.resolve().as_uri())


def _gaps(task: Any) -> str:
    gap = task.quiet_gap
    return (
        f"delays of {gap} steps" if isinstance(gap, int) else f"random delays of {gap[0]} to {gap[1]} steps"
    )


@app.command
def train(
    task: str,
    model: str,
    /,
    *,
    n_hidden: int | None = None,
    out: Path = Path("out/model"),
    seed: int = 0,
    max_updates: int | None = None,
    stop_at_score: float | None = None,
    learning_rate: float | None = None,
) -> None:
    """Train a network on a task and save it.

    Args:
        task: name and parameters, such as flip-flop:n_bits=3 or set-reset:quiet_gap=10..80.
        model: elman, gru, lstm or leaky, trained by backpropagation through time (on cycles with a loop that closes
            more and more); reservoir, whose readout is solved for by ridge regression; or tdnn, tdsnn, csnn,
            online-lstm or online-gru, which go through a sequence-stream once.
        n_hidden: hidden units; 100 unless a learner of streams has a number of its own.
        out: folder for the model.
        seed: of the weights and the trials.
        max_updates: updates after which training ends, 2000 if nothing is said; of a stream, elements.
        stop_at_score: end earlier, once the last batches score this much (0 to 1).
        learning_rate: of the first half, where it falls in the second; 3e-3, or that of the learner.
    """
    chosen = dk.tasks.by_name(task)
    own_sizes = issubclass(dk.models.by_name(model), dk.models.Learner)
    settings = {"n_hidden": n_hidden, "learning_rate": learning_rate} if own_sizes else {"n_hidden": n_hidden or 100}
    network = _new_network(model, chosen, seed, {k: v for k, v in settings.items() if v is not None})
    method = _method(network, chosen, max_updates, stop_at_score, 3e-3 if learning_rate is None else learning_rate)
    _make(out)
    dk.models.check_path(out)
    with dk.ProgressBar("training", after=0) as callback:
        history = dk.train(network, chosen, method, seed=seed, callback=callback)
    dk.models.save(network, out)
    _signed(history, network).save(out)
    print(f"{history.headline()}; saved in {out}")


@app.command
def analyze(
    model: Path,
    task: str,
    /,
    *,
    out: Path = Path("out/report"),
    seed: int = 0,
    nonlinearity: Literal["tanh", "relu"] = "tanh",
) -> None:
    """Find out what a trained network does, and how; write the report.

    Args:
        model: a folder that train, dynakit.models.save or a report wrote, or a file (.safetensors, .pt, .pth, .ckpt)
            with the weights of an nn.RNN, nn.GRU or nn.LSTM and its linear readout.
        task: name and parameters, such as flip-flop:n_bits=3.
        out: folder for the report.
        seed: of the trials and the searches.
        nonlinearity: of an nn.RNN read from a file, which does not say it.
    """
    chosen = dk.tasks.by_name(task)
    network = _network(model, nonlinearity)
    _make(out)
    with dk.ProgressBar("analysing", after=0) as callback:
        report = dk.analyze(network, chosen, seed=seed, callback=callback)
    if (model / "results.json").is_file():
        report = _with_history(report, dk.load(model), network)
    report.save(out)
    print(f"{report.summary()}\n\nReport: {out / 'report.html'}")


for command in (commands.sweep, commands.resume, commands.summary):
    app.command(command)


@app.command
def study(name: str, /, *arguments: Rest, quick: Flag = False) -> int:
    """Run a study of the repository: a published question, from training to figures.

    Args:
        name: folder under studies/.
        arguments: passed on to the study.
        quick: a small version that takes about a minute.
    """
    roots = dict.fromkeys(folder / "studies" for folder in (Path.cwd(), Path(__file__).resolve().parents[1]))
    found = {path.parent.name: path for root in reversed(roots) for path in sorted(root.glob("*/study.py"))}
    if not found:
        raise dk.InputError(
            "studies are part of the repository, not of the installed package; run this there"
        )
    if name not in found:
        raise dk.InputError(f"name must be one of {', '.join(sorted(found))}, got {name!r}")
    shared = os.pathsep.join(filter(None, [str(found[name].parents[1]), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, str(found[name]), *arguments, *["--quick"] * quick]
    return subprocess.call(command, env={**os.environ, "PYTHONPATH": shared})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0, or 2 with one sentence on bad input."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter is no reason to stop
    try:
        status = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, dk.DynakitError, OSError) as error:
        print(f"dynakit: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return status if isinstance(status, int) else 0


def _new_network(name: str, task: Any, seed: int, settings: dict[str, Any]) -> Any:
    """A network that fits the task; a reservoir for orbits in the precision and the steps of the orbits."""
    kind = dk.models.by_name(name)
    if kind is not dk.models.Reservoir:
        return kind.for_task(task, seed=seed, **settings)
    if isinstance(task, dk.tasks.Cycles):
        settings = settings | {"form": "discrete", "sigma_in": 1.0}
    return kind.for_task(task, seed=seed, **settings).double()


def _method(network: Any, task: Any, max_updates: int | None, stop_at_score: float | None, rate: float) -> Any:
    """The usual way to train such a network on such a task."""
    if isinstance(network, dk.models.Learner):
        if stop_at_score is not None:
            raise dk.InputError("stop_at_score is not for learners of a stream: every element of it is scored once")
        return dk.training.Online(max_elements=max_updates)
    updates = 2000 if max_updates is None else max_updates
    if isinstance(network, dk.models.Reservoir):
        washout = task.n_steps // 2 if isinstance(task, dk.tasks.Cycles) else 0  # cues are as long
        return dk.training.Ridge(washout=washout)
    if not isinstance(task, dk.tasks.Cycles):
        return dk.training.BPTT(learning_rate=rate, max_updates=updates, stop_at_score=stop_at_score)
    if stop_at_score is not None:
        raise dk.InputError("stop_at_score is not for cycles: a good score there is no evidence of stored orbits")
    return dk.training.Curriculum(learning_rate=rate, max_updates=updates)


def _network(path: Path, nonlinearity: str) -> Any:
    if not path.exists():
        raise dk.ArtifactError(f"model {path} does not exist")
    if path.is_dir():
        return dk.models.load(path)
    if path.suffix in (".keras", ".h5", ".hdf5"):
        return dk.models.read(path)
    return dk.models.from_state_dict(path, nonlinearity=nonlinearity)


def _fingerprint(network: Any) -> str:
    """The hash of the weights as an analysis sees them; empty where it cannot."""
    try:
        return dk.as_system(network).fingerprint
    except dk.InputError:
        return ""


def _signed(history: dk.History, network: Any) -> dk.History:
    """The training run with the hash of the weights it ended with, by which it is known to belong to them."""
    if history.provenance is None:
        return history
    provenance = dataclasses.replace(history.provenance, weights=_fingerprint(network))
    return dataclasses.replace(history, provenance=provenance)


def _with_history(report: dk.Report, found: Any, network: Any) -> dk.Report:
    """The report with the training run found beside the network, if it is the one that made it."""
    if isinstance(found, dk.Report):
        found = found.history
    if not isinstance(found, dk.History):
        return report
    if getattr(found.provenance, "weights", "") not in ("", _fingerprint(network)):
        return report.without("history", "the training run saved beside the network ended with other weights")
    return report.with_history(found)


def _make(out: Path) -> None:
    """Make the folder before the work begins: work that cannot be saved is not begun."""
    if out.exists() and not out.is_dir():
        raise dk.ArtifactError(f"out {out} exists and is not a folder")
    dk.Report.check_path(out)


def _opening(report: dk.Report) -> str:
    """The title, the verdict and the memories of a summary."""
    return "\n\n".join(report.summary().split("\n\n")[:3])


if __name__ == "__main__":
    sys.exit(main())
