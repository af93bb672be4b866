"""The example of a hardened set-up: nginx takes its configuration, and systemd's unit is one; both speak of what there is."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

from private_slurm import packages

from tests.support.real_hub import CHECKOUT

FOLDER = CHECKOUT / "share" / "resource_form" / "hardened"

BRINGS_NO_NEW_PRIVILEGES = re.compile(
    "PrivateDevices|ProtectClock|ProtectHostname|ProtectKernel(Tunables|Modules|Logs)|LockPersonality|MemoryDenyWriteExecute"
    "|Restrict(AddressFamilies|FileSystems|Namespaces|Realtime|SUIDSGID)|SystemCall(Filter|Architectures|Log)|DynamicUser"
)
"""Settings with which, beside User=, NoNewPrivileges=yes is implied (systemd.exec(5)): then no sudo works, whatever the unit says of it."""


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    """The real nginx, with a certificate made for it: no error, no warning."""
    packages.ensure_debian_packages(["nginx-light", "openssl"])
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=jupyter.example.org", "-days", "1"]
    subprocess.run(["openssl", "req", *request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    text = (FOLDER / "nginx.conf").read_text()
    text = text.replace("/etc/ssl/certs/jupyter.example.org.pem", str(certificate))
    text = text.replace("/etc/ssl/private/jupyter.example.org.key", str(key))
    assert text.count(str(tmp_path)) == 2
    (tmp_path / "site.conf").write_text(text)
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off; include {tmp_path}/site.conf; }}\n"
    )
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert nginx is not None
    tried = subprocess.run([nginx, "-t", "-c", whole, "-p", tmp_path], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert "warn" not in tried.stderr


def test_the_unit_reads() -> None:
    """Sections and keys as systemd has them; the account that it runs as is the rule's for sudo."""
    unit = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((FOLDER / "jupyterhub.service").read_text())
    assert unit.sections() == ["Unit", "Service", "Install"]
    assert unit["Service"]["NoNewPrivileges"] == "false"
    assert [name for name in unit["Service"] if BRINGS_NO_NEW_PRIVILEGES.fullmatch(name)] == []
    # What sudo starts sees the same files, and reads the logs in the homes.
    assert "ProtectHome" not in unit["Service"]
    assert int(unit["Service"]["LimitNOFILE"]) >= 4096
    rule = (CHECKOUT / "share" / "resource_form" / "sudoers").read_text()
    assert re.search(rf"^{unit['Service']['User']}\b", rule, re.MULTILINE)
