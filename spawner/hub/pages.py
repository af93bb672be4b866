"""Our versions of the Hub's pages: found whatever folders of templates the site lists, and under names by which a site can extend them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..errors import RequestRejected, ResourceFormError
from ..humanize import moment_texts
from ..i18n import _, using
from ..session.record import End
from ..session.session import Session
from ..session.status import Stage
from ..site.notices import Announcement
from . import start_page, static
from .common import page_templates
from .labels import labels_of
from .locale import language_spoken
from .own_spawner import own_spawner
from .protocol import HubApplication
from .reach import default_server_name, is_active, may_have_server
from .sessions.ended import history_of
from .sessions.feed import Sessions
from .sessions.left_over import LeftOver
from .sessions.options import display_name, read_again
from .sessions.past import MAX_LISTED, Past, Reach, reaches_others
from .sessions.switching import Switching
from .sessions.tell import sends_messages
from .site_pages import PAGE, is_page_of_ours, names_taken_twice, what_is_taken_away
from .state import HubState

OURS = "ours"
"""Under ``ours/home.html`` a site's home.html finds ours."""

STOCK = "jupyterhub"
"""Under ``jupyterhub/page.html`` ours finds JupyterHub's own: what JupyterHub calls ``templates/page.html`` is ours, so that a site's
page.html, which extends that name, has our entry in the navigation as well."""


class PageHelp:
    """What our pages ask of a spawner, whichever class it is of: the templates know it as ``resource_form``."""

    @staticmethod
    def stylesheet(hub_url: str, name: str) -> Markup:
        """Return what gives a page one of our stylesheets."""
        return static.stylesheet(hub_url, name)

    @staticmethod
    def script(hub_url: str, name: str) -> Markup:
        """Return what gives a page one of our scripts."""
        return static.script(hub_url, name)

    @staticmethod
    def language(spawner: Any) -> str:
        """Return the language in which the spawner's user is spoken to."""
        return language_spoken(spawner)

    @staticmethod
    def gettext(spawner: Any) -> Callable[[str], str]:
        """Return what translates a sentence for the spawner's user; as it is where there is no spawner."""

        def translated(sentence: str) -> str:
            if getattr(spawner, "user", None) is None:
                return sentence
            with using(language_spoken(spawner)):
                return _(sentence)

        return translated

    @staticmethod
    def moment_texts(gettext: Callable[[str], str]) -> dict[str, str]:
        """Return what the script of a page writes moments with, translated by ``gettext``."""
        return moment_texts(gettext)

    @staticmethod
    def session(spawner: Any) -> Session | None:
        """Return the session of a spawner of ours."""
        own = own_spawner(spawner)
        return own.session if own is not None else None

    @staticmethod
    def end(spawner: Any) -> End | None:
        """Return how the last start or session of a spawner of ours ended."""
        own = own_spawner(spawner)
        return own.last_end if own is not None else None

    @staticmethod
    def request_in_words(spawner: Any) -> str:
        """Return what was asked for, in one line; empty where that cannot be read."""
        own = own_spawner(spawner)
        if own is None:
            return ""
        try:
            request = read_again(own.user_options or {})
        except RequestRejected:
            return ""
        with using(language_spoken(own)):
            return request.in_words

    @staticmethod
    def name(server: Any, spawner: Any = None) -> str:
        """Return what a server is called, as everywhere, for the user of ``spawner``: the Hub's database has servers without one."""
        with using(language_spoken(spawner or server)):
            labels = labels_of(spawner or server)
            return display_name(getattr(server, "orm_spawner", None) or server, server.user_options, labels)

    @staticmethod
    async def notices(spawner: Any) -> tuple[Announcement, ...]:
        """Return what the admin has to say to the spawner's user, the gravest first; without a wait for Slurm."""
        own = own_spawner(spawner)
        if own is None:
            return ()
        with using(language_spoken(own)):
            try:
                choices = await own.choices(patience=0)
            except Exception:  # noqa: BLE001 - whatever is wrong, as in an admin's function, what is for everyone is said
                choices = None
            return await own.announcements(choices)

    @staticmethod
    async def left_over(user: Any) -> list[int]:
        """Return the numbers of a user's jobs that carry this Hub's name and are no session's. Slurm is not asked."""
        state = HubState.of(user.spawner)
        known = state.part(LeftOver)
        if not known.refused and not known.reported:
            return []
        try:
            member = await state.cluster.member(user.name)
        except ResourceFormError:
            return []
        return [job.job_id for job in known.of(member, state.cluster)]

    @staticmethod
    def sends_messages(spawner: Any) -> bool:
        """Tell whether users are told of their sessions elsewhere, and may choose of what."""
        return sends_messages(spawner)

    @staticmethod
    def numbers(user: Any) -> dict[str, int]:
        """Return how many sessions of the user's stand in each list. Slurm is not asked."""
        own, state = own_spawner(user.spawner), HubState.of(user.spawner)
        past = Past(lambda: history_of(own), Reach(frozenset({user.name})), limit=MAX_LISTED) if own is not None else None
        return Sessions(
            state.cluster, lambda: [user.spawners[name] for name in user.orm_user.orm_spawners], hub_url="", past=past
        ).numbers()

    @staticmethod
    def sees_others(scopes: Any, user: str) -> bool:
        """Tell whether who looks at a page may read others' servers, by the page's ``parsed_scopes``."""
        return reaches_others((scopes or {}).get("read:servers"), user)

    @staticmethod
    def starts_about(spawner: Any, estimate: str | None) -> str:
        """Return when a session is thought to start, in words; empty where nobody knows."""
        own = own_spawner(spawner)
        if own is None or not estimate:
            return ""
        with using(language_spoken(own)):
            return start_page.starts_about(estimate, own.cluster.clock())

    @staticmethod
    def offers(spawner: Any) -> list[Mapping[str, Any]]:
        """Return what would start now in the place of a session that waits, as far as that is known; from now on somebody wants to know."""
        session = PageHelp.session(spawner)
        if session is None:
            return []
        session.progress.look()
        return list(session.progress.latest.details.get("offers", ()))

    @staticmethod
    def note_on_switching(spawner: Any) -> str:
        """Return why a session that waits was not given up for another request; once."""
        own = own_spawner(spawner)
        return HubState.of(own).part(Switching).take_note(own) if own is not None else ""

    @staticmethod
    def stage_of_end(spawner: Any) -> Stage:
        """Return the stage at which the last start of a spawner of ours failed."""
        return start_page.stage_of_end(PageHelp.end(spawner))

    @staticmethod
    def request_to_post(spawner: Any) -> Mapping[str, Any]:
        """Return what starts the last request once more when it is posted to the form's address; empty where that is of no use."""
        own = own_spawner(spawner)
        return start_page.request_to_post(own) if own is not None else {}

    @staticmethod
    def again_url(spawner: Any, url: str) -> str:
        """Return the form at ``url``, with what makes sense to change after the last end."""
        own = own_spawner(spawner)
        return own.again_url(url) if own is not None else url

    @staticmethod
    def default_server_name(user: Any) -> str:
        """Return the name of the server that the user has without naming one (``JupyterHub.default_server_name``)."""
        return default_server_name(user.settings)

    @staticmethod
    def is_active(user: Any, server: str) -> bool:
        """Tell whether a server of the user's is active."""
        return is_active(user, server)

    @staticmethod
    def may_start(spawner: Any, scopes: Any) -> bool:
        """Tell whether who looks at a page may start and stop a server, by the page's ``parsed_scopes``: a guest may only look in."""
        return may_have_server(scopes, spawner)


class _InFront(jinja2.BaseLoader):
    """Gives ours where a site's page.html asks for JupyterHub's."""

    def __init__(self, ours: jinja2.BaseLoader) -> None:
        self._ours = ours

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return our page.html under JupyterHub's name for its own."""
        if template == f"templates/{PAGE}":
            return self._ours.get_source(environment, PAGE)
        raise jinja2.TemplateNotFound(template)


@dataclass(slots=True)
class Pages:
    """What is known of a Hub's pages once it has started."""

    form_is_ours: bool = False
    """Whether the form stands on our page, or on one that extends ours: another page has a Start of its own."""


def install_pages(app: HubApplication) -> None:
    """Put our pages behind the site's and before JupyterHub's, and say in the log what of ours a site's page takes away."""
    state = HubState.of(app)
    for name in ("jinja2_env", "jinja2_env_sync"):
        environment: jinja2.Environment = app.tornado_settings[name]
        environment.loader = loader_of(app.template_paths, app.data_files_path, before=environment.loader)
        environment.globals["resource_form"] = PageHelp
        environment.globals["resource_form_stock_logo"] = Path(app.data_files_path) in Path(app.logo_file).parents
    environment = app.tornado_settings["jinja2_env"]
    state.part(Pages).form_is_ours = is_page_of_ours(environment, "spawn.html")
    given = names_taken_twice(environment, app.template_vars, Path(app.data_files_path) / "templates")
    for level, sentence in (*what_is_taken_away(environment), *given):
        app.log.log(level, "%s", sentence)


def loader_of(template_paths: Iterable[str | Path], data_files_path: str, *, before: jinja2.BaseLoader | None = None) -> jinja2.BaseLoader:
    """Return where the pages of a Hub are looked up: in the site's folders, then in ours, then where JupyterHub has looked ``before``."""
    stock = str(Path(data_files_path) / "templates")
    site = [str(path) for path in template_paths if str(path) not in (page_templates(), stock)]
    ours = jinja2.FileSystemLoader(page_templates())
    names = jinja2.PrefixLoader({OURS: ours, STOCK: jinja2.FileSystemLoader(stock)})
    return jinja2.ChoiceLoader([_InFront(ours), names, jinja2.FileSystemLoader(site), ours, *([before] if before is not None else [])])


def compare_class(app: HubApplication) -> None:
    """Say in the log if the Hub's class of spawners is not ours: what we show of its servers is then what JupyterHub knows."""
    if hasattr(app.spawner_class, "adopt"):
        return
    app.log.error(
        "c.JupyterHub.spawner_class is %s, which is not ours: its servers are shown as JupyterHub knows them, and sessions of ours that it "
        "may start in their place are not found again after the Hub has lost them, nor watched for idle GPUs. Lines below "
        "spawner.configure(c) win over it",
        getattr(app.spawner_class, "__name__", app.spawner_class),
    )
