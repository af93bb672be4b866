"""The units of systemd that a site copies: systemd takes them, and they speak of what the other files speak of."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.proxy import ConfigurableHTTPProxy
from private_slurm import packages

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "share" / "resource_form"
HUB = FOLDER / "systemd" / "jupyterhub.service"
PROXY = FOLDER / "systemd" / "jupyterhub-proxy.service"
AS_ROOT = FOLDER / "systemd" / "root.conf"
REPORTER = FOLDER / "gpu-reporter" / "resource-form-gpu-report.service"

BRINGS_NO_NEW_PRIVILEGES = re.compile(
    "PrivateDevices|ProtectClock|ProtectHostname|ProtectKernel(Tunables|Modules|Logs)|LockPersonality|MemoryDenyWriteExecute"
    "|Restrict(AddressFamilies|FileSystems|Namespaces|Realtime|SUIDSGID)|SystemCall(Filter|Architectures|Log)|DynamicUser"
)
"""Settings with which, beside User=, NoNewPrivileges=yes is implied (systemd.exec(5)): then no sudo works, whatever the unit says of it."""


def read(path: Path) -> configparser.ConfigParser:
    """The unit, of a key that is there more than once the last."""
    unit = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text())
    return unit


@pytest.mark.parametrize(
    ("unit", "drop_in"),
    [(HUB, None), (HUB, AS_ROOT), (PROXY, None), (REPORTER, None)],
    ids=["the Hub", "the Hub as root", "the proxy", "the reporter"],
)
def test_systemd_takes_the_unit(unit: Path, drop_in: Path | None, tmp_path: Path) -> None:
    """systemd itself knows all of its sections, keys and values (systemd-analyze(1), verify); only the program's path is another one."""
    packages.ensure_debian_packages(["systemd"])
    copied = tmp_path / unit.name
    copied.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/usr/bin/true", unit.read_text(), flags=re.MULTILINE))
    if drop_in:
        (tmp_path / f"{unit.name}.d").mkdir()
        (tmp_path / f"{unit.name}.d" / drop_in.name).write_text(drop_in.read_text())
    tried = subprocess.run(["systemd-analyze", "verify", "--man=no", copied], capture_output=True, text=True, check=False)
    assert (tried.returncode, [line for line in tried.stderr.splitlines() if unit.stem in line or ".conf" in line]) == (0, [])


def test_the_unit_of_the_hub_leaves_sudo_working() -> None:
    """The account that it runs as is the rule's for sudo, and nothing in it takes from sudo what it needs."""
    unit = read(HUB)
    assert unit.sections() == ["Unit", "Service", "Install"]
    assert unit["Service"]["NoNewPrivileges"] == "false"
    assert [name for name in unit["Service"] if BRINGS_NO_NEW_PRIVILEGES.fullmatch(name)] == []
    assert "CapabilityBoundingSet" not in unit["Service"]
    # What sudo starts sees the same files, and reads the logs in the homes.
    assert "ProtectHome" not in unit["Service"]
    assert int(unit["Service"]["LimitNOFILE"]) >= 4096
    rule = (FOLDER / "sudoers").read_text()
    assert re.search(rf"^{unit['Service']['User']}\b", rule, re.MULTILINE)


def test_a_hub_that_is_root_may_become_a_user_and_needs_no_more_rights() -> None:
    """The drop-in makes root of the account, forbids new rights, and leaves the homes in sight."""
    changes = read(AS_ROOT)
    assert changes.sections() == ["Service"]
    assert (changes["Service"]["User"], changes["Service"]["NoNewPrivileges"]) == ("root", "true")
    assert {"CAP_SETUID", "CAP_SETGID", "CAP_KILL"} <= set(changes["Service"]["CapabilityBoundingSet"].split())
    assert "ProtectHome" not in changes["Service"]


def test_the_proxy_and_the_hub_meet() -> None:
    """The proxy's unit listens where the example's Hub looks for its proxy, leads to where that Hub listens, and both read one secret."""
    hub, proxy = read(HUB)["Service"], read(PROXY)["Service"]
    words = dict(re.findall(r"--([a-z-]+)=(\S+)", proxy["ExecStart"]))
    example = (FOLDER / "jupyterhub_config.example.py").read_text()
    defaults = JupyterHub()
    assert f'bind_url = "http://{words["ip"]}:{words["port"]}"' in example
    assert ConfigurableHTTPProxy(app=defaults).api_url == f"http://{words['api-ip']}:{words['api-port']}"
    assert words["default-target"] == f"http://127.0.0.1:{defaults.hub_port}"
    assert words["error-target"] == f"{words['default-target']}/hub/error"
    assert hub["EnvironmentFile"].lstrip("-") == proxy["EnvironmentFile"]
    assert PROXY.name in read(HUB)["Unit"]["Wants"].split()
