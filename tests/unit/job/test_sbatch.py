"""A request becomes sbatch's arguments, a script and an environment; nothing secret in the first, nothing of the user's in the second."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.job.sbatch import (
    JOB_PATH,
    Tag,
    begun_at,
    forced_partitions,
    is_script_of,
    is_signed,
    is_token_of,
    job_environment,
    job_script,
    launcher_source,
    new_tag,
    sbatch_arguments,
    signing_key,
    tells_script,
)
from spawner.request.model import SessionRequest, parse_request
from spawner.request.validation import resolve_request
from spawner.site.release import Release
from tests.support.builders import catalogue, choices
from tests.support.job_requests import LAB, SERVER, release, request_for

TAG = Tag("jupyterhub", "ada", "", "0123456789abcdef")


def environment(options: dict[str, Any] | None = None, server: dict[str, str] | None = None, **changes: Any) -> dict[str, str]:
    """The job's environment for these options."""
    return job_environment(
        request_for(options or {}), {**SERVER, **(server or {})}, command=["jupyterhub-singleuser", "--debug"], interface=LAB, **changes
    )


# --- argv ---------------------------------------------------------------------------------------------------------------------

COMMON = (
    "sbatch",
    "--parsable",
    "--nodes=1",
    "--ntasks=1",
    "--cpus-per-task=4",
    "--mem=8192M",
    "--time=02:00:00",
    "--partition=g100_int",
    "--no-requeue",
    "--job-name=jupyterhub",
    "--comment=jupyterhub:jupyterhub:ada::0123456789abcdef",
    "--chdir=/home/ada",
    "--output=/dev/null",
    "--export=ALL",
    "--propagate=NONE",
)
ASKED = {"cores": 4, "memory": "8G", "walltime": "2h", "partition": "g100_int"}


@pytest.mark.parametrize(
    ("options", "changes", "more"),
    [
        pytest.param({}, {}, ("--account=cin_ada",), id="plain"),
        pytest.param({"account": "cin_extra"}, {}, ("--account=cin_extra",), id="account"),
        pytest.param({"gpus": 2}, {}, ("--gres=gpu:2", "--account=cin_ada"), id="gpus"),
        pytest.param({"gpus": "v100:1"}, {}, ("--gres=gpu:v100:1", "--account=cin_ada"), id="typed-gpus"),
        pytest.param({"reservation": "course"}, {}, ("--account=cin_ada", "--reservation=course"), id="reservation"),
        pytest.param({"gpus": 1, "reservation": "course"}, {}, ("--gres=gpu:1", "--account=cin_ada", "--reservation=course"), id="all"),
        pytest.param({}, {"extra": ["--qos=interactive"]}, ("--account=cin_ada", "--qos=interactive"), id="the-admins-come-last"),
    ],
)
def test_argv(options: dict[str, Any], changes: dict[str, Any], more: tuple[str, ...]) -> None:
    """Exactly these arguments: what was not asked for (GPUs, reservation) is not there at all."""
    assert sbatch_arguments(request_for({**ASKED, **options}), TAG, home="/home/ada", **changes) == COMMON + more


def test_argv_without_accounts() -> None:
    """Where the site keeps no accounts, none is named."""
    request = resolve_request(ASKED, choices(associations=None))
    assert sbatch_arguments(request, TAG, home="/home/ada") == COMMON


def test_argv_of_a_day() -> None:
    """A long time is written in Slurm's days."""
    argv = sbatch_arguments(request_for({"partition": "g100_cpu", "walltime": "24h"}), TAG, home="/home/ada")
    assert "--time=1-00:00:00" in argv


def test_nothing_secret_in_argv_or_script() -> None:
    """argv is stored by Slurm and read by anybody: no token, no variable of the user's, and the script has none either."""
    request = request_for({**ASKED, "environment": {"MY_PASSWORD": "hunter2"}})
    text = "\n".join([*sbatch_arguments(request, TAG, home="/home/ada"), job_script(release())])
    assert not [word for word in ("s3cr3t", "hunter2", "MY_PASSWORD") if word in text]


# --- tag ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "name"),
    [("", "jupyterhub"), ("two", "jupyterhub-two"), ("a b/c\nd:é", "jupyterhub-a_b_c_d__")],
    ids=["default", "named", "odd"],
)
def test_job_name(server: str, name: str) -> None:
    """A name that every tool can print."""
    assert Tag("hub", "ada", server, "n").job_name == name


@pytest.mark.parametrize(
    "text", ["a:b", "a b", "a%3Ab", "a,b", "a|b", "é\u0430", "a\nb", "\0", "'\"`$()", "", "@.-_", "x" * 300], ids=ascii
)
def test_tag_with_odd_characters(text: str) -> None:
    """Whatever a user or a server is called, the comment is one printable token that can be taken apart again."""
    tag = Tag(text, text, text, "n")
    assert tag.comment.isascii()
    assert tag.comment.isprintable()
    assert not set(tag.comment) & set(" ,|'\"")
    assert Tag.parse(tag.comment) == tag


@given(st.builds(Tag, *[st.text(st.characters(codec="utf-8"))] * 4))
def test_tag_round_trip(tag: Tag) -> None:
    """The same for any text."""
    assert Tag.parse(tag.comment) == tag
    assert Tag.parse(f" {tag.comment}\n") == tag


@pytest.mark.parametrize(
    "comment",
    ["", "(null)", "jupyterhub", "jupyterhub:a:b:c", "jupyterhub:a:b:c:d:e", "other:a:b:c:d", "xjupyterhub:a:b:c:d"],
)
def test_a_comment_that_is_not_ours(comment: str) -> None:
    """A job with another comment is not taken for a session."""
    assert Tag.parse(comment) is None


KEY = signing_key(b"the secret of a Hub")
SCRIPT = "#!/bin/bash\nexec server\n"
NOW = 1_800_000_000.7


def tag_of(user: str = "ada", server: str = "", token: str = "a token", script: str = SCRIPT, key: bytes = KEY) -> Tag:
    """The tag of a start that begins now."""
    return new_tag("hub", user, server, script, token=token, key=key, clock=lambda: NOW)


def test_new_tag() -> None:
    """No two starts share a nonce, it passes through a comment as it is, says when the start began, and does not hold the token."""
    tags = [tag_of(token="0123456789abcdef0123456789abcdef") for _ in range(100)]
    assert len({tag.nonce for tag in tags}) == 100
    for tag in tags:
        assert re.fullmatch(r"[0-9a-f]{8}\.[0-9a-f]{16}\.[0-9a-f]{32}\.[0-9a-f]{32}\.[0-9a-f]{32}", tag.nonce)
        assert Tag.parse(tag.comment) == tag
        assert begun_at(tag) == int(NOW)
        assert "0123456789abcdef0123456789abcdef" not in tag.comment


def test_a_tag_knows_its_token() -> None:
    """A start's token is known again from its nonce, and no other one."""
    nonce = tag_of(token="a token").nonce
    assert is_token_of(nonce, "a token")
    for other in ("a token ", "", "é", nonce.split(".")[2]):
        assert not is_token_of(nonce, other)
    for broken in ("", "...", nonce.partition(".")[2], nonce + "."):
        assert not is_token_of(broken, "a token")
    assert not is_token_of("", "")


def test_a_tag_knows_its_script() -> None:
    """The script of a start is known again from its nonce, however Slurm ends its last line, and no other one."""
    nonce = tag_of().nonce
    assert tells_script(nonce)
    for same in (SCRIPT, SCRIPT + "\n", SCRIPT.rstrip("\n")):
        assert is_script_of(nonce, same)
    for other in ("", SCRIPT + "exit\n", "\n" + SCRIPT, SCRIPT.upper(), "a token", nonce.split(".")[3]):
        assert not is_script_of(nonce, other)
    for broken in ("", "....", nonce.partition(".")[2], nonce + "."):
        assert not is_script_of(broken, SCRIPT)


def test_blanks_at_the_end_of_a_script_are_part_of_it() -> None:
    """Slurm takes away line ends alone."""
    for script, shorter in (("exit X\n", "exit "), ("exit 0 \n", "exit 0")):
        nonce = tag_of(script=script).nonce
        assert is_script_of(nonce, script.rstrip("\n"))
        assert not is_script_of(nonce, shorter)


def test_the_tag_of_an_older_version() -> None:
    """It says nothing of the script; its token and its signature are known as they were."""
    core = f"{int(NOW):x}.{'0' * 16}.{hashlib.sha256(b'a token').hexdigest()[:32]}"
    signature = hmac.digest(KEY, json.dumps(["hub", "ada", "", core]).encode(), "sha256").hex()[:32]
    tag = Tag("hub", "ada", "", f"{core}.{signature}")
    assert is_signed(tag, KEY)
    assert begun_at(tag) == int(NOW)
    assert is_token_of(tag.nonce, "a token")
    assert not is_token_of(tag.nonce, "another token")
    assert not tells_script(tag.nonce)
    assert not is_script_of(tag.nonce, "")


def test_only_the_hub_signs() -> None:
    """A tag that was made with another secret, for another user or server, or in another way, is none of ours."""
    tag = tag_of(server="second")
    assert is_signed(tag, KEY)
    assert is_signed(tag, signing_key("the secret of a Hub"))
    assert not is_signed(tag, signing_key(b"another secret"))
    for change in ({"user": "grace"}, {"server": ""}, {"hub": "other"}, {"nonce": ""}, {"nonce": "é"}):
        assert not is_signed(replace(tag, **change), KEY), change
    core, _, signature = tag.nonce.rpartition(".")
    for nonce in (f"f{core}.{signature}", f"{core}.{signature[:-1]}", f"{core}.", core, f"{core}.{signature}0"):
        assert not is_signed(replace(tag, nonce=nonce), KEY), nonce
    assert not is_signed(Tag("a", "b", "c", new_tag("a", "b\0c", "", SCRIPT, token="x", key=KEY, clock=lambda: NOW).nonce), KEY)


# --- environment --------------------------------------------------------------------------------------------------------------


def test_environment() -> None:
    """The server's variables, what the launcher needs, and a sane PATH and LANG."""
    found = environment({"release": "2024.04"}, ports="20000-20999", umask="0077")
    assert found == {
        "PATH": JOB_PATH,
        "LANG": "C.UTF-8",
        **SERVER,
        "RESOURCE_FORM_RELEASE": "2024.04",
        "RESOURCE_FORM_COMMAND": json.dumps(["jupyterhub-singleuser", "--debug"]),
        "RESOURCE_FORM_PORTS": "20000-20999",
        "RESOURCE_FORM_UMASK": "0077",
        "JUPYTERHUB_DEFAULT_URL": "/lab",
        "RESOURCE_FORM_GPUS": "0",
        **{f"MEM_{what}": str(4 * 1024**3) for what in ("LIMIT", "GUARANTEE")},
        **{f"CPU_{what}": "1.0" for what in ("LIMIT", "GUARANTEE")},
    }


@pytest.mark.parametrize("hubs", [{}, {"MEM_LIMIT": "1073741824", "CPU_GUARANTEE": "0.5"}], ids=["unset", "set"])
@pytest.mark.parametrize("users", [{}, {"MEM_LIMIT": "1"}], ids=["no-variable", "variable"])
def test_the_limits_are_the_jobs(hubs: dict[str, str], users: dict[str, str]) -> None:
    """Bytes and cores of the request, whatever the Hub's ``mem_limit`` says and the user sets."""
    found = environment({"memory": "2500M", "cores": 6, "environment": users}, hubs)
    memory = str(2500 * 1024**2)
    assert [found[name] for name in ("MEM_LIMIT", "MEM_GUARANTEE", "CPU_LIMIT", "CPU_GUARANTEE")] == [memory, memory, "6.0", "6.0"]
    assert "RESOURCE_FORM_SET_MEM_LIMIT" not in found


@pytest.mark.parametrize(
    ("default_url", "expected"),
    [
        ("", "/lab"),
        ("/lab/tree/welcome.md", "/lab/tree/welcome.md"),
        ("/lab?reset", "/lab?reset"),
        ("/lab/", "/lab/"),
        ("/labour", "/lab"),
        ("/tree", "/lab"),
        ("https://elsewhere/lab", "/lab"),
    ],
)
def test_the_first_page(default_url: str, expected: str) -> None:
    """The admin's ``default_url`` counts for the interface that it is a page of."""
    assert environment({}, {"JUPYTERHUB_DEFAULT_URL": default_url} if default_url else {})["JUPYTERHUB_DEFAULT_URL"] == expected


@pytest.mark.parametrize(("gpus", "told"), [("0", "0"), ("none", "0"), ("v100:0", "0"), ("1", "1"), ("v100:2", "v100:2")])
def test_the_script_is_told_the_gpus(gpus: str, told: str) -> None:
    """No GPU is 0, however it was written: the script hides the devices by it."""
    found = environment({"gpus": gpus})
    assert found["RESOURCE_FORM_GPUS"] == told
    assert "CUDA_VISIBLE_DEVICES" not in found


@pytest.mark.parametrize(
    "value",
    ["", " ", "a,b;c", "quotes \"' and `id` $(id) $HOME", "two\nlines\n", "\t\\", "é\u202e", "--export=NONE"],
    ids=ascii,
)
def test_the_users_variables_byte_for_byte(value: str) -> None:
    """Commas, quotes, newlines: nothing is split, quoted or expanded; and under a name that means nothing to sbatch or a shell."""
    found = environment({"environment": {"MINE": value}})
    assert found["RESOURCE_FORM_SET_MINE"] == value
    assert "MINE" not in found


def test_the_servers_variables_win() -> None:
    """Even if a reserved name came through, the server's own value would stand, on the way and in the end; LANG may be the user's."""
    forged = SessionRequest.model_construct(
        **{**dict(parse_request({})), "environment": {"JUPYTERHUB_API_TOKEN": "forged", "HOME": "/x", "LANG": "it_IT"}}
    )
    found = job_environment(forged, SERVER, command=["x"], interface=LAB)
    assert (found["JUPYTERHUB_API_TOKEN"], found["HOME"]) == ("s3cr3t-api-token", "/home/ada")
    assert {name: value for name, value in found.items() if name.startswith("RESOURCE_FORM_SET_")} == {"RESOURCE_FORM_SET_LANG": "it_IT"}


# --- script -------------------------------------------------------------------------------------------------------------------

NASTY = 'it\'s "x" $(touch /tmp/never) `id` \\ $HOME'
RELEASES = {
    "plain": release(),
    "modules": release(modules=["cuda/12.4", "python/3.11@x=1"]),
    "path": release(path="/opt/a b'c/bin"),
    "environment": release(environment={"A": NASTY, "B": "", "C": "two\nlines"}),
    "prologue": release(prologue='echo "hello"\nexport X=1'),
    "all": release(modules=["a"], path="/x", environment={"A": "1"}, prologue="true"),
}


@pytest.mark.parametrize("entry", RELEASES.values(), ids=RELEASES)
def test_script_is_bash(entry: Release) -> None:
    """bash can read it, whatever the catalogue holds."""
    script = job_script(entry)
    assert script.startswith("#!/bin/bash\n")
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_script_carries_the_launcher() -> None:
    """The launcher's text stands in it unchanged, between markers that it does not hold itself; what follows runs if it cannot begin."""
    script = job_script(release())
    body = script.split("<<'END_OF_RESOURCE_FORM_LAUNCHER'\n")[1].partition("\nEND_OF_RESOURCE_FORM_LAUNCHER\n")[0]
    assert body == launcher_source().rstrip("\n")
    assert "END_OF_RESOURCE_FORM_LAUNCHER" not in launcher_source()
    compile(body, "launcher.py", "exec")


def test_script_sets_up_the_release_in_order() -> None:
    """Modules in their order, then variables, then the path, then the site's own lines, then the launcher."""
    script = job_script(release(modules=["b", "a"], environment={"A": "1"}, path="/opt/x/bin", prologue="echo hello"))
    lines = ["module load b", "module load a", "export A=1", 'export PATH=/opt/x/bin:"$PATH"', "echo hello", "exec python3 -I -"]
    places = [script.index(line) for line in lines]
    assert places == sorted(places)


def test_script_of_a_plain_release_sets_up_nothing() -> None:
    """No module, no path where the release has none."""
    script = job_script(release())
    assert "module load" not in script
    assert "export PATH" not in script


def run_prologue(entry: Release, tmp_path: Path, variables: dict[str, str]) -> dict[str, str]:
    """What the environment is where the launcher would start: the script with `env` in the launcher's place."""
    script = job_script(entry, launcher="import json, os\nprint(json.dumps(dict(os.environ)))")
    script = re.sub(r': >"\$log_folder.*2>&1', "true", script).replace(". /etc/profile", "true")
    system = {"PATH": JOB_PATH, "HOME": str(tmp_path), "SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "4"}
    given = {**system, "RESOURCE_FORM_GPUS": "0", **variables}
    done = subprocess.run(["bash"], input=script, text=True, capture_output=True, check=True, env=given)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def run_session(entry: Release, tmp_path: Path, options: dict[str, Any]) -> dict[str, str]:
    """What the server in the job has for its environment: the whole script with the launcher in it, on what the Hub gives to the job."""
    written = tmp_path / "environment.json"
    program = f"import json, os; json.dump(dict(os.environ), open({str(written)!r}, 'w'))"
    given = job_environment(request_for(options), {**SERVER, "HOME": str(tmp_path)}, command=["python3", "-c", program], interface=LAB)
    # Slurm adds these; nothing of the environment that the tests run in reaches the job.
    given |= {"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "4"}
    script = job_script(entry).replace(". /etc/profile", "true")
    done = subprocess.run(["bash"], input=script, text=True, capture_output=True, check=False, env=given)
    assert written.exists(), (done, (tmp_path / ".local/state/jupyterhub-resource-form/7.log").read_text())
    found: dict[str, str] = json.loads(written.read_text())
    return found


def test_script_passes_the_environment_on(tmp_path: Path) -> None:
    """Run for real: the release's values arrive literally, the user's byte for byte, threads follow the cores."""
    found = run_session(RELEASES["environment"], tmp_path, {"environment": {"MINE": NASTY + "\n,;"}})
    assert (found["A"], found["B"], found["C"], found["MINE"]) == (NASTY, "", "two\nlines", NASTY + "\n,;")
    assert {found[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "SRUN_CPUS_PER_TASK")} == {"4"}


@pytest.mark.parametrize(
    ("gpus", "given", "seen"),
    [("0", None, ""), ("0", "0,1", ""), ("1", "3", "3"), ("v100:2", "0,1", "0,1"), ("1", None, None)],
    ids=["none", "none-although-set", "one", "two-of-a-type", "one-and-slurm-says-nothing"],
)
def test_gpus_are_hidden_from_who_has_none(tmp_path: Path, gpus: str, given: str | None, seen: str | None) -> None:
    """Without a GPU, CUDA sees none, where Slurm does not fence devices either; with one, what Slurm says stands."""
    variables = {"RESOURCE_FORM_GPUS": gpus, **({} if given is None else {"CUDA_VISIBLE_DEVICES": given})}
    assert run_prologue(RELEASES["plain"], tmp_path, variables).get("CUDA_VISIBLE_DEVICES") == seen


@pytest.mark.parametrize(
    ("releases", "users", "threads"),
    [(None, "2", "2"), ("8", None, "8"), ("8", "2", "2")],
    ids=["the-users", "the-releases", "the-users-before-the-releases"],
)
def test_threads_of_the_users_own(tmp_path: Path, releases: str | None, users: str | None, threads: str) -> None:
    """OMP_NUM_THREADS that the user set is what the server has, whatever the release says; what nobody set follows the cores."""
    entry = release(environment={"OMP_NUM_THREADS": releases} if releases else {})
    found = run_session(entry, tmp_path, {"environment": {"OMP_NUM_THREADS": users}} if users else {})
    assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"]) == (threads, "4")


def test_path_of_the_release_comes_first(tmp_path: Path) -> None:
    """The release's programs are found before the system's, a blank in its path notwithstanding."""
    assert run_prologue(RELEASES["path"], tmp_path, {})["PATH"] == f"/opt/a b'c/bin:{JOB_PATH}"


def test_script_without_python(tmp_path: Path) -> None:
    """A release without python3 ends with 127 and a sentence in the log of the session, which only its owner can read."""
    given = {"PATH": "/nowhere", "HOME": str(tmp_path), "SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "4", "RESOURCE_FORM_RELEASE": "2026.10"}
    script = job_script(release()).replace("mkdir", "/bin/mkdir").replace(". /etc/profile", "true")
    done = subprocess.run(["/bin/bash"], input=script, text=True, capture_output=True, check=False, env=given)
    log = tmp_path / ".local/state/jupyterhub-resource-form/7.log"
    assert done.returncode == 127
    assert "there is no python3 in release 2026.10" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_script_of_the_admins_own(tmp_path: Path) -> None:
    """An admin's template replaces ours, and may extend it."""
    folder = tmp_path / "resource_form"
    folder.mkdir()
    (folder / "job_script.sh").write_text('{% extends "ours/resource_form/job_script.sh" %}{% block prologue %}echo site{% endblock %}')
    script = job_script(release(prologue="echo release"), template_folders=[tmp_path])
    assert "echo site" in script
    assert "echo release" not in script
    assert "END_OF_RESOURCE_FORM_LAUNCHER" in script


def test_mistake_in_the_admins_template(tmp_path: Path) -> None:
    """A name that does not exist is an error, not an empty string in a script."""
    folder = tmp_path / "resource_form"
    folder.mkdir()
    for text in ("{{ request.account }}", "{{ account }}"):
        (folder / "job_script.sh").write_text(text)
        with pytest.raises(jinja2.UndefinedError):
            job_script(release(), template_folders=[tmp_path])


def test_lines_of_a_template(tmp_path: Path) -> None:
    """A tag on a line of its own leaves no line behind, and no blanks; the end of the last line stays, as bash needs it."""
    folder = tmp_path / "resource_form"
    folder.mkdir()
    (folder / "job_script.sh").write_text("#!/bin/bash\n  {% if release.tag %}\necho 1\n  {% endif %}\necho 2\n")
    assert job_script(release(), template_folders=[tmp_path]) == "#!/bin/bash\necho 1\necho 2\n"


def test_launcher_ends_with_one_line_end() -> None:
    """Of its text nothing is taken away but empty lines at its end."""
    for last in ("print(1)  # XX", "print(1) "):
        script = job_script(release(), launcher=f"{last}\n\n")
        assert f"\n{last}\nEND_OF_RESOURCE_FORM_LAUNCHER\n" in script


def test_script_depends_on_the_release_alone() -> None:
    """The same release, the same script, whoever asks for whatever: there is no way for a user's value into it."""
    entry = catalogue().releases[0]
    assert job_script(entry) == job_script(entry)
    assert job_script(entry) == job_script(entry.model_copy(update={"tag": "other", "label": "$(id)", "description": "`id`"}))


@pytest.mark.parametrize(
    ("options", "partitions"),
    [
        ([], set()),
        (["--qos=x", "--partition-like=y", "--partition="], set()),
        (["--partition=a"], {"a"}),
        (["--partition=a", "--partition=b,c"], {"b", "c"}),
    ],
)
def test_partitions_of_the_admins_own_options(options: list[str], partitions: set[str]) -> None:
    """As sbatch takes them: the last one counts, and may name several."""
    assert forced_partitions(options) == partitions
