"""batchspawner's settings, and a few of JupyterHub's, that say nothing to this spawner, each with what says the same here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from traitlets.config.loader import LazyConfigValue

_FIELD = 'ResourceFormSpawner.fields = {{"{0}": {{"default": …, "locked": True}}}}'
_OPTION = 'ResourceFormSpawner.sbatch_options = ["--{0}=…"]'
_RELEASE = "the setup of a release in ResourceFormSpawner.catalogue_file"
_COMMANDS = "SlurmCluster.bin_dir and SlurmCluster.sudo; the commands are ours"
_STATES = "nothing: Slurm's states are read by their names"
_SCRIPT = "ResourceFormSpawner.template_paths with a resource_form/job_script.sh of your own"
_LIMIT = "the request itself: it is what the job has and what MEM_LIMIT and CPU_LIMIT tell; narrow it with ResourceFormSpawner.fields"

REPLACED: Mapping[str, str] = {
    "req_account": _FIELD.format("account"),
    "req_partition": _FIELD.format("partition"),
    "req_queue": _FIELD.format("partition"),
    "req_reservation": _FIELD.format("reservation"),
    "req_memory": _FIELD.format("memory"),
    "req_nprocs": _FIELD.format("cores"),
    "req_ngpus": _FIELD.format("gpus"),
    "req_gres": _FIELD.format("gpus"),
    "req_runtime": _FIELD.format("walltime"),
    "req_qos": _OPTION.format("qos"),
    "req_cluster": _OPTION.format("clusters"),
    "req_host": "SlurmCluster.slurm_conf",
    "req_options": _OPTION.format("name"),
    "req_srun": "nothing: the server is started without srun",
    "req_prologue": _RELEASE,
    "req_epilogue": _SCRIPT,
    "req_homedir": "nothing: a user's home is what the system says",
    "req_username": "nothing: a user's name is what the authenticator says",
    "req_keepvars": "Spawner.env_keep and Spawner.environment",
    "req_keepvars_extra": "Spawner.env_keep and Spawner.environment",
    "batch_script": _SCRIPT,
    "batch_submit_cmd": _COMMANDS,
    "batch_query_cmd": _COMMANDS,
    "batch_cancel_cmd": _COMMANDS,
    "exec_prefix": "SlurmCluster.sudo",
    "batchspawner_singleuser_cmd": "nothing: the launcher needs no wrapper",
    "startup_poll_interval": "SlurmCluster.starting_interval",
    "state_pending_re": _STATES,
    "state_running_re": _STATES,
    "state_unknown_re": _STATES,
    "state_exechost_re": _STATES,
    "state_exechost_exp": _STATES,
    "port": "ResourceFormSpawner.port_range",
    "mem_limit": _LIMIT,
    "mem_guarantee": _LIMIT,
    "cpu_limit": _LIMIT,
    "cpu_guarantee": _LIMIT,
}
"""By trait: what to use instead."""


FORMER: Mapping[str, str] = {
    "idle_gpu_command": "ResourceFormSpawner.message_command",
    "idle_gpu_webhook": "ResourceFormSpawner.message_webhook",
}
"""Settings that this spawner once had, each with what says the same now."""


def settings_without_effect(config: Mapping[str, Any], sections: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield each setting of a configuration that has no effect, as it is written there, and what to use instead.

    Parameters
    ----------
    sections
        The names of the sections that count for the Hub's class of spawners.
    """
    instead = {**REPLACED, **FORMER}
    for section in sections:
        found = config.get(section) or {}
        for name in sorted(set(found) & set(instead)):
            yield f"c.{section}.{name}", instead[name]
        overrides = found.get("group_overrides")
        if isinstance(overrides, LazyConfigValue):
            overrides = overrides.get_value({})
        for title, override in sorted((overrides or {}).items()) if isinstance(overrides, Mapping) else ():
            asked = override.get("spawner_override", {}) if isinstance(override, Mapping) else {}
            for name in sorted(set(asked) & set(instead)):
                yield f"{name} in c.{section}.group_overrides[{title!r}]", instead[name]
