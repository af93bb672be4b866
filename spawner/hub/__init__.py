"""JupyterHub's side: what the Hub serves, remembers and does in the background."""
