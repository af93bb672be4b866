"""What nodes have free, until when, and who is in line."""
