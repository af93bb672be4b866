"""What is uploaded: an archive of the sources and a wheel, the same bytes each time, and fit for an index."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from private_slurm.checkout import copy_of_checkout

CHECKOUT = Path(__file__).resolve().parents[2]
EPOCH = 1_790_000_000
URL = "https://forge.example.org/someone/jupyterhub-resource-form"


@dataclass(frozen=True)
class Built:
    """What one build has made."""

    sdist: Path
    wheel: Path


def metadata_in(wheel: Path) -> Message:
    """The wheel's metadata; their text is the README."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def copied(folder: Path, mode: int = 0o644) -> Path:
    """The checkout's files, copied with this mode."""
    for path in copy_of_checkout(CHECKOUT, folder).rglob("*"):
        if path.is_file():
            path.chmod(mode | (path.stat().st_mode & 0o100))
    return folder


def built(folder: Path, umask: int = 0o022) -> Built:
    """Both, built in this folder from the files that are there."""
    command = [sys.executable, "-m", "build", "--quiet", "--outdir", str(folder / "dist"), str(folder)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, umask=umask)
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build as a maintainer makes it."""
    return built(copied(tmp_path_factory.mktemp("once")))


def test_a_second_build_is_the_same_to_the_byte(once: Built, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Elsewhere, later, and by somebody whose files nobody else may read (umask 077)."""
    again = built(copied(tmp_path_factory.mktemp("again"), 0o600), umask=0o077)
    assert again.wheel.name == once.wheel.name
    assert again.sdist.name == once.sdist.name
    assert times_in(once) == {EPOCH}
    assert again.sdist.read_bytes() == once.sdist.read_bytes()
    assert again.wheel.read_bytes() == once.wheel.read_bytes()


def times_in(built: Built) -> set[int]:
    """All times in the archive of the sources."""
    with tarfile.open(built.sdist) as archive:
        return {int(member.mtime) for member in archive}


def test_the_archive_has_what_a_checkout_has(once: Built) -> None:
    """With the archive of the sources a distribution can build, test and document; what belongs to a checkout alone is left out."""
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    expected = {name for name in tracked.stdout.splitlines() if not name.startswith(".") and (CHECKOUT / name).is_file()}
    with tarfile.open(once.sdist) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
        assert {member.mode for member in archive if member.isfile()} == {0o644, 0o755}
    assert expected - there == set()
    assert [name for name in there if "__pycache__" in name or name.startswith((".", "node_modules"))] == []


def test_an_index_takes_both(once: Built) -> None:
    """twine finds nothing to complain of; the wheel's contents are complained of where we know why."""
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", str(once.sdist), str(once.wheel)], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout.count("PASSED")) == (0, 2), checked.stdout
    program = shutil.which("check-wheel-contents", path=str(Path(sys.executable).parent))
    assert program is not None
    complained = subprocess.run([program, "--no-config", str(once.wheel)], capture_output=True, text=True, check=False).stdout
    assert re.findall(r"W\d{3}", complained) == ["W002", "W004"], complained
    assert re.findall(r"^  (\S+)$", complained, re.MULTILINE) == [
        f"{once.wheel.name.removesuffix('-py3-none-any.whl')}.data/data/share/man/man1/resource-form.1",
        "spawner/share/man/man1/resource-form.1",
        "spawner/share/resource_form/jupyterhub_config.example.py",
    ]
    assert subprocess.run([program, str(once.wheel)], cwd=CHECKOUT, capture_output=True, check=False).returncode == 0


def links(text: str) -> list[str]:
    """The targets of all links and images."""
    return re.findall(r"\]\(([^)\s]+)\)", text)


def test_the_description_leads_somewhere_from_an_index(tmp_path: Path) -> None:
    """With the repository's address in setup.cfg each link and image is absolute, and the metadata have the usual addresses."""
    settings = copied(tmp_path / "source") / "setup.cfg"
    settings.write_text(settings.read_text().replace("[metadata]\n", f"[metadata]\nurl = {URL}\n"))
    command = [sys.executable, "-m", "build", "--quiet", "--wheel", "--outdir", str(tmp_path), str(settings.parent)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    metadata = metadata_in(wheel)
    text = metadata.get_payload()
    readme = (CHECKOUT / "README.md").read_text()
    assert isinstance(text, str)
    assert len(links(text)) == len(links(readme)) > 10
    assert [link for link in links(text) if not re.match(r"https://|#", link)] == []
    images = re.findall(r"!\[[^\]]*\]\((\S+)\)", text)
    assert images
    assert all(re.fullmatch(rf"{URL}/raw/[^/]+/docs/images/[\w-]+\.png", image) for image in images), images
    addresses = dict(each.split(", ", 1) for each in metadata.get_all("Project-URL", []))
    assert {"Documentation", "Changes", "Issues"} <= set(addresses)
    assert all(address.startswith(f"{URL}/") for address in addresses.values())


def test_without_an_address_nothing_leads_nowhere(once: Built) -> None:
    """Where nobody has said where the repository is, the description has its words, and no link into it."""
    metadata = metadata_in(once.wheel)
    text = metadata.get_payload()
    assert isinstance(text, str)
    if metadata.get_all("Project-URL"):
        assert [link for link in links(text) if not re.match(r"https://|#", link)] == []
    else:
        assert links(text) == [link for link in links((CHECKOUT / "README.md").read_text()) if re.match(r"https?://", link)]
        assert "docs/form.md" in text
