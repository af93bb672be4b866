"""Starts the server inside the job and tells the Hub its port once it listens.

Travels in the job script and runs on the compute node with nothing but the standard library. Its input is the environment
that the Hub gave to the job: JUPYTERHUB_API_URL, JUPYTERHUB_API_TOKEN, JUPYTERHUB_SERVICE_URL, and

RESOURCE_FORM_COMMAND  the server's command, a JSON list
RESOURCE_FORM_PORTS    "LOW-HIGH", the ports to choose from; empty: any free one
RESOURCE_FORM_SET_NAME the user's own variable NAME: for the server, and for nothing on the way to it
RESOURCE_FORM_CERTIFICATES  under internal_ssl: the texts of keyfile, certfile and cafile, a JSON object
"""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess  # the server is started from a list, no shell # nosec B404
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

FOR_THE_SERVER = "RESOURCE_FORM_SET_"
MOST_ATTEMPTS = 10
LISTEN_LIMIT_SECONDS = 600
REPORT_LIMIT_SECONDS = 300
STOP_GRACE_SECONDS = 3.0
POLL_SECONDS = 0.02

# Blocked, and taken where the launcher waits: an exception out of a signal's handler may be lost in somebody's __del__.
# SIGUSR1 is from a Hub that has lost the session and wants the port again.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1)


def say(text):
    print("resource-form launcher: " + text, file=sys.stderr, flush=True)


def free_port(host, ports):
    """A port that is free now; whether it still is when the server binds it, the server will tell."""
    candidates = [0]
    if ports:
        low, _, high = ports.partition("-")
        candidates = random.sample(range(int(low), int(high) + 1), int(high) + 1 - int(low))  # a port is no secret # nosec B311
    for port in candidates:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise SystemExit("resource-form launcher: no port of %s is free on this node" % (ports or "any"))


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


def secured():
    """How to talk to the Hub: under internal_ssl both sides show a certificate."""
    if not os.environ.get("JUPYTERHUB_SSL_KEYFILE"):
        return []
    context = ssl.create_default_context(cafile=os.environ["JUPYTERHUB_SSL_CLIENT_CA"])
    context.load_cert_chain(os.environ["JUPYTERHUB_SSL_CERTFILE"], os.environ["JUPYTERHUB_SSL_KEYFILE"])
    return [urllib.request.HTTPSHandler(context=context)]


def report(port):
    """Tell the Hub; it may be restarting, so try for a while. A refusal is final: the Hub does not expect this session."""
    url = os.environ["JUPYTERHUB_API_URL"].rstrip("/") + "/batchspawner"
    request = urllib.request.Request(
        url,
        data=json.dumps({"port": port}).encode(),
        headers={
            "Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"],
            "Content-Type": "application/json",
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect, *secured())
    deadline = time.monotonic() + REPORT_LIMIT_SECONDS
    pause = 0.2
    while True:
        try:
            opener.open(request, timeout=30).close()
            return True
        except urllib.error.HTTPError as error:
            error.close()
            if 400 <= error.code < 500 and error.code != 429:
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


def start(command, port):
    service = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    host = "[%s]" % service.hostname if ":" in (service.hostname or "") else service.hostname or "0.0.0.0"  # as the Hub asks # nosec B104
    environment = dict(os.environ)
    environment["JUPYTERHUB_SERVICE_URL"] = urllib.parse.urlunsplit(service._replace(netloc="%s:%d" % (host, port)))
    for name in ("RESOURCE_FORM_COMMAND", "RESOURCE_FORM_PORTS"):
        environment.pop(name, None)
    for name in list(environment):
        if name.startswith(FOR_THE_SERVER):
            environment[name[len(FOR_THE_SERVER) :]] = environment.pop(name)
    return subprocess.Popen(  # the command is the Hub's # nosec B603
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS),
    )


def report_and_wait(server, port):
    """The code to end with, once the server has ended or the Hub does not want it. Only the first answer of the Hub's can say that."""
    answers = []

    def begin():
        reporter = threading.Thread(target=lambda: answers.append(report(port)), daemon=True)
        reporter.start()
        return reporter

    reporter, again = begin(), False
    while server.poll() is None:
        if reporter.is_alive():
            again = rest(POLL_SECONDS) or again
        elif not answers or not answers[0]:
            return 1
        elif again:
            reporter, again = begin(), False
        else:
            again = rest(3600)
    return exit_code(server)


def main():
    command = json.loads(os.environ["RESOURCE_FORM_COMMAND"])
    ports = os.environ.get("RESOURCE_FORM_PORTS", "")
    host = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).hostname or "0.0.0.0"  # as the Hub asks # nosec B104
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    # The script ignores it until now, and the server must not inherit that.
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    server = folder = None
    try:
        folder = keep_certificates()
        for _ in range(MOST_ATTEMPTS):
            port = free_port(host, ports)
            try:
                server = start(command, port)
            except OSError as error:
                say("%s could not be started: %s. Is JupyterHub part of this release?" % (command[0], error.strerror))
                return 127
            listening = wait_until_listening(server, port)
            if listening:
                say("the server listens on port %d" % port)
                return report_and_wait(server, port)
            if listening is None:
                say("the server did not listen within %d seconds" % LISTEN_LIMIT_SECONDS)
                return 1
            if not listening_inodes(port):
                say("the server ended with code %d before it listened" % exit_code(server))
                return exit_code(server) or 1
            say("port %d was taken by another process; trying another one" % port)
        say("no port could be had in %d attempts" % MOST_ATTEMPTS)
        return 1
    except Stopped as stopped:
        return 128 + stopped.args[0]
    finally:
        if server is not None:
            stop(server)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
