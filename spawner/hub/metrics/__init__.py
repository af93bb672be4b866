"""What the Hub counts and measures for ``/hub/metrics``, beside JupyterHub's own. It knows nothing else of the Hub."""
