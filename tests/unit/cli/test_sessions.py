"""The commands about sessions against a Hub that answers as written here; ``tests/real/test_terminal_sessions.py`` has a real one."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from spawner.cli.hub_client import HubTrouble, WrongCall
from spawner.cli.main import main
from spawner.cli.sessions import logs
from spawner.cli.sessions.forward import login_host, ssh_command
from spawner.cli.sessions.words import code_of, lines_of, when_in_words
from spawner.cli.table import Look, Piece, listed
from spawner.humanize import iso_time
from spawner.i18n import using

API = "/hub/api"
SESSIONS = f"{API}/resource-form/sessions"
LOG = f"{API}/resource-form/log"
USER = (200, '{"kind": "user", "name": "ada"}')


def session(name: str = "", **values: Any) -> dict[str, Any]:
    """One of the Hub's answer."""
    known = {
        "kind": "running",
        "state": "running",
        "job_id": 7,
        "node": "g001",
        "held_text": "1 core",
        "sentence": "It runs.",
        "request": {},
    }
    return {"name": name, "named": False, "display_name": "JupyterLab", **known, **values}


def over(name: str = "", **values: Any) -> dict[str, Any]:
    """One that has ended."""
    return session(name, **{"kind": "finished", "state": "ended", "sentence": "It was stopped.", **values})


def answer(*sessions: dict[str, Any], **values: Any) -> tuple[int, str]:
    """The Hub's answer."""
    return 200, json.dumps({"as_of": "2026-11-21T12:00:00Z", "stale": False, "sessions": sessions, **values})


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (session(), 0),
        (session(state="waiting"), 3),
        (session(state="starting"), 3),
        (session(state="unknown"), 5),
        (session(state="stopping"), 6),
        (over(), 6),
    ],
)
def test_status(hub: Any, capsys: pytest.CaptureFixture[str], found: dict[str, Any], code: int) -> None:
    """The exit status says how it stands, with and without words."""
    hub.answers[SESSIONS] = answer(found)
    assert main(["status"]) == code
    assert found["sentence"] in capsys.readouterr().out
    assert main(["status", "--quiet"]) == code
    assert capsys.readouterr().out == ""
    assert main(["status", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["exit"] == code


def test_status_waits(hub: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is ready; each sentence once; a Hub that is away for a moment ends nothing, and a wait of no time asks once."""
    monkeypatch.setattr("spawner.cli.sessions.status.LOOK_SECONDS", 0.01)
    waits = answer(session(state="waiting", sentence="It waits."))
    hub.answers[SESSIONS] = [waits, waits, (503, "{}"), waits, answer(session())]
    assert main(["status", "-w", "60"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("(without a name): Running\nIt runs.\n")
    assert told.err.count("It waits.") == 2
    assert "cannot answer at the moment" in told.err
    hub.answers[SESSIONS] = waits
    assert main(["status", "-w", "0"]) == 3


def test_which_session_a_name_means(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The server's name first; what its user has called it, where one only is called so; else those that there are."""
    mine = session("a", named=True, display_name="Mine", sentence="This one.")
    hub.answers[SESSIONS] = answer(mine, session("Mine", sentence="By its name."), over("a", named=True, display_name="Mine"))
    assert main(["status", "Mine"]) == 0
    assert "By its name." in capsys.readouterr().out
    hub.answers[SESSIONS] = answer(mine, over("a", named=True, display_name="Mine"))
    assert main(["status", "Mine"]) == 0
    assert "This one." in capsys.readouterr().out
    hub.answers[SESSIONS] = answer(mine, session("b", named=True, display_name="Mine"), over("c\x1b[2J"))
    assert main(["status", "Mine"]) == 6
    assert capsys.readouterr().err == "resource-form status: There is no session named Mine. There are: Mine, c?[2J.\n"
    assert main(["status"]) == 6
    assert "You have no session without a name. There are: Mine, c?[2J." in capsys.readouterr().err
    hub.answers[SESSIONS] = answer()
    assert main(["status"]) == 6
    assert capsys.readouterr().err == "resource-form status: You have no session.\n"


def test_list(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that go on; with --past so many that are over; as JSON what the Hub said of them; old data is told of."""
    hub.answers[SESSIONS] = answer(session("a", request={"release": "2026.10"}), over("b"), over("c"), stale=True)
    assert main(["list"]) == 0
    told = capsys.readouterr()
    assert [line.split() for line in told.out.splitlines()] == [
        ["Name", "State", "Job", "Node", "Release", "Has", "Time"],
        ["a", "Running", "7", "g001", "2026.10", "1", "core"],
    ]
    assert told.err.startswith("Slurm does not answer. This is how things stood at ")
    assert hub.seen[-1][1].endswith("?limit=0")
    assert main(["list", "--past", "1", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)["sessions"]] == ["a", "b"]
    hub.answers[SESSIONS] = answer(over("b"))
    assert main(["list", "--past"]) == 0
    told = capsys.readouterr()
    assert told.err == "No session is waiting or running.\n"
    assert told.out.splitlines()[1].split()[:2] == ["b", "Ended"]


def test_a_narrow_terminal() -> None:
    """A paragraph for each row, no line wider than the terminal; empty cells are left out."""
    rows = [[Piece("a"), Piece("Running"), Piece("")], [Piece("b" * 30), Piece("Waiting for long"), Piece("x")]]
    assert listed(["Name", "State", "Job"], rows, Look(width=16)) == [
        "a",
        "  State: Running",
        f"{'b' * 15}…",
        "  State: Waitin…",
        "  Job: x",
    ]
    wide = listed(["Name", "State", "Job"], rows, Look(width=80))
    assert len(wide) == 3
    assert wide[1].split() == ["a", "Running"]


def test_moments_are_in_one_format() -> None:
    """Until when and how long that is; when it is to start; when it ended. What is no moment is left out."""
    now = time.time()
    assert when_in_words({"ends": iso_time(now + 7230)}).endswith(", 2 h left")
    assert when_in_words({"estimate": iso_time(now)}).startswith("to start at ")
    assert when_in_words({"ends": iso_time(now), "ended": iso_time(now)}).startswith("ended at ")
    assert when_in_words({"ends": "soon"}) == ""
    with using("it"):
        assert when_in_words({"ends": iso_time(now + 7230)}).endswith(", restano 2 h")
        assert lines_of(session("a"))[0] == "a: In esecuzione"
    assert code_of({}) == 5


def test_why_it_waits(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The Hub's sentences, the place in the queue, and what would start now, from the messages of the start."""
    waits = session("a", state="waiting", stage="queue", position={"place": 2, "of": 5}, what_to_do="Wait.", sentence="Others come first.")
    messages = [{"message": "x"}, {"message": "x", "offers": [{"sentence": "1 core less", "price": "3 units"}, {"sentence": "no GPU"}]}]
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in messages)
    hub.answers |= {SESSIONS: answer(waits), f"{API}/user": USER, f"{API}/users/ada/servers/a/progress": (200, stream)}
    assert main(["why", "a"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["a: Waiting", "Others come first."]
    assert lines[-5:] == ["It is number 2 of 5 in the queue.", "Wait.", "These would start now:", "  1 core less (3 units)", "  no GPU"]
    hub.answers[f"{API}/users/ada/servers/a/progress"] = 400, "{}"
    assert main(["why", "a", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["offers"] == []


def test_why_it_ended(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What it used, exit code, and what helps, where they are known."""
    used = {"memory_mb": 2048, "sentence": "Used 2 of 2 GB."}
    failed = over(kind="others", used=used, asked={"memory_mb": 2048}, exit_code=9, what_to_do="Ask for more.")
    hub.answers[SESSIONS] = answer(failed)
    assert main(["why"]) == 6
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "(without a name): Failed"
    assert lines[-3:] == ["Used 2 of 2 GB.", "Its exit code was 9.", "Ask for more."]


# --- the log -----------------------------------------------------------------------------------------------------------------------


def piece(text: str = "", *, start: int = 0, size: int | None = None, live: bool = False, partial: str = "") -> tuple[int, str]:
    """A piece of the log as the Hub answers it."""
    end = start + len(text)
    found = {"job": 7, "live": live, "text": text, "from": start, "to": end, "size": end + len(partial) if size is None else size}
    return 200, json.dumps({**found, "partial": partial})


def test_a_log(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Its end, with the line that is not finished; nothing in it is an order to the terminal, whatever the Hub lets through."""
    hub.answers |= {SESSIONS: answer(session()), LOG: piece("a\tb\n\nc\x1b[2Jd\n", partial="e")}
    assert main(["logs"]) == 0
    assert capsys.readouterr().out == "a       b\n\nc?[2Jd\ne\n"
    assert hub.seen[-1][1] == f"{LOG}?job=7"
    hub.answers[LOG] = [piece("a\n", size=4), piece("b\n", start=2, size=4)]
    assert main(["logs", "--all"]) == 0
    assert capsys.readouterr().out == "a\nb\n"
    assert [path for _method, path, *_rest in hub.seen[-2:]] == [f"{LOG}?job=7&offset=0", f"{LOG}?job=7&offset=2"]


def test_a_log_as_json(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Each piece on a line, in ASCII where something in it could be an order to the terminal."""
    hub.answers |= {SESSIONS: answer(session()), LOG: [piece("a\x9b2J\n", size=6), piece("b\n", start=4, size=6)]}
    assert main(["logs", "--all", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["a\x9b2J\n", "b\n"]
    assert all(line.isprintable() for line in lines)


def test_a_log_is_followed(hub: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """From before there is one until the session is over: each line once, a Hub that is away told of once."""
    for name in ("LOOK_SECONDS", "AWAY_SECONDS"):
        monkeypatch.setattr(logs, name, 0.01)
    none = 200, json.dumps({"job": 7, "live": True, "message": "No log yet.", "reason": "no_log_yet"})
    away = 503, "{}"
    hub.answers |= {
        SESSIONS: answer(session()),
        LOG: [
            none,
            none,
            piece("a\n", live=True, partial="b"),
            away,
            away,
            piece("bc\n", start=2, live=True),
            piece("", start=5, partial="d"),
        ],
    }
    assert main(["logs", "-f"]) == 0
    told = capsys.readouterr()
    assert told.out == "a\nbc\nd\n"
    assert told.err.count("No log yet.") == 1
    assert told.err.count("cannot answer at the moment") == 1


@pytest.mark.parametrize(
    ("found", "log", "said"),
    [
        (session(job_id=None), (404, "{}"), "has no job yet"),
        (over(), (404, '{"message": "The log is gone."}'), "The log is gone."),
        (session(), (200, '{"live": true, "message": "No log yet."}'), "No log yet."),
    ],
)
def test_no_log(hub: Any, capsys: pytest.CaptureFixture[str], found: dict[str, Any], log: tuple[int, str], said: str) -> None:
    """Status 1 and the Hub's own sentence."""
    hub.answers |= {SESSIONS: answer(found), LOG: log}
    assert main(["logs"]) == 1
    assert said in capsys.readouterr().err


# --- stop --------------------------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """Where somebody sits."""

    def isatty(self) -> bool:
        """So."""
        return True


def servers(**models: dict[str, Any]) -> tuple[int, str]:
    """JupyterHub's answer about a user."""
    return 200, json.dumps({"name": "ada", "servers": models})


@pytest.mark.parametrize(("said", "code"), [("y\n", 0), ("n\n", 130), ("", 130), ("\n", 130)])
def test_all_are_asked_about_once(hub: Any, monkeypatch: pytest.MonkeyPatch, said: str, code: int) -> None:
    """On a terminal; only a yes stops them, all of them, and what is over is not among them."""
    monkeypatch.setattr(sys, "stdin", Terminal(said))
    asked = Terminal()
    monkeypatch.setattr(sys, "stderr", asked)
    hub.answers |= {SESSIONS: answer(session("a"), session("b"), over("c")), f"{API}/user": USER, f"{API}/users/ada": servers()}
    hub.answers |= {f"{API}/users/ada/servers/{name}": (202, "") for name in "ab"}
    assert main(["stop", "--all"]) == code
    assert "Stop 2 sessions (a, b)? [y/N]" in asked.getvalue()
    deleted = [path for method, path, *_rest in hub.seen if method == "DELETE"]
    assert deleted == ([] if code else [f"{API}/users/ada/servers/a", f"{API}/users/ada/servers/b"])


def test_stop_returns_when_the_hub_has_let_go(hub: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked until then; a refusal is told, once the others are gone."""
    monkeypatch.setattr("spawner.cli.servers.LOOK_SECONDS", 0.01)
    going = servers(a={"pending": "stop"})
    hub.answers |= {SESSIONS: answer(session("a"), session("b")), f"{API}/user": USER, f"{API}/users/ada": [going, going, servers()]}
    hub.answers |= {f"{API}/users/ada/servers/a": (202, "")}
    assert main(["stop", "a"]) == 0
    assert capsys.readouterr().out == "a is stopped, and job 7 is gone.\n"
    assert sum(path.startswith(f"{API}/users/ada?") for _method, path, *_rest in hub.seen) == 3
    hub.answers[f"{API}/users/ada/servers/b"] = 403, '{"message": "Not yours."}'
    assert main(["stop", "b", "a"]) != 0
    assert "Not yours." in capsys.readouterr().err
    assert main(["stop", "a", "--all"]) == 2


# --- open, forward -----------------------------------------------------------------------------------------------------------------


def test_open(hub: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In the browser where there is a screen; the address is printed in any case; a session that waits is not opened."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    hub.answers |= {SESSIONS: answer(session()), f"{API}/user": USER, f"{API}/users/ada": servers(**{"": {"url": "/user/ada/"}})}
    assert main(["open"]) == 0
    told = capsys.readouterr()
    assert told.out.endswith("/user/ada/\n")
    assert "There is no browser here" in told.err
    assert opened == []
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(["open", "--no-browser"]) == 0
    assert opened == []
    assert main(["open"]) == 0
    assert opened == [told.out.strip()]
    hub.answers[SESSIONS] = answer(session(state="waiting", sentence="Others come first."))
    assert main(["open"]) == 3
    assert "Others come first." in capsys.readouterr().err


NODE = {"node": "g001", "address": "10.0.0.1", "port": 8000, "user": "user@campus.it", "login_host": "login.example.org"}


def test_the_line_for_ssh() -> None:
    """By the login node, or through it into the node; an address of IPv6 in brackets; a user may be named with the host."""
    assert ssh_command(NODE, "login", 9000) == ["ssh", "-N", "-L", "9000:10.0.0.1:8000", "user@campus.it@login"]
    assert ssh_command({**NODE, "address": "fd00::1"}, "me@login", 1)[3:] == ["1:[fd00::1]:8000", "me@login"]
    assert ssh_command(NODE, "me@login", 9000, jump=True)[3:] == ["9000:localhost:8000", "-J", "me@login", "me@10.0.0.1"]
    assert ssh_command(NODE, "", 9000) == []


@pytest.mark.parametrize("wrong", [{"address": "-oProxyCommand=x"}, {"user": "-l"}, {"user": "a b"}, {"address": "a b"}])
def test_nothing_strange_reaches_ssh(wrong: dict[str, str]) -> None:
    """Whatever the Hub says."""
    with pytest.raises(HubTrouble):
        ssh_command({**NODE, **wrong}, "login", 9000)


def test_where_the_login_node_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Typed, then the environment, then the settings; what is none is refused with where it stands."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("RESOURCE_FORM_LOGIN_HOST", raising=False)
    assert login_host("") == ""
    settings = tmp_path / "resource-form" / "config.ini"
    settings.parent.mkdir()
    settings.write_text("[forward]\nlogin_host = of-the-settings\n")
    assert login_host("") == "of-the-settings"
    monkeypatch.setenv("RESOURCE_FORM_LOGIN_HOST", "of-the-environment")
    assert login_host("") == "of-the-environment"
    assert login_host("me@typed") == "me@typed"
    for wrong in ("-oProxyCommand=x", "a b", "me@", "host/../", "me:pw@host"):
        with pytest.raises(WrongCall, match="--login-host"):
            login_host(wrong)
    monkeypatch.delenv("RESOURCE_FORM_LOGIN_HOST")
    settings.write_text("[forward\n")
    with pytest.raises(WrongCall, match=r"config\.ini"):
        login_host("")


def test_forward(hub: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both ways are printed; without a login node one; a port below 1024 gets another here; --run becomes ssh."""
    told = {**NODE, "path": "/user/ada/proxy/80/", "port": 80, "has_proxy": None}
    hub.answers |= {SESSIONS: answer(session()), f"{API}/resource-form/forward": (200, json.dumps(told))}
    assert main(["forward", "80"]) == 0
    out, err = capsys.readouterr()
    ssh, address = out.splitlines()
    assert ssh == "ssh -N -L 8080:10.0.0.1:80 user@campus.it@login.example.org"
    assert address.endswith("/user/ada/proxy/80/")
    assert "it is not known whether it is there" in err
    became: list[list[str]] = []

    def become(_program: str, command: list[str]) -> None:
        became.append(command)
        raise SystemExit(0)

    monkeypatch.setattr("os.execvp", become)
    (tmp_path / "ssh").write_text("")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["forward", "80", "--run"])
    assert became == [ssh.split()]
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["forward", "80", "--run"]) == 1
    hub.answers[f"{API}/resource-form/forward"] = 200, json.dumps({**told, "login_host": ""})
    assert main(["forward", "80"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main(["forward", "80", "--run"]) == 1


# --- what there is -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ({"verdict": "now", "words": "1 core", "sentence": "Starts now.", "warnings": ["Mind."], "alternatives": [{"sentence": "x"}]}, 0),
        ({"verdict": "wait", "sentence": "Will wait.", "estimate_sentence": "At 14:00.", "alternatives": [{"sentence": "x"}]}, 3),
        ({"verdict": "unknown", "sentence": "Nobody knows."}, 3),
        ({"verdict": "never", "sentence": "Can never run."}, 4),
        ({"verdict": "unknown", "errors": {"cores": "Too many."}}, 4),
    ],
)
def test_check(hub: Any, capsys: pytest.CaptureFixture[str], verdict: dict[str, Any], code: int) -> None:
    """The Hub's verdict, with its warnings, as an exit status; alternatives only where it does not start now."""
    hub.answers[f"{API}/resource-form/check"] = 200, json.dumps(verdict)
    assert main(["check", "-c", "2"]) == code
    out = capsys.readouterr().out
    for word in (
        verdict.get("sentence"),
        verdict.get("estimate_sentence"),
        *verdict.get("warnings", ()),
        *verdict.get("errors", {}).values(),
    ):
        assert not word or word in out or verdict.get("errors")
    assert ("  x\n" in out) == (verdict["verdict"] == "wait")
    assert json.loads(hub.seen[-1][3]) == {"cores": "2"}


def test_launch_tells_of_warnings(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """They stop nothing; an error does."""
    check = {"verdict": "now", "words": "1 core", "sentence": "Starts now.", "warnings": ["Mind."], "script": "#!/bin/bash\n"}
    hub.answers |= {f"{API}/user": USER, f"{API}/users/ada": servers(), f"{API}/resource-form/check": (200, json.dumps(check))}
    assert main(["launch", "-d"]) == 0
    assert capsys.readouterr() == ("#!/bin/bash\n", "1 core\nStarts now.\nMind.\n")
    hub.answers[f"{API}/resource-form/check"] = 200, json.dumps({**check, "errors": {"cores": "Too many."}})
    assert main(["launch", "-d"]) == 4
    assert capsys.readouterr() == ("", "Too many.\n")


def test_partitions(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What is free and at most; what nobody knows is a dash; none at all is a refusal."""
    most = {"cores": 48, "memory_mb": 65536, "gpus": {"v100": 2}, "minutes": None}
    known = {"name": "a", "default": True, "closed": "", "most": most, "nodes_usable": 3, "cores_free": 9, "gpus_free": {"v100": 4}}
    unknown = {**known, "name": "b", "closed": "Maintenance.", "nodes_usable": None, "cores_free": None, "gpus_free": None}
    hub.answers[f"{API}/resource-form/partitions"] = 200, json.dumps({"stale": True, "partitions": [known, unknown]})
    assert main(["partitions"]) == 0
    told = capsys.readouterr()
    rows = [" ".join(line.split()) for line in told.out.splitlines()]
    assert rows[1:] == [
        "a 3 9 4 × V100 48 cores, 64 GB, 2 × V100 no limit default",
        "b — — — 48 cores, 64 GB, 2 × V100 no limit closed: Maintenance.",
    ]
    assert "Slurm does not answer" in told.err
    hub.answers[f"{API}/resource-form/partitions"] = 200, '{"partitions": []}'
    assert main(["partitions"]) == 4


def test_releases_and_presets(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """In tables; none is a sentence."""
    release = {"tag": "2026.10", "label": "Autumn", "interfaces": [{"name": "lab"}], "kernels": [{"label": "Python"}], "state": "tested"}
    preset = {"name": "small", "label": "Small", "words": "1 core", "why_not": ""}
    hub.answers |= {
        f"{API}/resource-form/releases": (200, json.dumps({"releases": [release]})),
        f"{API}/resource-form/presets": (200, json.dumps({"presets": [preset, {**preset, "words": "", "why_not": "Not now\x1b."}]})),
    }
    assert main(["releases", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["2026.10", "Autumn", "lab", "Python"]
    assert main(["launch", "--list-presets"]) == 0
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()[1:]] == ["small Small 1 core", "small Small Not now?."]
    hub.answers[f"{API}/resource-form/presets"] = 200, '{"presets": []}'
    assert main(["launch", "--list-presets"]) == 0
    assert capsys.readouterr().err == "There is no preset that you may choose.\n"


@pytest.mark.parametrize(
    ("status", "said", "code", "words"),
    [
        (403, "Missing or invalid credentials.", 4, "has expired, or was revoked"),
        (403, "Log in, or send a token.", 4, "has expired, or was revoked"),
        (403, "This takes the scope read:servers.", 4, "This takes the scope read:servers."),
        (429, "Too often.", 4, "Too often."),
        (503, "Slurm does not answer.", 5, "Slurm does not answer."),
        (404, "", 5, "There is no such service"),
        (302, "", 5, "There is no such service"),
    ],
)
def test_what_the_hub_refuses(hub: Any, capsys: pytest.CaptureFixture[str], status: int, said: str, code: int, words: str) -> None:
    """One sentence, and a code that says whose matter it is."""
    for path in ("sessions", "partitions", "check", "releases", "presets"):
        hub.answers[f"{API}/resource-form/{path}"] = status, json.dumps({"message": said})
    for command in ("list", "status", "why", "logs", "stop", "open", "partitions", "check"):
        assert main([command]) == code
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert told.err.startswith(f"resource-form {command}: ")
        assert words in told.err


def test_what_is_no_hub(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Something else answers there."""
    for path in ("sessions", "partitions", "releases", "presets"):
        hub.answers[f"{API}/resource-form/{path}"] = 200, "{}"
    for words in (["list"], ["partitions"], ["releases", "list"], ["launch", "--list-presets"]):
        assert main(words) == 5
        assert "no Hub with this service" in capsys.readouterr().err
