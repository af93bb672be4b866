"""uv is told what pip's configuration says, and pip stands in for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from private_slurm.packages import InstallerKilled, install_into
from private_slurm.uv import translated

LISTED = """\
:env:.cert='/etc/ssl/b.crt'
:env:.disable-pip-version-check='1'
global.cert='/etc/ssl/a.crt'
global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'
global.find-links='/opt/a /opt/b'
global.index-url='https://mirror.example/simple'
install.trusted-host='mirror.example'
a line that is none
global.index-url=broken
download.index-url='https://other.example/simple'
"""


def test_what_pip_prints() -> None:
    """Where packages come from, in uv's variables; what says nothing of that, or cannot be read, is passed over."""
    assert translated(LISTED) == {
        "SSL_CERT_FILE": "/etc/ssl/b.crt",
        "UV_INDEX": "https://a.example/simple https://b.example/simple",
        "UV_FIND_LINKS": "/opt/a,/opt/b",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INSECURE_HOST": "mirror.example",
    }
    assert translated("") == {}


@pytest.mark.parametrize(("uv_does", "pip_runs"), [("exit 0", False), ("exit 1", True), ("kill -9 $$", False)])
def test_pip_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uv_does: str, *, pip_runs: bool) -> None:
    """Where uv fails pip is tried; not where somebody has ended it, who wants nothing installed any more."""
    commands = tmp_path / "environment" / "bin"
    commands.mkdir(parents=True)
    uv, python, ran = tmp_path / "uv", commands / "python", tmp_path / "pip"
    uv.write_text(f"#!/bin/sh\n{uv_does}\n")
    python.write_text(f'#!/bin/sh\ncase "$*" in *" install "*) touch {ran};; esac\n')
    for path in (uv, python):
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if "kill" in uv_does:
        with pytest.raises(InstallerKilled):
            install_into(tmp_path / "environment", ["x"])
    else:
        install_into(tmp_path / "environment", ["x"])
    assert ran.exists() is pip_runs
