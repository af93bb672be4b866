"""One job's life on evidence: submitted once, found again, watched, given back; its status, end and log."""
