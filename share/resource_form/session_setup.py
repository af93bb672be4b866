"""What is set up around the server in the job: its configuration of ours, and the image that it runs in.

The Hub puts this text in front of launcher.py's: both travel in the job's script, and need nothing but the standard library.
Its input is the environment:

RESOURCE_FORM_CONTAINER  the image that the server runs in, a JSON object (command, image, binds, options); without it there is none
RESOURCE_FORM_GPUS       the GPUs that were asked for; "0" for none
RESOURCE_FORM_SERVERS    what jupyter-server-proxy starts when it is opened, a JSON object by name, as its setting ServerProxy.servers
RESOURCE_FORM_LINKS      links that the home gets, a JSON object, name to target; a target may have variables of the environment
"""

import errno
import json
import os
import re
import shutil
import tempfile

CONFIGURATION = "jupyter_server_config.py"
"""Jupyter Server, and all that is made of it, reads it in each folder of JUPYTER_CONFIG_PATH (jupyter_core, jupyter_config_path)."""


def in_container(command, environment):
    """The command that runs ``command`` in the release's image; the command itself where there is none (apptainer-exec(1))."""
    text = environment.get("RESOURCE_FORM_CONTAINER", "")
    if not text:
        return command
    container = json.loads(text)
    words = [container["command"], "exec"]
    if environment.get("RESOURCE_FORM_GPUS", "0") != "0":
        words.append("--nv")
    for bind in container.get("binds", ()):
        words += ["--bind", bind]
    return words + list(container.get("options", ())) + [container["image"]] + command


class ServerConfiguration:
    """A folder with configuration of ours for the server, which only this user can read; it goes with the session.

    What users and releases have configured stays: of settings that are several, ours are added.
    """

    def __init__(self):
        self.root = None

    def show_to(self, environment):
        """Have the server read it, besides its own."""
        lines = []
        if "PYTHONNOUSERSITE" not in environment:
            # What is in ~/.local may be of another Python, or break the server (site(3)); kernels and terminals may want it all the same.
            environment["PYTHONNOUSERSITE"] = "1"
            lines.append('__import__("os").environ.pop("PYTHONNOUSERSITE", None)')
        servers = json.loads(environment.pop("RESOURCE_FORM_SERVERS", "") or "{}")
        self.remove()
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="jupyterhub-server-"))
        if servers:
            filled = filled_in(servers, {"home": environment.get("HOME", ""), "private": os.path.join(self.root, "private")})
            os.mkdir(os.path.join(self.root, "private"), 0o700)
            lines.append("c.ServerProxy.servers.update(%r)" % (filled,))
        path = os.path.join(self.root, CONFIGURATION)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        others = environment.get("JUPYTER_CONFIG_PATH")
        environment["JUPYTER_CONFIG_PATH"] = self.root + (os.pathsep + others if others else "")

    def remove(self):
        """Take the folder away."""
        if self.root is not None:
            shutil.rmtree(self.root, ignore_errors=True)
            self.root = None


def filled_in(value, names):
    """The value with ``{home}`` and ``{private}`` in each text of it replaced; jupyter-server-proxy fills in the others itself."""
    if isinstance(value, dict):
        return {key: filled_in(entry, names) for key, entry in value.items()}
    if isinstance(value, list):
        return [filled_in(entry, names) for entry in value]
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{%s}" % name, text.replace("{", "{{").replace("}", "}}"))
    return value


VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")


def expanded(text, environment):
    """The text with ``$NAME`` and ``${NAME}`` filled in; None where one of them is not set, or empty: then it names no place."""
    names = [first or second for first, second in VARIABLE.findall(text)]
    if not all(environment.get(name) for name in names):
        return None
    return VARIABLE.sub(lambda found: environment[found.group(1) or found.group(2)], text)


def state_folder(environment):
    """Where we keep what outlasts a session, in the user's home."""
    state = environment.get("XDG_STATE_HOME") or os.path.join(environment["HOME"], ".local", "state")
    return os.path.join(state, "jupyterhub-resource-form")


def links_made(path):
    """The links that earlier sessions have made, name to target."""
    try:
        with open(path, encoding="utf-8") as file:
            made = json.load(file)
    except (OSError, ValueError):
        return {}
    return {name: target for name, target in made.items() if isinstance(target, str)} if isinstance(made, dict) else {}


def keep_links(path, made):
    """Remember them; another session may do the same now, so the file appears whole."""
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    fresh = "%s.%d" % (path, os.getpid())
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(made, file)
    os.replace(fresh, path)


def make_link(path, target, own):
    """Have a link at ``path`` lead to ``target``; what to say of it where it does not, else None.

    Only a link that leads nowhere, or that is ``own``, is changed; a file, a folder, or a link of the user's own stays.
    """
    try:
        before = os.readlink(path)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return "there is something of that name already"
        if error.errno != errno.ENOENT:
            return error.strerror
        before = None
    if before is not None and os.path.realpath(path) == os.path.realpath(target):
        return None
    if before is not None and not own and os.path.exists(path):
        return "there is a link of that name already"
    fresh = "%s.%d" % (path, os.getpid())
    try:
        os.symlink(target, fresh)
        os.replace(fresh, path)
    except OSError as error:
        return error.strerror
    return None


def make_links(environment, say):
    """Make the links of the site's storage areas in the home, and mend those that we have made. Whatever goes wrong, the session goes on."""
    wanted = json.loads(environment.pop("RESOURCE_FORM_LINKS", "") or "{}")
    home = environment.get("HOME", "")
    if not wanted or not os.path.isabs(home):
        return
    record = os.path.join(state_folder(environment), "links.json")
    made = before = links_made(record)
    for name, text in sorted(wanted.items()):
        target = expanded(text, environment)
        if target is None or not os.path.isabs(target) or not os.path.isdir(target):
            continue
        path = os.path.join(home, name)
        if os.path.realpath(target) == os.path.realpath(home):
            continue
        try:
            own = before.get(name) == os.readlink(path)
        except OSError:
            own = False
        why = make_link(path, target, own)
        if why is None and os.readlink(path) == target:
            made = dict(made, **{name: target})
        elif why is not None:
            say("%s does not lead to %s: %s" % (path, target, why))
    if made != before:
        try:
            keep_links(record, made)
        except OSError as error:
            say("which links are ours could not be kept: %s" % error.strerror)
