"""The way of a kernel's messages to the page, without the wait of 40 ms.

Left to itself a TCP connection holds a small message back until the page has confirmed the one
before it (Nagle's algorithm), and the page waits up to 40 ms with that, in case it had something to
say anyway. Jupyter's server leaves that on, so every answer to a slider came late by as much.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's connection of a page with a kernel; small messages leave at once."""

    def connect(self) -> Any:
        self.websocket_handler.set_nodelay(True)
        return super().connect()
