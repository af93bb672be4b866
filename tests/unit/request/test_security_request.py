"""Hostile requests without a Hub: what sbatch's own way of reading arguments makes of them, how long they take, what they write."""

from __future__ import annotations

import getopt
import html.parser
import io
import json
import logging
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spawner.bounds import DEFAULTS
from spawner.errors import MAX_ERRORS, NoAccount, RequestRejected, ResourceFormError, SessionFailed, SlurmRefused
from spawner.hub.errors import HubRefusal, QuietRefusals, RecentRefusals, html_message, install_log_filter, text_message
from spawner.hub.state import HubState
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.defaults import default_values
from spawner.request.field_values import quoted
from spawner.request.form_data import read_form
from spawner.request.model import FIELDS, FORM_FIELDS, parse_request
from spawner.request.restore import restore_valid
from spawner.request.validation import resolve_request
from tests.support.builders import choices, reservation

pytestmark = pytest.mark.thorough

SPECIAL = "\n\r\t\0\v\f\x1b\x7f'\"`$;|&<>()[]{}!~^*?\\/=#%,:\u00a0\u200b\u202e\u2028\u0430\u0456\uff14\u0664\u2460\u00d7\u00e9\U0001f600"
HOSTILE = st.one_of(
    st.text(st.sampled_from(SPECIAL + "-az019. "), max_size=30),
    st.sampled_from(
        ["--uid=0", "-p", "4 --wrap=id", "1\n#SBATCH -p x", "$(id)", "x" * 10_000, "9" * 5_000, "help", "none", "0", "-1", "1e9"]
    ),
    st.from_regex(r"[0-9]{1,3}[ :.-]?[0-9a-zA-Z]{0,3}[^a-z0-9]?"),
    st.from_regex(r"(gpu|shard|v100|a100)[:=,][^\n]{0,8}"),
    st.text(max_size=80),
)
ANY = st.one_of(
    HOSTILE,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.lists(HOSTILE, max_size=2),
    st.dictionaries(HOSTILE, HOSTILE, max_size=2),
)

OPTIONS = {
    *("--parsable", "--nodes", "--ntasks", "--cpus-per-task", "--mem", "--time", "--partition", "--no-requeue", "--job-name", "--comment"),
    *("--chdir", "--output", "--export", "--propagate", "--account"),
}
MAY_BE = {"--gres", "--reservation"}
LONG = [f"{option[2:]}=" for option in (OPTIONS | MAY_BE) - {"--parsable", "--no-requeue"}] + ["parsable", "no-requeue", "wrap=", "uid="]


@pytest.mark.parametrize("field", FIELDS)
def test_no_value_becomes_an_option(field: str) -> None:
    """Whatever is asked for in a field is refused, or sbatch's parser finds the same options as ever, each once, and no script's name."""

    @settings(max_examples=500, deadline=None)
    @given(value=ANY, alone=st.booleans())
    def try_one(value: Any, alone: bool) -> None:
        own = choices(reservations=(reservation(),))
        try:
            request = resolve_request({field: value} if alone else {**default_values(own), field: value}, own)
        except RequestRejected:
            return
        argv = sbatch_arguments(request, Tag("jupyterhub", "ada", "", "0" * 16), home="/home/ada")
        found, positional = getopt.gnu_getopt(list(argv[1:]), "p:A:o:", LONG)
        names = [name for name, _ in found]
        assert positional == []
        assert sorted(names) == sorted(OPTIONS | (MAY_BE & set(names)))
        assert all(len(text) < 200 and text.isascii() and text.isprintable() and " " not in text for text in argv)

    try_one()


# One field for each way of reading, with what that way takes up first: digits, blanks, parts that repeat.
@pytest.mark.parametrize(
    ("field", "part"),
    [
        *(("account", part) for part in ("a", "-", "\n")),
        *(("cores", part) for part in ("9", " ", "\u0664")),
        *(("memory", part) for part in ("9", " ", "1.", "1 ")),
        *(("gpus", part) for part in ("9", " ", ":", "gpu:", "1.")),
        *(("walltime", part) for part in ("9", " ", "1:", "-", "1h", "1 h ")),
        *(("environment", part) for part in ("a", '{"a":', "[")),
        *(("name", part) for part in ("a", " ")),
        *(("color", part) for part in ("a", " ")),
    ],
)
@pytest.mark.no_cover  # tracing would be in the time that it takes
def test_the_longest_text_that_is_read_is_refused_at_once(field: str, part: str) -> None:
    """A value that is far too long is no more work than a short one, in whatever field; its sentence stays short."""
    text = part * (DEFAULTS.request_characters // len(part))
    begun = time.perf_counter()
    if field == "gpus" and not text.strip():
        assert resolve_request({field: text}, choices()).gpus.count == 0
    else:
        with pytest.raises(RequestRejected) as refused:
            resolve_request({field: text}, choices())
        assert len(str(refused.value)) < 1000
    assert time.perf_counter() - begun < 0.5


@pytest.mark.no_cover  # tracing would be in the time that it takes
def test_many_keys_are_refused_in_time() -> None:
    """A body of ten thousand keys is read in a moment; neither the answer nor the log grows as it does."""
    begun = time.perf_counter()
    with pytest.raises(RequestRejected) as refused:
        resolve_request({f"key{number}": number for number in range(10_000)}, choices())
    assert time.perf_counter() - begun < 1
    assert len(refused.value.log) < 20_000, "one line of the log"
    assert len(html_message(refused.value)) < 50_000


class Elements(html.parser.HTMLParser):
    """The elements of a piece of HTML, with their attributes' names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[tuple[str, ...]] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, *(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name == "href"]


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.one_of(st.sampled_from(FIELDS), HOSTILE), ANY, max_size=6))
def test_no_refusal_forges_a_line_or_an_element(options: dict[str, Any]) -> None:
    """Whatever was sent: the line for the log is one printable line, and what is shown is text in our own elements."""
    error = None
    try:
        resolve_request(options, choices())
    except RequestRejected as refused:
        error = refused
    if error is not None:
        assert error.log.isprintable()
        assert text_message(error).isprintable()
        elements = Elements(html_message(error))
        known = [key for key in list(error.errors)[:MAX_ERRORS] if key in FIELDS]
        assert elements.found == {("p", "class"), ("ul", "class"), ("li",)} | ({("a", "class", "href")} if known else set())
        assert elements.links == [f"#resource-form-{key}" for key in known], "a link for each field, and none to what is no field"


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.one_of(st.sampled_from(FIELDS), HOSTILE), ANY, max_size=8))
def test_whatever_is_remembered_fills_the_form(options: dict[str, Any]) -> None:
    """Options of any kind in the database leave a form with values that can be had."""
    values, _ = restore_valid(options, choices())
    assert set(FORM_FIELDS) <= set(values)
    resolve_request({name: values[name] for name in FORM_FIELDS}, choices())


@settings(max_examples=500, deadline=None)
@given(
    st.dictionaries(
        st.one_of(st.sampled_from([*FIELDS, "cores_file"]), HOSTILE),
        st.lists(st.one_of(HOSTILE, st.binary(max_size=3)), max_size=3),
        max_size=6,
    )
)
def test_whatever_is_posted_is_read_or_refused(form: dict[str, Any]) -> None:
    """A form with anything in it, files too, is read as text or refused."""
    try:
        options = read_form(form)
    except RequestRejected:
        return
    assert all(isinstance(value, str) for value in options.values())
    json.dumps(options)


def test_quoted_never_runs_long() -> None:
    """What a sentence quotes is short and printable, whatever it is."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in ("x" * 10**6, "\x1b[31m\n\u2028", 10**5000, deep, b"\xff", {"a": "\n"}, float("nan"), "\ud800"):
        text = quoted(value)
        assert len(text) < 70
        assert text.isprintable()


# --- the Hub's log ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def refusals() -> RecentRefusals:
    """Of one Hub."""
    return RecentRefusals()


@pytest.fixture
def log(refusals: RecentRefusals) -> Iterator[io.StringIO]:
    """What the Hub's two loggers write, tornado's own warnings too, with our filter as the Hub has it."""
    app = SimpleNamespace(tornado_settings={})
    assert HubState.of(app).part(RecentRefusals, lambda: refusals) is refusals
    for _time in range(2):
        install_log_filter(app)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    loggers = [logging.getLogger(name) for name in ("JupyterHub", "tornado")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield stream
    for logger in loggers:
        logger.removeHandler(handler)
    for logger in (*loggers, *(logging.getLogger(f"tornado.{name}") for name in ("application", "general"))):
        filters = [entry for entry in logger.filters if isinstance(entry, QuietRefusals) and entry.refusals is refusals]
        assert len(filters) == (logger.name != "tornado")
        for entry in filters:
            logger.removeFilter(entry)


def refuse(refusals: RecentRefusals, error: ResourceFormError, who: str) -> None:
    """What JupyterHub and tornado log of a refusal: at its start, in the page's handler, and once more for an API's answer."""
    refusal = refusals.refusal(error)
    hub = logging.getLogger("JupyterHub")
    hub.error("Not starting %s's server : %s", who, refusal)
    try:
        raise refusal
    except HubRefusal:
        hub.error("Failed to spawn single-user server with form", exc_info=True)
    logging.getLogger("tornado.general").warning("400 POST /hub/api/users/%s/server (127.0.0.1): %s", who, refusal)


@pytest.mark.parametrize(
    "error",
    [
        RequestRejected({"cores": "Number of cores: 99 is more than the 48."}),
        NoAccount("You have no account.", log="ada has no association"),
        SlurmRefused("No.", log="sbatch exited with 1: Access denied"),
        SessionFailed("It ended.", log="job 7 of ada: FAILED"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_each_refusal_is_one_warning(log: io.StringIO, refusals: RecentRefusals, error: ResourceFormError) -> None:
    """The same refusal of three starts, by two users, is three lines at level WARNING with the reason, and no traceback."""
    for who in ("ada", "ada", "grace"):
        refuse(refusals, error, who)
    lines = [line for line in log.getvalue().splitlines() if error.log in line]
    assert len(lines) == 3, log.getvalue()
    assert all(line.startswith("WARNING ") for line in lines)
    assert [who for who in ("ada", "grace") if not any(who in line.replace(error.log, "") for line in lines)] == []
    assert "Traceback" not in log.getvalue()


def test_two_hubs_in_one_process(log: io.StringIO, refusals: RecentRefusals) -> None:
    """The filter of one leaves to the other's what is the other's."""
    other = RecentRefusals()
    later = QuietRefusals(other)
    hub = logging.getLogger("JupyterHub")
    hub.addFilter(later)
    refuse(other, SessionFailed("It ended.", log="job 7 of ada: FAILED"), "ada")
    refuse(refusals, SessionFailed("It ended.", log="job 8 of ada: FAILED"), "ada")
    hub.removeFilter(later)
    assert [log.getvalue().count(f"WARNING Not starting ada's server : job {number}") for number in (7, 8)] == [1, 1]
    assert "ERROR" not in log.getvalue()
    assert "Traceback" not in log.getvalue()


def test_reading_is_not_judging() -> None:
    """A request that has only been read has no defaults of anybody's: nothing is charged to an account that was not chosen."""
    request = parse_request({})
    assert (request.account, request.partition, request.reservation) == ("", "", "")
