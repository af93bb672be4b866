"""``resource-form``: what is done from a terminal. Each command is a module of its own, imported when it is called for."""
