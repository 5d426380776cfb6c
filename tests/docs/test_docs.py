"""No page of the documentation points at a file or a heading that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    *sorted(
        path.relative_to(ROOT).as_posix()
        for pattern in ("docs/**/*.md", "examples/*/README.md", "benchmarks/*.md", "configs/*.md")
        for path in ROOT.glob(pattern)
    ),
]
BLOCK = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)", flags=re.MULTILINE)


def links_in(page: Path) -> list[str]:
    """Targets of the page's links within the project, those shown as code left out."""
    targets = [
        inline or reference for inline, reference in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    ]
    return [target for target in targets if not re.match(r"[a-z][a-z0-9+.-]*:", target)]


def anchors_of(page: Path) -> set[str]:
    """Names that a link can give after `#`: of headings, as GitHub makes them, and of `<a id="…">`."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+\s+(.*?)\s*#*$", text, flags=re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def is_broken(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    if not target.exists():
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors_of(target)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = ROOT / name

    assert [link for link in links_in(page) if is_broken(page, link)] == []
