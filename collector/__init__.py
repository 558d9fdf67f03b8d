"""What is there and what happened: the estate, the metrics worth reading, and the minutes made of them."""
