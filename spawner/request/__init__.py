"""One request: read, completed and judged; the form's fields as data."""
