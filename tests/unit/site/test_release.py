"""A release as an admin writes it: every key, what is wrong with one, and what follows for a node."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from spawner.errors import CatalogueError
from spawner.site.audience import Audience, Viewer
from spawner.site.catalogue import parse_catalogue, read_catalogue
from spawner.site.interfaces import BUILT_IN_INTERFACES, PROXY, Interface
from spawner.site.release import Release
from spawner.site.release_policy import AdvancedReleases, releases_for
from spawner.site.schema import catalogue_schema, schema_text

SHARE = Path(__file__).parents[3] / "share" / "resource_form"
TODAY = datetime.date(2026, 11, 29)


def release(**changes: Any) -> Release:
    """The one release of a catalogue."""
    return parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01", **changes}]}).releases[0]


def refused(**changes: Any) -> str:
    """What the log says of a release."""
    with pytest.raises(CatalogueError) as broken:
        release(**changes)
    return broken.value.log


# --- the example --------------------------------------------------------------------------------------------------------------


def test_the_example_has_the_eleven_kernels_of_the_founding_document() -> None:
    """T16: CINECA's release 2024.04 with each kernel at the version of the document."""
    found = read_catalogue(SHARE / "releases.example.yaml").get("2024.04")
    assert found is not None
    assert {kernel.title: dict(kernel.packages) for kernel in found.kernels} == {
        "Python 3.11": {"python": "3.11"},
        "Ray": {"ray": "2.21.0"},
        "Dask": {"python": "3.11", "dask": "2024.04"},
        "Tensorflow": {"python": "3.11", "tensorflow": "2.12"},
        "Pytorch": {"python": "3.11", "pytorch": "2.3.0"},
        "Rapids": {"python": "3.11", "rapids": "24.04"},
        "Transformers": {"python": "3.11", "huggingface_hub": "0.24.0", "transformers": "4.40.2"},
        "MDAnalysis": {"python": "3.11", "mdanalysis": "2.7"},
        "Julia": {"julia": "1.9.4"},
        "C/C++": {},
        "R": {"r": "4.3.3", "rlang": "1.1.4"},
    }
    assert len(found.kernels) == 11


def test_the_examples_releases_stand_as_they_say() -> None:
    """One is being tested, one is the default, one is over."""
    found = read_catalogue(SHARE / "releases.example.yaml")
    assert [(entry.tag, entry.standing(TODAY)) for entry in found.releases] == [
        ("2026.10", "untested"),
        ("2024.04", "tested"),
        ("2022.04", "ended"),
    ]


# --- the schema ---------------------------------------------------------------------------------------------------------------


def test_the_schema_is_the_models() -> None:
    """The file beside the example is what the model makes; ``python -m spawner.site.schema`` writes it anew."""
    assert (SHARE / "releases.schema.json").read_text() == schema_text()


def validator() -> jsonschema.Draft202012Validator:
    """What an editor does with the schema."""
    jsonschema.Draft202012Validator.check_schema(catalogue_schema())
    return jsonschema.Draft202012Validator(catalogue_schema())


def test_an_editor_takes_the_example() -> None:
    """As YAML reads it, numbers and dates as text, which is how an editor sees a date."""
    example = json.loads(json.dumps(yaml.safe_load((SHARE / "releases.example.yaml").read_text()), default=str))
    assert [error.message for error in validator().iter_errors(example)] == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"colour": "red"}, []),
        ({"tag": "a b"}, ["tag"]),
        ({"tested": "perhaps"}, ["tested"]),
        ({"gpu": "sometimes"}, ["gpu"]),
        ({"kernels": [{"label": "no name"}]}, ["kernels", 0]),
        ({"architectures": {"z80": {}}}, ["architectures"]),
    ],
)
def test_an_editor_marks_a_mistake(changes: dict[str, Any], place: list[str | int]) -> None:
    """At the place of the mistake."""
    (error,) = validator().iter_errors({"releases": [{"tag": "a", "date": "2026-01-01", **changes}]})
    assert list(error.absolute_path) == ["releases", 0, *place]


@pytest.mark.parametrize("name", ["arm64", "amd64", "x86_64", "aarch64"])
def test_an_editor_takes_either_name_of_an_architecture(name: str) -> None:
    """As the reader does."""
    assert list(validator().iter_errors({"releases": [{"tag": "a", "date": "2026-01-01", "architectures": {name: {}}}]})) == []
    assert len(release(architectures={name: None}).architectures) == 1


# --- what is wrong ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"conda": "envs/a"}, "releases.[a].conda: must be an absolute path"),
        ({"setup_script": "/a\nb"}, "releases.[a].setup_script: must have no control characters"),
        ({"conda": "/a", "path": "/b"}, "path and conda stand side by side"),
        ({"architectures": {"arm64": {"conda": "/a", "path": "/b"}}}, "architectures.aarch64: path and conda stand side by side"),
        ({"kernels": [{"name": "a"}, {"name": "a"}]}, "kernels: a is listed twice"),
        ({"kernels": [{"name": "a", "packages": {"python": 3.1}}]}, "kernels.0.packages.python: write the version in quotes"),
        ({"kernels": [{"name": "../a"}]}, "releases.[a].kernels.0.name"),
        ({"minimum": {"memory": "lots"}}, "releases.[a].minimum.memory: It has to be a number"),
        ({"minimum": {"cores": -1}}, "releases.[a].minimum.cores"),
        ({"gpu": "yes"}, "releases.[a].gpu"),
        ({"notes": "javascript:alert(1)"}, "releases.[a].notes"),
        ({"notes": "//evil.example/"}, "releases.[a].notes"),
        ({"apps": ["nothing-like-it"]}, "release a names the interface nothing-like-it"),
        ({"container": {"image": "image.sif"}}, "releases.[a].container.image"),
        ({"container": {"image": "/a.sif", "binds": ["/a,/b"]}}, "releases.[a].container.binds.0"),
        ({"container": {"image": "/a.sif", "options": ["exec"]}}, "releases.[a].container.options.0"),
        ({"container": {"image": "/a.sif", "command": "sh"}}, "releases.[a].container.command"),
        ({"architectures": {"z80": {}}}, "releases.[a].architectures.z80"),
        ({"architectures": {"arm64": {"constraint": "a b"}}}, "releases.[a].architectures.aarch64.constraint"),
        ({"end_of_life": "soon"}, "releases.[a].end_of_life"),
        ({"tested": "checked"}, "releases.[a].tested"),
        ({"extensions": {"a": 0.1}}, "releases.[a].extensions.a: write the version in quotes"),
        ({"lock": "lock"}, "releases.[a].lock: must be an absolute path"),
        ({"lock": "/lock"}, "lock and lock_sha256 go together"),
        ({"lock_sha256": "0" * 64}, "lock and lock_sha256 go together"),
        ({"lock": "/lock", "lock_sha256": "A" * 64}, "releases.[a].lock_sha256"),
        ({"architectures": {"arm64": {"lock": "/lock"}}}, "lock and lock_sha256 go together"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], words: str) -> None:
    """The field and what is wrong with it."""
    assert words in refused(**changes)


def test_line_and_field_of_a_file(tmp_path: Path) -> None:
    """T24: whoever has to mend the file is told where."""
    path = tmp_path / "releases.yaml"
    path.write_text("releases:\n  - tag: '2026.10'\n    date: 2026-10-01\n  - tag: '2024.04'\n    date: April\n    colour: red\n")
    with pytest.raises(CatalogueError) as broken:
        read_catalogue(path)
    assert broken.value.log.startswith(f"{path}: line 5: releases.[2024.04].date: ")
    assert "line 6: releases.[2024.04].colour: Extra inputs are not permitted" in broken.value.log


def test_the_lock_of_an_architecture() -> None:
    """Its own where it has one, else the release's."""
    locks = {name: {"lock": f"/{name}", "lock_sha256": name * 64} for name in ("a", "b")}
    found = release(**locks["a"], architectures={"arm64": locks["b"], "x86_64": {}})
    assert [found.software_for(name).lock for name in ("aarch64", "x86_64", "")] == ["/b", "/a", "/a"]


# --- what it is ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"label": "A"},
        {"date": "2026-02-01"},
        {"tested": "check"},
        {"disabled": True},
        {"end_of_life": "2030-01-01"},
        {"description": "Better.", "notes": "/notes"},
        {"groups": ["g"], "accounts": ["a"]},
        {"minimum": {"cores": 2}},
        {"kernels": [{"name": "k", "label": "K", "description": "A kernel."}]},
    ],
)
def test_what_says_nothing_of_what_it_is(changes: dict[str, Any]) -> None:
    """Words, for whom it is and how it stands: the digest stays."""
    assert release(**{"kernels": [{"name": "k"}], **changes}).digest == release(kernels=[{"name": "k"}]).digest


@pytest.mark.parametrize(
    "changes",
    [
        {"modules": ["a"]},
        {"environment": {"A": "1"}},
        {"path": "/bin"},
        {"container": {"image": "/a.sif"}},
        {"prologue": "true"},
        {"lock": "/lock", "lock_sha256": "0" * 64},
        {"kernels": [{"name": "k", "packages": {"a": "1"}}]},
        {"kernels": []},
        {"extensions": {"a": "1"}},
        {"interfaces": ["terminal"]},
        {"apps": ["dask"]},
        {"architectures": {"arm64": {"path": "/arm"}}},
        {"first_login": {"script": "true"}},
    ],
)
def test_what_makes_it_another_one(changes: dict[str, Any]) -> None:
    """What it sets up and has: the digest is another one, and always the same."""
    before = release(kernels=[{"name": "k"}])
    after = release(**{"kernels": [{"name": "k"}], **changes})
    assert after.digest != before.digest
    assert after.digest == release(**{"kernels": [{"name": "k"}], **changes}).digest


# --- how it stands ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, "tested"),
        ({"tested": False}, "untested"),
        ({"end_of_life": "2026-11-30"}, "tested"),
        ({"end_of_life": "2026-11-29"}, "ended"),
        ({"end_of_life": "2020-01-01", "tested": False}, "ended"),
        ({"disabled": True, "end_of_life": "2020-01-01"}, "disabled"),
    ],
)
def test_standing(changes: dict[str, Any], standing: str) -> None:
    """The last day counts as supported no more; what an admin has disabled is nothing else."""
    assert release(**changes).standing(TODAY) == standing


CATALOGUE = parse_catalogue(
    {
        "releases": [
            {"tag": "tested", "date": "2026-04-01"},
            {"tag": "untested", "date": "2026-03-01", "tested": False},
            {"tag": "ended", "date": "2026-02-01", "end_of_life": "2026-11-01"},
            {"tag": "disabled", "date": "2026-01-01", "disabled": True},
            {"tag": "course", "date": "2025-01-01", "groups": ["school"]},
            {"tag": "physics", "date": "2024-01-01", "accounts": ["Physics"]},
        ]
    }
)


@pytest.mark.parametrize(
    ("policy", "groups", "is_admin", "tags"),
    [
        ({}, [], False, ["tested", "untested", "ended"]),
        ({}, [], True, ["tested", "untested", "ended", "disabled"]),
        ({"untested": "admins", "ended": False}, [], False, ["tested"]),
        ({"untested": "admins", "ended": False}, [], True, ["tested", "untested", "disabled"]),
        ({"untested": {"groups": ["testers"]}, "ended": "admins"}, ["testers"], False, ["tested", "untested"]),
        ({"untested": {"groups": ["testers"]}, "ended": "admins"}, ["school"], False, ["tested", "course"]),
        ({"untested": {"groups": ["testers"]}}, [], True, ["tested", "ended", "disabled"]),
        ({"disabled": True}, [], False, ["tested", "untested", "ended", "disabled"]),
    ],
)
def test_who_may_choose_what(policy: dict[str, Any], groups: list[str], is_admin: bool, tags: list[str]) -> None:
    """T26: by how a release stands and whom the admin names; an audience of its own holds as well."""
    found = releases_for(CATALOGUE.releases, AdvancedReleases(**policy), Viewer(groups=frozenset(groups)), TODAY, is_admin=is_admin)
    assert [entry.tag for entry in found] == tags


def test_an_account_as_slurmdbd_writes_it() -> None:
    """Slurm keeps accounts without capitals."""
    found = releases_for(CATALOGUE.releases, AdvancedReleases(), Viewer(accounts=frozenset({"physics"})), TODAY)
    assert "physics" in [entry.tag for entry in found]
    assert isinstance(found[0], Audience)


# --- what follows for a node --------------------------------------------------------------------------------------------------


def test_what_is_other_on_an_architecture() -> None:
    """What stands there is in place of the release's own; its variables are more. The place of the server is one, not two."""
    found = release(
        conda="/opt/conda/x86",
        modules=["base"],
        environment={"A": "1", "B": "1"},
        architectures={"arm64": {"path": "/opt/arm/bin", "environment": {"B": "2"}}, "x86_64": {}},
    )
    arm = found.software_for("aarch64")
    assert (arm.path, arm.conda, arm.modules, dict(arm.environment)) == ("/opt/arm/bin", "", ("base",), {"A": "1", "B": "2"})
    assert found.software_for("x86_64").conda == "/opt/conda/x86"
    assert found.software_for("riscv64") is found


def test_least_of_a_release() -> None:
    """Memory is MB, as everywhere inside; a release of GPUs needs one."""
    found = release(minimum={"cores": 4, "memory": "16G"}, gpu="required")
    assert (found.minimum.cores, found.minimum.memory, found.least_gpus) == (4, 16384, 1)
    assert release(minimum={"gpus": 2}, gpu="required").least_gpus == 2
    assert release().least_gpus == 0


def test_what_is_opened() -> None:
    """What one lands in comes first, an app that is both stands once."""
    found = release(interfaces=["lab", "vscode"], apps=["tensorboard", "vscode"])
    assert found.opened == ("lab", "vscode", "tensorboard")


# --- interfaces ---------------------------------------------------------------------------------------------------------------


def interface(name: str = "x", **fields: Any) -> Interface:
    """An interface of the admin's."""
    found = parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01"}], "interfaces": {name: fields}})
    return found.interfaces[name]


def test_the_ones_that_are_known() -> None:
    """The ten of them, each with an address below the server's and a label."""
    found = parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01", "apps": list(BUILT_IN_INTERFACES)}]})
    assert {name: entry.url for name, entry in found.interfaces.items()} == {
        "lab": "/lab",
        "notebook": "/tree",
        "terminal": "/terminals/1",
        "vscode": "/vscode/",
        "rstudio": "/rstudio/",
        "tensorboard": "/tensorboard/",
        "mlflow": "/mlflow/",
        "dask": "/proxy/8787/status",
        "ray": "/proxy/8265/",
        "desktop": "/desktop/",
    }
    assert all(entry.label for entry in found.interfaces.values())


def test_what_each_needs() -> None:
    """Pages of the server itself need their package, all others the proxy too."""
    assert interface("lab", label="Lab").distributions == ("jupyterlab",)
    assert interface("dask", label="Dask").distributions == ("distributed", PROXY)
    assert interface(label="X", url="/x/").distributions == (PROXY,)


def test_another_address_is_another_program() -> None:
    """A site that has its own VS Code entry does not get our command with it; one that only renames it does."""
    assert interface("vscode", label="Code", url="/code/").command == ()
    assert interface("vscode", label="Code").command[0] == "code-server"
    assert interface("dask", port=9999).url == "/proxy/9999/"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"label": "X"}, "url or port is needed"),
        ({"label": "X", "port": 0}, "interfaces.x.port"),
        ({"label": "X", "port": 80, "command": ["a"]}, "one of them"),
        ({"label": "X", "url": "/a/b", "command": ["a"]}, "command needs a url of one word"),
        ({"label": "X", "url": "/x/", "icon": "skull"}, "there is no skull"),
        ({"label": "X", "port": 80, "page": "/abs"}, "interfaces.x.page"),
    ],
)
def test_interface_that_is_refused(fields: dict[str, Any], words: str) -> None:
    """What cannot be opened is said when the file is read."""
    with pytest.raises(CatalogueError) as broken:
        interface(**fields)
    assert words in broken.value.log
