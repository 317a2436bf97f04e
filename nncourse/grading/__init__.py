"""What a lecturer calls: release an assignment, grade what came back, write the scores."""
