"""``resource-form`` as it is called: its commands, and the tokens it makes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from spawner._version import __version__
from spawner.cli.main import COMMANDS, main
from spawner.gpu.agent.tokens import genuine_node_of

SERVICE_TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def service_token(tmp_path: Path) -> Path:
    path = tmp_path / "service-token"
    path.touch(0o600)
    path.write_text(f"{SERVICE_TOKEN}\n")
    return path


def test_it_tells_its_version_and_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert __version__ in capsys.readouterr().out

    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(command in shown for command in COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["dance"], ["gpu-report", "--interval", "0"], ["gpu-report", "--json", "--check"]])
def test_a_wrong_call_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: resource-form" in capsys.readouterr().err


def test_a_node_gets_a_token_that_is_good_for_it_alone(service_token: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpu-token", "--token-file", str(service_token), "g001"]) == 0

    token = capsys.readouterr().out.strip()
    assert genuine_node_of(token, [SERVICE_TOKEN]) == "g001"
    assert genuine_node_of(token.replace("g001", "g002"), [SERVICE_TOKEN]) is None
    assert SERVICE_TOKEN not in token


def test_several_nodes_are_named_as_slurm_names_them(service_token: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpu-token", "--token-file", str(service_token), "g[001-003]", "a1"]) == 0

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [node for node, _token in lines] == ["g001", "g002", "g003", "a1"]
    assert all(genuine_node_of(token, [SERVICE_TOKEN]) == node for node, token in lines)


def test_tokens_are_written_for_their_owner_alone(service_token: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tokens"
    for _ in range(2):
        assert main(["gpu-token", "--token-file", str(service_token), "--directory", str(folder), "g[1-2]"]) == 0

    assert sorted(path.name for path in folder.iterdir()) == ["g1", "g2"]
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert genuine_node_of(path.read_text().strip(), [SERVICE_TOKEN]) == path.name
    assert "rfgpu" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("nodes", "words"), [(["g["], "host list"), (["../g1"], "as Slurm does"), (["(null)"], "as Slurm does"), (["g1.\x7f"], "host list")]
)
def test_what_is_no_node_gets_no_token(
    nodes: list[str], words: str, service_token: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tokens"
    assert main(["gpu-token", "--token-file", str(service_token), "--directory", str(folder), *nodes]) == 2
    assert words in capsys.readouterr().err
    assert not folder.exists()


def test_a_token_that_can_be_guessed_or_read_signs_nothing(service_token: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service_token.write_text("secret")
    assert main(["gpu-token", "--token-file", str(service_token), "g1"]) == 1
    assert "too short" in capsys.readouterr().err

    service_token.write_text(SERVICE_TOKEN)
    service_token.chmod(0o604)
    assert main(["gpu-token", "--token-file", str(service_token), "g1"]) == 1
    said = capsys.readouterr()
    assert "0600" in said.err
    assert not said.out
