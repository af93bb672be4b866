"""What is set up around the server in the job: its configuration of ours, and the image that it runs in.

The Hub puts this text in front of launcher.py's: both travel in the job's script, and need nothing but the standard library.
Its input is the environment:

RESOURCE_FORM_CONTAINER  the image that the server runs in, a JSON object (command, image, binds, options); without it there is none
RESOURCE_FORM_GPUS       the GPUs that were asked for; "0" for none
RESOURCE_FORM_SERVERS    what jupyter-server-proxy starts when it is opened, a JSON object by name, as its setting ServerProxy.servers
"""

import json
import os
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
