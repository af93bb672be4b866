"""One site's Slurm in a file that a report of a bug can hold: asked, disguised, written down. Standard library only."""
