"""Settings of spawners that people come from, each with what says the same here: their sections often stay in a configuration. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

_FIELD = 'ResourceFormSpawner.fields = {{"{0}": {{…}}}}'
_CATALOGUE = "ResourceFormSpawner.catalogue_file"
_PRESETS = "ResourceFormSpawner.presets"
_TEMPLATES = "ResourceFormSpawner.template_paths"
_ASKED = "SlurmCluster.layout_interval and SlurmCluster.accounting_interval"
_SLURM_SAYS = "nothing: Slurm itself says what its partitions and nodes have"

OTHER_SPAWNERS: Mapping[str, Mapping[str, str]] = {
    "SbatchForm": {
        "runtime": _FIELD.format("walltime"),
        "memory": _FIELD.format("memory"),
        "nprocs": _FIELD.format("cores"),
        "oversubscribe": "nothing: the partition says whether its cores are shared",
        "gpus": _FIELD.format("gpus"),
        "profile": _PRESETS,
        "account": _FIELD.format("account"),
        "reservation": _FIELD.format("reservation"),
        "ui": _FIELD.format("interface"),
        "partition": _FIELD.format("partition"),
        "feature": "a preset, or the constraint of a release in ResourceFormSpawner.catalogue_file",
        "form_template_path": _TEMPLATES,
    },
    "SlurmAPI": {
        "info_cache_ttl": _ASKED,
        "acct_cache_ttl": _ASKED,
        "acct_cache_size": "nothing: one question serves all users",
        "res_cache_ttl": _ASKED,
    },
    "SlurmFormSpawner": {
        "ui_args": _CATALOGUE,
        "profile_args": _PRESETS,
        "slurm_bin_path": "SlurmCluster.bin_dir",
        "submit_template_path": _TEMPLATES,
        "error_template_path": _TEMPLATES,
        "disable_form": "ResourceFormSpawner.only_presets",
    },
    "MOSlurmSpawner": {
        "partitions": _SLURM_SAYS + "; SlurmCluster.partitions names those to offer, " + _CATALOGUE + " the software",
        "slurm_info_cmd": _SLURM_SAYS,
        "slurm_info_resources": _SLURM_SAYS,
        "singularity_cmd": "the container of a release in ResourceFormSpawner.catalogue_file",
    },
    "ProfilesSpawner": {
        "profiles": _PRESETS,
        "form_template": _TEMPLATES,
        "first_template": "nothing: the values of a user's last session stand in the form",
        "input_template": _TEMPLATES,
    },
    "WrapSpawner": {
        "child_class": "nothing: this spawner is the Hub's own",
        "child_config": "the settings themselves, in the section ResourceFormSpawner",
    },
}
"""By section and setting: what to use instead. The sections are slurmformspawner's (three), jupyterhub_moss's and wrapspawner's (two)."""

ANY_OTHER = "nothing: that spawner is not the Hub's"


def settings_of_other_spawners(config: Mapping[str, Any], sections: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each setting of another spawner's section of a configuration, as it is written there, and what to use instead.

    Parameters
    ----------
    sections
        The names of the sections that count for the Hub's class of spawners: a subclass of both is the site's own affair.
    """
    for section, known in OTHER_SPAWNERS.items():
        if section not in sections:
            for name in sorted(config.get(section) or ()):
                yield f"c.{section}.{name}", known.get(name, ANY_OTHER)
