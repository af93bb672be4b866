"""The page of every setting of other spawners, each with what says the same here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spawner.hub.settings.other_spawners import OTHER_SPAWNERS
from spawner.hub.settings.replaced import REPLACED

from .markdown import code, plain, table

VERSIONS: Mapping[str, str] = {"batchspawner": "1.3.0", "slurmformspawner": "2.11.2", "jupyterhub_moss": "10.1.0", "wrapspawner": "1.0.1"}
"""By distribution: the version whose settings stand here."""

OWNERS: Mapping[str, tuple[str, ...]] = {
    "slurmformspawner": ("SlurmFormSpawner", "SbatchForm", "SlurmAPI"),
    "jupyterhub_moss": ("MOSlurmSpawner",),
    "wrapspawner": ("WrapSpawner", "ProfilesSpawner"),
}
"""By distribution: the sections of the configuration that are its own, beside what it has of batchspawner."""

KEPT: Mapping[str, str] = {
    "start_timeout": "the same, with another default: `queue_timeout` and `listen_timeout` together, and a minute. Set these two instead",
    "ip": "the same: where the server listens on its node",
}
"""Of batchspawner: what goes on to say the same."""

_DEFAULT = '`ResourceFormSpawner.fields = {"FIELD": {"default": …}}`'

WITHIN: Mapping[str, Mapping[str, str]] = {
    "slurmformspawner, a field (`c.SbatchForm.FIELD`)": {
        "def": _DEFAULT + "; a function is not needed, as limits and choices come from Slurm",
        "min": '`"minimum"` of `ResourceFormSpawner.fields`',
        "max": '`"maximum"` of `ResourceFormSpawner.fields`; without it Slurm\'s own limits hold',
        "step": 'nothing; `"choices"` gives the values to press',
        "lock": '`"locked"` of `ResourceFormSpawner.fields`, or `"hidden"`',
        "choices": '`"choices"` of `ResourceFormSpawner.fields`; without it what Slurm says that the user may have',
    },
    "slurmformspawner, an interface (`c.SlurmFormSpawner.ui_args`)": {
        "name": "`label` of an interface in the catalogue",
        "url": "`url` of an interface in the catalogue",
        "args": "nothing: give `jupyter_server_config` in the release's environment what it needs, or `Spawner.args`",
        "modules": "`modules` of a release in the catalogue",
    },
    "slurmformspawner, a profile (`c.SlurmFormSpawner.profile_args`)": {
        "name": "`label` of a preset",
        "params": "`values` of a preset",
    },
    "jupyterhub_moss, a partition (`c.MOSlurmSpawner.partitions`)": {
        "description": 'nothing; `"help"` of the field `partition`, or a notice about it (`health` in the notices)',
        "architecture": "nothing: Slurm says what its nodes are; a release says for which it is built (`architectures`)",
        "gpu": "nothing: Slurm says which GPUs its nodes have",
        "simple": "nothing: there is one form; presets and `only_presets` make it short",
        "jupyter_environments": "`releases` of the catalogue; one is for whom its `partitions`, `accounts` and `groups` say",
        "max_ngpus": 'nothing: Slurm\'s limits hold; `"maximum"` of the field `gpus` narrows them everywhere',
        "max_nprocs": 'nothing: Slurm\'s limits hold; `"maximum"` of the field `cores` narrows them everywhere',
        "max_runtime": 'nothing: Slurm\'s limits hold; `"maximum"` of the field `walltime` narrows them everywhere',
    },
    "jupyterhub_moss, an environment (`jupyter_environments` of a partition)": {
        "description": "`label` of a release; its name there is the `tag`",
        "path": "`path` of a release, or `conda`, `virtual_environment`",
        "add_to_path": "nothing: the folder is always put in front of `PATH`",
        "modules": "`modules` of a release",
        "prologue": "`prologue` of a release",
    },
    "jupyterhub_moss, a link (`/hub/spawn?NAME=VALUE`)": {
        "partition": "`partition`",
        "runtime": "`walltime`",
        "nprocs": "`cores`",
        "memory": "`memory`, of the whole session",
        "reservation": "`reservation`",
        "ngpus": "`gpus`",
        "options": "nothing: a user gives sbatch no options; an admin does with `ResourceFormSpawner.sbatch_options`",
        "output": "nothing: every session has a log, which its card shows",
        "environment_id": "`release`",
        "environment_path": "nothing: users add kernels of their own with `resource-form kernel`",
        "environment_modules": "nothing: as above",
        "default_url": "`interface`",
        "root_dir": "`start_folder`",
        "gres": "`gpus`",
        "prologue": "nothing: nothing of a user's becomes a line of the script",
    },
}
"""By what has keys of its own: each key, and what says the same here. A link of moss's starts a session; one of ours fills the form."""


def instead(words: str) -> str:
    """Return what to use instead, settings of ours as code."""
    return plain(words) if "`" not in words else words


def page() -> str:
    """Return the page."""
    return "\n\n".join(_parts())


def _parts() -> Iterator[str]:
    yield "# Settings of other spawners"
    yield (
        "Each setting of batchspawner, slurmformspawner, jupyterhub_moss and wrapspawner, with what says the same here. A test reads "
        "their released packages, of the versions that are named. [](/migration.md) says in which order one goes on. A Hub's log and "
        "`resource-form doctor` name those that are left in a configuration."
    )
    yield f"## batchspawner {VERSIONS['batchspawner']}"
    yield (
        "Set as `c.BatchSpawnerBase`, `c.SlurmSpawner` or `c.ResourceFormSpawner`, and by the spawners that are made of batchspawner's. "
        "A few settings of JupyterHub's that say nothing here stand among them."
    )
    yield table(("theirs", "ours"), ((code(name), instead(words)) for name, words in sorted({**REPLACED, **KEPT}.items())))
    for distribution, sections in OWNERS.items():
        yield f"## {distribution} {VERSIONS[distribution]}"
        for section in sections:
            yield f"### c.{section}"
            yield table(("theirs", "ours"), ((code(name), instead(words)) for name, words in OTHER_SPAWNERS[section].items()))
    yield "## Keys within their settings, and links"
    for title, keys in WITHIN.items():
        yield f"### {title.replace('`', '')}"
        yield table(("theirs", "ours"), ((code(key), words) for key, words in keys.items()))
