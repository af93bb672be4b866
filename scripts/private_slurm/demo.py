"""The command line of the demo: start it in the foreground or detached, and stop it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from private_slurm import control_groups
from private_slurm.demo_setup import Demo, PluginConfig, default_folder, plugin_config, stop_demo
from private_slurm.errors import PrivateSlurmError
from private_slurm.newer_slurm import SUITES
from private_slurm.processes import Interrupted, signals_raise
from private_slurm.releases import JUPYTERHUB_VERSION

_READY = b"\0"  # what a detached demo writes to its starter once the Hub answers


def main(argv: Sequence[str] | None = None, plugin: PluginConfig = plugin_config) -> int:
    """Start or stop a demo; the exit status is 0, 1 after a failure, or the shell's for a signal."""
    options = _parser().parse_args(argv)
    os.umask(0o022)  # the demo's users run what is made here; secrets are given their own mode
    try:
        if options.stop:
            print("The demo has stopped." if stop_demo(options.dir) else f"No demo runs in {options.dir}.")
            return 0
        demo = Demo(options.dir, options.port, jupyterhub=options.jupyterhub, slurm=options.slurm, plugin=plugin, shows=not options.plain)
        return _start_detached(demo) if options.detach else _run(demo)
    except PrivateSlurmError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="A real, private Slurm cluster with a Hub on it, in one folder. Ctrl-C stops all of it."
    )
    parser.add_argument("--dir", type=lambda text: Path(text).absolute(), default=default_folder(), help="its folder (%(default)s)")
    parser.add_argument("--port", type=int, help="the Hub's port (8000, or the next one that is free)")
    parser.add_argument("--jupyterhub", default=JUPYTERHUB_VERSION, metavar="VERSION", help="JupyterHub's version (%(default)s)")
    parser.add_argument("--slurm", choices=[*SUITES], metavar="VERSION", help=f"one of {', '.join(SUITES)}, instead of the machine's own")
    parser.add_argument("--plain", action="store_true", help="with presets only: no notices, budget, GPU reports, course and administrator")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--detach", action="store_true", help="return once the Hub answers")
    what.add_argument("--stop", action="store_true", help="stop the demo of this folder")
    return parser


def _run(demo: Demo, ready: Callable[[], None] = lambda: None) -> int:
    """Run until a signal comes; whatever happens, leave nothing running."""
    stopped_by: BaseException | None = None
    status = 0
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits it ignored
    with signals_raise(signal.SIGTERM, signal.SIGHUP):
        try:
            demo.start()
            _announce(demo)
            ready()
            while demo.hub and demo.hub.is_running():
                time.sleep(0.5)
            print(f"The Hub has ended:\n{demo.hub.log_tail() if demo.hub else ''}", file=sys.stderr)
            status = 1
        except (KeyboardInterrupt, Interrupted) as signalled:
            stopped_by = signalled
        finally:
            begun = time.monotonic()
            was_up = demo.cluster is not None
            demo.stop()
    if was_up:
        print(f"Stopped in {time.monotonic() - begun:.1f} s. {demo.remains()}", flush=True)
    return 130 if isinstance(stopped_by, KeyboardInterrupt) else 128 + stopped_by.number if isinstance(stopped_by, Interrupted) else status


def _start_detached(demo: Demo) -> int:
    """Run the demo in a process of its own and return once its Hub answers, or once it has failed."""
    demo.folder.mkdir(parents=True, exist_ok=True)
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        os._exit(_detached(demo, write_end))
    os.close(write_end)
    with signals_raise(signal.SIGTERM, signal.SIGHUP):
        try:
            while chunk := os.read(read_end, 4096):
                os.write(sys.stdout.fileno(), chunk.replace(_READY, b""))
                if _READY in chunk:
                    return 0
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or 1
        except (KeyboardInterrupt, Interrupted):
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
            return 130


def _detached(demo: Demo, pipe: int) -> int:
    """The detached process: what it prints goes to its starter until the Hub answers, and to `demo.log` from then on."""
    status = 1
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(pipe, 1)
        os.dup2(pipe, 2)
        os.close(pipe)
        os.chdir("/")

        def ready() -> None:
            sys.stdout.flush()
            os.write(1, _READY)
            log = os.open(demo.folder / "demo.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)

        status = _run(demo, ready)
    except PrivateSlurmError as error:
        print(error, file=sys.stderr)
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return status


def _announce(demo: Demo) -> None:
    description = demo.description()
    print(f"{'total:':<14}{sum(demo.seconds.values()):6.1f} s")
    print(f"\nThe Hub is at {description['url']}")
    for user in description["users"]:  # type: ignore[attr-defined]
        print(f"  log in as {user['name']} with the password {user['password']}")
    if isinstance(admin := description.get("admin"), dict):
        print(f"  log in as {admin['name']}, the administrator, with the password {admin['password']}")
        print(f"Fields, presets and the course are in {demo.folder / 'site' / 'form.yaml'}: a change counts at once.")
    if demo.cluster:
        print(f"Slurm's commands: export SLURM_CONF={demo.cluster.slurm_conf} PATH={demo.cluster.bin_dir}:$PATH")
    confined = control_groups.why_not()
    print(
        (confined and f"Jobs may use more than they ask for. {confined}")
        or "Jobs are kept to the memory, cores and devices that they ask for."
    )
    print(f"For programs: {demo.description_file}")
    stop = f"scripts/demo --stop --dir {demo.folder}"
    print(f"To stop: {stop}, or Ctrl-C where it runs in the foreground.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
