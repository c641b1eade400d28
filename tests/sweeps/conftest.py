"""What tests of sweeps share."""

import multiprocessing

import pytest

from dynakit.sweeps import claims, workers


@pytest.fixture
def forked(monkeypatch):
    """Workers that need not load anything, and may write behind their claims what they die of."""
    context = multiprocessing.get_context("fork")

    def started(work, said):
        member = context.Process(target=workers.work_through, args=(work, said))
        member.start()
        return member

    monkeypatch.setattr(workers, "started", started)
    monkeypatch.setattr(claims.faulthandler, "is_enabled", lambda: False)  # pytest has
