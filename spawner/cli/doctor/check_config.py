"""What is wrong with the configuration, and with what else the admin has written. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...i18n import _
from .facts import ConfigFacts, SiteFacts
from .findings import SHELL, Finding, error, note, warning, well


def loads(facts: ConfigFacts) -> Iterator[Finding]:
    """The file is there, and is a program that runs to its end."""
    if facts.error:
        yield error(
            "config",
            _("The configuration {path} cannot be read: {why}").format(path=facts.path, why=facts.error),
            _("The Hub does not start with it."),
            _("Correct it. Nothing else was looked at."),
        )
    else:
        yield well("config", _("The configuration {path} can be read.").format(path=facts.path))


def values(facts: ConfigFacts) -> Iterator[Finding]:
    """Each setting has a value that it may have."""
    for words in facts.wrong:
        yield error(
            "settings-values",
            words,
            _("The Hub does not start with it, or no form can be shown."),
            _("Correct it. Nothing else was looked at."),
        )
    if not facts.wrong:
        yield well("settings-values", _("The values of the settings are possible."))


def names(facts: ConfigFacts) -> Iterator[Finding]:
    """There is a setting of each name."""
    for name, near in facts.unknown:
        yield warning(
            "settings-unknown",
            _("There is no setting {name}.").format(name=name),
            _("The line has no effect, and the Hub says so in its log only."),
            _("Is it {name}?").format(name=near) if near else _("Take the line out."),
        )
    if not facts.unknown:
        yield well("settings-unknown", _("The settings of the Hub and of this spawner are known by their names."))


def effect(facts: ConfigFacts) -> Iterator[Finding]:
    """Each setting says something to this spawner."""
    for name, instead in facts.without_effect:
        yield warning(
            "settings-without-effect",
            _("{name} has no effect on this spawner.").format(name=name),
            _("What it is to do does not happen."),
            _("Use instead: {instead}").format(instead=instead),
        )
    for name in facts.renamed:
        yield note(
            "settings-without-effect",
            _("{name} is written under an older name of its section.").format(name=name),
            _("It works, and the Hub’s log warns of it."),
            _("Write SlurmCluster in its place."),
        )
    if not facts.without_effect and not facts.renamed:
        yield well("settings-without-effect", _("No setting is without effect."))


def spawner_class(facts: ConfigFacts) -> Iterator[Finding]:
    """The Hub starts servers by this spawner."""
    if facts.is_ours:
        yield well("spawner-class", _("The Hub’s spawner is {name}.").format(name=facts.spawner_class))
    else:
        yield warning(
            "spawner-class",
            _("The Hub’s spawner is {name}, and not this one.").format(name=facts.spawner_class),
            _("Servers are started by another spawner, and none of these settings counts. Lines below spawner.configure(c) win over it."),
            _("Take the other line out, or make it a subclass of ResourceFormSpawner."),
            'c.JupyterHub.spawner_class = "resource-form"',
        )


def hub_settings(facts: ConfigFacts) -> Iterator[Finding]:
    """The Hub's own settings fit a batch system."""
    if facts.cleanup_servers:
        yield warning(
            "hub-settings",
            _("The Hub stops all sessions when it ends (cleanup_servers)."),
            _("Each restart of the Hub ends everybody’s work."),
            _("Call spawner.configure(c), or set it below."),
            "c.JupyterHub.cleanup_servers = False",
        )
    if facts.concurrent_spawn_limit:
        yield warning(
            "hub-settings",
            _("At most {number} sessions may be starting at once (concurrent_spawn_limit).").format(number=facts.concurrent_spawn_limit),
            _("Jobs that wait in the queue count as starting: with so many of them nobody can start a session."),
            _("Call spawner.configure(c), or set it below."),
            "c.JupyterHub.concurrent_spawn_limit = 0",
        )
    if not facts.cleanup_servers and not facts.concurrent_spawn_limit:
        yield well("hub-settings", _("The Hub’s own settings fit a batch system."))


def templates(facts: SiteFacts) -> Iterator[Finding]:
    """Our pages are reached, whatever a site's own add to them."""
    for is_error, words in facts.pages:
        kind = error if is_error else warning
        yield kind(
            "templates", words, _("A part of our pages is missing, or a page is an error."), _("See “Your own pages” in docs/hubs.md.")
        )
    if not facts.pages:
        yield well("templates", _("Our pages are found, behind the site’s own."))


def folders(facts: SiteFacts) -> Iterator[Finding]:
    """The folders that the configuration names are there."""
    for name, path in facts.folders:
        yield error(
            "folders",
            _("{setting} names {path}, which is no folder that the Hub can read.").format(setting=name, path=path),
            _("What should be found there is not."),
            _("Correct the path, or the rights of the folder."),
        )
    if not facts.folders:
        yield well("folders", _("The folders that the configuration names are there."))


def job_script(facts: SiteFacts) -> Iterator[Finding]:
    """The job's script can be made for each release."""
    if facts.job_script:
        yield error(
            "job-script",
            _("The job’s script cannot be made: {why}").format(why=facts.job_script),
            _("No session can start."),
            _("Correct the site’s template, or take it out of ResourceFormSpawner.template_paths."),
        )
    else:
        yield well("job-script", _("The job’s script can be made."))


def assets(facts: SiteFacts) -> Iterator[Finding]:
    """The package is installed with all its files."""
    if facts.assets:
        yield error(
            "assets",
            _("The installation is incomplete: {what}").format(what=facts.assets),
            _("Pages have no style or script, or no session can start."),
            _("Install the package anew."),
            "pip install --force-reinstall --no-deps jupyterhub-resource-form",
            place=SHELL,
        )
    else:
        yield well("assets", _("The files of the package are there."))


def catalogue(facts: SiteFacts) -> Iterator[Finding]:
    """The releases can be read, and one of them is tested."""
    if facts.catalogue or facts.releases is None:
        yield error(
            "catalogue",
            _("The catalogue of releases is broken: {why}").format(why=facts.catalogue),
            _("A Hub that starts with it shows no form."),
            _("Correct the entry; share/resource_form/releases.schema.json says what may be in it."),
        )
        return
    number, tested = facts.releases
    if not facts.has_catalogue:
        yield note(
            "catalogue",
            _("There is no catalogue of releases."),
            _("Sessions have what the nodes have on their PATH, under the name “Default”."),
            _("List the software that users are to have."),
            'c.ResourceFormSpawner.catalogue_file = "/etc/jupyterhub/releases.yaml"',
        )
    elif not tested:
        yield warning(
            "catalogue",
            _("No release of the catalogue is tested and supported today."),
            _("The form begins with one that is not meant for everybody."),
            _("Add a release, or mark one as tested."),
        )
    else:
        yield well(
            "catalogue", _("The catalogue is valid: {number} releases, {tested} of them tested.").format(number=number, tested=tested)
        )


def notices(facts: SiteFacts) -> Iterator[Finding]:
    """The notices can be read."""
    if facts.notices:
        yield warning(
            "notices",
            _("The notices cannot be read: {why}").format(why=facts.notices),
            _("Users are not told what they should be."),
            _("Correct the file; share/resource_form/notices.example.yaml is one to start from."),
        )
    else:
        yield well("notices", _("The notices can be read."))


def form_file(facts: SiteFacts) -> Iterator[Finding]:
    """The file of fields and presets is in order."""
    if facts.form_file:
        yield error(
            "form-file",
            _("The file of fields and presets cannot be read: {why}").format(why=facts.form_file),
            _("A Hub that starts with it starts no session: what the file forbids is not known."),
            _("Correct the file; share/resource_form/form.example.yaml is one to start from."),
        )
    else:
        yield well("form-file", _("The fields and presets of the form are in order."))


def site_commands(facts: SiteFacts) -> Iterator[Finding]:
    """The site's own programs can be run."""
    for name, words in facts.commands:
        yield warning("commands", f"{name}: {words}", _("What it tells is missing on the pages."), _("Correct the path, or its rights."))
    if not facts.commands:
        yield well("commands", _("The site’s own commands are there."))
