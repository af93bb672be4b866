"""What a site's templates and their variables take of our pages, for the Hub's log."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
from jinja2 import meta, nodes

from .common import page_templates

PAGE = "page.html"
NAVIGATION = ("nav_bar", "nav_bar_left_items")
"""The blocks of page.html that our entry in the navigation stands in."""

NEEDED = ("stylesheet", "main", "script")
"""The blocks of page.html that our pages put something into without which they are none."""

LONGEST_CHAIN = 20


@dataclass(frozen=True, slots=True)
class Template:
    """One of the templates that a page is made of: where it comes from, and what is in it."""

    file: str
    tree: nodes.Template

    def is_our(self, name: str) -> bool:
        """Tell whether it is this package's template of that name."""
        return self.file == str(Path(page_templates()) / name)

    def has(self, block: str) -> bool:
        """Tell whether it has a block."""
        return bool(self._blocks(block))

    def drops(self, block: str) -> bool:
        """Tell whether it fills a block without what stood there."""
        return any(not any(name.name == "super" for name in each.find_all(nodes.Name)) for each in self._blocks(block))

    def _blocks(self, name: str) -> list[nodes.Block]:
        return [each for each in self.tree.find_all(nodes.Block) if each.name == name]


def chain_of(environment: jinja2.Environment, name: str) -> Iterator[Template]:
    """Yield the template of a name and those that it extends, one after the other.

    Raises
    ------
    jinja2.TemplateError
        One of them is not there, or is none.
    """
    for _number in range(LONGEST_CHAIN):
        source, file, _uptodate = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
        found = Template(file or "", environment.parse(source))
        yield found
        extends = next(iter(found.tree.find_all(nodes.Extends)), None)
        if extends is None or not isinstance(extends.template, nodes.Const):
            return
        name = str(extends.template.value)


def _up_to_ours(environment: jinja2.Environment, name: str) -> tuple[list[Template], list[Template]]:
    """The templates of a site's that stand before ours of a name, and ours with what it extends: none where it is not reached."""
    chain = list(chain_of(environment, name))
    place = next((number for number, template in enumerate(chain) if template.is_our(name)), len(chain))
    return chain[:place], chain[place:]


def is_page_of_ours(environment: jinja2.Environment, name: str) -> bool:
    """Tell whether what stands on a page is ours, with what a site may have added to it."""
    try:
        before, ours = _up_to_ours(environment, name)
    except jinja2.TemplateError:
        return False
    return bool(ours) and not any(template.drops("main") for template in before)


def what_is_taken_away(environment: jinja2.Environment) -> Iterator[tuple[int, str]]:
    """Yield what a site's pages take of ours, with how grave that is (:data:`logging.ERROR`, :data:`logging.WARNING`)."""
    for name in sorted(path.name for path in Path(page_templates()).glob("*.html")):
        try:
            before, ours = _up_to_ours(environment, name)
        except jinja2.TemplateError as error:
            yield logging.ERROR, f"The template {name} cannot be used, and pages made of it are errors: {error}"
            continue
        if name == PAGE:
            yield from _of_every_page(before, ours)
        elif not ours:
            yield logging.WARNING, f'{before[0].file} takes the place of our page; with {{% extends "ours/{name}" %}} it adds to it'
        else:
            yield from _of_one_page(before)


def _of_every_page(before: list[Template], ours: list[Template]) -> Iterator[tuple[int, str]]:
    if not ours or any(template.drops(block) for template in before for block in NAVIGATION):
        lacks = f'{before[0].file} does not extend "templates/page.html", or fills the block nav_bar_left_items or nav_bar without'
        yield logging.ERROR, f"The pages have no link to the list of sessions: {lacks} {{{{ super() }}}}"
    missing = [block for block in NEEDED if not any(template.has(block) for template in (*before, *ours))]
    if missing:
        yield logging.ERROR, f"Our pages lack what stands in the block {', '.join(missing)}: {before[-1].file} has no such block"


def _of_one_page(before: list[Template]) -> Iterator[tuple[int, str]]:
    for template in before:
        if lost := [block for block in ("stylesheet", "script") if template.drops(block)]:
            what = f"{template.file} fills the block {' and '.join(lost)} without {{{{ super() }}}}"
            yield logging.ERROR, f"{what}: the page has nothing of ours in it, and does not work"
        if template.drops("main"):
            yield (
                logging.WARNING,
                f"{template.file} takes the place of what our page shows; with {{{{ super() }}}} its block main adds to it",
            )


def names_taken_twice(environment: jinja2.Environment, names: Iterable[str], stock: Path) -> Iterator[tuple[int, str]]:
    """Yield which of a site's ``template_vars`` have another meaning on our pages, with how grave that is.

    What a page sets, the page.html that it extends sees as well. JupyterHub's own names mean the same on our pages.

    Parameters
    ----------
    stock
        The folder of JupyterHub's own templates.
    """
    given = set(names)
    if given and (taken := sorted(given & (_names_in(environment, Path(page_templates())) - _names_in(environment, stock)))):
        listed = ", ".join(taken)
        yield logging.WARNING, f"c.JupyterHub.template_vars: our pages have something else under the name {listed}; take another one"


def _names_in(environment: jinja2.Environment, folder: Path) -> set[str]:
    """What templates take from outside, and what they set for those that they extend."""
    found: set[str] = set()
    for file in folder.glob("*.html"):
        tree = environment.parse(file.read_text())
        found |= meta.find_undeclared_variables(tree)
        for statement in tree.body:
            if isinstance(statement, nodes.Assign):
                found |= {name.name for name in statement.find_all(nodes.Name) if name.ctx == "store"}
            elif isinstance(statement, nodes.Macro):
                found.add(statement.name)
            elif isinstance(statement, nodes.FromImport):
                found |= {name if isinstance(name, str) else name[1] for name in statement.names}
    return found
