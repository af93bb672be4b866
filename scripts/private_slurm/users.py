"""The system users of a demo or a test, and what it takes to act as one of them."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterable
from typing import TypedDict

from private_slurm.errors import PrivateSlurmError
from private_slurm.packages import changing_the_system

DEMO_USERS = ("demo-ada", "demo-grace")
_COMMENT = "user of a private Slurm cluster"


class Credentials(TypedDict, total=False):
    """The arguments of subprocess that make a child another user."""

    user: int
    group: int
    extra_groups: list[int]


def current_user() -> str:
    """The name of whoever runs this."""
    return pwd.getpwuid(os.geteuid()).pw_name


def home_of(name: str) -> str:
    """A user's home folder, or / where it does not exist."""
    home = pwd.getpwnam(name).pw_dir
    return home if os.path.isdir(home) else "/"


def available_users(names: Iterable[str] = DEMO_USERS) -> list[str]:
    """As root: the users of these names, made if missing. As anyone else: that one user, since nobody else can be acted for."""
    if os.geteuid() != 0:
        return [current_user()]
    wanted = list(names)
    ensure_system_users(wanted)
    return wanted


def ensure_system_users(names: Iterable[str]) -> list[str]:
    """Make the users that are missing (locked password, bash, a home of their own) and return the new ones."""
    wanted = list(names)
    if all(map(user_exists, wanted)):
        return []
    with changing_the_system():
        return _make([name for name in wanted if not user_exists(name)])


def _make(missing: list[str]) -> list[str]:
    for name in missing:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", name):
            raise PrivateSlurmError(f"{name!r} is no name for a system user.")
        _as_root([_admin_tool("useradd"), "--create-home", "--shell", "/bin/bash", "--comment", _COMMENT, name])
    return missing


def remove_system_users(names: Iterable[str]) -> None:
    """Remove users, with their homes, that this module made; others are left alone."""
    for name in names:
        if user_exists(name) and pwd.getpwnam(name).pw_gecos == _COMMENT:
            _as_root([_admin_tool("userdel"), "--remove", name])


def user_exists(name: str) -> bool:
    """Whether the system knows this user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def credentials(name: str | None) -> Credentials:
    """What subprocess needs to run a child as this user; nothing for the current one."""
    if name is None or name == current_user():
        return {}
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(name, entry.pw_gid)}


def primary_group(name: str) -> str:
    """The name of a user's own group."""
    return grp.getgrgid(pwd.getpwnam(name).pw_gid).gr_name


def _admin_tool(name: str) -> str:
    path = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if not path:
        raise PrivateSlurmError(f"The command {name} is missing (Debian package passwd).")
    return path


def _as_root(argv: list[str]) -> None:
    if os.geteuid() != 0:
        raise PrivateSlurmError(f"Only root can run {os.path.basename(argv[0])}.")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PrivateSlurmError(f"{' '.join(argv)} failed: {done.stderr.strip()}")
