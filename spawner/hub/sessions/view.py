"""What the Hub knows of a session's server, made ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timezone
from typing import Any

from jupyterhub.utils import url_escape_path, url_path_join

from ...accounting.budget_policy import is_charged
from ...advice.service import PricingSettings
from ...i18n import _
from ...request.choices import Choices
from ...session.status import App, Server, SessionStatus, State, cost_of_end
from ...site.areas import area_of, parse_areas
from ...site.catalogue import Labels
from ..labels import labels_of
from ..own_spawner import own_spawner
from ..protocol import HubSpawner
from .options import display_name, given_name, told_request
from .past import log_link, summary_of


def usage_factor_of(choices: Choices, partition: str, account: str, terms: PricingSettings) -> float | None:
    """Return the UsageFactor of a job of this user in the partition, for the account; None where it is not charged."""
    if not is_charged(terms.not_charged, partition, account):
        return None
    limits = choices.entitlement.partition(partition)
    return limits.rules_for(account).usage_factor if limits is not None else 1.0


def server_of(spawner: HubSpawner, hub_url: str, job_id: int = 0) -> Server:
    """Return what the Hub knows of the spawner's server. ``job_id`` is the job of the session whose log is to be shown, 0 for none."""
    user, name, own = spawner.user, spawner.name, own_spawner(spawner)
    options, labels = dict(spawner.orm_spawner.user_options or {}), labels_of(spawner)
    folder = str(options.get("start_folder") or "")
    area = area_of(folder, parse_areas(own.start_folders)) if own is not None and folder else None
    return Server(
        user=user.name,
        name=name,
        display_name=display_name(spawner.orm_spawner, options, labels),
        named=bool(given_name(spawner.orm_spawner, options)),
        color=str(options.get("color") or ""),
        request=told_request(options),
        summary=summary_of(options),
        release_text=labels.release(options.get("release")),
        interface_text=labels.interface(options.get("interface")),
        url=user.server_url(name) if spawner.ready else "",
        progress_url=user.progress_url(name),
        spawn_url=url_path_join(hub_url, "spawn", user.escaped_name, url_escape_path(name)),
        log_url=log_link(hub_url, user.name, job_id),
        warn_minutes=tuple(own.warn_minutes) if own is not None else (),
        setup_label=_(labels.first_logins.get(str(options.get("release")), "")),
        folder=folder,
        local_area=area.title if area is not None and area.local else "",
        apps=_apps(user.server_url(name), options, labels) if spawner.ready else (),
    )


def _apps(url: str, options: Mapping[str, Any], labels: Labels) -> tuple[App, ...]:
    """What can be opened besides the interface that the session was started for."""
    others = (entry for entry in labels.opened_in(options.get("release")) if entry.name != options.get("interface"))
    return tuple(App(entry.name, _(entry.label), url_path_join(url, entry.url)) for entry in others)


def status_of_other(spawner: Any, hub_url: str) -> SessionStatus:
    """Return how a server stands that has no session of ours: what JupyterHub itself knows."""
    begun = spawner.orm_spawner.started
    started = begun.replace(tzinfo=timezone.utc).timestamp() if begun is not None else None
    state: State = "stopping" if spawner.pending == "stop" else "running" if spawner.ready else "starting"
    sentences = {
        "stopping": _("The session is being stopped."),
        "starting": _("The session is starting."),
        "running": _("The session is running."),
    }
    own = own_spawner(spawner)
    # Our part of a stop is over before JupyterHub's is: what it was stays on the page.
    end = own.last_end if own is not None and state == "stopping" else None
    if end is not None:
        started = end.started
    return SessionStatus(
        server=server_of(spawner, hub_url),
        kind="running",
        state=state,
        stage="connected" if state == "running" else "",
        sentence=sentences[state],
        job_id=(end.job_id if end is not None else 0) or None,
        node=end.node if end is not None else "",
        submitted=end.submitted if end is not None else None,
        started=started,
        cost=cost_of_end(end),
        progress=100 if state == "running" else 0,
    )
