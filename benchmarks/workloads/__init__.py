"""Training steps, one file for each kind of network."""
