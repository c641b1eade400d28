"""Settings of the site; ``python3 run.py docs`` builds it."""

import os
import sys
from pathlib import Path

import matplotlib

import dynakit

matplotlib.use("Agg")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import pages  # noqa: E402  (beside this file)

project = "dynakit"
author = "The dynakit developers"
project_copyright = author
version = release = dynakit.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_templates", "**/GALLERY_HEADER.rst", "_gallery/**/*.ipynb", "_gallery/**/*.py"]
templates_path = ["_templates"]
root_doc = "index"
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
suppress_warnings = ["config.cache"]  # the settings of the gallery hold functions

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the signature says them, and the docstring what they mean
autodoc_member_order = "bysource"
autosummary_generate = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Arguments", "params_style")]
html_math_renderer = "mathml"

sphinx_gallery_conf = {
    "examples_dirs": [str(HERE / "gallery")],
    "gallery_dirs": ["_gallery"],
    "filename_pattern": r"/plot_",
    "subsection_order": [
        *(f"gallery/{part}" for part in ("portraits", "fixed_points", "linear_modes", "memory", "cycles", "chaos")),
        *(f"gallery/{part}" for part in ("basins", "wiring_and_spikes", "comparing", "own_networks", "learning")),
        "*",
    ],
    "ignore_pattern": r"(__init__|networks\w*|train_networks)\.py",
    "ignore_repr_types": r"matplotlib|mpl_toolkits",  # a block that ends in axes shows the figure, not their name
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 0,
    "abort_on_example_error": True,
    "parallel": int(os.environ.get("DYNAKIT_DOCS_JOBS", "1")),
    "backreferences_dir": None,
    "plot_gallery": os.environ.get("DYNAKIT_DOCS_GALLERY", "1") == "1",
    "thumbnail_size": (400, 280),
    "first_notebook_cell": "# pip install -e . in a checkout, where the examples have networks\n%matplotlib inline",
}

html_theme = "pydata_sphinx_theme"
html_title = "dynakit"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {
    page: [] for page in ("index", "papers", "wrong", "others", "benchmarks", "changes")
}  # nothing below them
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_align": "left",
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
    "article_header_start": [],
}


def setup(app):
    """Docstrings are written to be read as they stand: |x| is an absolute value there, not a mark of the language."""
    app.connect("autodoc-process-docstring", _as_it_stands, priority=900)  # after napoleon
    app.connect("autodoc-process-docstring", _no_type_before_a_colon, priority=100)  # before it
    app.add_html_math_renderer("mathml", (pages.visit_math, None), (pages.visit_displaymath, None))


def _as_it_stands(app, what, name, value, options, lines):
    if type(value) is dict:  # a public table of names has no words of its own
        lines[:] = ["What can be asked for by name: " + ", ".join(f"``{key}``" for key in value) + "."]
    lines[:] = [_quoted(line) if not line.lstrip().startswith((">>>", "...")) else line for line in lines]


def _quoted(line):
    parts = line.split("``")  # every second one is code
    parts[::2] = [part.replace("|", "\\|").replace(" ** ", " \\*\\* ") for part in parts[::2]]
    return "``".join(parts)


def _no_type_before_a_colon(app, what, name, value, options, lines):
    """The first line of a property is a sentence, napoleon would take what is before a colon for a type."""
    if what in ("attribute", "data", "property"):
        lines.insert(0, "")
