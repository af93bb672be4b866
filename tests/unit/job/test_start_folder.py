"""The folder in which a session opens, as the job finds it: there, elsewhere, not there, led out of its area."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spawner.job.sbatch import launcher_source
from spawner.job.start_folder import start_folder_of
from spawner.site.areas import parse_areas
from tests.support.launcher_job import Job

AREAS = parse_areas({"home": "$HOME", "work": "$WORK/{account}", "tmp": {"path": "/tmp/{user}", "local": True}})


def test_what_the_launcher_is_told() -> None:
    """The place with account and user filled in, the folder below it, and what was chosen."""
    told = {"account": "physics", "user": "ada"}
    assert start_folder_of("work/a b", AREAS, **told) == {"chosen": "work/a b", "root": "$WORK/physics", "below": "a b"}
    assert start_folder_of("tmp", AREAS, **told) == {"chosen": "tmp", "root": "/tmp/ada", "below": ""}
    assert start_folder_of("work", AREAS, account="", user="ada") == {"chosen": "work", "root": "", "below": ""}
    assert start_folder_of("", AREAS, **told) is None
    assert start_folder_of("gone/a", AREAS, **told) is None


Look = Callable[..., tuple[Any, list[str], dict[str, str]]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home, and areas within it and beside it."""
    for name in ("home/data/2026", "home/.hidden/a", "work/thesis", "other"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def look(place: Path) -> Look:
    """What the launcher makes of a folder: what it found, what it said, and the server's environment."""
    names: dict[str, Any] = {"__name__": "launcher"}
    exec(compile(launcher_source(), "launcher.py", "exec"), names)

    def looked(root: str, below: str = "", **variables: str) -> tuple[Any, list[str], dict[str, str]]:
        said: list[str] = []
        wanted = json.dumps({"chosen": f"area/{below}", "root": root, "below": below})
        environment = {"HOME": str(place / "home"), "RESOURCE_FORM_START_FOLDER": wanted, **variables}
        found = names["StartFolder"](environment, said.append)
        assert "RESOURCE_FORM_START_FOLDER" not in environment
        return found, said, environment

    return looked


def test_within_the_home(look: Look, place: Path) -> None:
    """The browser opens there, and all of the home stays in reach."""
    found, said, environment = look("$HOME", "data/2026")
    assert (found.path, found.trouble, said) == (str(place / "home/data/2026"), "", [])
    assert environment["JUPYTERHUB_ROOT_DIR"] == str(place / "home")
    assert found.lines == ["c.FileContentsManager.preferred_dir = 'data/2026'"]
    found, _said, environment = look("$HOME")
    assert (found.lines, environment["JUPYTERHUB_ROOT_DIR"]) == ([], str(place / "home"))


def test_beside_the_home(look: Look, place: Path) -> None:
    """The area is shown; with a link to it in the home, or to a folder above it, the browser opens through that."""
    found, _said, environment = look("$WORK", "thesis", WORK=str(place / "work"))
    assert (found.path, environment["JUPYTERHUB_ROOT_DIR"]) == (str(place / "work/thesis"), str(place / "work"))
    assert found.lines == ["c.FileContentsManager.preferred_dir = 'thesis'"]
    (place / "home/all").symlink_to(place)
    (place / "home/w").symlink_to(place / "work")
    (place / "home/broken").symlink_to(place / "nothing")
    found, _said, environment = look("$WORK", "thesis", WORK=str(place / "work"))
    assert environment["JUPYTERHUB_ROOT_DIR"] == str(place / "home")
    assert found.lines == ["c.FileContentsManager.preferred_dir = 'w/thesis'"]
    assert look("$WORK", WORK=str(place / "work"))[0].lines == ["c.FileContentsManager.preferred_dir = 'w'"]


def test_the_sites_own_root(look: Look, place: Path) -> None:
    """Where the server shows another folder than the home, that one counts."""
    found, _said, environment = look(str(place / "work"), "thesis", JUPYTERHUB_ROOT_DIR=str(place))
    assert environment["JUPYTERHUB_ROOT_DIR"] == str(place)
    assert found.lines == ["c.FileContentsManager.preferred_dir = 'work/thesis'"]


def test_what_is_hidden_is_shown_as_an_area(look: Look, place: Path) -> None:
    """No file browser shows a hidden folder of the home; it shows one as the top."""
    found, _said, environment = look("$HOME/.hidden", "a")
    assert environment["JUPYTERHUB_ROOT_DIR"] == str(place / "home/.hidden")
    assert found.lines == ["c.FileContentsManager.preferred_dir = 'a'"]


@pytest.mark.parametrize(
    ("root", "below", "variables"),
    [
        pytest.param("$WORK", "a", {}, id="variable-not-set"),
        pytest.param("", "", {}, id="no-account"),
        pytest.param("$WORK", "", {"WORK": "relative"}, id="relative"),
        pytest.param("$HOME", "none", {}, id="not-there"),
        pytest.param("/nowhere", "", {}, id="no-area"),
        pytest.param("/dev/null", "", {}, id="no-folder"),
    ],
)
def test_not_there(look: Look, root: str, below: str, variables: dict[str, str]) -> None:
    """The session opens where it always does, and says so."""
    found, said, environment = look(root, below, **variables)
    assert (found.path, found.trouble, found.lines) == (None, "missing", [])
    assert "the session opens where it always does" in said[0]
    assert "JUPYTERHUB_ROOT_DIR" not in environment


@pytest.mark.parametrize("target", ["../../other", "/", ".."])
def test_a_link_that_leads_out(look: Look, place: Path, target: str) -> None:
    """It is looked at where it leads to, at the last moment; one that stays within leads where it leads."""
    (place / "home/data/out").symlink_to(target)
    found, said, _environment = look("$HOME/data", "out")
    assert (found.path, found.trouble) == (None, "outside")
    assert "leads out of" in said[0]
    (place / "home/data/in").symlink_to("2026")
    assert look("$HOME/data", "in")[0].path == str(place / "home/data/2026")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """One job; whatever it leaves is ended."""
    made = Job(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("there", [True, False])
def test_the_server_begins_there(job: Job, place: Path, there: bool) -> None:
    """The server's own folder is that one; where it cannot be had the Hub is told, once the server listens."""
    wanted = {"chosen": "work/thesis", "root": "$WORK", "below": "thesis" if there else "none"}
    environment = {"HOME": str(place / "home"), "WORK": str(place / "work"), "RESOURCE_FORM_START_FOLDER": json.dumps(wanted)}
    hub = job.start(environment=environment)
    server = job.server()
    configuration = Path(server.environment["JUPYTER_CONFIG_PATH"]) / "jupyter_server_config.py"
    assert ("preferred_dir = 'thesis'" in configuration.read_text()) is there
    assert (Path(f"/proc/{server.pid}/cwd").readlink() == place / "work/thesis") is there
    server.listen()
    reports = [hub.report() for _ in range(1 if there else 2)]
    told = [report["body"] for report in reports if report["path"].endswith("/own-setup")]
    assert told == ([] if there else [{"folder": "missing"}])
    server.order("exit", 0)
    assert job.outcome()[0] == 0
