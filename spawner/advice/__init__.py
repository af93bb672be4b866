"""What would become of a request: verdict, alternatives, cost and bars."""
