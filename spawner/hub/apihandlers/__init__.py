"""What programs, pages and jobs ask for: JSON and event streams."""
