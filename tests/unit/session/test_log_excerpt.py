"""The text of logs: what can be shown of it, the lines that tell why, and the secrets that are not repeated."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.session.log_excerpt import MAX_LINES, MAX_OF_A_LINE, MAX_OF_A_TELLING_LINE, excerpt, masked, shown, telling_lines

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"plain\n", "plain\n"),
        ("Größe → 1 µm\n".encode(), "Größe → 1 µm\n"),
        (b"\x1b[31mred\x1b[0m\n", "red\n"),
        (b"\x1b[38;5;196mred\x1b[m \x1b[2K\x1b[1;1Hx\n", "red x\n"),
        (b"\x1b]0;title\x07text\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\\n", "textlink\n"),
        (b"\x1b]0;no end\nnext\n", "\nnext\n"),
        (b"\x1b(Bplain\x1b=\x1bM\n", "plain\n"),
        (b"\x9b31m \xff\xfe\n", "�31m ��\n"),
        ("C1 \x9b31m\n".encode(), "C1 31m\n"),
        (b"10%\r20%\r100%\nnext\r\n", "100%\nnext\n"),
        (b"one\rtwo\r\r\nthree\r", "two\nthree"),
        (b"one  \rtwo  \r\n", "two  \n"),
        (b"a\x00b\x07c\x08d\x7f\te\n", "abcd\te\n"),
        ("file\u202egnp.exe\u2066x\n".encode(), "filegnp.exex\n"),
        (b"<script>alert(1)</script>\n", "<script>alert(1)</script>\n"),
    ],
)
def test_what_is_shown(content: bytes, text: str) -> None:
    """No escape sequence, no control character, no turned direction; invalid UTF-8 is marked; markup is text like any other."""
    assert shown(content) == text


@given(st.binary(max_size=300))
def test_nothing_else_gets_through(content: bytes) -> None:
    """Whatever the bytes, what is left can be put on a page and into a terminal."""
    text = shown(content)
    assert not [letter for letter in text if letter not in "\t\n" and (ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0)]
    assert "\u202e" not in text


def test_whole_lines() -> None:
    """A piece from the middle begins after its first newline and ends with its last; what follows is the unfinished line."""
    found = excerpt(b"end of a line\none\ntwo\nthr", 1000)
    assert (found.start, found.end, found.text, found.partial) == (1014, 1022, "one\ntwo\n", "thr")
    found = excerpt(b"one\ntwo\n", 0)
    assert (found.start, found.end, found.text, found.partial) == (0, 8, "one\ntwo\n", "")
    found = excerpt(b"one\ntwo\n", 1000, at_a_line=True)
    assert (found.start, found.end, found.text) == (1000, 1008, "one\ntwo\n")
    assert excerpt(b"", 5, at_a_line=True) == excerpt(b"", 5)


@pytest.mark.parametrize("latest", [True, False])
def test_not_too_many_lines(latest: bool) -> None:
    """Of too many lines the last or the first are taken, and where they stand is right."""
    content = b"".join(b"%d\n" % number for number in range(3 * MAX_LINES))
    found = excerpt(content, 0, latest=latest)
    lines = found.text.splitlines()
    assert len(lines) == MAX_LINES
    assert lines[0] == ("0" if not latest else str(2 * MAX_LINES))
    assert content[found.start : found.end].decode() == found.text


@pytest.mark.parametrize("cut", range(4))
def test_a_line_without_an_end(cut: int) -> None:
    """One endless line is taken in pieces, no letter of it torn apart, and nothing is lost between them."""
    content = "aé→𝄞".encode() * 2000
    first = excerpt(content[: 8000 + cut], 0)
    rest = excerpt(content[first.end :], first.end, at_a_line=True)
    assert "�" not in first.text + rest.text
    assert (first.text + rest.text + rest.partial).startswith("aé→𝄞" * 1990)


@pytest.mark.parametrize(
    ("content", "start", "expected"),
    [
        pytest.param(b"x" * 4096, 0, (0, 0, "", "x" * 4096), id="an-unfinished-line-of-the-longest"),
        pytest.param(b"x" * 4097, 0, (0, 4097, "x" * 4097, ""), id="one-that-is-longer"),
        pytest.param(b"one\n" + b"x" * 5000, 0, (0, 4, "one\n", "x" * 4096), id="the-end-of-a-long-one-behind-whole-lines"),
        pytest.param(b"abc", 5, (5, 5, "", "abc"), id="no-newline-after-the-beginning"),
        pytest.param(b"\nabc\n", 5, (6, 10, "abc\n", ""), id="a-newline-at-once"),
        pytest.param(b"ne\ntwo\n", 1, (4, 8, "two\n", ""), id="the-second-byte-is-within-a-line"),
        pytest.param(b"abc\ndef\n", 0, (0, 8, "abc\ndef\n", ""), id="the-log-begins-with-a-line"),
        pytest.param(b"x" * 4096 + b"\xc3", 0, (0, 4096, "x" * 4096, "\ufffd"), id="cut-in-two-bytes"),
        pytest.param(b"x" * 4096 + b"\xe2\x86", 0, (0, 4096, "x" * 4096, "\ufffd"), id="cut-in-three-bytes"),
        pytest.param(b"x" * 4096 + b"\xf0\x9d\x84", 0, (0, 4096, "x" * 4096, "\ufffd"), id="cut-in-four-bytes"),
        pytest.param(b"x" * 4096 + b"\x80" * 9, 0, (0, 4105, "x" * 4096 + "\ufffd" * 9, ""), id="no-letter-at-all"),
    ],
)
def test_where_lines_end(content: bytes, start: int, expected: tuple[int, int, str, str]) -> None:
    """The place of what is shown, and what of the unfinished line."""
    found = excerpt(content, start)
    assert (found.start, found.end, found.text, found.partial) == expected


def test_as_many_lines_as_are_shown() -> None:
    """So many are all; of one more the first or the last goes, and what follows is shown with the last ones only."""
    content = b"a x\n" * MAX_LINES
    for latest in (True, False):
        found = excerpt(content + b"rest", 0, latest=latest)
        assert (found.start, found.end, found.partial) == (0, len(content), "rest")
    last, first = (excerpt(content + b"y\nrest", 0, latest=latest) for latest in (True, False))
    assert (last.start, last.end, last.text[-6:], last.partial) == (4, len(content) + 2, "a x\ny\n", "rest")
    assert (first.start, first.end, first.text, first.partial) == (0, len(content), content.decode(), "")
    assert excerpt(content + b"y\n", 0) == excerpt(content + b"y\n", 0, latest=True)


@given(st.binary(max_size=400), st.integers(0, 3))
def test_pieces_join(content: bytes, newlines: int) -> None:
    """Following from the end of one piece shows every line once."""
    content = content + b"\n" * newlines
    half = len(content) // 2
    first = excerpt(content[:half], 0)
    second = excerpt(content[first.end :], first.end, at_a_line=True)
    assert second.start == first.end
    assert content[: second.end] + content[second.end :] == content
    assert first.text + second.text == shown(content[: first.end]) + shown(content[first.end : second.end])


@pytest.mark.parametrize(
    ("line", "noise"),
    [
        ("/var/spool/slurmd/job00012/slurm_script: line 12: module: command not found", "loading"),
        ("ModuleNotFoundError: No module named 'jupyterhub'", '  File "/opt/x.py", line 1, in <module>'),
        ("ImportError: cannot import name 'x' from 'y'", "    from y import x"),
        ("tornado.web.HTTPError: HTTP 403: Forbidden", "[I 2026] starting"),
        ("bash: /opt/release/bin/python: No such file or directory", "x"),
        ("resource-form launcher: jupyterhub-singleuser could not be started: No such file or directory. Is it there?", "x"),
        ("resource-form: there is no python3 in release 2025.1", "x"),
        ('Lmod has detected the following error: The following module(s) are unknown: "nothing"', "x"),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=12.batch.", "[I 2026] a kernel"),
        ("libcuda.so.1: cannot open shared object file: No such file or directory", "x"),
        ("OSError: [Errno 122] Disk quota exceeded: '/home/ada/.local'", "x"),
    ],
)
def test_telling_lines(line: str, noise: str) -> None:
    """The line that says what went wrong is found among others that do not."""
    text = f"{noise}\nLoading release\n{line}\n{noise}\n\nresource-form launcher: the server listens on port 4711\n{noise}\n  "
    assert telling_lines(text) == (line,)


def test_no_line_tells() -> None:
    """Then it is the last ones that are not empty, each once; and none of nothing."""
    assert telling_lines("one\ntwo\n\nthree\nfour\n   \n") == ("two", "three", "four")
    assert telling_lines("same\nsame\nsame\nother\n") == ("same", "other")
    assert telling_lines("") == telling_lines("\n \n") == ()
    (line,) = telling_lines("x" * 10_000)
    assert len(line) == MAX_OF_A_TELLING_LINE


def test_the_last_telling_lines_in_their_order() -> None:
    """No more than asked for, the latest, the order kept."""
    text = "\n".join(f"ValueError: {number}" for number in range(9))
    assert telling_lines(text, 2) == ("ValueError: 7", "ValueError: 8")


def test_how_much_of_a_line_is_told() -> None:
    """So many characters, with a sign that there are more; what says something far behind the beginning is not found."""
    assert telling_lines("x" * MAX_OF_A_TELLING_LINE) == ("x" * MAX_OF_A_TELLING_LINE,)
    assert telling_lines("x" * (MAX_OF_A_TELLING_LINE + 1)) == ("x" * (MAX_OF_A_TELLING_LINE - 1) + "…",)
    for blanks, told in ((MAX_OF_A_LINE - 18, True), (MAX_OF_A_LINE - 17, False)):
        far = "x" + " " * blanks + "Permission denied"
        assert telling_lines(f"{far}\nlast", 1) == ((far[: MAX_OF_A_TELLING_LINE - 1] + "…",) if told else ("last",))


def test_three_lines_as_a_rule() -> None:
    """Each once, where it was said last."""
    errors = [f"ValueError: {number}" for number in (1, 2, 3, 1, 4)]
    assert telling_lines("\n".join(errors)) == ("ValueError: 3", "ValueError: 1", "ValueError: 4")


@pytest.mark.parametrize(
    ("line", "shown_as"),
    [
        ("http://10.0.0.1:8888/lab?token=abc123&x=1", "http://10.0.0.1:8888/lab?token=…&x=1"),
        ("JUPYTERHUB_API_TOKEN=abc", "JUPYTERHUB_API_TOKEN=…"),
        ('{"api_key": "abc def"}', '{"api_key": "… def"}'),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer …"),
        ("authorization: token abc", "authorization: token …"),
        ("AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI", "AWS_SECRET_ACCESS_KEY: …"),
        ("password = hunter2", "password = …"),
        ("postgres://ada:hunter2@db.example/x", "postgres://…@db.example/x"),
        (f"got {TOKEN} from the Hub", "got … from the Hub"),
        ("commit 0123456789abcdef is no secret", "commit 0123456789abcdef is no secret"),
        ("ModuleNotFoundError: No module named 'tokenizers'", "ModuleNotFoundError: No module named 'tokenizers'"),
    ],
)
def test_secrets_are_masked(line: str, shown_as: str) -> None:
    """Tokens, keys and passwords are not repeated."""
    assert masked(line) == shown_as
    assert telling_lines(line) == (shown_as,)


@pytest.mark.parametrize("text", ["a." * 200_000, "token" * 80_000, "x" * 400_000, "-" * 400_000, "\x1b]" * 200_000, "://:" * 100_000])
def test_it_takes_no_time(text: str) -> None:
    """No text, however it is made, keeps the Hub busy."""
    begun = time.monotonic()
    telling_lines(shown(text.encode()))
    assert time.monotonic() - begun < 1
