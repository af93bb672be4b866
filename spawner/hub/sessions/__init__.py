"""How sessions stand and what became of them, for all pages and programs alike."""
