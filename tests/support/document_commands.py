"""The commands that stand in the documents, as somebody copies them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md")), *sorted((CHECKOUT / "docs" / "howto").glob("*.md"))]
WHOLE = {"install.md": "scripts/install_guide"}
"""Documents whose commands are run as a whole, by the program that is named."""
BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


def blocks(document: Path, *languages: str) -> Iterator[str]:
    """The blocks of a document in one of these languages, without what they are indented by."""
    for found in BLOCK.finditer(document.read_text()):
        if found["language"] in languages:
            yield re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)


def commands(document: Path) -> Iterator[str]:
    """Each command of a document, without the comment behind it. A script, which says what runs it, is one; so is a loop."""
    for text in blocks(document, "console"):
        yield from (line[2:] for line in text.replace("\\\n", "").splitlines() if line.startswith("$ "))
    for text in blocks(document, "sh"):
        if text.startswith("#!"):
            yield text
        else:
            lines = re.sub(r"\\\n\s*", "", text).splitlines()
            yield from (re.sub(r"\s{2,}#.*$", "", line).rstrip() for line in lines if line.strip() and not line.startswith("#"))
