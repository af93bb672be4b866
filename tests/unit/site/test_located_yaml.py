"""What an admin has written stays as it is written, and every mistake is found by its line."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from spawner.site.located_yaml import MAX_BYTES, MAX_NODES, MAX_PROBLEMS, Located, problems_of, read_located

TEXT = """\
# a comment
releases:
  - tag: 2024.10
    kernels:
      - packages: {python: 3.10, time: 1:30,
                   date: 2024-04-15}
  -
    tag: b
"""


def test_as_it_is_written() -> None:
    """A version keeps its zeros, a time its colon, a date its form: whoever reads them knows what they are."""
    found = read_located(TEXT).data["releases"]
    assert found[0]["tag"] == "2024.10"
    assert found[0]["kernels"][0]["packages"] == {"python": "3.10", "time": "1:30", "date": "2024-04-15"}


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("yes", True), ("no", False), ("null", None), ("~", None), ("1", "1"), ("''", "")]
)
def test_what_is_no_text(text: str, value: object) -> None:
    """Only yes, no and nothing are what YAML makes of them."""
    assert read_located(f"a: {text}").data == {"a": value}


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 2),
        (("releases",), 2),
        (("releases", 0), 3),
        (("releases", 0, "tag"), 3),
        (("releases", 0, "kernels", 0, "packages", "date"), 6),
        (("releases", 1, "tag"), 8),
        # What is missing is looked for in what lacks it.
        (("releases", 1, "date"), 8),
        (("releases", 0, "kernels", 0, "name"), 5),
        (("elsewhere",), 2),
    ],
)
def test_lines(place: tuple[str | int, ...], line: int) -> None:
    """The line of a key, of an entry, or of what should have had it."""
    assert read_located(TEXT).line_of(place) == line


def test_nothing_has_no_lines() -> None:
    """An empty file is nothing, and has no line."""
    assert read_located("# only a comment\n") == Located(None, {})
    assert read_located("").line_of(("a",)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "line 1"),
        ("a: 1\n b: 2", "line 2"),
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "line 5: c stands twice"),
        ("a: &x [*y]", "line 1"),
        ("a: !!python/name:os.system ''", "line 1"),
        ("\x00", "unacceptable character"),
        ("a: 1\n---\nb: 2\n", "line 2"),
        ("[" * 3000 + "]" * 3000, "nested too deep"),
        ("a: " + "x" * MAX_BYTES, f"more than {MAX_BYTES} bytes"),
    ],
    ids=["open", "indented", "twice", "alias", "tag", "zero", "two-documents", "deep", "large"],
)
def test_what_is_refused(text: str, words: str) -> None:
    """One line says what is wrong, and where as far as that is known."""
    with pytest.raises(ValueError, match=r"^(line|it|unacc)") as refused:
        read_located(text)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_few_lines_that_stand_for_billions() -> None:
    """Aliases within each other are counted as what they stand for, and not followed further."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]" for number in range(1, 10)]
    with pytest.raises(ValueError, match=f"more than {MAX_NODES} values"):
        read_located("\n".join(lines))


def test_an_anchor_may_be_used() -> None:
    """An admin who writes the same thing once is understood."""
    found = read_located("base: &base {path: /opt}\nreleases:\n  - {<<: *base, tag: a}\n")
    assert found.data["releases"] == [{"path": "/opt", "tag": "a"}]


class Entry(BaseModel):
    """An entry of a list."""

    tag: str
    number: int = 0


class Entries(BaseModel):
    """A list."""

    entries: list[Entry]


def test_problems_name_line_entry_and_field() -> None:
    """Entries are known by their names; a mistake in an entry is none of the list's."""
    located = read_located("entries:\n  - tag: a\n    number: x\n  - number: 1\n")
    with pytest.raises(ValidationError) as broken:
        Entries.model_validate(located.data)
    assert problems_of(broken.value, located, {("entries", 0): "a"}) == [
        "line 3: entries.[a].number: Input should be a valid integer, unable to parse string as an integer",
        "line 4: entries.1.tag: Field required",
    ]
    assert problems_of(broken.value)[1] == "entries.1.tag: Field required"


def test_not_more_problems_than_one_reads() -> None:
    """A file that is wrong throughout has a first screenful."""
    with pytest.raises(ValidationError) as broken:
        Entries.model_validate({"entries": [{}] * 100})
    assert len(problems_of(broken.value)) == MAX_PROBLEMS
