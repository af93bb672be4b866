"""What setup.cfg cannot say: the packages, a README that reads the same elsewhere, and archives that come out the same each time."""

import os
import re
import tarfile
import time
from configparser import ConfigParser
from gzip import GzipFile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
URL = ConfigParser(interpolation=None)
URL.read(HERE / "setup.cfg", encoding="utf-8")
URL = URL["metadata"].get("url", "").rstrip("/")
VERSION = re.search(r'^__version__ = "([^"]+)"', (HERE / "spawner" / "_version.py").read_text(encoding="utf-8"), re.MULTILINE)[1]
REF = "main" if "dev" in VERSION else VERSION
PAGES = {"Documentation": "tree/{ref}/docs", "Changes": "blob/{ref}/CHANGELOG.md", "Issues": "issues", "Security": "blob/{ref}/SECURITY.md"}

os.umask(0o022)  # files that are made on the way keep their mode in the wheel


def elsewhere(readme):
    """The README for a page that is not beside the files that it names.

    Relative links and images lead to the repository, at the tag of this version; where setup.cfg has no ``url``, there is neither.
    """
    relative = r"\((?![a-z]+:|#)([^)\s]+)\)"
    if URL:
        readme = re.sub(rf"(!\[[^\]]*\]){relative}", rf"\1({URL}/raw/{REF}/\2)", readme)
        return re.sub(rf"(?<!!)(\[[^\]]*\]){relative}", rf"\1({URL}/blob/{REF}/\2)", readme)
    readme = re.sub(rf"!\[[^\]]*\]{relative}\n*", "", readme)
    return re.sub(rf"\[([^\]]*)\]{relative}", r"\1", readme)


class ReproducibleSdist(sdist):
    """The same bytes from the same files, whenever, wherever and by whomever it is built; SOURCE_DATE_EPOCH is the time of all of them."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):  # noqa: A002 - its name in setuptools
        """Write the .tar.gz; other formats are setuptools' own."""
        if format != "gztar":
            return super().make_archive(base_name, format, root_dir, base_dir, owner, group)
        moment = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
        path = f"{base_name}.tar.gz"
        top = Path(root_dir or os.curdir)

        def plain(member):
            member.mtime, member.uid, member.gid, member.uname, member.gname = moment, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            return member

        with (
            Path(path).open("wb") as file,
            GzipFile("", "wb", mtime=moment, fileobj=file) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for each in [top / base_dir, *sorted((top / base_dir).rglob("*"))]:
                archive.add(each, str(each.relative_to(top)), recursive=False, filter=plain)
        return path


setup(
    packages=[*find_packages(include=["spawner", "spawner.*"]), "spawner.templates", "spawner.share"],
    long_description=elsewhere((HERE / "README.md").read_text(encoding="utf-8")),
    project_urls={name: f"{URL}/{page.format(ref=REF)}" for name, page in PAGES.items()} if URL else {},
    cmdclass={"sdist": ReproducibleSdist},
)
