"""Who may ask for how much: associations, QOS, limits, price and budgets."""
