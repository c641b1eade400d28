"""One thread, no windows, no figure left open, nothing left in the checkout, the same hypothesis examples every run.

Workers of pytest-xdist take whole files: what the tests of one share is made once.
"""

import gc
import os
import sys

import matplotlib
import numpy as np
import pytest
import torch
from hypothesis import settings
from jaxtyping import config as jaxtyping_config

pytest_plugins = ["tests.checkout"]
matplotlib.use("Agg")
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=25)
settings.load_profile("repeatable")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Whole files in the order of the folders, whose last, the examples of the code, are short; if nothing is said."""
    from xdist.scheduler import LoadFileScheduling

    if config.getvalue("dist") != "load":
        return None
    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _children_compile_once(tmp_path_factory):
    """Interpreters that tests start share what the first of them compiles, outside of the checkout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(_of_all_workers(tmp_path_factory) / "compiled"))
        yield


def _of_all_workers(tmp_path_factory):
    """The temporary folder of this run, that of its workers too."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def pytest_collection_finish(session):
    """Ten thousand tests and all modules stay for good: a collection of garbage need not look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _shapes_of_systems_are_checked_where_they_are_tested(request):
    """Not elsewhere: analyses and all that is made of them call systems a hundred thousand times."""
    folders = request.path.relative_to(request.config.rootpath).parts[1:-1]
    jaxtyping_config.update("jaxtyping_disable", folders[:1] not in (("systems",), ("testing",)))
    yield
    jaxtyping_config.update("jaxtyping_disable", False)


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="module", autouse=True)
def _study_can_be_imported(request):
    """The modules of the study that a test file names as its STUDY, and what all studies share."""
    study = getattr(request.module, "STUDY", None)
    added = [] if study is None else [str(study), str(study.parent)]
    sys.path[:0] = added
    yield
    for path in added:
        sys.path.remove(path)


@pytest.fixture(autouse=True)
def _study_keeps_nothing_here(request, monkeypatch):
    """What a study under test keeps for its next run is gone with the test."""
    if hasattr(request.module, "STUDY"):
        import parts

        monkeypatch.setattr(parts, "OUT", request.getfixturevalue("tmp_path") / "out")


@pytest.fixture(scope="module")
def _generators_of_the_file(request):
    """The generators that a test file keeps, with their states before its first test."""
    kept = [value for value in vars(request.module).values() if isinstance(value, np.random.Generator)]
    return [(generator, generator.bit_generator.state) for generator in kept]


@pytest.fixture(autouse=True)
def _the_same_draws_in_any_order(_generators_of_the_file):
    """What a test draws does not depend on the tests before it: workers take them as they come."""
    for generator, state in _generators_of_the_file:
        generator.bit_generator.state = state
