"""Looking into networks and their computation graphs."""
