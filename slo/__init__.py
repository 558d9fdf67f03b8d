"""What was promised and how it is going: objectives, minutes, budgets, burn rates, contracts, statements."""
