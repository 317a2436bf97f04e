"""Files from the net, when asked for by name, and only the very files that were meant.

Nothing in the library downloads anything by itself. A download names the SHA-256 sum of the file it
wants; a file that differs in one bit is deleted and refused.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from nncourse.data.errors import DataError

MAX_BYTES = 1 << 30
_PIECE = 1 << 16


def fetch(
    url: str,
    sha256: str,
    filename: str | None = None,
    folder: Any = None,
    max_bytes: int = MAX_BYTES,
    timeout: float = 30.0,
) -> Path:
    """Download a file once; return where it lies.

    url: http or https. sha256: the file's sum, 64 hexadecimal digits (``sha256sum file``).
    filename: the name to keep it under; that of the address unless given. folder: where; unless
    given, ``nncourse`` in the user's cache folder, or what the variable NNCOURSE_DATA says.
    A file that is there with the right sum is not downloaded again. The download stops at
    ``max_bytes``, and after ``timeout`` seconds without an answer.

    Errors: ``DataError`` for a wrong sum or size, OSError where the net fails. Needs pooch:
    ``pip install pooch``.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"an address that begins with http:// or https:// is needed; got {url!r}")
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(
            "sha256 must be 64 hexadecimal digits, as `sha256sum file` prints them; got "
            f"{sha256!r:.80}"
        )
    name = filename if filename is not None else unquote(parts.path.rpartition("/")[2])
    if not name or name in (".", "..") or re.search(r'[/\\:*?"<>|\x00-\x1f]', name):
        raise ValueError(f"{name!r} cannot be the name of a file: pass filename=")
    try:
        import pooch
    except ImportError:
        raise ImportError("fetch needs pooch: pip install pooch") from None
    if folder is None:
        folder = os.environ.get("NNCOURSE_DATA") or pooch.os_cache("nncourse")

    def download(address: str, output: Any, _pooch: Any) -> None:
        import requests

        done = 0
        with (
            requests.get(address, stream=True, timeout=timeout) as answer,
            open(output, "wb") as file,
        ):
            answer.raise_for_status()
            for piece in answer.iter_content(_PIECE):
                done += len(piece)
                if done > max_bytes:
                    raise DataError(f"{url}: more than max_bytes={max_bytes}; stopped")
                file.write(piece)

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        found = pooch.retrieve(url, f"sha256:{sha256.lower()}", name, folder, downloader=download)
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{url}: not the file that was meant: {error}") from None
    finally:
        logger.setLevel(level)
    return Path(found)
