"""The page of every setting: what traitlets knows of it, and its lines in the example configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from batchspawner import SlurmSpawner
from traitlets import TraitType

from spawner.cluster.cluster import SlurmCluster
from spawner.hub.settings.bounds import ResourceFormBounds
from spawner.hub.settings.replaced import REPLACED
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.spawner import ResourceFormSpawner

from .markdown import block, came_with, code, prose, table

EXAMPLE = Path(__file__).resolve().parents[2] / "share" / "resource_form" / "jupyterhub_config.example.py"

SECTIONS: Mapping[type, str] = {
    ResourceFormSpawner: "The form, the job, and what becomes of a session.",
    SlurmCluster: "How Slurm is asked, and what of it counts.",
    ResourceFormBounds: "How much of anything the Hub takes. What is over a bound is refused with a sentence, and counted.",
}


def own_settings(section: type) -> Mapping[str, TraitType]:
    """Return the settings of a section that are ours, by name: without those that JupyterHub and batchspawner have."""
    traits: Mapping[str, TraitType] = section.class_traits(config=True)  # type: ignore[attr-defined]
    if section is not ResourceFormSpawner:
        return dict(sorted(traits.items()))
    ours = SpawnerSettings.class_traits(config=True)
    theirs = SlurmSpawner.class_traits(config=True)
    return {name: trait for name, trait in sorted(traits.items()) if name in ours or name not in theirs}


def inherited_settings() -> Mapping[str, TraitType]:
    """Return the settings of batchspawner's and JupyterHub's classes that this spawner goes by as they do, by name."""
    ours = own_settings(ResourceFormSpawner)
    return {
        name: trait
        for name, trait in sorted(ResourceFormSpawner.class_traits(config=True).items())
        if name not in ours and name not in REPLACED
    }


def example(section: str, name: str) -> str:
    """Return the lines of the example configuration that set it; empty where there are none."""
    lines = EXAMPLE.read_text().splitlines()
    for start, line in enumerate(lines):
        if re.match(rf"(# )?c\.{section}\.{name}\b", line):
            taken = []
            for more in lines[start:]:
                taken.append(more.removeprefix("# "))
                text = re.sub(r"#[^\"]*$", "", "\n".join(taken), flags=re.MULTILINE)
                if all(text.count(opened) == text.count(closed) for opened, closed in ("[]", "{}", "()")):
                    return "\n".join(taken)
    return ""


def page() -> str:
    """Return the page."""
    return "\n\n".join(_parts())


def _parts() -> Iterator[str]:
    yield "# Settings"
    yield (
        "Every setting that this package adds to a Hub's configuration, made of the code. `jupyterhub --help-all` prints the same. "
        "They are written in `jupyterhub_config.py` as `c.SECTION.NAME = VALUE`."
    )
    for section, words in SECTIONS.items():
        title, unset = section.__name__, section()
        yield f"## c.{title}"
        yield words
        for name, trait in own_settings(section).items():
            if not (trait.help or "").strip():
                raise ValueError(f"c.{title}.{name} has no help")
            yield f"### c.{title}.{name}"
            kind = re.sub(r"^(an? )", "", trait.info())
            yield prose(trait.help or "")
            yield f"Type: {kind}. Where nothing is set: {code(repr(getattr(unset, name)))}. Came with {came_with(f'c.{title}.{name}')}."
            if lines := example(title, name):
                yield block("python", lines)
    yield "## Of JupyterHub and batchspawner"
    yield (
        "These go on to do what their own documentation says. Those of batchspawner's that have no effect here stand in "
        "[](/migration.md), each with what to use instead."
    )
    yield table(
        ("setting", "in a few words"),
        (
            (code(f"c.Spawner.{name}"), re.split(r"(?<=\.)\s|\n\s*\n", prose(trait.help or "").replace("`", ""))[0].replace("<", "&lt;"))
            for name, trait in inherited_settings().items()
        ),
    )
