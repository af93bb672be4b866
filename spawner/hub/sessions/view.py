"""What the Hub knows of a session's server, made ready to be shown."""

from __future__ import annotations

from jupyterhub.utils import url_escape_path, url_path_join

from ...accounting.budget_policy import is_charged
from ...advice.service import PricingSettings
from ...i18n import _
from ...request.choices import Choices
from ...session.status import Server
from ..protocol import HubSpawner
from .options import display_name, told_request
from .past import log_link, summary_of


def usage_factor_of(choices: Choices, partition: str, account: str, terms: PricingSettings) -> float | None:
    """Return the UsageFactor of a job of this user in the partition, for the account; None where it is not charged."""
    if not is_charged(terms.not_charged, partition, account):
        return None
    limits = choices.entitlement.partition(partition)
    return limits.rules_for(account).usage_factor if limits is not None else 1.0


def server_of(spawner: HubSpawner, hub_url: str, job_id: int = 0) -> Server:
    """Return what the Hub knows of the spawner's server. ``job_id`` is the job of the session whose log is to be shown, 0 for none."""
    user, name = spawner.user, spawner.name
    options = dict(spawner.orm_spawner.user_options or {})
    return Server(
        user=user.name,
        name=name,
        display_name=display_name(spawner.orm_spawner, options) or _("Default server"),
        color=str(options.get("color") or ""),
        request=told_request(options),
        summary=summary_of(options),
        url=user.server_url(name) if spawner.ready else "",
        progress_url=user.progress_url(name),
        spawn_url=url_path_join(hub_url, "spawn", user.escaped_name, url_escape_path(name)),
        log_url=log_link(hub_url, user.name, job_id),
        warn_minutes=tuple(spawner.warn_minutes),
    )
