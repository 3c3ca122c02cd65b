"""Sphinx's configuration: `make docs` builds the site, and every warning is an error."""

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import fgmix  # noqa: E402

project = "fgmix"
author = "the authors of fgmix"
version = release = fgmix.__version__
html_title = f"fgmix {version}"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "fgmix_reference",
]
exclude_patterns = ["_build", "_ext"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
# The tests execute the notebooks; the site shows them as they are stored.
nb_execution_mode = "off"
# Flags keep their two dashes.
smartquotes = False

# Docstrings are Google's style, with Markdown's single backticks for code.
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["fgmix.css"]
# Commands without the prompt, Python without `>>> `.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
