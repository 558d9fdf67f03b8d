"""What the service does again and again: each job is a name, a period and `run(now)`."""
