"""What an admin may set of the spawner, apart from what it has of its base classes."""
