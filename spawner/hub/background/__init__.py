"""What the Hub does by itself: looks for orphans and for idle GPUs."""
