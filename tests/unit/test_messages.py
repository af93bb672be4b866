"""The catalogues: every sentence of the sources is in them, translated, with its values, and compiled."""

from __future__ import annotations

import ast
import gettext
import io
import re
import runpy
import string
from collections.abc import Iterable, Iterator
from pathlib import Path

import jinja2
import jinja2.nodes
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo

from spawner._data import folder
from spawner.i18n import DOMAIN

CHECKOUT = Path(__file__).resolve().parents[2]
TOOL = runpy.run_path(str(CHECKOUT / "scripts" / "messages"), run_name="messages")
LOCALE = folder("share") / "locale"
LANGUAGES = sorted(path.parent.parent.name for path in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))
RUN = "run scripts/messages, and translate what it names"

OPEN = {"_", "N_", "gettext", "ngettext"}
"""The names that mark a sentence."""


def catalogue(language: str = "") -> Catalog:
    """A language's, or the template's."""
    path = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po" if language else LOCALE / f"{DOMAIN}.pot"
    return TOOL["read"](path, language)


def ids(catalog: Iterable[Message]) -> set[tuple[str, ...]]:
    """The sentences, with their plurals."""
    return {(message.id,) if isinstance(message.id, str) else tuple(message.id) for message in catalog if message.id}


def forms(message: Message) -> Iterator[tuple[str, str]]:
    """Each translation of a sentence with the English one that it must have the values of."""
    if isinstance(message.id, str):
        yield message.id, str(message.string)
        return
    one, many = message.id
    for number, text in enumerate(message.string):
        yield (one if number == 0 else many), text


def values_in(text: str) -> set[str]:
    """The names of what is filled in, in Python's way and in the templates'."""
    percent = set(re.findall(r"%\((\w+)\)", text))
    return percent or {name.split(".")[0] for _text, name, _form, _conversion in string.Formatter().parse(text) if name is not None}


def modules() -> list[Path]:
    """The package's sources."""
    return sorted((CHECKOUT / "spawner").rglob("*.py"))


def templates() -> list[Path]:
    """The pages."""
    return sorted((CHECKOUT / "templates").rglob("*.html"))


# --- the catalogues ---------------------------------------------------------------------------------------------------------------


def test_the_template_has_every_sentence() -> None:
    """What is in the sources is in the .pot, and nothing else."""
    extracted, kept = ids(TOOL["extracted"]()), ids(catalogue())
    assert sorted(extracted - kept) == [], RUN
    assert sorted(kept - extracted) == [], RUN


def test_there_is_italian() -> None:
    """It is shipped besides English; there may be others."""
    assert "it" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language: str) -> None:
    """None is missing, guessed, or left over."""
    translated = catalogue(language)
    assert ids(translated) == ids(catalogue()), RUN
    assert TOOL["untranslated"](translated) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_of_the_translations(language: str) -> None:
    """A translation is filled in with the very values of the sentence, and has its marks of HTML."""
    for message in catalogue(language):
        if not message.id:
            continue
        for english, text in forms(message):
            assert values_in(text) == values_in(english), english
            assert sorted(re.findall(r"<[^>]*>", text)) == sorted(re.findall(r"<[^>]*>", english)), english
            assert (text[:1] == " ", text[-1:] == " ") == (english[:1] == " ", english[-1:] == " "), english
            assert english.endswith(".") == text.endswith("."), english


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_shipped_is_compiled(language: str) -> None:
    """The .mo has what the .po has, and Python's own gettext reads it."""
    path = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
    compiled = read_mo(io.BytesIO(path.read_bytes()))

    def sentences(catalog: Catalog) -> dict[tuple[str, ...], list[str]]:
        return {key: [text for _english, text in forms(message)] for message in catalog if message.id for key in ids([message])}

    assert sentences(compiled) == sentences(catalogue(language)), "run scripts/messages compile"
    assert gettext.translation(DOMAIN, str(LOCALE), [language]).gettext("The job was cancelled.") != "The job was cancelled."


# --- what is marked ---------------------------------------------------------------------------------------------------------------


def marked(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that mark a sentence."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OPEN:
            yield node


def test_what_is_marked_is_found() -> None:
    """A sentence that the extraction overlooks, as within an f-string, would stay English. One id has a plural everywhere or nowhere."""
    known = ids(catalogue())
    with_plural, without = {entry[0] for entry in known if len(entry) > 1}, set[str]()
    for path in modules():
        for call in marked(ast.parse(path.read_text())):
            constants = [entry.value for entry in call.args[:2] if isinstance(entry, ast.Constant) and isinstance(entry.value, str)]
            if not constants:
                continue
            count = 2 if isinstance(call.func, ast.Name) and call.func.id == "ngettext" else 1
            assert tuple(constants[:count]) in known, f"{path.name}:{call.lineno}: {constants}"
            without |= {constants[0]} if count == 1 else set()
    assert with_plural & without == set()


def test_no_sentence_is_filled_in_before_it_is_looked_up() -> None:
    """``_(f"…")`` and ``_("…".format(…))`` find nothing in any catalogue."""
    for path in modules():
        for call in marked(ast.parse(path.read_text())):
            argument = call.args[0]
            assert not isinstance(argument, ast.JoinedStr), f"{path.name}:{call.lineno}"
            method = argument.func if isinstance(argument, ast.Call) else None
            assert not (isinstance(method, ast.Attribute) and method.attr == "format"), f"{path.name}:{call.lineno}"


def test_nothing_is_named_like_the_mark() -> None:
    """A function that calls ``_`` and has a variable of that name would call the variable."""
    for path in modules():
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            # The variable of a comprehension is its own.
            apart = {id(name) for node in ast.walk(function) if isinstance(node, ast.comprehension) for name in ast.walk(node.target)}
            stored = [
                node
                for node in ast.walk(function)
                if isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store) and id(node) not in apart
            ]
            assert not (stored and any(marked(function))), f"{path.name}:{function.lineno}"


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_templates_translate_only_what_is_written_in_them(path: Path) -> None:
    """What ``_()`` gives in a template is HTML: text from elsewhere goes through the filter ``translated``, and is escaped."""
    tree = jinja2.Environment(extensions=["jinja2.ext.i18n"]).parse(path.read_text())
    for call in tree.find_all(jinja2.nodes.Call):
        if isinstance(call.node, jinja2.nodes.Name) and call.node.name in OPEN:
            count = 2 if call.node.name == "ngettext" else 1
            assert all(isinstance(entry, jinja2.nodes.Const) for entry in call.args[:count]), f"{path.name}:{call.lineno}"
