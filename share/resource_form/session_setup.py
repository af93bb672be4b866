"""What is set up around the server in the job: its configuration of ours, and the image that it runs in.

The Hub puts this text in front of launcher.py's: both travel in the job's script, and need nothing but the standard library.
Its input is the environment:

RESOURCE_FORM_CONTAINER  the image that the server runs in, a JSON object (command, image, binds, options, shared_memory_option); without it there is none
RESOURCE_FORM_SHARED_MEMORY  megabytes of /dev/shm in that image
RESOURCE_FORM_GPUS       the GPUs that were asked for; "0" for none
RESOURCE_FORM_SERVERS    what jupyter-server-proxy starts when it is opened, a JSON object by name, as its setting ServerProxy.servers
RESOURCE_FORM_FIRST_LOGIN  what the release has run once for each user, a JSON object (release, script)
RESOURCE_FORM_START_FOLDER  the folder in which the session opens, a JSON object (chosen, root, below); without it, where it always does
RESOURCE_FORM_LINKS      links that the home gets, a JSON object, name to target; a target may have variables of the environment
"""

import errno
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess  # the admin's own script, in a list # nosec B404
import sys
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
    size, option = environment.get("RESOURCE_FORM_SHARED_MEMORY", ""), container.get("shared_memory_option", "")
    if size and option:
        words.append(option.replace("{megabytes}", size))
    return words + list(container.get("options", ())) + [container["image"]] + command


def limits_of_job(environment):
    """What the job has, under the names that JupyterHub gives a server's limits: cores, and bytes of memory.

    Slurm says it in the job (sbatch(1), OUTPUT ENVIRONMENT VARIABLES), and it may be more than was asked for: whole cores of two threads,
    whole nodes, more CPUs for the memory (MaxMemPerCPU), memory by a partition's default. What it does not say stays as the Hub has it.
    """
    cpus = environment.get("SLURM_CPUS_ON_NODE", "")
    megabytes = environment.get("SLURM_MEM_PER_NODE", "")
    if not megabytes and cpus.isdigit() and environment.get("SLURM_MEM_PER_CPU", "").isdigit():
        megabytes = str(int(cpus) * int(environment["SLURM_MEM_PER_CPU"]))
    limits = {}
    if cpus.isdigit() and int(cpus):
        limits["CPU_LIMIT"] = limits["CPU_GUARANTEE"] = str(float(cpus))
    if megabytes.isdigit() and int(megabytes):  # 0 is all that the node has, which is not said
        limits["MEM_LIMIT"] = limits["MEM_GUARANTEE"] = str(int(megabytes) << 20)
    return limits


class ServerConfiguration:
    """A folder with configuration of ours for the server, which only this user can read; it goes with the session.

    What users and releases have configured stays: of settings that are several, ours are added.
    """

    def __init__(self):
        self.root = None

    def show_to(self, environment, more=()):
        """Have the server read it, besides its own; ``more`` are lines of configuration."""
        lines = list(more)
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


def keep(path, known):
    """Write down what is known; another session may do the same now, so the file appears whole."""
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    fresh = "%s.%d" % (path, os.getpid())
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(known, file)
    os.replace(fresh, path)


def link_at(path):
    """Where a link leads, as it is written; None where there is none."""
    try:
        return os.readlink(path)
    except OSError:
        return None


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
        why = make_link(path, target, before.get(name) == link_at(path))
        if why is None and link_at(path) == target:
            made = dict(made, **{name: target})
        elif why is not None:
            say("%s does not lead to %s: %s" % (path, target, why))
    if made != before:
        try:
            keep(record, made)
        except OSError as error:
            say("which links are ours could not be kept: %s" % error.strerror)


class StartFolder:
    """The folder in which the session opens, as it was chosen: looked for in the job, as the user, where variables have their values.

    ``path`` is None where none was chosen, or it cannot be had; then ``trouble`` says why, "missing" or "outside", and the session opens
    where it always does. ``lines`` are for the server's configuration.
    """

    def __init__(self, environment, say):
        self.path = None
        self.trouble = ""
        self.lines = []
        text = environment.pop("RESOURCE_FORM_START_FOLDER", "")
        if not text:
            return
        wanted = json.loads(text)
        root = expanded(wanted["root"], environment)
        path = os.path.join(root or "", wanted["below"]) if wanted["below"] else root
        if not root or not os.path.isabs(root) or not os.path.isdir(path) or not os.access(path, os.R_OK | os.X_OK):
            self.trouble = "missing"
            say("there is no folder %s here (%s): the session opens where it always does" % (wanted["chosen"], path or wanted["root"]))
        elif not is_within(path, root):
            self.trouble = "outside"
            say("%s leads out of %s, to %s: the session opens where it always does" % (path, root, os.path.realpath(path)))
        else:
            self.path = os.path.realpath(path)
            self.show_in(environment, os.path.realpath(root))

    def show_in(self, environment, root):
        """Have the file browser open there. Where it is below what the server shows anyway, or a link in the home leads there, all of
        that stays in reach; else the server shows the area.
        """
        shown = os.path.abspath(os.path.expanduser(environment.get("JUPYTERHUB_ROOT_DIR") or environment.get("HOME", "/")))
        below = below_folder(self.path, shown)
        if below is None:
            shown, below = root, os.path.relpath(self.path, root)
        environment["JUPYTERHUB_ROOT_DIR"] = shown
        if below != ".":
            self.lines = ["c.FileContentsManager.preferred_dir = %r" % (below,)]


def is_within(path, root):
    """Whether a path is in the folder, wherever its links lead."""
    whole = os.path.realpath(root)
    return os.path.commonpath([os.path.realpath(path), whole]) == whole


def below_folder(path, shown):
    """The path as seen from the folder ``shown``, also through a link in it; None where it cannot be reached from there."""
    if is_within(path, shown):
        below = os.path.relpath(os.path.realpath(path), os.path.realpath(shown))
        # What is hidden no file browser shows.
        return None if any(part.startswith(".") and part != "." for part in below.split("/")) else below
    try:
        links = sorted(entry.path for entry in os.scandir(shown) if entry.is_symlink() and not entry.name.startswith("."))
    except OSError:
        return None
    # Of several the one that leads closest to it.
    reached = [link for link in links if os.path.isdir(link) and is_within(path, link)]
    reached.sort(key=lambda link: -len(os.path.realpath(link)))
    seen = [os.path.join(os.path.basename(link), os.path.relpath(path, os.path.realpath(link))) for link in reached]
    return os.path.normpath(seen[0]) if seen else None


FIRST_LOGIN_TRIES = 3
"""What has failed so often is not tried again: it would take time from each session for nothing."""
NOT_FOR_THE_SCRIPT = ("JUPYTERHUB_", "JPY_", "RESOURCE_FORM_", "PYTHONNOUSERSITE")


class FirstLogin:
    """What a release has run once for each user, in the background. Whatever becomes of it, the session goes on.

    ``state`` is "running", "done" or "failed"; empty where there is nothing to run, for it was run before, or another session does it now.
    ``told`` is what the Hub knows of it.
    """

    def __init__(self, say):
        self.say = say
        self.state = ""
        self.told = ""
        self.process = None
        self.lock = None

    def begin(self, environment):
        """Begin it, if that is due. ``environment`` is the server's."""
        text = environment.pop("RESOURCE_FORM_FIRST_LOGIN", "")
        if not text or self.state:
            return
        try:
            self.run(json.loads(text), environment)
        except (OSError, ValueError, KeyError) as error:
            self.say("what is to be run once for this release could not be begun: %s" % error)

    def run(self, task, environment):
        self.release = task["release"]
        folder = os.path.join(state_folder(environment), "first-login")
        os.makedirs(folder, 0o700, exist_ok=True)
        self.record = os.path.join(folder, self.release + ".json")
        if not self.is_due() or not self.take(folder):
            return
        self.say("this is the first session with release %s: it is set up for this user in the background" % self.release)
        self.process = subprocess.Popen(  # the admin's own script # nosec B603 B607
            ["bash", "-c", task["script"]],
            cwd=environment["HOME"],
            env={name: value for name, value in environment.items() if not name.startswith(NOT_FOR_THE_SCRIPT)},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            start_new_session=True,
            preexec_fn=at_ease,
        )
        self.state = "running"

    def is_due(self):
        """Whether it has not been done, nor tried too often."""
        known = self.known()
        return not known.get("done") and known.get("tries", 0) < FIRST_LOGIN_TRIES

    def known(self):
        try:
            with open(self.record, encoding="utf-8") as file:
                known = json.load(file)
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) and isinstance(known.get("tries", 0), int) else {}

    def take(self, folder):
        """Whether it is this session's to do; the lock goes with this process."""
        self.lock = open(os.open(os.path.join(folder, self.release + ".lock"), os.O_WRONLY | os.O_CREAT, 0o600), "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some file systems know no locks; then two sessions may do it at a time.
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        return self.is_due()

    def look(self):
        """Note its end."""
        if self.process is None or self.process.poll() is None:
            return
        code, self.process = self.process.returncode, None
        self.state = "failed" if code else "done"
        outcome = "could not be set up for this user (code %d)" % code if code else "is set up for this user"
        self.say("release %s %s" % (self.release, outcome))
        known = {"done": code == 0, "tries": self.known().get("tries", 0) + 1, "code": code}
        try:
            keep(self.record, known)
        except OSError as error:
            self.say("that could not be kept: %s" % error.strerror)
        self.lock.close()

    def stop(self):
        """End it with the session; the next one begins it again."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except OSError:
                pass
            self.process.wait()


def at_ease():
    """The session's own work comes first; and no signal is blocked, as in the launcher."""
    os.nice(10)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
