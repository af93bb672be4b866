#!/usr/bin/python3 -IS
"""Runs sbatch as a user, for a Hub that is not root: the job's variables act on nothing on this machine.

    submit /usr/bin/sbatch OPTIONS...    (the rule for sudo fixes the path, and which options may come)

Standard input: the length of the variables in eight digits and a newline; then the variables, NAME=value, each with a NUL behind it; then
the job's script, up to the end. sbatch runs in an environment built from nothing and hands the variables on (--export-file), so that none of
them (LD_PRELOAD, SLURM_CONF, SBATCH_...) acts here. Where slurm.conf is, only the administrator says: by env_file of the rule. No secret is
in an argument or in a file. A blank within an option comes as the character 1f, for the rule cannot tell it from one between two options.

Standard library only, Python 3.6 and newer.
"""

import os
import signal
import sys

LENGTH_BYTES = 9
MAX_BYTES = 4 << 20
BLANK = "\x1f"
FIXED_BY_THE_RULE = ("SLURM_CONF", "SLURM_CONF_SERVER")
"""sudo takes them out of the Hub's environment; what is here has come from env_file."""


def read_exactly(number):
    """So many bytes of standard input, and not one more: the rest of it is sbatch's."""
    parts = []
    while number > 0:
        part = os.read(0, number)
        if not part:
            raise ValueError("standard input ends too early")
        parts.append(part)
        number -= len(part)
    return b"".join(parts)


def read_variables():
    head = read_exactly(LENGTH_BYTES)
    if not head[:-1].isdigit() or head[-1:] != b"\n" or int(head) > MAX_BYTES:
        raise ValueError("standard input does not begin with a length")
    variables = read_exactly(int(head))
    if variables and not variables.endswith(b"\0"):
        raise ValueError("the variables do not end with a NUL")
    return variables


def open_variables(variables):
    """A file descriptor from which sbatch reads them; a child writes, since a pipe does not hold all of them."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        try:
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(variables)
        except OSError:
            pass  # sbatch has ended before it read them
        os._exit(0)
    os.close(writing)
    os.set_inheritable(reading, True)
    return reading


def command_of(sbatch, options, variables):
    """sbatch's argv and its own environment."""
    environment = {name: os.environ[name] for name in FIXED_BY_THE_RULE if name in os.environ}
    options = [option.replace(BLANK, " ") for option in options]
    if options[:1] == ["--test-only"]:
        # There is no job to have the variables; the answer has a time in it, which we read as a number.
        return [sbatch, *options], dict(environment, SLURM_TIME_FORMAT="%s")
    return [sbatch, "--export-file=%d" % open_variables(variables), *options], environment


def main(arguments):
    if not arguments or not os.path.isabs(arguments[0]):
        sys.stderr.write("usage: submit /usr/bin/sbatch OPTIONS...\n")
        return 2
    try:
        argv, environment = command_of(arguments[0], arguments[1:], read_variables())
        # Python ignores it, and what is ignored stays so.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execve(arguments[0], argv, environment)  # the rule for sudo fixes the path # nosec B606
    except (OSError, ValueError) as error:
        sys.stderr.write("submit: %s\n" % (error,))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
