"""What the admin writes: releases, notices, audiences, budgets by command."""
