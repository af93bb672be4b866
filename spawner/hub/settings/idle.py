"""What the admin may set of GPUs that do nothing: when its user is told, and when a session is stopped."""

from __future__ import annotations

from typing import Any

from traitlets import Float, HasTraits, TraitError, validate

MAX_IDLE_MINUTES = 525600.0


class IdleGpuSettings(HasTraits):
    """The traits of idle GPUs."""

    idle_gpu_minutes = Float(
        0.0,
        help="""
        So many minutes after the GPUs of a session have last done anything, its user is told so on its card, and by the message ``idle``
        (:attr:`message_kinds`).

        It takes the reports of the nodes (``resource-form gpu-report``). A session counts only while they tell of each of its GPUs that it
        does nothing. Default: 0, nobody is told. Example: 60
        """,
    ).tag(config=True)

    idle_gpu_stop_minutes = Float(
        0.0,
        help="""
        So many minutes after its user was told (:attr:`idle_gpu_minutes`) a session is stopped whose GPUs still have done nothing.

        Default: 0, none is stopped. Example: 30
        """,
    ).tag(config=True)

    @validate("idle_gpu_minutes", "idle_gpu_stop_minutes")
    def _check_idle_minutes(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] <= MAX_IDLE_MINUTES:
            raise TraitError(f"ResourceFormSpawner.{proposal['trait'].name} must be a number of minutes, 0 for never")
        return float(proposal["value"])
