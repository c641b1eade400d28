"""Results: what is saved comes back, items can be chosen, nothing can be changed, nothing is pickled."""

from __future__ import annotations

import csv
import importlib
import io
import json
import pkgutil
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, get_type_hints

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

import dynakit
from dynakit import artifacts
from dynakit.analysis import find_fixed_points
from dynakit.declared import fits
from dynakit.errors import ArtifactError, InputError
from dynakit.provenance import Provenance
from dynakit.records import _RECORDS, load_record, save_record
from dynakit.results import History, Result, per_item
from dynakit.systems.catalog import tanh_unit
from dynakit.testing import check_result

from .artifacts.sealing import forge
from .results_of_all import KINDS, results


@dataclass(frozen=True, kw_only=True, repr=False)
class Catch(Result):
    """A result with a field of every kind."""

    weights: np.ndarray = per_item()  # (item,)
    spectra: np.ndarray = per_item()  # (item, k)
    names: np.ndarray = per_item()  # (item,)
    boat: str = ""
    extra: Any = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Single(Result):
    """A result without items."""

    value: np.ndarray


def catch(n: int = 4, extra: Any = None) -> Catch:
    rng = np.random.default_rng(0)
    return Catch(
        weights=rng.random(n),
        spectra=rng.random((n, 3)) + 1j * rng.random((n, 3)),
        names=np.array([f"fish <{k}>" for k in range(n)], dtype="U8"),
        boat="Fähre ⛵",
        extra=extra,
        provenance=Provenance(seed=3, settings={"tol": np.float64(1e-9), "drive": [0.5, None]}),
    )


def there_and_back(record, folder):
    record.save(folder) if isinstance(record, Result) else save_record(record, folder)
    return load_record(folder)


# --- to disk and back -------------------------------------------------------------------------------------

EXTRAS = [
    None,
    True,
    7,
    -0.0,
    float("nan"),
    float("-inf"),
    "text",
    [1, (2.5, None), ["x"]],
    {"a": 1, 2: (), "nested": {"again": [np.nan]}},
    np.float32(0.5),
    np.bool_(True),
    np.array(3.5),
    np.zeros((0, 3)),
    np.array([1 + 2j, np.nan]),
    np.array([[True], [False]]),
    np.array([], dtype="U1"),
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    torch.arange(3),
    {"points": catch(2), "history": [catch(1)]},
]


@pytest.mark.parametrize("extra", EXTRAS, ids=[str(k) for k in range(len(EXTRAS))])
def test_what_is_saved_comes_back(tmp_path, extra):
    record = catch(extra=extra)
    back = there_and_back(record, tmp_path / "out")
    assert type(back) is Catch
    assert back == record
    assert type(back.extra) is type(extra.item() if isinstance(extra, np.generic) else extra)
    if isinstance(extra, np.ndarray):
        assert back.extra.shape == extra.shape
        assert back.extra.dtype == extra.dtype
        assert_array_equal(back.extra, extra)
    assert back.provenance.settings == {"tol": 1e-9, "drive": [0.5, None]}
    assert (back.boat, back.provenance.seed) == ("Fähre ⛵", 3)


@given(arrays(st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.complex128, np.bool_]), (3, 2)))
def test_arrays_of_any_kind_survive_bit_for_bit(tmp_path_factory, array):
    record = Single(value=array)
    back = there_and_back(record, tmp_path_factory.mktemp("out"))
    assert back.value.tobytes() == array.tobytes()
    assert back.value.dtype == array.dtype


def test_equal_results_give_equal_bytes(tmp_path):
    catch().save(tmp_path / "a")
    catch().save(tmp_path / "b")
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert files == [f"results-{manifest_of(tmp_path / 'a')['files']['']['sha256'][:16]}.npz", "results.json"]


def test_saving_twice_replaces(tmp_path):
    catch(3).save(tmp_path)
    catch(5).save(tmp_path)
    assert len(load_record(tmp_path)) == 5


@pytest.mark.parametrize(
    "extra",
    [
        object(),
        1j,
        {1, 2},
        np.array([None, 1], dtype=object),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.ma.array([1.0, 2.0], mask=[True, False]),
        lambda: 0,
    ],
)
def test_what_cannot_come_back_is_refused_before_anything_is_written(tmp_path, extra):
    with pytest.raises(TypeError, match="cannot be saved"):
        catch(extra=extra).save(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def manifest_of(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "dynakit/model"}, "is not a dynakit/results manifest"),
        ({"format_version": 99}, "format version 99; this dynakit reads up to 3"),
        ({"format_version": "1"}, "format version 1"),
        ({"format_version": 0}, "format version 0"),
        ({"format_version": 2}, "damaged or was changed"),
        ({"manifest_sha256": "0" * 64}, "damaged or was changed"),
        ({"dynakit": "9.9"}, "damaged or was changed"),
        ({"record": None}, "damaged or was changed"),
    ],
)
def test_a_manifest_that_was_changed_or_is_not_ours_is_refused(tmp_path, change, message):
    catch().save(tmp_path)
    (tmp_path / "results.json").write_text(json.dumps({**manifest_of(tmp_path), **change}))
    with pytest.raises(ArtifactError, match=message):
        load_record(tmp_path)


def test_every_character_of_what_a_manifest_says_is_held_by_its_hash(tmp_path):
    points = find_fixed_points(tanh_unit(2.0))
    points.save(tmp_path)
    place = tmp_path / "results.json"
    text = place.read_text()
    for old, new in {'"degree": 1': '"degree": 3', '"seed": 0': '"seed": 8', '"array": "a0"': '"array": "a2"'}.items():
        assert old in text
        place.write_text(text.replace(old, new, 1))
        with pytest.raises(ArtifactError, match="damaged or was changed: what it says is not what its own SHA-256"):
            load_record(tmp_path)
    place.write_text(json.dumps(json.loads(text), indent=4))  # laid out anew, it still says the same
    assert load_record(tmp_path) == points


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree.update(type="Unknown"), "there is no class Unknown here"),
        (lambda tree: tree.update(type=["Unknown"]), "does not describe a record"),
        (lambda tree: tree.update(fields=None), "does not describe a record"),
        (lambda tree: tree.clear(), "its arrays are not those of the archive"),
        (lambda tree: tree["fields"].update(weights=1), "its arrays are not those"),
        (lambda tree: tree["fields"].update(boat=3), "boat of a .*Catch must be str, got a int"),
        (lambda tree: tree["fields"].update(bought=3), "bought"),
        (lambda tree: tree["fields"].pop("boat"), None),
        (lambda tree: tree["fields"]["weights"].update(array="a1"), "array a1 is <c16 of shape .4, 3., not <f8 of .4."),
        (lambda tree: tree["fields"]["weights"].update(shape=[2, 2]), "not <f8 of .2, 2."),
        (lambda tree: tree["fields"]["weights"].update(dtype="<i8"), "not <i8 of .4."),
        (lambda tree: tree["fields"].update({"extra": tree["fields"]["weights"]}), "each once"),
        (lambda tree: swapped(tree["fields"]), "must be arrays of one length, got .*'weights': 2"),
        (lambda tree: tree["fields"].update(provenance={"$": "list", "items": []}), "provenance of a .*Catch must be"),
    ],
)
def test_a_forged_record_is_refused_by_type_and_shape(tmp_path, change, message):
    catch(extra=np.zeros(2)).save(tmp_path)
    forge(tmp_path / "results.json", lambda content: change(content["record"]))
    if message is None:
        assert load_record(tmp_path).boat == ""  # as the class has it where nothing is said
        return
    with pytest.raises(ArtifactError, match=message) as caught:
        load_record(tmp_path)
    assert "\n" not in str(caught.value)


def swapped(fields):
    fields["weights"], fields["extra"] = fields["extra"], fields["weights"]


def test_what_is_not_of_its_declared_kind_is_not_saved(tmp_path):
    for wrong, message in [({"boat": 3}, "boat of a Catch must be str"), ({"names": np.array(["one"])}, "one length")]:
        with pytest.raises(TypeError, match=f"cannot be saved.*{message}"):
            replace(catch(), **wrong).save(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_annotations_of_every_record_can_be_read():
    """Else a file could put anything into its fields."""
    for module in pkgutil.walk_packages(dynakit.__path__, "dynakit."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    own = [cls for name, cls in _RECORDS.items() if "." not in name and is_dataclass(cls)]
    assert len(own) > 40
    for cls in own:
        assert get_type_hints(cls, localns=_RECORDS).keys() >= {f.name for f in fields(cls)}
        for f in fields(cls):
            hint = get_type_hints(cls, localns=_RECORDS)[f.name]
            assert fits(object(), hint) == (hint is Any), f"{cls.__name__}.{f.name}: {hint} is not compared"


def test_a_class_of_a_user_cannot_stand_for_one_of_ours(tmp_path):
    history = History(**{name: np.zeros(2) for name in ("losses", "scores", "seconds", "learning_rates")})

    type("History", (Result,), {"__module__": "mine"})
    history.save(tmp_path)
    assert type(load_record(tmp_path)) is History


def test_missing_and_cut_files_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"holds no results\.json"):
        load_record(tmp_path / "nowhere")
    catch().save(tmp_path)
    place = next(tmp_path.glob("*.npz"))
    whole = place.read_bytes()
    for damaged in (b"", whole[:-7], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]):
        place.write_bytes(damaged)
        with pytest.raises(ArtifactError, match=r"damaged or was changed.*bytes found"):
            load_record(tmp_path)
    place.unlink()
    with pytest.raises(ArtifactError, match="is missing, though"):
        load_record(tmp_path)
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(ArtifactError, match="is not valid JSON"):
        load_record(tmp_path)


def test_json_is_strict(tmp_path):
    catch(extra=[np.nan, np.inf]).save(tmp_path)

    def refuse(token):
        raise AssertionError(token)

    json.loads((tmp_path / "results.json").read_text(), parse_constant=refuse)


@pytest.mark.parametrize("name", KINDS)
def test_every_result_keeps_its_contract(name):
    assert check_result(results()[name]).skipped.keys() <= {"lengths", "items", "provenance"}


# --- in memory --------------------------------------------------------------------------------------------


def test_items_are_chosen_as_in_numpy():
    record = catch(4)
    cases = [
        slice(1, 3),
        slice(None, None, -1),
        [2, 0],
        [],
        np.array([], int),
        np.array([True, False, True, False]),
    ]
    for index in [*cases, [True, False, False, True], torch.tensor([1, 3])]:
        chosen = record[index]
        expected = np.arange(4)[index if isinstance(index, slice) or len(index) else slice(0)]
        assert type(chosen) is Catch
        assert_array_equal(chosen.weights, record.weights[expected])
        assert_array_equal(chosen.spectra, record.spectra[expected])
        assert_array_equal(chosen.names, record.names[expected])
        assert len(chosen) == len(expected)
        assert (chosen.boat, chosen.provenance) == (record.boat, record.provenance)
    for index in (0, -1, np.int64(2)):
        assert len(record[index]) == 1
        assert record[index].weights[0] == record.weights[index]


def test_what_is_no_index_is_refused():
    for index in (4, -5):
        with pytest.raises(IndexError, match=f"item {index} of a Catch with 4 items"):
            catch(4)[index]
    with pytest.raises(IndexError):
        catch(4)[np.array([True, False])]
    with pytest.raises(InputError, match="got True"):
        catch(4)[True]
    with pytest.raises(InputError, match="a Single has no items"):
        Single(value=np.zeros(3))[0]


def test_iteration_runs_over_single_items():
    items = list(catch(3))
    assert [len(item) for item in items] == [1, 1, 1]
    assert_array_equal(np.concatenate([item.weights for item in items]), catch(3).weights)
    assert bool(catch(0))  # no items is an answer too
    assert list(catch(0)) == []


def test_arrays_are_read_only_and_fields_are_frozen():
    record = catch()
    with pytest.raises(ValueError, match="read-only"):
        record.weights[0] = 1.0
    with pytest.raises(AttributeError):
        record.boat = "other"
    own = np.zeros(3)
    Single(value=own)
    own[0] = 1.0  # the caller's own array stays writeable


def test_results_are_equal_by_value():
    assert catch() == catch()
    assert catch(extra=np.nan) == catch(extra=np.nan)
    assert catch()[[]] == catch()[[]]
    assert catch() != catch(3)
    assert catch(extra=1) != catch(extra=2)
    assert catch()[[1, 0]] != catch()[[0, 1]]
    assert Single(value=np.zeros(2)) != Single(value=np.zeros((2, 1)))
    assert Single(value=np.zeros(2)) != Single(value=np.zeros(2, np.float32))
    assert catch() != "catch"


def test_table_holds_the_columns_with_one_value_per_item():
    record = catch(3)
    assert list(record.table()) == ["weights", "names"]
    rows = list(csv.reader(io.StringIO(record.to_csv())))
    assert rows[0] == ["weights", "names"]
    assert [float(row[0]) for row in rows[1:]] == list(record.weights)
    assert [row[1] for row in rows[1:]] == list(record.names)
    frame = pytest.importorskip("pandas") and record.to_dataframe()
    assert list(frame.columns) == ["weights", "names"]
    assert len(frame) == 3


def test_html_escapes_and_stays_short():
    assert "fish &lt;0&gt;" in catch()._repr_html_()
    assert "and 60 more rows" in catch(100)._repr_html_()
    assert Single(value=np.zeros(3))._repr_html_() == "<b>Single(0 items)</b>"


def test_a_history_says_how_training_went():
    history = History(
        losses=np.array([0.7, 0.02]),
        scores=np.array([0.5, 0.99]),
        seconds=np.array([0.1, 12.34]),
        learning_rates=np.ones(2),
        stopped="score reached",
    )
    assert repr(history) == "History(2 updates in 12.3 s, loss 0.7 -> 0.02, score 0.9900, score reached)"
    assert repr(history[[]]) == "History(no updates)"


def test_provenance_names_the_weights():
    class Weighted:
        fingerprint = "abc"

    provenance = Provenance.of(Weighted(), seed=1, tol=1e-9)
    assert (provenance.weights, provenance.seed, provenance.settings) == ("abc", 1, {"tol": 1e-9})
    assert provenance.torch == torch.__version__
    assert Provenance.of().weights == ""
    assert artifacts.FORMAT_VERSION == 3


@pytest.mark.parametrize("name", KINDS)
def test_a_notebook_shows_what_can_be_drawn_and_nothing_is_left_open(name):
    result = results()[name]
    shown = result._repr_html_()
    assert ('<img alt="' in shown) == bool(result.drawn_by and (len(result) or not result._item_fields()))
    assert not plt.get_fignums()
    if result.drawn_by:
        assert hasattr(dynakit.plots, result.drawn_by)
        if result._item_fields() and len(result) > 1:
            assert "<img" not in result[np.zeros(len(result), bool)]._repr_html_()
