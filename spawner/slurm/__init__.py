"""Slurm's language (argv, text to model, states, reasons), and the only place that starts a process."""
