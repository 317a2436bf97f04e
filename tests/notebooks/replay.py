"""A plugin for pytest after nbval: its kernel computes nothing and says what stands in a notebook.

So nbval's comparison is tested in a second, on what a right run of each notebook would print. That
right runs do print it is what nbval tests with real kernels.
"""

from collections import deque
from pathlib import Path

import nbformat
from nbval import plugin

PRINTED = "printed.json"
"""A notebook of this name, beside the one that is tested, says what is printed."""


class Replay:
    """nbval's RunningKernel, as far as nbval uses it."""

    def __init__(self, kernel_name, cwd, startup_timeout):
        notebook = nbformat.read(Path(cwd) / PRINTED, as_version=4)
        self.cells = deque(cell for cell in notebook.cells if cell.cell_type == "code")
        self.messages = deque()

    def execute_cell_input(self, source, allow_stdin):
        cell = self.cells.popleft()
        assert cell.source == source
        for output in cell.outputs:
            self.messages.append((output.output_type, output))
        self.messages.append(("status", {"execution_state": "idle"}))
        return "the only one"

    def await_reply(self, message, timeout):
        pass

    def get_message(self, stream, timeout):
        kind, content = self.messages.popleft()
        return {
            "msg_type": kind,
            "content": content,
            "parent_header": {"msg_id": "the only one"},
        }

    def is_alive(self):
        return True

    def stop(self):
        pass


plugin.RunningKernel = Replay
