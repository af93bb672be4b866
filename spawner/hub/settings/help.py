"""What ``jupyterhub --help-all`` and ``--generate-config`` say of the spawner: all that can be set, and nothing that is of no use."""

from __future__ import annotations

from typing import Any

from traitlets.config import Configurable

from ...cluster.cluster import SlurmCluster
from .replaced import REPLACED


class SettingsHelp(Configurable):
    """The part of a spawner that describes its settings.

    JupyterHub lists the classes of its entry points (``JupyterHub.classes``), so that the cluster's section would be missing: it stands
    behind the spawner's. Settings of batchspawner's without effect (:data:`.replaced.REPLACED`) are left out.
    """

    @classmethod
    def class_get_help(cls, inst: Any = None) -> str:
        """Return the help of this class, and of :class:`.SlurmCluster`."""
        heading = f"{cls.__name__}({', '.join(base.__name__ for base in cls.__bases__)}) options"
        traits = sorted(cls.class_traits(config=True).items())
        shown = [cls.class_get_trait_help(trait, inst) for name, trait in traits if name not in REPLACED]
        return "\n".join([heading, "-" * len(heading), *shown, "", SlurmCluster.class_get_help()])

    @classmethod
    def class_config_section(cls, classes: Any = None) -> str:
        """Return the lines for a configuration file of this class, and of :class:`.SlurmCluster`."""
        dead = tuple(f"# c.{cls.__name__}.{name} =" for name in REPLACED)
        blocks = super().class_config_section(classes).split("\n\n")
        shown = [block for block in blocks if not any(line.startswith(dead) for line in block.splitlines())]
        return "\n\n".join([*shown, SlurmCluster.class_config_section([SlurmCluster])])
