"""The collector's side of the network."""
