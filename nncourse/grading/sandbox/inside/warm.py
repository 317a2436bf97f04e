"""The warm process: everything loaded once, and a fork of it for every session.

It runs none of the student's code. For each session that the grader asks for, it forks a guardian,
and the guardian forks the session:

    warm      libraries loaded; waits for requests
    guardian  new namespaces; waits for the session's end, and ends it when the grader says so
    session   process 1 of its own process namespace: when it ends, all that it started ends

The grader's first message on ``control`` is a line of JSON: what to load besides what the command
line names. Each further one is one byte and two sockets: the session's and the guardian's. The
guardian writes JSON lines to its socket: that the session is confined, and later how it ended. When
the grader closes that socket, or ends itself, the session is killed.

Another message asks for a twin, for another process of the grader's: a fork of the warm process
that joins control groups of its own and has a ``control`` of its own. Two more bytes say on which
core it is to stay: its number and 1, or 0 for any.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from nncourse.grading.sandbox.channel import Channel
from nncourse.grading.sandbox.inside import CUT_OFF, TWIN, confine, kernel
from nncourse.grading.sandbox.inside.cells import Notebook
from nncourse.grading.sandbox.inside.confine import Confinement
from nncourse.grading.sandbox.inside.deferred import defer, draw_unseen
from nncourse.grading.sandbox.inside.rehearsal import rehearse
from nncourse.grading.sandbox.inside.serve import Server
from nncourse.grading.sandbox.inside.watch import INTERVAL, Watch

MOST_FILES = 8  # with a message


def main() -> None:
    """Load, report, then fork on request until the grader goes."""
    job = json.loads(sys.argv[1])
    sys.argv, sys.orig_argv = [""], []  # nothing in it is for sessions
    control = socket.socket(fileno=job["control"])
    try:
        to = Confinement(**job["confinement"])
        nested = False
        if to.namespaces:
            confine.become_nobody(to)
            nested = confine.can_nest()
        lay_out = partial(_lay_out_fonts, job["matplotlib"])
        _load(job["preload"], [], lay_out)
        further = _line(control)
        _load(further["preload"], further["defer"], lay_out)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
        rehearse(to.output)
        gc.collect()
        gc.freeze()  # so that collections in the children copy fewer pages
        confine.remember_size()
        _tell(control, ready=True, nested=nested)
    except BaseException as error:
        _tell(control, failed=f"{type(error).__name__}: {error}")
        raise
    while True:
        message, files, _, _ = socket.recv_fds(control, 1, MOST_FILES)
        if not message:
            os._exit(0)  # to free all that it has loaded takes long
        core = int.from_bytes(control.recv(2), "big") - 1 if message == TWIN else -1
        # Where another session has used up all processes, this one is refused, not the warm ended.
        with contextlib.suppress(OSError):
            if os.fork() == 0:
                if message == TWIN:
                    control = _take_over(nested, control, core, *files)
                    continue
                _guard(to, nested, control, *(socket.socket(fileno=file) for file in files))
        for file in files:
            os.close(file)


def _take_over(
    nested: bool, control: socket.socket, core: int, file: int, *groups: int
) -> socket.socket:
    """Be a warm process for somebody else, in the control groups behind these files."""
    control.close()
    control = socket.socket(fileno=file)
    try:
        for group in groups:
            os.write(group, b"0")
            os.close(group)
    except OSError:
        os._exit(1)  # without its bounds it must not be
    if core >= 0:
        with contextlib.suppress(OSError):  # this machine may have it no longer
            os.sched_setaffinity(0, {core})
    _tell(control, ready=True, nested=nested)
    return control


def _tell(to: socket.socket, **what: Any) -> None:
    with contextlib.suppress(OSError):
        to.sendall(json.dumps(what).encode() + b"\n")


def _line(control: socket.socket) -> Any:
    """What the grader says before anything else is asked, in one line."""
    said = b""
    while not said.endswith(b"\n"):
        part = control.recv(4096)
        if not part:
            raise EOFError("the grader is gone")
        said += part
    return json.loads(said)


def _lay_out_fonts(fonts: str) -> None:
    # The folder has to be writable, or matplotlib looks for all fonts again.
    if fonts:
        shutil.copytree(fonts, os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)


def _load(names: list[str], deferred: list[str], lay_out_fonts: Callable[[], None]) -> None:
    if any(name.startswith("matplotlib") for name in names):
        lay_out_fonts()
    if deferred:
        defer(deferred, lay_out_fonts)
    for name in names:
        module, _, function = name.partition(":")
        # Parts of the library may be withheld; a session's own import says so then.
        with contextlib.suppress(ImportError) if "." in name else contextlib.nullcontext():
            found = importlib.import_module(module)
            draw_unseen(found)
            if function:
                getattr(found, function)()


def _guard(
    to: Confinement,
    nested: bool,
    control: socket.socket,
    session: socket.socket,
    guard: socket.socket,
) -> NoReturn:
    try:
        control.close()
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if not to.namespaces:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        own_score = _first_to_go()
        watch = Watch(sockets=to.namespaces) if to.watch else None
        if to.namespaces:
            confine.enter_namespaces(to, nested)
        child = os.fork()
        if child == 0:
            _session(to, session, guard)
        os.write(own_score, b"0")
        os.close(own_score)
        session.close()
        kernel.drop_capabilities()
        _wait(child, guard, to, watch)
    except BaseException as error:
        _tell(guard, failed=f"{type(error).__name__}: {error}")
    finally:
        os._exit(0)


def _first_to_go() -> int:
    """Where memory is short, the session goes first, not the warm process or the guardian."""
    file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(file, b"1000")
    return file


def _wait(child: int, guard: socket.socket, to: Confinement, watch: Watch | None) -> None:
    end = os.pidfd_open(child)
    poll = select.poll()
    poll.register(end, select.POLLIN)
    poll.register(guard, select.POLLIN)
    short = False
    while not (events := poll.poll(INTERVAL if watch is not None else None)):
        short = watch is not None and watch.used() > to.memory
        if short:
            break
    if short or any(file == guard.fileno() for file, _ in events):
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    if not to.namespaces:
        _end_orphans()
    seconds = usage.ru_utime + usage.ru_stime
    _tell(guard, status=os.waitstatus_to_exitcode(status), cpu=seconds, memory=short)


def _end_orphans() -> None:
    """Without a process namespace: whatever the session left has become this one's child."""
    while True:
        path = f"/proc/self/task/{os.getpid()}/children"
        with open(path) as file:
            children = [int(pid) for pid in file.read().split()]
        for pid in children:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _session(to: Confinement, session: socket.socket, guard: socket.socket) -> NoReturn:
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        kernel.close_all_but({session.fileno(), guard.fileno()})
        os.chdir(confine.WORK if to.namespaces else tempfile.mkdtemp(dir=to.folder))
        confine.set_limits(to)
        layers = confine.drop_rights(to)
        _tell(guard, confined=layers)
    except BaseException as error:
        _tell(guard, failed=f"{type(error).__name__}: {error}")
        os._exit(1)
    guard.close()
    Server(Channel(session), Notebook(to.output)).run()
    os._exit(CUT_OFF)
