"""The pages of the documentation that are made of the code: settings, fields, files, addresses, commands, sentences, other spawners.

They are written into ``docs/reference`` when the site is built, and are not kept in the repository.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from . import addresses, commands, fields, files, migration, sentences, settings

CHECKOUT = Path(__file__).resolve().parents[2]

AROUND: Mapping[str, str] = {
    "ARCHITECTURE.md": "reference/architecture",
    "CHANGELOG.md": "reference/changelog",
    "CONTRIBUTING.md": "reference/contributing",
    "RELEASE.md": "reference/releasing",
    "SECURITY.md": "reference/reporting-a-weakness",
    "benchmarks/README.md": "reference/benchmarks",
}
"""Files outside of ``docs`` that are pages of the site as well: by their paths, the pages."""

PAGES: Mapping[str, Callable[[], str]] = {
    "settings": settings.page,
    "fields": fields.page,
    "files": files.page,
    "addresses": addresses.page,
    "commands": commands.page,
    "sentences": sentences.page,
    "other-spawners": migration.page,
}
"""By name: what writes the page."""


def write_pages(folder: Path) -> None:
    """Write every page into a folder. What is there already as it is to be is left alone, so that Sphinx need not read it again.

    Raises
    ------
    ValueError
        Something has no description; the message names it.
    """
    folder.mkdir(exist_ok=True)
    made = {f"{name}.md": page() for name, page in PAGES.items()}
    made |= {f"{Path(page).name}.md": _within_the_site(file) for file, page in AROUND.items()}
    for old in folder.iterdir():
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _within_the_site(file: str) -> str:
    """A file of the checkout with its links as they are in ``docs/reference``; what the site does not have is no link."""
    origin = (CHECKOUT / file).parent

    def led(match: re.Match[str]) -> str:
        words, target, anchor = match["words"], match["target"], match["anchor"] or ""
        if not target or re.match(r"[a-z]+:", target):
            return match[0]
        relative = (origin / target).resolve().relative_to(CHECKOUT).as_posix()
        if relative in AROUND:
            return f"[{words}](/{AROUND[relative]}.md{anchor})"
        if relative.startswith("docs/"):
            return f"[{words}](/{relative.removeprefix('docs/')}{anchor})"
        return words

    return re.sub(r"\[(?P<words>[^\]]+)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)", led, (CHECKOUT / file).read_text())
