"""What studies keep: a call is made once, anew after a change of what decides it, and comes back with what it left."""

from __future__ import annotations

import importlib
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk

STUDIES = Path(__file__).resolve().parents[2] / "studies"
STUDY = STUDIES / "flip_flop"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A module as those of a study; each call writes a line."""
    (tmp_path / "small_study").mkdir()
    path = tmp_path / "small_study" / "small_part.py"
    path.write_text(
        textwrap.dedent("""
        from pathlib import Path
        import numpy as np
        import parts

        def twice(n, log):
            Path(log).open("a").write(f"{n} ")
            return {"twice": 2 * n, "ratio": np.float64("nan"), "parts": (n, n)}

        def both(n, *, folder):
            parts.leave(folder, places=np.arange(n) * 1j, size=1.5)
            return [{"sign": 1}, {"sign": -1}]

        def wrong(n):
            raise ValueError("no such thing")
        """)
    )
    monkeypatch.syspath_prepend(path.parent)
    module = importlib.import_module("small_part")
    monkeypatch.setitem(importlib.sys.modules, "small_part", module)
    return module


def test_a_call_is_made_once_and_again_where_its_result_was_damaged(small, tmp_path):
    import parts

    log = tmp_path / "log"
    first, again = (parts.once(small.twice, 3, str(log)) for _ in range(2))
    assert (first["twice"], first["parts"], np.isnan(first["ratio"])) == (6, [3, 3], True)
    assert again["_place"] == first["_place"]
    assert log.read_text() == "3 "
    (kept,) = (parts.OUT / "small_study").rglob("results/*.json")
    kept.write_text('{"twice"')
    with pytest.warns(dk.DynakitWarning, match="damaged"):
        assert parts.once(small.twice, 3, str(log))["twice"] == 6
    assert log.read_text() == "3 3 "


def test_calls_come_back_in_their_order_and_equal_ones_are_made_once(small, tmp_path):
    import parts

    found = parts.rows(small.twice, [(n, str(tmp_path / "log")) for n in (5, 4, 5)], 1)
    assert [row["twice"] for row in found] == [10, 8, 10]
    assert sorted((tmp_path / "log").read_text().split()) == ["4", "5"]


def test_of_more_calls_those_that_were_made_are_read_and_of_fewer_all_are_made(small, tmp_path):
    import parts

    log, first = tmp_path / "log", parts.rows(small.twice, [(1, str(tmp_path / "log"))], 1)
    more = parts.rows(small.twice, [(n, str(log)) for n in (1, 2)], 1)
    assert more[0]["_place"] == first[0]["_place"]
    assert log.read_text() == "1 2 "
    assert parts.rows(small.twice, [(1, str(log))], 1)[0]["twice"] == 2
    assert log.read_text() == "1 2 1 "
    assert parts.rows(small.twice, [(n, str(log)) for n in (1, 2)], 1)[0]["_place"] == first[0]["_place"]
    assert log.read_text() == "1 2 1 "


def test_what_another_version_did_is_done_anew(small, tmp_path, monkeypatch):
    import parts

    log = tmp_path / "log"
    parts.once(small.twice, 3, str(log))
    for part in ("folder", "refusals"):
        monkeypatch.setattr(f"dynakit.sweeps.{part}.versions", lambda: {"dynakit": "another"})
    parts.once(small.twice, 3, str(log))
    assert log.read_text() == "3 3 "


def test_what_a_run_left_is_read_by_name(small):
    import parts

    rows = parts.once(small.both, 3)
    assert [row["sign"] for row in rows] == [1, -1]
    for row in rows:
        np.testing.assert_array_equal(parts.left(row, "places"), [0, 1j, 2j])
        assert parts.left(row, "size") == 1.5


def test_networks_and_results_are_left_as_themselves(tmp_path):
    import parts

    model, points = dk.models.Elman(1, 2, 1), dk.find_fixed_points(dk.catalog.tanh_unit(2.0))
    parts.leave(tmp_path / "run", model=model, points=points)
    row = {"_place": str(tmp_path / "run")}
    assert parts.left(row, "points") == points
    assert torch.equal(parts.left(row, "model").rnn.weight_hh_l0, model.rnn.weight_hh_l0)


def test_a_call_that_fails_ends_the_study_with_what_was_raised(small):
    import parts

    with pytest.raises(RuntimeError, match=r"2 of 2 runs in .* failed, the first, .*: ValueError: no such thing"):
        parts.rows(small.wrong, [(1,), (2,)], 1)


def test_the_home_of_a_network_is_its_call_and_what_decides_it(small, monkeypatch):
    import parts

    first, same, other = (parts.home(small.twice, n, "log") for n in (3, 3, 4))
    assert first == same != other
    monkeypatch.setattr(parts, "what_decides_a_network", lambda: "another")
    assert parts.home(small.twice, 3, "log") != first


def test_a_call_is_known_by_all_modules_of_the_study_that_it_reaches():
    import gaps
    import parts

    assert parts.own_modules("gaps") == ["gaps", "set_reset"]
    assert parts.job(gaps.measure, "fixed gap 20", 0, 3).arguments["seed"] == 0
