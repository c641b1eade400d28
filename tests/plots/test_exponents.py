"""Spectra of exponents: what is drawn is what is known."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

import dynakit as dk


def test_one_spectrum_shows_its_exponents_and_says_what_it_is():
    lyap = dk.lyapunov_spectrum(dk.catalog.henon(), [0.1, 0.1], n_steps=400)
    ax = dk.plots.plot_exponents(lyap)
    marks, _, bars = ax.containers[0]
    assert_allclose(marks.get_xydata(), [[1, lyap.exponents[0, 0]], [2, lyap.exponents[0, 1]]])
    low, high = np.array(bars[0].get_segments())[0, :, 1]
    assert_allclose(high - low, 4 * lyap.standard_errors[0])
    assert any(list(line.get_ydata()) == [0, 0] for line in ax.get_lines())
    assert ax.get_legend().get_texts()[0].get_text() == f"chaotic, dimension {lyap.kaplan_yorke:.3g}"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("exponent", "nats per step")


def test_what_is_not_finite_is_counted_not_drawn():
    lyap = dk.lyapunov_spectrum(dk.catalog.linear(np.diag([0.5, 0.0, 0.0])), np.zeros(3), n_steps=80)
    ax = dk.plots.plot_exponents(lyap)
    assert_allclose(ax.containers[0][0].get_xdata(), [1])
    assert "2 at −∞" in ax.get_legend().get_texts()[0].get_text()
    gone = dk.lyapunov_spectrum(dk.catalog.henon(), [9.0, 9.0], n_steps=80)
    assert [text.get_text() for text in dk.plots.plot_exponents(gone).texts] == ["no finite exponents"]


def test_several_spectra_have_a_colour_per_kind():
    lyap = dk.lyapunov_spectrum(dk.catalog.henon(), [[0.1, 0.1], [9.0, 9.0], [0.0, 0.1]], n_steps=400)
    ax = dk.plots.plot_exponents(lyap)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["chaotic (2)", "unbounded (1)"]
    colours = [container[0].get_color() for container in ax.containers]
    assert colours[0] == colours[2] != colours[1]
