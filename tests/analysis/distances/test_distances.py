"""The matrix of distances: its means, its jackknife and its groups, against hand counts and simulation."""

from __future__ import annotations

import numpy as np
import pytest

import dynakit as dk


def made(matrix, null=0.0, reasons=None, **kwargs) -> dk.Distances:
    n = len(matrix)
    return dk.Distances(
        names=np.array([f"net {k}" for k in range(n)]),
        null=np.full(n, null),
        shifted=np.full(n, np.nan),
        classes=np.full(n, -1),
        keys=np.full(n, ""),
        weights=np.full(n, ""),
        reasons=np.full(n, "") if reasons is None else np.array(reasons),
        matrix=np.asarray(matrix, float),
        method="topology",
        measure="share, 0..1",
        **kwargs,
    )


def line(places) -> np.ndarray:
    places = np.asarray(places, float)
    return np.abs(places[:, None] - places[None])


def test_mean_and_error_of_three_by_hand():
    """Distances 1, 2, 3: without each network 3, 2, 1 are left, whose spread is sqrt(2/3 * 2)."""
    distances = made(line([0, 1, 3]))
    assert distances.mean == 2.0
    assert distances.standard_error == pytest.approx(np.sqrt(4 / 3))
    assert np.isnan(made(line([0, 1])).standard_error)


def test_the_error_is_that_of_networks_not_of_pairs():
    """Means of many populations scatter as the jackknife says; the error of independent pairs is far too small."""
    rng = np.random.default_rng(0)
    drawn = [made(line(rng.normal(size=12))) for _ in range(300)]
    scatter = np.std([d.mean for d in drawn])
    said = np.sqrt(np.mean([d.standard_error**2 for d in drawn]))
    assert said == pytest.approx(scatter, rel=0.15)
    pairs = np.mean([d.matrix[np.triu_indices(12, 1)].std() / np.sqrt(66) for d in drawn])
    assert pairs < 0.6 * scatter


def test_a_network_that_failed_leaves_the_others_as_they_are():
    matrix = np.full((4, 4), np.nan)
    matrix[:3, :3] = line([0, 1, 3])
    distances = made(matrix, reasons=["", "", "", "no fixed point"])
    assert distances.mean == 2.0
    assert distances.table()["mean_distance"].tolist()[:3] == [2.0, 1.5, 2.5]
    assert np.isnan(distances.table()["mean_distance"][3])
    assert distances.headline().endswith("; 1 without an answer")


def test_the_headline_names_the_null_beside_the_mean():
    said = made(line([0, 1, 3]), null=0.25).headline()
    assert said.startswith("3 networks by topology: mean 2 +- 1.15 (share, 0..1); null 0.25 (the same network again)")


def test_chosen_networks_keep_the_distances_among_them():
    distances = made(line([0, 1, 3, 7]), parts={"twice": 2 * line([0, 1, 3, 7])})
    for index in ([3, 0], np.array([True, False, False, True])):
        part = distances[index]
        assert part.mean == 7.0
        assert part.parts["twice"].max() == 14.0
    assert distances[1:].pairs()["distance"].tolist() == [2.0, 6.0, 4.0]


def test_pairs_have_names():
    pairs = made(line([0, 1, 3])).pairs()
    assert list(zip(*pairs.values())) == [("net 0", "net 1", 1.0), ("net 0", "net 2", 3.0), ("net 1", "net 2", 2.0)]


GROUPS = ["a", "a", "b", "b"]


def test_between_over_within_by_hand():
    """Pairs within: 1 and 2; between: 10, 12, 9, 11."""
    found = made(line([0, 1, 10, 12])).between(GROUPS)
    assert (found.mean_within, found.mean_between, found.ratio) == (1.5, 10.5, 7.0)
    assert found.means.tolist() == [[1.0, 10.5], [10.5, 2.0]]
    assert found.p_value == pytest.approx(1 / 3, abs=0.05)  # of the three ways to pair four networks one is this
    by_name = {f"net {k}": group for k, group in enumerate(GROUPS)}
    assert made(line([0, 1, 10, 12])).between(by_name) == found


def test_the_interval_holds_one_where_groups_do_not_matter():
    rng = np.random.default_rng(1)
    inside = [0.0, 0.0]
    for _ in range(200):
        points = rng.normal(size=(12, 3))
        far = np.linalg.norm(points[:, None] - points[None], axis=2)
        found = made(far).between(np.repeat(["a", "b"], 6), n=19)
        inside[0] += found.interval[0] <= 1 <= found.interval[1]
        inside[1] += found.p_value <= 0.05
    assert inside[0] / 200 >= 0.85
    assert 0.01 <= inside[1] / 200 <= 0.1


def test_groups_without_any_difference():
    found = made(np.zeros((4, 4))).between(GROUPS)
    assert np.isnan(found.ratio)
    assert found.p_value == 1.0
    assert made(line([0, 0, 1, 1])).between(GROUPS).ratio == np.inf


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (["a", "b"], r"groups must hold one label for each of the 4 networks, got \(2,\)"),
        ({"net 0": "a"}, "groups must name the group of every network; 'net 1' has none"),
        (["a"] * 4, r"groups must be at least two, .* got {'a': 4}"),
        (list("abcd"), "one of them of two networks"),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups, said):
    with pytest.raises(dk.InputError, match=said):
        made(line([0, 1, 10, 12])).between(groups)


def plane(n: int = 7, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(n, 2))
    return np.linalg.norm(points[:, None] - points[None], axis=2)


@pytest.mark.parametrize("kind", ["classical", "smacof"])
def test_points_of_a_plane_are_placed_with_their_distances(kind):
    found = made(plane()).embed(kind)
    there = np.linalg.norm(found.coordinates[:, None] - found.coordinates[None], axis=2)
    assert np.abs(there - plane()).max() < 1e-6
    assert found.stress < 1e-6
    assert found.not_euclidean < 1e-9


def test_places_do_not_depend_on_the_order_of_the_networks():
    rng, whole = np.random.default_rng(0), made(plane()).embed().coordinates
    for _ in range(8):
        order = rng.permutation(7)
        assert np.abs(made(plane()[np.ix_(order, order)]).embed().coordinates - whole[order]).max() < 1e-9


def test_a_simplex_does_not_fit_a_plane_and_smacof_comes_nearer():
    """Four points, all 1 apart; in a plane best as a square: sides a, diagonals a sqrt 2."""
    matrix = 1.0 - np.eye(4)
    classical, better = (made(matrix).embed(kind) for kind in ("classical", "smacof"))
    assert better.stress <= classical.stress
    sides = np.array([1.0] * 4 + [np.sqrt(2)] * 2)
    a = sides.sum() / np.square(sides).sum()  # least squares
    square = np.sqrt(np.square(1 - a * sides).sum() / np.square(a * sides).sum())
    assert better.stress <= square + 1e-6


def test_distances_that_no_space_has_are_said_to_be_such():
    star = np.array([[0, 1, 1, 1], [1, 0, 2, 2], [1, 2, 0, 2], [1, 2, 2, 0]], float)
    assert made(star).embed().not_euclidean > 0.05
    with pytest.raises(dk.InputError, match="kind must be one of 'classical', 'smacof', got 'mds'"):
        made(star).embed("mds")
