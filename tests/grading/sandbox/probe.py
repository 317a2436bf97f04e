"""Run by the tests of situations as another user or in another container: prints what protects.

python probe.py CACHE
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from nncourse.grading.sandbox.launcher import Sandbox, SandboxUnavailable
from nncourse.grading.sandbox.protections import protections

HOSTILE = """
import os, socket
gained = []
for path in ["/etc/passwd", SECRET, "/proc/self/status"]:
    try:
        gained.append(open(path).read())
    except OSError:
        pass
for path in ["/etc/mine", SECRET, "/sandbox/library/mine", "/mine"]:
    try:
        open(path, "w").write("mine")
        gained.append(path)
    except OSError:
        pass
try:
    socket.socket()
    gained.append("socket")
except OSError:
    pass
children = 0
try:
    while children < 100:
        if os.fork() == 0:
            import time
            time.sleep(100)
        children += 1
    gained.append("processes")
except OSError:
    pass
print(gained)
"""


def main() -> None:
    cache = Path(sys.argv[1])
    secret = cache / "secret"
    secret.write_text("secret")
    said = asdict(protections(cache))
    box = Sandbox(withheld=["nncourse"], packages=["numpy"], preload=[], cache=cache)
    try:
        with box, box.twin() as one, box.twin() as other, other.session() as honest:
            with one.session() as session:
                source = HOSTILE.replace("SECRET", repr(str(secret)))
                said["gained"] = session.run_cell(source).output.strip()
                said["beside"] = honest.run_cell("6 * 7").output.strip()
            said["starts"] = sorted({box.starts, one.starts, other.starts})
            with one.session() as session:
                said["next"] = session.run_cell("6 * 7").output.strip()
    except SandboxUnavailable:
        said["gained"] = "refused"
    said["secret"] = secret.read_text()
    print(json.dumps(said))


main()
