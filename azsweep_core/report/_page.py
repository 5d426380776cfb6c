"""Makes the report's one file out of its data, the page's own files and plotly's library; never looks into the data."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

__all__ = ["MARK", "library", "page"]

MARK = '<meta name="generator" content="azsweep report">'
"""Near the beginning of every page, and of no other file."""

SCRIPTS = (
    "words", "parts", "sweep", "filter", "view", "theme", "axes", "charts", "curves", "history", "parallel", "scatter",
    "importances", "timeline", "summary", "toolbar", "table", "panel", "follow", "main",
)  # fmt: skip
"""The page's scripts, which share one scope, in the order in which they run."""


def page(document: str) -> str:
    """The HTML file that shows the report whose JSON text is `document`.

    It loads nothing: everything is in it, and its policy forbids the rest. Data and library are packed, which also
    keeps them from ending the element that holds them.

    Raises:
        ModuleNotFoundError: if plotly, which draws the charts, is not installed.
    """
    before, after = _around_the_data()
    data = document.encode(errors="backslashreplace")  # half a surrogate pair, as JSON writes it
    return f"{before}{_packed(data)}{after}"


def library() -> Path | None:
    """Plotly's JavaScript, found without importing plotly, which takes a while."""
    spec = find_spec("plotly")
    places = spec.submodule_search_locations if spec is not None else None
    found = [Path(place, "package_data", "plotly.min.js") for place in places or ()]
    return next((path for path in found if path.is_file()), None)


@cache
def _around_the_data() -> tuple[str, str]:
    """The page as it stands before and after its data: the same for every report of this process."""
    path = library()
    if path is None:
        raise ModuleNotFoundError("the report needs plotly: pip install 'hydra-azsweep[report]'", name="plotly")
    plotly = path.read_bytes()
    own = files(__package__) / "page"
    scripts = "\n".join((own / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{scripts}\n}})();\n'
    text = (own / "page.html").read_text(encoding="utf-8")
    for name, content in {
        "policy": _policy(script.encode(), plotly),
        "style": (own / "page.css").read_text(encoding="utf-8"),
        "script": script,
        "library": _packed(plotly, level=3),
    }.items():
        text = text.replace(f"{{{{{name}}}}}", content, 1)
    before, after = text.split("{{data}}")
    return before, after


def _policy(*scripts: bytes) -> str:
    """What the page may do: run these scripts and show pictures made in it; no network, no other code."""
    digests = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return "; ".join((
        "default-src 'none'",
        f"script-src {allowed}",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    ))  # fmt: skip


def _packed(content: bytes, *, level: int = 6) -> str:
    return base64.b64encode(gzip.compress(content, level, mtime=0)).decode()
