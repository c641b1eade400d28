"""An animated trial: frames of one size that end with the whole trial, as GIF and as a page of its own."""

import base64
import io
import itertools
import re

import numpy as np
import pytest
from PIL import Image

import dynakit as dk

PLANE = dk.Projection.onto(np.eye(2), ["a", "b"])


@pytest.fixture(scope="module")
def trial():
    unit = dk.catalog.tanh_network(0.9 * np.eye(2), W_in=np.eye(2))
    inputs = np.zeros((2, 9, 2))
    inputs[1, :3] = [1.0, -1.0]
    return dk.record(unit, inputs, [[0.0, 0.0], [0.0, 0.1]])


@pytest.fixture(scope="module")
def animation(trial):
    return dk.plots.animate_trial(PLANE, trial, trial=1, n_frames=5, fps=10)


def pixels(frame):
    return np.asarray(Image.open(io.BytesIO(frame)).convert("RGB")).astype(int)


def test_frames_are_of_one_size_and_go_from_the_first_step_to_the_last(animation):
    assert animation.steps == (0, 2, 4, 6, 8)
    pictures = [pixels(frame) for frame in animation.frames]
    assert len({picture.shape for picture in pictures}) == 1
    assert all((a != b).any() for a, b in itertools.pairwise(pictures))


def test_a_gif_has_all_frames_at_their_pace(animation, tmp_path):
    animation.save(tmp_path / "trial.gif")
    with Image.open(tmp_path / "trial.gif") as picture:
        assert (picture.n_frames, picture.info["duration"], picture.info["loop"]) == (5, 100, 0)


def test_a_page_needs_nothing_else_and_shows_the_first_frame_without_javascript(animation, tmp_path):
    animation.save(tmp_path / "trial.html")
    page = (tmp_path / "trial.html").read_text()
    (first,) = re.findall('<img id="picture" src="data:image/png;base64,([^"]+)"', page)
    assert base64.b64decode(first) == animation.frames[0]
    assert page.count("data:image/png") == 6
    assert "http" not in page
    assert "steps = [0, 2, 4, 6, 8]" in page
    assert "<iframe" in animation._repr_html_()


def test_in_space_and_without_inputs_too(trial, cube):
    flat = dk.plots.animate_trial(PLANE, trial.states, n_frames=1)
    with_inputs = dk.plots.animate_trial(PLANE, trial.states, inputs=trial, n_frames=1)
    assert pixels(flat.frames[0]).shape[0] < pixels(with_inputs.frames[0]).shape[0]
    solid = dk.plots.animate_trial(cube.projection, cube.states, cube.points, axes=(0, 1, 2), n_frames=2)
    assert (pixels(solid.frames[0]) != pixels(solid.frames[1])).any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"trial": 7}, "trial must be .* got 7"),
        ({"n_frames": 0}, "n_frames must be at least 1"),
        ({"fps": 0.0}, "fps must be"),
        ({"inputs": np.zeros((1, 2, 3))}, "inputs must have shape"),
    ],
)
def test_bad_arguments_are_named(trial, arguments, said):
    with pytest.raises(dk.InputError, match=said):
        dk.plots.animate_trial(PLANE, trial, **arguments)


def test_other_endings_are_refused(animation, tmp_path):
    with pytest.raises(dk.InputError, match=r"path must end with \.gif or \.html, got 'trial.mp4'"):
        animation.save("trial.mp4")
