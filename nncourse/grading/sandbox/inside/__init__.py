"""What runs in the sandbox, and what the grader can ask the warm process for."""

SESSION = b"s"
TWIN = b"t"
CUT_OFF = 75  # with which a session ends that the grader can't be reached from any more
