"""What the devices themselves say, and what follows from it."""
