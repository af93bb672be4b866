"""Slurm's shared, aged answers; submits and cancels."""
