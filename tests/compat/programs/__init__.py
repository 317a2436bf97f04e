"""Programs written for PyTorch; the tests run each in both libraries, changing imports only."""
