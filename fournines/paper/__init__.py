"""A month's SLA statement on paper: HTML, PDF, CSV and JSON of one value."""
