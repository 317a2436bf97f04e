"""What runs in the sandbox, and what the grader can ask the warm process for."""

SESSION = b"s"
TWIN = b"t"
