"""A request as argv, script and environment of a Slurm job."""
