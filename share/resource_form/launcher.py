"""Starts the server inside the job and tells the Hub its port once it listens.

Travels in the job script and runs on the compute node with nothing but the standard library. Its input is the environment
that the Hub gave to the job: JUPYTERHUB_API_URL, JUPYTERHUB_API_TOKEN, JUPYTERHUB_SERVICE_URL, and

RESOURCE_FORM_COMMAND  the server's command, a JSON list
RESOURCE_FORM_PORTS    "LOW-HIGH", the ports to choose from; empty: any free one
RESOURCE_FORM_SET_NAME the user's own variable NAME: for the server, and for nothing on the way to it
RESOURCE_FORM_CERTIFICATES  under internal_ssl: the texts of keyfile, certfile and cafile, a JSON object
RESOURCE_FORM_BAR      what JupyterLab's session bar says, a JSON object; without it there is no bar

It ends with the server's own exit code; or, where the server failed and cannot keep its files, with the code that says why (HOME_GONE and
those after it). The Hub knows these codes: there may be no log to tell it.
"""

import contextlib
import errno
import http.client
import json
import os
import random
import resource
import secrets
import shutil
import signal
import socket
import ssl
import stat
import subprocess  # the server is started from a list, no shell # nosec B404
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from session_setup import FirstLogin, ServerConfiguration, StartFolder, in_container, limits_of_job, make_links  # which the Hub puts here

FOR_THE_SERVER = "RESOURCE_FORM_SET_"
IMAGE_FAILED = 255
"""What Apptainer ends with where it cannot run the image."""
NO_SOFTWARE = 80
"""As templates/resource_form/job_script.sh: the release could not be set up."""
MAX_ATTEMPTS = 10
LISTEN_LIMIT_SECONDS = 600
REPORT_LIMIT_SECONDS = 3600
GPU_REPORT_PAUSES_SECONDS = (0, 1, 5, 30)
REFUSED = "X-Resource-Form-Refused"
"""In a refusal that is final. A Hub whose database is away answers 403 to anybody, and a proxy may say what it likes."""
STOP_GRACE_SECONDS = 3.0
POLL_SECONDS = 0.02
MEMORY_SECONDS = 5.0
PEAK_REPORT_SECONDS = 60.0
PEAK_WORTH_TELLING = 1.02
"""By so much the peak has to have risen before it is told while the session runs; what it was in the end is told exactly."""
GROWN = 1.25
"""A process so many times as large as any that was seen is taken to be another one, that came and went."""
LAST_REPORT_SECONDS = 2.0
"""So long the end of the job waits at most for the Hub to take the last report."""
END_SECONDS = 60.0
END_DIFFERS_SECONDS = 30
LONGEST_ANSWER = 10_000
"""So much of what the Hub answers is read, in bytes."""

LAB_EXTENSION = {}
"""The files of the extension that shows the session bar, name to text: the Hub fills them in."""
LAB_EXTENSION_NAME = "jupyterhub-resource-form"
LAB_EXTENSION_SCRIPT = "remoteEntry.js"

OWN_CGROUPS = "/proc/self/cgroup"
CGROUPS = "/sys/fs/cgroup"

# Exit codes of our own (spawner/session/exit_codes.py has what they mean for a person).
HOME_GONE, HOME_IS_FILE, HOME_CLOSED, HOME_READ_ONLY, HOME_NOT_OURS, HOME_FULL, HOME_SILENT, NO_TEMPORARY_FILES = range(81, 89)
PROBE_BYTES = 256 * 1024

# Blocked, and taken where the launcher waits: an exception out of a signal's handler may be lost in somebody's __del__.
# SIGUSR1 is from a Hub that has lost the session and wants the port again.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1)


def say(text):
    """Write a line into the log, if there is room for it: past Python's own buffer, which would end a program that cannot write with 120."""
    try:
        os.write(sys.stderr.fileno(), ("resource-form launcher: " + text + "\n").encode("utf-8", "replace"))
    except OSError:
        pass


def free_port(host, ports):
    """A port that is free now; whether it still is when the server binds it, the server will tell."""
    candidates = [0]
    if ports:
        low, _, high = ports.partition("-")
        candidates = random.sample(range(int(low), int(high) + 1), int(high) + 1 - int(low))  # a port is no secret # nosec B311
    for port in candidates:
        free = port_that_can_be_bound(host, port)
        if free is not None:
            return free
    raise SystemExit("resource-form launcher: no port of %s is free on this node" % (ports or "any"))


def port_that_can_be_bound(host, port):
    """The port, or any for 0, that a server could have now; None where another process has it, be it the end of its own connection."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return None
        return probe.getsockname()[1]


def listening_inodes(port):
    """Inodes of the sockets that listen on ``port``, from the kernel's own table (proc(5), /proc/net/tcp)."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as rows:
                next(rows)
                for row in rows:
                    columns = row.split()
                    if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                        inodes.add("socket:[%s]" % columns[9])
        except (OSError, StopIteration):
            continue
    return inodes


def descendants(pid):
    """``pid`` and every process below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        found.append(current)
        queue.extend(children.get(current, ()))
    return found


def owns(pid, inodes):
    """Whether ``pid`` or a process below it holds one of the sockets: a stranger on the port is not our server."""
    for process in descendants(pid):
        folder = "/proc/%d/fd" % process
        try:
            for name in os.listdir(folder):
                try:
                    if os.readlink(folder + "/" + name) in inodes:
                        return True
                except OSError:
                    continue
        except OSError:
            continue
    return False


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the Hub and nowhere else."""

    def redirect_request(self, *arguments):
        return None


def keep_certificates():
    """Write the certificates of internal_ssl where only this user can read, and name them to the server; the folder, or None."""
    texts = json.loads(os.environ.pop("RESOURCE_FORM_CERTIFICATES", "{}"))
    if not texts:
        return None
    folder = tempfile.mkdtemp(prefix="jupyterhub-certificates-")
    for name, variable in (("keyfile", "KEYFILE"), ("certfile", "CERTFILE"), ("cafile", "CLIENT_CA")):
        path = os.path.join(folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(texts[name])
        os.environ["JUPYTERHUB_SSL_" + variable] = path
    return folder


def seconds_lived():
    """For how long this process has been there: since the job's script began, which becomes this process by exec."""
    try:
        with open("/proc/uptime") as uptime, open("/proc/self/stat") as stat:
            return float(uptime.read().split()[0]) - int(stat.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def end_of_job(minutes):
    """When Slurm ends the job, in seconds since the epoch: Slurm's word (since 23.02), else the start and the time asked for."""
    now = time.time()
    said = os.environ.get("SLURM_JOB_END_TIME", "")
    if said.isdigit() and int(said) > now:
        return int(said)
    seconds = minutes * 60
    lived = seconds_lived()
    return int(now - lived + seconds) if 0 <= lived < seconds else int(now + seconds)


class SessionBar:
    """The extension of JupyterLab that shows the session, in a folder of its own that only this user can read.

    JupyterLab serves the files of extensions to anybody who knows their address. So that nobody else does, the folder has a name that
    cannot be guessed, which stands only in JupyterLab's own page. Whatever goes wrong here, the session goes on without the bar.
    """

    def __init__(self):
        self.root = None
        self.facts = {}
        text = os.environ.pop("RESOURCE_FORM_BAR", "")
        if not (LAB_EXTENSION and text):
            return
        try:
            self.write(json.loads(text))
        except (OSError, ValueError, TypeError, KeyError) as error:
            say("JupyterLab gets no session bar: %s" % error)
            self.remove()

    def write(self, facts):
        node = os.environ.get("SLURMD_NODENAME") or socket.gethostname().partition(".")[0]
        self.facts = dict(facts, job_id=os.environ.get("SLURM_JOB_ID", ""), node=node, ends=end_of_job(int(facts["minutes"])), killed=0)
        # Servers refuse what lies behind a link, as the folder for temporary files may.
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="jupyterhub-lab-"))
        secret = secrets.token_hex(16)
        self.folder = os.path.join(self.root, "labextensions", secret)
        os.makedirs(self.folder, 0o700)
        for name, content in LAB_EXTENSION.items():
            self.put(name, content)
        self.put("data.json", json.dumps(self.facts))
        # Last, for it makes an extension of the folder. JupyterLab puts the address together of the extension's name and "load".
        build = {"load": "../%s/%s" % (secret, LAB_EXTENSION_SCRIPT), "extension": "./extension"}
        package = {"name": LAB_EXTENSION_NAME, "version": "1.0.0", "jupyterlab": {"extension": True, "_build": build}}
        self.put("package.json", json.dumps(package))

    def put(self, name, content):
        """The file appears whole or not at all: somebody may be reading it."""
        path = os.path.join(self.folder, name)
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(path + ".new", path)

    def show_to(self, environment):
        """Have JupyterLab look here first; what the user and the release have set stays."""
        if self.root is not None:
            others = environment.get("JUPYTER_PATH")
            environment["JUPYTER_PATH"] = self.root + (os.pathsep + others if others else "")

    def tell(self, **facts):
        """This is so by now: how many processes have been ``killed`` for want of memory, when the job ``ends``."""
        if self.root is not None:
            self.facts.update(facts)
            try:
                self.put("data.json", json.dumps(self.facts))
            except OSError as error:
                say("the session bar could not be told: %s" % error)

    def remove(self):
        if self.root is not None:
            shutil.rmtree(self.root, ignore_errors=True)
            self.root = None


def memory_groups():
    """The folders of the control group of this job for memory, and of the one in it in which the kernel counts whom it kills; None where
    the job has no group of its own: of another one, others' processes would be counted too.
    """
    # From 26.05 on Slurm calls the group by the job's SLUID under cgroup v2 (cgroup.conf(5), CgroupJobIdPaths).
    names = {"job_" + os.environ.get("SLURM_JOB_ID", ""), os.environ.get("SLURM_JOB_SLUID", "")} - {""}
    try:
        with open(OWN_CGROUPS) as rows:
            groups = [row.rstrip("\n").split(":", 2) for row in rows]
    except OSError:
        return None
    for _, controllers, path in (group for group in groups if len(group) == 3):
        parts = path.strip("/").split("/")
        own = next((part for part in parts if part in names), None)
        if own is None:
            continue
        above = parts[: parts.index(own) + 1]
        if not controllers:
            # cgroup v2: a group counts what is below it as well, so the job's counts its steps.
            job = os.path.join(CGROUPS, *above)
            found = job, os.path.join(job, "memory.events")
        elif "memory" in controllers.split(","):
            found = os.path.join(CGROUPS, "memory", *above), os.path.join(CGROUPS, "memory", *parts, "memory.oom_control")
        else:
            continue
        if processes_killed(found[1]) is not None:
            return found
    return None


def processes_killed(events):
    """``oom_kill`` of a control group: how many of its processes the kernel has killed for memory; None if it does not say."""
    try:
        with open(events) as rows:
            for row in rows:
                name, _, number = row.partition(" ")
                if name == "oom_kill":
                    return int(number)
    except (OSError, ValueError):
        pass
    return None


class MemoryWatch:
    """Notices when a process of the session, a kernel for one, is killed for want of memory: the session itself goes on."""

    def __init__(self, bar, groups):
        self.bar = bar
        self.events = groups and groups[1]
        self.before = self.seen = (self.events and processes_killed(self.events)) or 0
        self.next = 0.0
        self.hub_knows_session = False

    def look(self, now=False):
        """Look at most every MEMORY_SECONDS, unless it has to be ``now``."""
        if not self.events or (not now and time.monotonic() < self.next):
            return
        self.next = time.monotonic() + MEMORY_SECONDS
        killed = processes_killed(self.events)
        if killed is None or killed <= self.seen:
            return
        self.bar.tell(killed=killed - self.before)
        self.tell_hub(killed - self.before)
        number, limit = killed - self.seen, os.environ.get("SLURM_MEM_PER_NODE", "")
        who = "a process of this session was" if number == 1 else "%d processes of this session were" % number
        say(who + " killed for want of memory" + (" (limit %s MB)" % limit if limit.isdigit() else ""))
        self.seen = killed

    def tell_hub(self, number=None):
        """So many, or as many as are known, have been killed; on its own, for nobody waits for it."""
        number = self.seen - self.before if number is None else number
        if number and self.hub_knows_session:
            threading.Thread(target=tell_in_time, args=("/resource-form/own-memory", {"killed": number}), daemon=True).start()


class MemoryPeak:
    """The most memory that the session's processes have had at once, in kB.

    What the kernel can take back at need, the cache of files, is not in it: a session that reads much fills all it has with that. So it is
    what the processes have now, and how much more each of them had at its peak since the last look: the kernel keeps that (VmHWM, proc(5)),
    however short it was. The counter of the control group has the cache in it, and says only what cannot have been exceeded.
    """

    def __init__(self, groups):
        self.group = groups and groups[0]
        self.killed = processes_killed(groups[1]) if groups else None
        self.events = groups and groups[1]
        self.most = 0
        self.usual = None
        self.tops = {}
        self.largest = 0
        self.told = 0
        self.next = 0.0
        self.next_report = time.monotonic() + PEAK_REPORT_SECONDS

    def look(self, server, now=False):
        """Look at most every MEMORY_SECONDS, unless it has to be ``now``."""
        if not now and time.monotonic() < self.next:
            return
        self.next = time.monotonic() + MEMORY_SECONDS
        rows = {}
        for pid in self.processes(server):
            row = memory_of(pid)
            if row:
                rows[pid] = row[:2]
                self.largest = max(self.largest, row[2])
        if not rows:
            return
        together = sum(held for held, _top in rows.values())
        everything = self.in_group()
        if everything is None:
            everything = together
        # At a peak of one of them the others are taken to have had what they have now. The group may still count what one has given back,
        # and several processes what they share: the smaller is safe to say.
        others = min(everything, together)
        peaks = [others - held + max(held, top) for pid, (held, top) in rows.items() if top > self.tops.get(pid, 0)]
        # As the job is stopped, some of it may be gone.
        self.usual = others if self.usual is None or not now else self.usual
        self.most = max([self.most, everything] + peaks)
        self.tops = dict((pid, max(top, self.tops.get(pid, 0))) for pid, (_held, top) in rows.items())

    def processes(self, server):
        """The job's processes, as its group lists them; without one, this and all below it."""
        if not self.group:
            return [os.getpid()] + family(server.pid)
        found = []
        for folder, _folders, files in os.walk(self.group):
            if "cgroup.procs" in files:
                try:
                    with open(os.path.join(folder, "cgroup.procs")) as rows:
                        found += [int(row) for row in rows]
                except (OSError, ValueError):
                    continue
        return found

    def in_group(self):
        """What the group's processes have now, in kB, what they share counted once; None where that is not told."""
        if not self.group:
            return None
        known = numbers_in(os.path.join(self.group, "memory.stat"))
        own = known.get("total_rss", known.get("anon"))
        return None if own is None else (own + known.get("total_shmem", known.get("shmem", 0))) // 1024

    def counter(self):
        """The most that the group has had, with the cache, in kB; None where the kernel does not keep it."""
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            try:
                with open(os.path.join(self.group or "/", name)) as file:
                    return int(file.read()) // 1024
            except (OSError, ValueError):
                continue
        return None

    def megabytes(self):
        """What is known of it by now, in MB; 0 for nothing."""
        counter, killed, most = self.counter(), self.events and processes_killed(self.events), self.most
        if counter is not None:
            # Where the kernel kills for want of memory, it has taken all of the cache back before.
            most = counter if (killed or 0) > (self.killed or 0) else min(most, counter)
        return -(-most // 1024)

    def take_ended(self):
        """Take in the largest process that ended between two looks: the kernel tells of it once those above it have been waited for."""
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        if self.usual is None or largest <= self.largest:
            return
        # One a little larger than any that was seen is one of those, grown; a much larger one came and went, beside what there was last.
        is_grown = largest < self.largest * GROWN
        self.most = max(self.most, self.most + largest - self.largest if is_grown else self.usual + largest)

    def report(self):
        """Tell the Hub, once a minute at most, if it has risen; on its own, for nobody waits for it."""
        if time.monotonic() < self.next_report:
            return
        self.next_report = time.monotonic() + PEAK_REPORT_SECONDS
        peak = self.megabytes()
        if peak > self.told * PEAK_WORTH_TELLING:
            self.told = peak
            threading.Thread(target=tell_in_time, args=("/resource-form/own-memory", {"peak_mb": peak}), daemon=True).start()

    def report_last(self):
        """Tell the Hub what it was in the end, or let that be."""
        peak = self.megabytes()
        if not peak:
            return
        with contextlib.suppress(OSError, http.client.HTTPException):
            to_the_hub("/resource-form/own-memory", {"peak_mb": peak}, LAST_REPORT_SECONDS)()


def memory_of(pid):
    """What a process has in memory now, and the most that it had, in kB, without the files that are mapped now; and that with them. None: it
    is gone.
    """
    known = numbers_in("/proc/%d/status" % pid)
    files = known.get("RssFile", 0)
    if "VmRSS" not in known:
        return None
    top = known.get("VmHWM", 0)
    return max(0, known["VmRSS"] - files), max(0, top - files), top


def numbers_in(path):
    """The numbers by name of a file of the kernel's: ``anon 4096``, ``VmRSS:   4096 kB``; none where it cannot be read."""
    known = {}
    try:
        with open(path) as rows:
            for row in rows:
                words = row.split()
                if len(words) > 1 and words[1].isdigit():
                    known[words[0].rstrip(":")] = int(words[1])
    except (OSError, ValueError):
        pass
    return known


def family(pid):
    """``pid`` and every process below it, as each names its children: nobody else's are looked at; as descendants() where it names none."""
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        found.append(current)
        try:
            for thread in os.listdir("/proc/%d/task" % current):
                with open("/proc/%d/task/%s/children" % (current, thread)) as file:
                    queue.extend(int(child) for child in file.read().split())
        except (OSError, ValueError):
            if os.path.isdir("/proc/%d" % current) and not os.path.exists("/proc/self/task/%d/children" % os.getpid()):
                return descendants(pid)
    return found


class EndWatch:
    """Has the bar follow the end of the job, which an administrator may move while it runs: the Hub knows it from its list of all jobs, so
    that Slurm is asked nothing for this.
    """

    def __init__(self, bar):
        self.bar = bar
        self.known = None
        self.next = 0.0

    def look(self):
        """Tell the bar what the Hub said last, and ask again at most every END_SECONDS; the answer is for the next look."""
        if self.bar.root is None:
            return
        # Limits are whole minutes: less than one is what was reckoned here without Slurm's word.
        if self.known is not None and abs(self.known - self.bar.facts["ends"]) >= END_DIFFERS_SECONDS:
            self.bar.tell(ends=self.known)
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + END_SECONDS
            threading.Thread(target=self.ask, daemon=True).start()

    def ask(self):
        """What the Hub does not say now it may say the next time."""
        try:
            said = json.loads(to_the_hub("/resource-form/own-end")().decode())["ends"]
        except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError):
            return
        if type(said) is int:
            self.known = said


def secured():
    """How to talk to the Hub: under internal_ssl both sides show a certificate."""
    if not os.environ.get("JUPYTERHUB_SSL_KEYFILE"):
        return []
    context = ssl.create_default_context(cafile=os.environ["JUPYTERHUB_SSL_CLIENT_CA"])
    context.load_cert_chain(os.environ["JUPYTERHUB_SSL_CERTFILE"], os.environ["JUPYTERHUB_SSL_KEYFILE"])
    return [urllib.request.HTTPSHandler(context=context)]


def to_the_hub(address, body=None, patience=30):
    """What sends the body, or a question, to this address of the Hub's API with the session's token, and returns the answer's bytes."""
    request = urllib.request.Request(
        os.environ["JUPYTERHUB_API_URL"].rstrip("/") + address,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"],
            "Content-Type": "application/json",
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect, *secured())

    def send():
        with contextlib.closing(opener.open(request, timeout=patience)) as answer:
            return answer.read(LONGEST_ANSWER)

    return send


def report(port):
    """Tell the Hub; it or its database may be away, so try for a while. Only a refusal that says so is final: the Hub expects no such session."""
    send = to_the_hub("/batchspawner", {"port": port})
    deadline = time.monotonic() + REPORT_LIMIT_SECONDS
    pause = 0.2
    while True:
        try:
            send()
            return True
        except urllib.error.HTTPError as error:
            error.close()
            if error.headers.get(REFUSED):
                say("the Hub refused the port: HTTP %d" % error.code)
                return False
            trouble = "HTTP %d" % error.code
        except (OSError, http.client.HTTPException) as error:
            trouble = str(error) or type(error).__name__
        if time.monotonic() > deadline:
            say("the Hub could not be reached: " + trouble)
            return False
        time.sleep(pause)
        pause = min(pause * 2, 10)


def report_gpus():
    """Tell the Hub which of the node's GPUs are the job's, by Slurm's own numbers."""
    numbers = os.environ.get("SLURM_JOB_GPUS", "")
    if numbers.replace(",", "").isdigit():
        tell_in_time("/resource-form/own-gpus", {"gpus": numbers})


def tell_in_time(address, body):
    """Tell the Hub what the session does without: a few tries, no word."""
    send = to_the_hub(address, body)
    for pause in GPU_REPORT_PAUSES_SECONDS:
        time.sleep(pause)
        try:
            send()
            return
        except urllib.error.HTTPError as error:
            error.close()
            if error.headers.get(REFUSED):
                return
        except (OSError, http.client.HTTPException):
            continue


def runtime_folder(environment, home):
    """Where a Jupyter server keeps its files while it runs, as jupyter_core finds it."""
    data = environment.get("JUPYTER_DATA_DIR")
    data = data or os.path.join(environment.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share"), "jupyter")
    return environment.get("JUPYTER_RUNTIME_DIR") or os.path.join(data, "runtime")


def probe(folder):
    """Write something into the folder, or into the nearest one above it that is there.

    Raises
    ------
    OSError
        That cannot be done; ``filename`` is the folder.
    """
    while not os.path.lexists(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            left = PROBE_BYTES
            while left > 0:
                left -= file.write(bytes(left))
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, folder) from None


def check_home(home):
    """Look whether the home directory can be entered.

    Raises
    ------
    OSError
        It cannot.
    """
    if not stat.S_ISDIR(os.stat(home).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), home)
    if not os.access(home, os.R_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), home)


# What a file server that is away, or has lost the file system, makes of a call.
NO_ANSWER = (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENODEV, errno.ENXIO)
TROUBLES_OF_HOME = {
    errno.ENOENT: HOME_GONE,
    errno.ENOTDIR: HOME_IS_FILE,
    errno.EACCES: HOME_CLOSED,
    errno.EPERM: HOME_CLOSED,
    **dict.fromkeys(NO_ANSWER, HOME_SILENT),
}
TROUBLES_OF_WRITING = {
    errno.EROFS: HOME_READ_ONLY,
    errno.EACCES: HOME_NOT_OURS,
    errno.EPERM: HOME_NOT_OURS,
    errno.ENOENT: HOME_NOT_OURS,
    errno.ENOTDIR: HOME_NOT_OURS,
    errno.ENOSPC: HOME_FULL,
    errno.EDQUOT: HOME_FULL,
    **dict.fromkeys(NO_ANSWER, HOME_SILENT),
}


def trouble_with_files(environment):
    """The code that says why a server cannot keep its files, in so far as they belong into the home directory; None if it can."""
    home = os.path.abspath(environment.get("HOME") or "/")
    folder = os.path.abspath(runtime_folder(environment, home))
    codes = None
    try:
        if folder.startswith(home.rstrip("/") + "/"):
            codes = TROUBLES_OF_HOME
            check_home(home)
            codes = TROUBLES_OF_WRITING
        probe(folder)
    except OSError as error:
        say("cannot write into %s: %s" % (error.filename or folder, error.strerror))
        # Where the files belong elsewhere, what is wrong there says nothing of the home.
        return codes.get(error.errno) if codes else None
    return None


def trouble_with_temporary_files(environment):
    """The code that says that no folder for temporary files can be written; None if one can."""
    folders = [environment.get(name) for name in ("TMPDIR", "TEMP", "TMP")] + ["/tmp", "/var/tmp", "/usr/tmp"]  # looked at only # nosec B108
    for folder in folders:
        try:
            if folder and os.path.isdir(folder):
                probe(folder)
                return None
        except OSError as error:
            say("cannot write into %s: %s" % (error.filename, error.strerror))
    return NO_TEMPORARY_FILES


def own_code(code, environment):
    """The exit code of a server that has ended: ours, if it has failed by itself and could not keep its files."""
    if not 0 < code < 128:
        return code
    return trouble_with_files(environment) or trouble_with_temporary_files(environment) or code


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
    except OSError:
        pass


class Stopped(Exception):
    """Somebody wants the session to end."""


def rest(seconds):
    """Wait so long at most, or until a child ends; True if the Hub asks for another report. Here, and nowhere else, a signal to stop
    takes effect.
    """
    received = signal.sigtimedwait(SIGNALS, seconds)
    if received is None or received.si_signo == signal.SIGCHLD:
        return False
    if received.si_signo == signal.SIGUSR1:
        return True
    raise Stopped(received.si_signo)


def wait_until_listening(server, port):
    """True once the server listens, False if it ended first, None if it does neither in time."""
    deadline = time.monotonic() + LISTEN_LIMIT_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            return False
        inodes = listening_inodes(port)
        if inodes and owns(server.pid, inodes):
            return True
        rest(POLL_SECONDS)
    return None


def born(pid):
    """When the process began, in the kernel's ticks: with its number, it is told apart from a later one. None: it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def stop(server):
    """End the server and all that it started, kernels in sessions of their own too: with some of Slurm's set-ups nobody else would."""
    if server.poll() is not None:
        return
    family = [(pid, born(pid)) for pid in descendants(server.pid)]
    signal_group(server.pid, signal.SIGTERM)
    try:
        server.wait(STOP_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    family += [(pid, born(pid)) for pid in descendants(server.pid)]
    signal_group(server.pid, signal.SIGKILL)
    for pid, birth in family:
        if birth is not None and born(pid) == birth:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    server.wait()


def exit_code(server):
    """The server's, as a shell would give it: 128 and the signal for one that a signal ended."""
    return server.returncode if server.returncode >= 0 else 128 - server.returncode


def environment_of_server(port, bar, configuration, folder):
    service = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    host = "[%s]" % service.hostname if ":" in (service.hostname or "") else service.hostname or "0.0.0.0"  # as the Hub asks # nosec B104
    environment = dict(os.environ)
    environment["JUPYTERHUB_SERVICE_URL"] = urllib.parse.urlunsplit(service._replace(netloc="%s:%d" % (host, port)))
    for name in ("RESOURCE_FORM_COMMAND", "RESOURCE_FORM_PORTS"):
        environment.pop(name, None)
    for name in list(environment):
        if name.startswith(FOR_THE_SERVER):
            environment[name[len(FOR_THE_SERVER) :]] = environment.pop(name)
    environment.update(limits_of_job(environment))
    bar.show_to(environment)
    try:
        configuration.show_to(environment, folder.lines)
    except OSError as error:
        # The server does without, or fails for the same reason and says so.
        say("the server gets no configuration of the session's: %s" % error)
    return environment


def start(command, environment, folder):
    """Start the server in the folder; None for the one that the job is in. Kernels and terminals begin where their server did."""
    return subprocess.Popen(  # the command is the Hub's # nosec B603
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS),
    )


def tell_of(setup):
    """Tell the Hub how the set-up of a first session goes; on its own, for nobody waits for it."""
    if setup.state != setup.told:
        setup.told = setup.state
        threading.Thread(target=tell_in_time, args=("/resource-form/own-setup", {"state": setup.state}), daemon=True).start()


def tell_of_folder(trouble):
    """Tell the Hub that the session does not open in the folder that was chosen."""
    if trouble:
        threading.Thread(target=tell_in_time, args=("/resource-form/own-setup", {"folder": trouble}), daemon=True).start()


def report_and_wait(server, port, watch, peak, end, setup, opens, environment):
    """The code to end with, once the server has ended or the Hub does not want it. Only the first answer of the Hub's can say that."""
    answers = []

    def tell():
        answers.append(report(port))
        if answers[-1]:
            # On its own: nobody waits for it.
            threading.Thread(target=report_gpus, daemon=True).start()
            watch.hub_knows_session = True
            watch.tell_hub()
            tell_of(setup)
            tell_of_folder(opens.trouble)

    def begin():
        reporter = threading.Thread(target=tell, daemon=True)
        reporter.start()
        return reporter

    reporter, again = begin(), False
    while server.poll() is None:
        watch.look()
        peak.look(server)
        setup.look()
        if watch.hub_knows_session:
            tell_of(setup)
            peak.report()
            end.look()
        if reporter.is_alive():
            again = rest(POLL_SECONDS) or again
        elif not answers or not answers[0]:
            return 1
        elif again:
            reporter, again = begin(), False
        else:
            again = rest(MEMORY_SECONDS)
    return own_code(exit_code(server), environment)


def main():
    command = json.loads(os.environ["RESOURCE_FORM_COMMAND"])
    ports = os.environ.get("RESOURCE_FORM_PORTS", "")
    host = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).hostname or "0.0.0.0"  # as the Hub asks # nosec B104
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    # The script ignores it until now, and the server must not inherit that.
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    server = folder = None
    bar, configuration = SessionBar(), ServerConfiguration()
    setup = FirstLogin(say)
    make_links(os.environ, say)
    opens = StartFolder(os.environ, say)
    groups = memory_groups()
    watch, peak, end = MemoryWatch(bar, groups), MemoryPeak(groups), EndWatch(bar)
    try:
        try:
            folder = keep_certificates()
        except OSError as error:
            say("the certificates could not be written: %s" % error.strerror)
            return trouble_with_temporary_files(os.environ) or 1
        for _ in range(MAX_ATTEMPTS):
            port = free_port(host, ports)
            environment = environment_of_server(port, bar, configuration, opens)
            setup.begin(environment)
            words = in_container(command, environment)
            try:
                server = start(words, environment, opens.path)
            except OSError as error:
                part = "Apptainer there on this node" if len(words) > len(command) else "JupyterHub part of this release"
                say("%s could not be started: %s. Is %s?" % (words[0], error.strerror, part))
                return own_code(127, environment)
            listening = wait_until_listening(server, port)
            if listening:
                say("the server listens on port %d" % port)
                return report_and_wait(server, port, watch, peak, end, setup, opens, environment)
            if listening is None:
                say("the server did not listen within %d seconds" % LISTEN_LIMIT_SECONDS)
                return own_code(1, environment)
            if not listening_inodes(port) and port_that_can_be_bound(host, port) is not None:
                say("the server ended with code %d before it listened" % exit_code(server))
                if len(words) > len(command) and exit_code(server) == IMAGE_FAILED:
                    trouble = own_code(1, environment)
                    return trouble if trouble > 1 else NO_SOFTWARE
                return own_code(exit_code(server) or 1, environment)
            say("port %d was taken by another process; trying another one" % port)
        say("no port could be had in %d attempts" % MAX_ATTEMPTS)
        return 1
    except Stopped as stopped:
        return 128 + stopped.args[0]
    finally:
        watch.look(now=True)
        if server is not None:
            peak.look(server, now=True)
            stop(server)
        if watch.hub_knows_session:
            peak.take_ended()
            peak.report_last()
        setup.stop()
        bar.remove()
        configuration.remove()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
