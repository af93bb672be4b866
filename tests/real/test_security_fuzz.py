"""Five hundred hostile values for each field through the form, the API and links, judged by what Slurm recorded and by what was run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest
import requests
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from private_slurm.cluster import PrivateCluster
from private_slurm.newer_slurm import OWN
from private_slurm.users import home_of

from spawner.bounds import DEFAULTS
from spawner.errors import RequestRejected
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.model import FIELDS, FORM_FIELDS, SessionRequest, parse_request
from tests.support.attacks import Witness, hostile_text, next_job_id, nothing_submitted, only_reads, payloads, shape, watched
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, memory_of, run_in_kernel
from tests.support.slurm_versions import MAIN

CANARY = Path(tempfile.gettempdir()) / f"resource-form-canary-{os.getpid()}"
"""Known before any test begins: hypothesis needs it for its strategies."""

EXAMPLES = 500
FUZZED = settings(
    # Each asks a Hub. RESOURCE_FORM_EXAMPLES=2000 is for a night.
    max_examples=int(os.environ.get("RESOURCE_FORM_EXAMPLES", "150")),
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would ask the Hub a thousand times more
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose processes are recorded, with its database in memory: thousands of refusals are written to it."""
    more = watched(environments.folder / "hub-fuzz", quick=False)
    more += 'c.JupyterHub.db_url = "sqlite:///:memory:"\nc.JupyterHub.log_level = 20\nc.ConfigurableHTTPProxy.debug = False\n'
    with open_site("hub-fuzz", environments, cluster, users, more) as site:
        yield site


@pytest.fixture(autouse=True)
def nothing_is_run(site: Site) -> Iterator[None]:
    """After each test: no file was touched, the Hub ran nothing but its own few commands, and wrote no traceback."""
    shutil.rmtree(CANARY, ignore_errors=True)
    CANARY.mkdir(mode=0o777)
    CANARY.chmod(0o777)
    log, mark = len(site.hub.log()), Witness.of(site).mark()
    yield
    found = list(CANARY.iterdir())
    shutil.rmtree(CANARY)
    assert found == [], "something that was typed has been run"
    for words in only_reads(Witness.of(site).commands(mark)):
        assert (words[0], Path(words[1]).name) in (("subprocess.Popen", "sbatch"), ("subprocess.Popen", "scancel")), words
    written = site.hub.log()[log:]
    assert "Traceback" not in written
    assert not [line for line in written.splitlines() if line.startswith("[E ")]


HOSTILE = hostile_text(CANARY)
NAMES = st.sampled_from(["cmd", "exec_prefix", "SBATCH_ACCOUNT", "x"]).flatmap(lambda name: HOSTILE.map(lambda text: name + text))
NO_VARIABLE = st.one_of(HOSTILE.map(lambda text: f"1={text}"), HOSTILE.map(lambda text: text.replace("=", "")))
"""A name with any value is a good variable of the environment: here the name is none, or there is no value."""
IN_EVERY_FIELD = st.fixed_dictionaries({**dict.fromkeys(FIELDS, HOSTILE), "environment": NO_VARIABLE})


@FUZZED
@given(values=IN_EVERY_FIELD)
def refused_by_form(site: Site, user: Any, page: Any, plain: Any, values: dict[str, str]) -> None:
    """One form with something hostile in every field: each is refused by name, and what was typed stands on the page as text."""
    answer = user.start(values, page=page)
    if answer.status == 302:
        # The refusal took the Hub over a second, and stands on the waiting page (JupyterHub's SpawnHandler): asked again, it is at hand.
        answer = user.start(values, page=user.form())
    assert answer.status == 400, answer.text
    blamed = {str(link["href"]).removeprefix("#resource-form-") for link in answer.soup.select(".spawn-error-msg a")}
    assert blamed | {"name"} == set(FIELDS), "of these only a session's name may be any words"
    # Marks of what is wrong are attributes too: compared are the elements, and whatever a browser would run.
    assert {name for name, *_ in shape(answer.soup)} <= {name for name, *_ in shape(plain.soup)} | {"div"}
    assert not [element for element in answer.soup.select("form *, .spawn-error-msg *") if _runs(element)]
    assert len(answer.soup.select("script")) == len(plain.soup.select("script"))


def _runs(element: Any) -> bool:
    return any(name.startswith("on") for name in element.attrs) or str(element.get("href", "")).startswith("javascript:")


def test_form(site: Site) -> None:
    """Hostile values in every field of the form: refused by name, one by one; no job, no process, no file, no element on the page."""
    user = site.visitor()
    page = user.form()
    with nothing_submitted(site):
        refused_by_form(site, user, page, page)
    assert user.form().status == 200


ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), HOSTILE),
    lambda inner: st.one_of(st.lists(inner, min_size=1, max_size=3), st.dictionaries(HOSTILE, inner, min_size=1, max_size=3)),
    max_leaves=4,
)
NUMBERS = {"cores": "", "memory": "G", "gpus": "", "walltime": "m"}
"""Fields that hold an amount, each with a unit in which a plain number of it is read."""

IN_EVERY_KEY = st.fixed_dictionaries(
    {field: st.one_of(HOSTILE, ANY_JSON.filter(lambda value: isinstance(value, (dict, list)))) for field in FIELDS}
    | {"environment": st.dictionaries(HOSTILE, ANY_JSON, min_size=1, max_size=3)}
)


def levels(value: Any) -> int:
    """How many lists and objects are within each other, the innermost with something in it."""
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((1 + levels(each) for each in held), default=0)


@FUZZED
@given(values=IN_EVERY_KEY, key=NAMES, own=ANY_JSON)
def refused_by_api(site: Site, session: requests.Session, values: dict[str, Any], key: str, own: Any) -> None:
    """One request with something hostile under every key, and a key of the attacker's own."""
    url = f"{site.hub.api_url}/users/{site.users[0]}/server"
    answer = session.post(url, data=json.dumps({**values, key: own}).encode(), timeout=60)
    if levels({**values, key: own}) > DEFAULTS.request_depth:
        assert answer.status_code == 413, answer.text
        return
    assert answer.status_code == 400, answer.text
    message = answer.json()["message"]
    for field, info in SessionRequest.model_fields.items():
        assert f"{info.title}: " in message or field == "name", (field, values[field], message)
    assert "is not a field of a request" in message


def test_api(site: Site) -> None:
    """Hostile values under every key of a REST body, of any type of JSON: refused by name; no job, no process, no file."""
    session = requests.Session()
    session.trust_env = False
    session.headers.update({"Authorization": f"token {site.token}", "Content-Type": "application/json"})
    with nothing_submitted(site):
        refused_by_api(site, session)
    assert site.visitor().form().status == 200


@FUZZED
@given(values=IN_EVERY_FIELD, prefix=st.sampled_from(["opt-", ""]))
def filled_by_link(site: Site, user: Any, plain: Any, values: dict[str, str], prefix: str) -> None:
    """One link with something hostile for every field."""
    # The proxy in front of the Hub takes no address of more than 16 kB.
    query = urlencode({f"{prefix}{field}": text[: 900 if text.isascii() else 100] for field, text in values.items()})
    answer = user.session.get(urljoin(site.hub.url, f"hub/spawn?{query}"), timeout=60)
    assert answer.status_code == 200, query
    soup = BeautifulSoup(answer.content, "html.parser")
    assert shape(soup) == shape(plain.soup)


def test_link(site: Site) -> None:
    """Hostile values for every field in a link: the form is shown, unchanged but for what stands in its fields; nothing is started."""
    user = site.visitor()
    plain = user.form()
    with nothing_submitted(site):
        filled_by_link(site, user, plain)
    assert site.server(user.name) == {}


# --- what passes -----------------------------------------------------------------------------------------------------------------

ODD = st.one_of(
    st.integers(-3, 60).map(str),
    st.integers(0, 60).map(lambda number: f"{number:04d}"),
    st.builds(
        lambda a, b: f"{a}{b}", st.integers(1, 200), st.sampled_from(["m", " M", "h", "G", " gb", "GiB", "k", "d", "s", ":00", "-1"])
    ),
    st.builds(lambda a, b, c: f"{a}:{b}:{c}", st.integers(0, 9), st.integers(0, 99), st.integers(0, 99)),
    st.builds(lambda a, b: f"{a}:{b}", st.sampled_from(["v100", "gpu", "gpu:v100", "V100", "shard", "gpu:gpu"]), st.integers(0, 3)),
    st.builds(lambda a, b: f"{a}.{b}{'h' if b % 2 else 'G'}", st.integers(0, 9), st.integers(0, 99)),
    st.sampled_from(
        ["UNLIMITED", "INFINITE", "0", "-1", "max", "all", "none", "1e3", "0x10", "+4", "4 ", "\t4", "٤", "1_0", "1-12", "1-0:0"]
    ),
    HOSTILE,
)
"""What people and attackers type for a number: some of it can be read."""


OWN_TO_A_JOB = (
    *("JobId", "SLUID", "SubmitTime", "EligibleTime", "AccrueTime", "LastSchedEval"),
    *("Priority", "Comment", "JobName", "StartTime", "EndTime"),
)
GPUS = "gres:gpu" if MAIN == OWN else "gres/gpu"
OF_THE_NUMBERS = {
    *("CPUs/Task", "NumCPUs", "TRES", "ReqTRES", "MinCPUsNode", "MinMemoryNode", "TimeLimit", "TresPerNode"),
    *(() if MAIN == OWN else ("TresPerTask",)),
}
"""What differs between jobs that ask for other numbers; how later versions print it is in docs/slurm-versions.md."""


def recorded(cluster: PrivateCluster, job_id: int) -> dict[str, str]:
    """What Slurm keeps of a job, less what no two jobs have in common and the options in its SubmitLine, which are what we sent."""
    return {key: value for key, value in cluster.job(job_id).items() if key not in OWN_TO_A_JOB and not key.startswith("--")}


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """The keys that two records do not have in common."""
    return {key for key in {*one, *other} if one.get(key) != other.get(key)}


def hand_over(site: Site, request: SessionRequest, tag: Tag) -> subprocess.CompletedProcess[str]:
    """The real sbatch with the Hub's own arguments; the job is held."""
    argv = sbatch_arguments(request, tag, home=home_of(site.users[0]), extra=("--hold",))
    return site.cluster.run(*argv, user=site.users[0], input="#!/bin/sh\n", check=False)


def check_against_slurm(site: Site, request: SessionRequest, plain: dict[str, str], tag: Tag) -> None:
    """Hand the job to the real sbatch as the Hub would, and read back what Slurm made of it: what we understood, and nothing else.

    Slurm takes a held job of any size: whatever we have read and Slurm has not is a mistake of ours.
    """
    done = hand_over(site, request, tag)
    assert done.returncode == 0, (done.args, done.stderr)
    number = int(done.stdout)
    job = site.cluster.job(number)
    try:
        assert job["CPUs/Task"] == str(request.cores)
        assert float(memory_of(job)[:-1]) * 1024 ** "MGT".index(memory_of(job)[-1]) == request.memory
        minutes = request.walltime
        clock = f"{minutes // 60 % 24:02d}:{minutes % 60:02d}:00"
        assert job["TimeLimit"] == (f"{minutes // 1440}-{clock}" if minutes >= 1440 else clock)
        gres = ":".join(part for part in (GPUS, request.gpus.type, str(request.gpus.count)) if part)
        assert job.get("TresPerNode", "") == (gres if request.gpus.count else "")
        assert Tag.parse(job["Comment"]) == tag
        assert job["JobName"] == tag.job_name
        assert differences(plain, recorded(site.cluster, number)) <= OF_THE_NUMBERS
    finally:
        site.cluster.run("scancel", str(number))


def test_what_is_read_is_what_slurm_records(site: Site) -> None:
    """Numbers, times, amounts and GPUs in any spelling are refused, or Slurm takes them, records exactly what we understood and no option
    more.
    """
    tag = Tag("fuzz", site.users[0], "", "0123456789abcdef")
    base = {"account": "cin_staff", "partition": "g100_int", "release": "2026.10", "interface": "lab"}
    argv = sbatch_arguments(parse_request(base), tag, home=home_of(site.users[0]), extra=("--hold",))
    plain = recorded(site.cluster, int(site.cluster.run(*argv, user=site.users[0], input="#!/bin/sh\n").stdout))
    taken: dict[str, set[str]] = {field: set() for field in NUMBERS}

    def read(field: str, text: str) -> bool:
        try:
            request = parse_request({**base, field: text})
        except RequestRejected:
            return False
        meant = str(getattr(request, field))
        if request.gpus.gres == "gpu" and meant not in taken[field] and len(taken[field]) < 40:
            check_against_slurm(site, request, plain, tag)
            taken[field].add(meant)
        return True

    # What chance gives may be nonsense for the most part; these are read in any case.
    assert all(read(field, f"{number}{unit}") for field, unit in NUMBERS.items() for number in range(1, 16))

    @settings(FUZZED, max_examples=EXAMPLES)
    @given(values=st.fixed_dictionaries(dict.fromkeys(NUMBERS, ODD)))
    def read_any(values: dict[str, str]) -> None:
        for field, text in values.items():
            read(field, text)

    read_any()
    assert {field: len(values) for field, values in taken.items() if len(values) < 15} == {}, "the values were not all nonsense"


LONGEST_COMMENT = 1024
"""Slurm's limit for a job's comment."""


def test_any_name_of_a_server_makes_one_tag(site: Site) -> None:
    """The Hub's users may call their servers what they like (JupyterHub 5): Slurm takes each name, the job's name and comment stay one
    argument each, and are read back as they were; a name that is too long for a comment is refused, and there is no job.
    """
    base = parse_request({"account": "cin_staff", "partition": "g100_int"})
    argv = sbatch_arguments(base, Tag("h", site.users[0], "", "0" * 16), home=home_of(site.users[0]), extra=("--hold",))
    plain = recorded(site.cluster, int(site.cluster.run(*argv, user=site.users[0], input="#!/bin/sh\n").stdout))
    names = st.one_of(HOSTILE.map(lambda text: text[:255]), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255))
    taken: set[str] = set()

    def tag_of(name: str) -> Tag:
        return Tag("fuzz", site.users[0], name, "0123456789abcdef")

    def check(name: str) -> None:
        tag = tag_of(name)
        if len(tag.comment) <= LONGEST_COMMENT:
            check_against_slurm(site, base, plain, tag)
            taken.add(name)
            return
        before = next_job_id(site.cluster)
        done = hand_over(site, base, tag)
        assert done.returncode != 0
        assert "parameter too long" in done.stderr
        assert next_job_id(site.cluster) == before

    @settings(FUZZED, max_examples=60)
    @given(name=names)
    def tagged(name: str) -> None:
        check(name.replace("\0", ""))

    tagged()
    assert len(taken) > 30
    emoji, letters = divmod(LONGEST_COMMENT - len(tag_of("").comment), len("%F0%9F%98%80"))
    longest = "\U0001f600" * emoji + "a" * letters
    check(longest)
    assert longest in taken
    check(longest + "a")
    assert longest + "a" not in taken


def test_variables_reach_the_kernel_byte_for_byte(site: Site) -> None:
    """Five hundred hostile values as environment variables, in sessions that start: each arrives as it was sent, Slurm records the same
    job as without them, and none is run on the way by sudo, sbatch, the job's shell or the launcher.
    """
    values: list[str] = []

    @settings(FUZZED, max_examples=EXAMPLES - len(payloads(CANARY)))
    @given(text=st.one_of(HOSTILE, st.text(st.characters(exclude_categories=["Cs"]), max_size=200)))
    def collect(text: str) -> None:
        values.append(text)

    collect()
    values += payloads(CANARY)
    usable = [text.replace("\0", "")[:2500] for text in values]
    # A hundred variables are what a session may have: first one value each, then several in one.
    rest = usable[:-100]
    batches = [usable[-100:], ["\n".join(rest[start : start + 5]) for start in range(0, len(rest), 5)]]
    first = next_job_id(site.cluster)
    records = []
    for number, batch in enumerate(batches):
        environment = dict(zip(["EDITOR", "lower", "_x", *(f"V{index}" for index in range(100))], batch, strict=False))
        server = f"s{number}"
        site.start({"environment": environment}, server=server)
        printed, _ = run_in_kernel(site, "import json, os; print(json.dumps(dict(os.environ)))", server=server)
        arrived = json.loads(printed)
        assert {name: text for name, text in environment.items() if arrived.get(name) != text} == {}
        records.append(recorded(site.cluster, max(site.cluster.active_jobs())))
        site.stop(server=server)
    assert next_job_id(site.cluster) == first + len(records)
    for record in records[1:]:
        assert differences(records[0], record) <= {"AllocNode:Sid", "Scheduler", "RunTime", "NodeList", "BatchHost", "Nodes"}


def test_the_fields_are_all_of_them() -> None:
    """A field that is added later is fuzzed too: the strategies are made from the request's own list."""
    assert set(FORM_FIELDS) <= set(FIELDS) == set(SessionRequest.model_fields)
