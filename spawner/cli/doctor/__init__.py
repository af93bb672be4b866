"""``resource-form doctor``: looks over a site for its admin, and says what is wrong, why that matters and what to do.

Runs on the Hub's machine: it reads the configuration as the Hub does and asks Slurm through the Hub's own rooms, and changes nothing.
"""
