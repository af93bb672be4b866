"""Every setting of the spawners that people come from stands in our table, and no other: read from their released packages."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from reference_pages.migration import KEPT, OWNERS, VERSIONS, WITHIN

from spawner.hub.settings.other_spawners import OTHER_SPAWNERS
from spawner.hub.settings.replaced import REPLACED

Source = dict[str, ast.Module]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Source]:
    """The modules of each distribution, by their names; nothing of them is imported."""
    folder = tmp_path_factory.mktemp("peers")
    wanted = [f"{name}=={version}" for name, version in VERSIONS.items()]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "--dest", str(folder), *wanted], check=True)
    found: dict[str, Source] = {}
    for name, version in VERSIONS.items():
        with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl") as wheel:
            modules = [entry for entry in wheel.namelist() if entry.endswith(".py")]
            found[name] = {Path(entry).stem: ast.parse(wheel.read(entry)) for entry in modules}
    return found


def classes(source: Source) -> Iterator[ast.ClassDef]:
    """All classes of a distribution."""
    for module in source.values():
        yield from (node for node in module.body if isinstance(node, ast.ClassDef))


def settings(kind: ast.ClassDef) -> set[str]:
    """The names of a class's traits that a configuration can set."""
    assigned = [node for node in kind.body if isinstance(node, ast.Assign) and "config=True" in ast.unparse(node.value)]
    return {target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)}


def by_class(source: Source) -> dict[str, set[str]]:
    """The settings of each class that has some."""
    return {kind.name: found for kind in classes(source) if (found := settings(kind))}


def test_batchspawner(packages: dict[str, Source]) -> None:
    """Those of its base classes and of SlurmSpawner. Its spawners for other batch systems have none of a name of their own, but one."""
    found = by_class(packages["batchspawner"])
    slurm = found["BatchSpawnerBase"] | found["BatchSpawnerRegexStates"] | found["SlurmSpawner"]
    assert slurm - REPLACED.keys() == KEPT.keys()
    assert KEPT.keys().isdisjoint(REPLACED)
    assert set().union(*found.values()) - slurm == {"daemon_resolver"}, (
        "of MultiSlurmSpawner, which runs a Slurm of many slurmds on one machine"
    )
    unused = {"req_username", "req_homedir", "req_keepvars", "port", "mem_limit", "mem_guarantee", "cpu_limit", "cpu_guarantee"}
    assert REPLACED.keys() - slurm == unused, "of JupyterHub, and batchspawner's that are no settings"


@pytest.mark.parametrize("distribution", OWNERS)
def test_settings(packages: dict[str, Source], distribution: str) -> None:
    """All classes with settings, and all settings of each; what a class has of batchspawner's stands there."""
    found = {name: names - REPLACED.keys() for name, names in by_class(packages[distribution]).items() if not name.startswith("Docker")}
    assert found == {section: set(OTHER_SPAWNERS[section]) for section in OWNERS[distribution]}


def test_all_sections_have_an_owner() -> None:
    assert {section for sections in OWNERS.values() for section in sections} == set(OTHER_SPAWNERS)


def keys_of(heading: str) -> set[str]:
    """The keys that stand below a heading of the table."""
    return next(set(keys) for title, keys in WITHIN.items() if title.startswith(heading))


def test_keys_of_moss(packages: dict[str, Source]) -> None:
    """Those that its trait names; and its link's, which are the fields of what it reads."""
    named = [node.value for module in packages["jupyterhub_moss"].values() for node in ast.walk(module) if isinstance(node, ast.keyword)]
    dictionaries = [node for node in named if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys)]
    found = [{key.value for key in node.keys if isinstance(key, ast.Constant)} for node in dictionaries]
    assert keys_of("jupyterhub_moss, a partition") in found
    assert keys_of("jupyterhub_moss, an environment") in found
    options = next(kind for kind in classes(packages["jupyterhub_moss"]) if kind.name == "UserOptions")
    fields = {node.target.id for node in options.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    assert keys_of("jupyterhub_moss, a link") == fields


def values_of(node: ast.AST) -> dict[str, ast.AST]:
    """The entries of a dictionary that is written out; nothing of anything else."""
    if not isinstance(node, ast.Dict):
        return {}
    return {str(key.value): value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)}


def test_keys_of_slurmformspawner(packages: dict[str, Source]) -> None:
    """What its fields take, and what it reads of interfaces and profiles."""
    source = packages["slurmformspawner"]
    taken = {node.value for node in ast.walk(source["traitlets"]) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert keys_of("slurmformspawner, a field") == taken
    interfaces = next(values_of(node) for node in ast.walk(source["spawner"]) if values_of(node).keys() >= {"lab", "notebook"})
    keys = {key for entry in interfaces.values() for key in values_of(entry)}
    read = [
        node.args[0]
        for module in source.values()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self.ui_args[ui].get"
    ]
    assert keys_of("slurmformspawner, an interface") == keys | {node.value for node in read if isinstance(node, ast.Constant)}
    profiles = [set(values_of(node)) for node in ast.walk(source["form"]) if "params" in values_of(node)]
    assert profiles == [keys_of("slurmformspawner, a profile")]
