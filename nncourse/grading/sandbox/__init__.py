"""Student code in a sandbox: what it can reach, what it may use, and how to talk to it."""
