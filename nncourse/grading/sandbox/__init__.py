"""Student code in a sandbox: what it can reach, what it may use, and how to talk to it."""

from nncourse.grading.sandbox.handle import Handle
from nncourse.grading.sandbox.launcher import Sandbox, SandboxUnavailable
from nncourse.grading.sandbox.limits import Budget, Limits
from nncourse.grading.sandbox.outcome import CellResult, SessionEnded, StudentError
from nncourse.grading.sandbox.session import Session
from nncourse.grading.sandbox.wire import WireError

__all__ = [
    "Budget",
    "CellResult",
    "Handle",
    "Limits",
    "Sandbox",
    "SandboxUnavailable",
    "Session",
    "SessionEnded",
    "StudentError",
    "WireError",
]
