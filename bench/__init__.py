"""What fournines promises of itself, measured: `python -m bench` runs each module that yields figures."""
