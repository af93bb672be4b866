"""``configure(c)`` and the service that reports GPUs: what it adds to a configuration, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from spawner.hub.apihandlers.gpu_reporters import SCOPE
from spawner.hub.configure import NAMED_SERVERS, configure

TOKEN = "0123456789abcdef" * 4
SERVICE = {"name": "gpu-reports", "api_token": TOKEN}
ROLE = {"name": "gpu-reports", "services": ["gpu-reports"], "scopes": [SCOPE]}


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(f"{TOKEN}\n")
    return path


def hub(c: Config) -> JupyterHub:
    """What JupyterHub makes of the configuration."""
    return JupyterHub(config=c)


def test_the_scope_is_always_declared() -> None:
    c = Config()
    configure(c)

    assert list(hub(c).custom_scopes) == [SCOPE]
    assert hub(c).services == []
    assert hub(c).load_roles == []


def test_the_service_and_its_role(token_file: Path) -> None:
    c = Config()
    configure(c, gpu_report_token_file=token_file)

    assert hub(c).services == [SERVICE]
    assert hub(c).load_roles == [ROLE]


@pytest.mark.parametrize("lazily", [False, True])
def test_what_the_admin_has_set_stays(token_file: Path, lazily: bool) -> None:
    """Whether set before, or added before or after."""
    own = ({"custom:own": {"description": "ours"}}, {"name": "own"}, {"name": "own-role"})
    c = Config()
    if lazily:
        c.JupyterHub.custom_scopes.update(own[0])
        c.JupyterHub.services.append(own[1])
        c.JupyterHub.load_roles.append(own[2])
    else:
        c.JupyterHub.custom_scopes, c.JupyterHub.services, c.JupyterHub.load_roles = own[0], [own[1]], [own[2]]
    configure(c, gpu_report_token_file=token_file)
    c.JupyterHub.services.append({"name": "later"})
    c.JupyterHub.load_roles.append({"name": "later-role"})

    assert set(hub(c).custom_scopes) == {SCOPE, "custom:own"}
    assert hub(c).services == [own[1], SERVICE, {"name": "later"}]
    assert hub(c).load_roles == [own[2], ROLE, {"name": "later-role"}]


def test_a_token_that_everybody_can_read(token_file: Path) -> None:
    token_file.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        configure(Config(), gpu_report_token_file=token_file)

    token_file.chmod(0o640)
    configure(Config(), gpu_report_token_file=token_file)


@pytest.mark.parametrize("text", ["", "short", "x" * 65, f"{TOKEN}\n{TOKEN}", f"{TOKEN[:40]} {TOKEN[:10]}", "é" * 40, "\0" * 40])
def test_what_is_no_token(token_file: Path, text: str) -> None:
    """JupyterHub knows no token again that is longer than 64; and the message does not repeat it."""
    token_file.write_text(text)
    with pytest.raises(ValueError, match="32 to 64 letters and digits") as refused:
        configure(Config(), gpu_report_token_file=token_file)

    assert TOKEN[:10] not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        configure(Config(), gpu_report_token_file=tmp_path / "nothing")


@pytest.mark.parametrize(("own", "expected"), [(None, NAMED_SERVERS), (3, 3), (0, 0)])
def test_named_servers_have_a_limit(own: int | None, expected: int) -> None:
    """Where the site says nothing; what it says stays, that there is none too, said before or after."""
    before, after = Config(), Config()
    if own is not None:
        before.JupyterHub.named_server_limit_per_user = own
    configure(before)
    configure(after)
    if own is not None:
        after.JupyterHub.named_server_limit_per_user = own
    assert [hub(c).named_server_limit_per_user for c in (before, after)] == [expected, expected]
