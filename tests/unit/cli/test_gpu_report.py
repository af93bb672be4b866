"""``resource-form gpu-report`` in a process of its own: the real pynvml on a library that can hang, and a real HTTP server."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spawner.cli.main import main
from spawner.gpu.agent.schema import parse_report
from tests.support.nvml_library import device, environment
from tests.support.report_taker import PATIENCE, TOKEN, answering, write_token

pytestmark = pytest.mark.thorough

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, to build a library with NVML's interface")


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    return write_token(tmp_path / "token")


class Running:
    """``resource-form gpu-report`` in a process of its own."""

    def __init__(self, said: Path, *arguments: str, **changes: str) -> None:
        program = "import sys; from spawner.cli.main import main; sys.exit(main())"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "gpu-report", "--node", "g001", *arguments],
            env={**environment(said), **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, by: int = 0) -> tuple[int, str, str]:
        """Status, stdout and stderr, after this signal."""
        if by:
            self.process.send_signal(by)
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
        return self.process.returncode, out, err


@pytest.fixture
def said(tmp_path: Path) -> Path:
    path = tmp_path / "said"
    path.write_text("driver 535.104.05\n" + device(0) + device(1))
    return path


@needs_compiler
def test_it_reports_until_it_is_told_to_end(said: Path, token_file: str, tmp_path: Path) -> None:
    with answering() as hub:
        arguments = ["--hub-api-url", hub.url, "--token-file", token_file, "--interval", "1", "--lock-file", str(tmp_path / "lock")]
        running = Running(said, *arguments)
        reports = [parse_report(hub.report()["body"]) for _ in range(2)]
        second = Running(said, *arguments).end()
        status, out, err = running.end(signal.SIGTERM)

        assert len(hub.connections) == 1
    assert [len(report.devices) for report in reports] == [2, 2]
    assert reports[0].driver == "535.104.05"
    assert (status, out) == (0, "")
    assert "The Hub takes the reports of g001: 2 devices." in err
    assert TOKEN not in err
    assert second[0] == 1
    assert "Another process reports for g001" in second[2]


@needs_compiler
def test_it_ends_at_once_though_the_driver_hangs(said: Path, token_file: str, tmp_path: Path) -> None:
    said.write_text("device 0 hang 60000\n" + device(0))
    with answering() as hub:
        running = Running(
            said,
            "--hub-api-url",
            hub.url,
            "--token-file",
            token_file,
            "--interval",
            "1",
            "--time-limit",
            "1",
            "--lock-file",
            str(tmp_path / "lock"),
        )
        first, second = (parse_report(hub.report()["body"]) for _ in range(2))
        begun = time.monotonic()
        status, _out, err = running.end(signal.SIGTERM)
        took = time.monotonic() - begun

    assert (first.error, second.error) == ("timeout", "timeout")
    assert status == 0, err
    assert took < 5.0, "the driver would take a minute"
    assert err.count("does not answer") == 1


@needs_compiler
def test_somebody_can_want_a_report_now(said: Path, token_file: str, tmp_path: Path) -> None:
    with answering() as hub:
        running = Running(
            said, "--hub-api-url", hub.url, "--token-file", token_file, "--interval", "3600", "--lock-file", str(tmp_path / "lock")
        )
        assert running.process.stderr is not None
        assert "every 3600 s" in running.process.stderr.readline()
        running.process.send_signal(signal.SIGUSR1)
        first = parse_report(hub.report()["body"])
        said.write_text(device(0, gpu=3, peak=3))
        running.process.send_signal(signal.SIGUSR1)
        second = parse_report(hub.report()["body"])
        status, _out, _err = running.end(signal.SIGINT)

    assert [report.devices[0].utilisation for report in (first, second)] == [97, 3]
    assert status == 0


@needs_compiler
@pytest.mark.parametrize(("answer", "status"), [(204, 0), (403, 1)])
def test_once_tells_by_its_status_whether_the_hub_has_taken_it(answer: int, status: int, said: Path, token_file: str) -> None:
    with answering(answer) as hub:
        found = Running(
            said, "--once", RESOURCE_FORM_HUB_API_URL=hub.url, RESOURCE_FORM_GPU_TOKEN_FILE=token_file, SLURMD_NODENAME="ignored"
        ).end()

        assert len(parse_report(hub.report()["body"]).devices) == 2
    assert found[0] == status


@needs_compiler
def test_json_prints_and_sends_nothing(said: Path) -> None:
    status, out, err = Running(said, "--once", "--json").end()

    assert (status, err) == (0, "")
    assert parse_report(out).devices[1].uuid.endswith("1")


@needs_compiler
@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        (device(0) + device(1, ecc=4), 0, ""),
        (device(0) + device(1, error=15), 3, "GPU 1: lost"),
        (device(0, remap=1) + device(1, error_temp=15), 3, "GPU 0 (GPU-5f6c8f53-0000-4000-8000-000000000000): row_remap_failure\nGPU 1"),
        ("init 18", 3, "has to be restarted"),
        ("init 9", 0, ""),
        ("init 12", 0, ""),
        ("device 0 hang 60000\n" + device(0), 3, "does not answer"),
    ],
)
def test_check_tells_what_is_broken(text: str, status: int, words: str, said: Path) -> None:
    said.write_text(text)

    found, out, err = Running(said, "--check", "--time-limit", "2").end()

    assert (found, err) == (status, "")
    assert words in out
    assert bool(out) == bool(words)


@needs_compiler
def test_the_token_can_be_one_of_systemd_s_credentials(said: Path, token_file: str, tmp_path: Path) -> None:
    unit = (Path(__file__).parents[3] / "share" / "resource_form" / "gpu-reporter" / "resource-form-gpu-report.service").read_text()
    settings = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    name, _, _path = settings["LoadCredential"].partition(":")
    Path(token_file).rename(tmp_path / name)
    variable, _, _url = settings["Environment"].partition("=")
    _program, command, *arguments = settings["ExecStart"].split()
    with answering() as hub:
        found = Running(said, *arguments, "--once", **{variable: hub.url, "CREDENTIALS_DIRECTORY": str(tmp_path)}).end()

        assert hub.report()["headers"]["Authorization"] == f"token {TOKEN}"
    assert (command, found[0]) == ("gpu-report", 0)
    assert settings["RestartPreventExitStatus"] == "2"


def test_settings_that_are_wrong_end_it(token_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(token_file).chmod(0o644)
    assert main(["gpu-report", "--once", "--hub-api-url", "http://hub/hub/api", "--token-file", token_file]) == 1
    assert "0600" in capsys.readouterr().err
    assert main(["gpu-report", "--hub-api-url", "http://hub/hub/api", "--token-file", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err
    assert main(["gpu-report", "--token-file", token_file]) == 2
    assert "--hub-api-url" in capsys.readouterr().err
    assert main(["gpu-report", "--hub-api-url", "http://hub/hub/api"]) == 2
    assert "--token-file" in capsys.readouterr().err
    assert main(["gpu-report", "--check", "--node", "no/node"]) == 2
    assert "--node" in capsys.readouterr().err
    Path(token_file).chmod(0o600)
    assert main(["gpu-report", "--once", "--hub-api-url", "https://hub", "--token-file", token_file, "--ca-file", "/dev/null"]) == 1
    assert "/dev/null" in capsys.readouterr().err
