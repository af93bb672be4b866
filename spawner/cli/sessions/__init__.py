"""The commands about sessions that are there: a module each, and what they share in ``found`` and ``words``."""
