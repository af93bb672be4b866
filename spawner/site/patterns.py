"""What names of software look like: one place for the catalogue, and for what runs where there is nothing but Python."""

from __future__ import annotations

MODULE = r"^[A-Za-z0-9][A-Za-z0-9._+/@:=-]{0,200}$"
"""An environment module, as ``module load`` takes it."""
KERNEL = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
"""The folder of a kernel, in Jupyter's letters (jupyter_client.kernelspec); a dot in front would hide it, a dash make it an option."""
