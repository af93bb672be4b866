"""How sites set their Hubs up, as data: a few lines of configuration, a few templates, and what each page then has to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SCRIPT = "site-script.js"
SITE_PAGE = f"""{{% extends "templates/page.html" %}}
{{% block announcement %}}{{{{ super() }}}}<p>site-announcement</p>{{% endblock %}}
{{% block footer %}}<footer>site-footer</footer>{{% endblock %}}
{{% block script %}}{{{{ super() }}}}<script src="/{SCRIPT}" async></script>{{% endblock %}}
"""
ON_EVERY_PAGE = ("site-announcement", "site-footer", SCRIPT, "resource-form/sessions")


@dataclass(frozen=True)
class SetUp:
    """One Hub: lines behind ``spawner.configure(c)``, with ``SITE`` for the folder of its templates, ``RELEASE`` for a server's program,
    ``PYTHON`` for the Python beside it, ``SLURM_CONF``, and ``BATCHSPAWNER`` for a folder to import batchspawner from.

    Parameters
    ----------
    everywhere
        What stands in the HTML of every page.
    shows
        What stands in one: by the page's name, as the test calls it.
    hides
        What stands in none.
    answers
        What stands in the answers at other addresses of the Hub, once the session is over.
    said, not_said
        What the Hub's log says at its start, and what it does not.
    options
        The request of the session, over the form's own values.
    follows_jobs
        The sessions are jobs of ours; else servers of another spawner.
    also
        Further sessions of the same Hub, with what their pages show.
    """

    name: str
    config: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)
    everywhere: tuple[str, ...] = ()
    shows: Mapping[str, str] = field(default_factory=dict)
    hides: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    not_said: tuple[str, ...] = ("have no link to the list",)
    options: Mapping[str, str] = field(default_factory=dict)
    is_older: bool = False
    follows_jobs: bool = True
    also: tuple[SetUp, ...] = ()


OWN_PAGES = {
    "page.html": SITE_PAGE,
    "home.html": '{% extends "ours/home.html" %}{% block main %}<p>site-home</p>{{ super() }}{% endblock %}',
    "spawn.html": '{% extends "ours/spawn.html" %}{% block heading %}{{ super() }}<p>site-spawn</p>{% endblock %}',
    "spawn_pending.html": '{% extends "ours/spawn_pending.html" %}{% block message %}{{ super() }}<p>site-pending</p>{% endblock %}',
    "not_running.html": '{% extends "ours/not_running.html" %}{% block heading %}{{ super() }}<p>site-not-running</p>{% endblock %}',
}
STOCK_PAGES = {
    "page.html": SITE_PAGE,
    **{name: f'{{% extends "templates/{name}" %}}' for name in ("home.html", "spawn.html", "spawn_pending.html", "not_running.html")},
}

SET_UPS = (
    SetUp("paths-set", "c.JupyterHub.template_paths = [SITE]\n", {"page.html": SITE_PAGE}, ON_EVERY_PAGE),
    SetUp(
        "own-pages",
        "c.JupyterHub.template_paths.append(SITE)\n",
        OWN_PAGES,
        ON_EVERY_PAGE,
        {"home": "site-home", "form": "site-spawn", "waiting": "site-pending", "not running": "site-not-running"},
        not_said=("have no link", "takes the place of our page"),
    ),
    SetUp(
        "stock-pages",
        "c.JupyterHub.template_paths.insert(0, SITE)\n",
        STOCK_PAGES,
        ON_EVERY_PAGE,
        {"home": "My Server", "form": "Server Options"},
        said=("home.html takes the place of our page", "ours/spawn.html"),
    ),
    SetUp(
        "subclass",
        "from traitlets import default\n"
        "class SiteSpawner(spawner.ResourceFormSpawner):\n    @default('language')\n    def _language(self):\n        return 'it'\n"
        "c.JupyterHub.spawner_class = SiteSpawner\nc.SiteSpawner.support_text = 'site-support'\n",
        shows={"form": "site-support", "home": "Le mie sessioni", "sessions": "Le mie sessioni", "stop": 'lang="it"'},
        answers={"resource-form/availability": "GPU libere", "api/resource-form/sessions": "fermata tramite JupyterHub"},
    ),
    SetUp(
        "another-spawner",
        "from jupyterhub.spawner import SimpleLocalProcessSpawner\n"
        "class Other(SimpleLocalProcessSpawner):\n    options_form = '<p>other-form</p>'\n"
        "c.Other.cmd = [RELEASE]\nc.Other.args = ['--allow-root']\n"
        "c.JupyterHub.spawner_class = Other\n",
        shows={"form": "other-form", "home": "Your sessions", "not running": "The session is not running."},
        said=("is not ours",),
        follows_jobs=False,
    ),
    SetUp(
        "wrapped",
        "from wrapspawner import ProfilesSpawner\n"
        "c.JupyterHub.spawner_class = ProfilesSpawner\nc.Spawner.ip = '0.0.0.0'\nc.Spawner.start_timeout = 600\n"
        "from jupyterhub.spawner import SimpleLocalProcessSpawner as Local\nfrom batchspawner import SlurmSpawner\n"
        "c.ProfilesSpawner.profiles = [('A job', 'a-job', spawner.ResourceFormSpawner, {}),\n"
        "    ('Here', 'here', Local, {'cmd': [RELEASE], 'args': ['--allow-root']}),\n"
        "    ('Of before', 'of-before', SlurmSpawner, {'cmd': [RELEASE]})]\n"
        # How the job starts the server is batchspawner's own; the nodes of a cluster on one machine have no addresses of their own.
        "Old = c.SlurmSpawner\nOld.batchspawner_singleuser_cmd = PYTHON + ' -m batchspawner.singleuser'\n"
        "Old.exec_prefix = 'runuser -u {username} -- env SLURM_CONF=' + SLURM_CONF if os.geteuid() == 0 else ''\n"
        "Old.batch_query_cmd = 'squeue -h -j {job_id} -o \"%T localhost\"'\nOld.req_prologue = 'export PYTHONPATH=' + BATCHSPAWNER\n"
        "Old.batch_script = '#!/bin/bash\\n#SBATCH --output=/dev/null --chdir=/ --time=20\\n{{prologue}}\\n{{cmd}}\\n'\n",
        shows={"form": "A job", "home": "Your sessions", "log": "Log of job"},
        said=("is not ours",),
        also=(
            SetUp("here", options={"profile": "here"}, shows={"home": "Your sessions"}, follows_jobs=False),
            SetUp("of-before", options={"profile": "of-before"}, shows={"home": "Your sessions"}, follows_jobs=False),
        ),
    ),
    SetUp(
        "settings-of-batchspawner",
        "c.BatchSpawnerBase.req_partition = 'g100_old'\nc.SlurmSpawner.req_runtime = '1:00:00'\n"
        "c.ResourceFormSpawner.req_prologue = 'module load python'\nc.ResourceFormSpawner.exec_prefix = 'sudo -E'\n"
        "c.SlurmSpawner.req_options = '--exclusive'\nc.Spawner.mem_limit = '1G'\n",
        said=tuple(
            f"c.{name} has no effect on this spawner. Use instead: "
            for name in (
                *("BatchSpawnerBase.req_partition", "SlurmSpawner.req_runtime", "SlurmSpawner.req_options", "Spawner.mem_limit"),
                *("ResourceFormSpawner.req_prologue", "ResourceFormSpawner.exec_prefix"),
            )
        ),
    ),
    SetUp(
        "no-way-to-the-list",
        "c.JupyterHub.template_paths = [SITE]\n",
        {"page.html": '{% extends "templates/page.html" %}{% block nav_bar_left_items %}<li>site-item</li>{% endblock %}'},
        ("site-item",),
        said=("have no link to the list",),
        not_said=(),
    ),
    SetUp(
        "names-in-capitals",
        "c.ResourceFormSpawner.fields = {'account': {'choices': ['Cin_Staff'], 'default': 'Cin_Staff'}}\n"
        "c.ResourceFormSpawner.presets = [{'name': 'p', 'label': 'site-preset', 'accounts': ['CIN_STAFF'], 'values': {'cores': 2}}]\n",
        shows={"form": "site-preset"},
        options={"account": "cin_staff"},
    ),
    SetUp("older", "c.JupyterHub.template_paths = [SITE]\n", OWN_PAGES, ON_EVERY_PAGE, {"form": "site-spawn"}, is_older=True),
)
