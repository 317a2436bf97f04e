"""Starts the warm process in bubblewrap, and sessions from it.

    with Sandbox() as sandbox, sandbox.session() as session:
        session.run_cell("def double(x): return 2 * x")
        session.call("double", (21,))        # 42

bubblewrap makes the outer walls: new namespaces, a read-only view of an interpreter and its
packages, an empty environment. Each session adds its own (``nncourse.grading.sandbox.inside``).
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from nncourse.grading.sandbox import cgroups, clock, library, view, walls
from nncourse.grading.sandbox.channel import Channel
from nncourse.grading.sandbox.guard import Guard, read_lines
from nncourse.grading.sandbox.inside import SESSION, TWIN, kernel
from nncourse.grading.sandbox.limits import MB, Budget, Limits
from nncourse.grading.sandbox.session import Session

START_SECONDS = 60.0  # for the warm process to load everything
SESSION_SECONDS = 10.0  # for a fork
WARM_MEMORY = 1024 * MB  # while it loads


Then = Callable[[], tuple[list[str], list[str]]]
"""Gives what is to be loaded besides, and what is to be deferred."""


class SandboxUnavailable(Exception):
    """Nothing here can hold a student's code in; the text says what is missing, and the mend."""


class Sandbox:
    """A warm process, and sessions forked from it. Sessions share its memory bound.

    withheld: what the exercise asks for, and the copy of the library must not have (see
    ``nncourse.grading.sandbox.library``). packages: distributions that student code may import.
    preload: modules to load once; "module:function" is called as well, to fill its cache. then:
    asked while these load, what to preload besides, and what a session is to load when it uses it,
    packages before what is in them.
    unsafe: without bubblewrap, run on this machine with your rights; the limits of processes, and
    Landlock and seccomp where the kernel has them, are all that is left then.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        withheld: Sequence[str] = (),
        packages: Sequence[str] = ("numpy", "matplotlib"),
        preload: Sequence[str] = ("numpy", "matplotlib.pyplot", "nncourse"),
        then: Then | None = None,
        unsafe: bool = False,
        cache: Path | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.unsafe = unsafe
        self.preload = list(preload)
        self.then = then
        self.layers: dict[str, Any] = {}
        self.starts = 0
        self.own_proc = True
        cache = library.cache_folder() if cache is None else cache
        copy = library.withhold(withheld, cache)
        draws = any("matplotlib" in name for name in preload)
        draws |= then is not None and "matplotlib" in packages
        fonts = view.fonts(cache) if draws else None
        self.view = view.view(copy, packages, fonts)
        self._forget()

    def _forget(self) -> None:
        """Be as one that was not started."""
        self._process: subprocess.Popen | None = None
        self._owner = 0
        self._ready = False
        self._control: socket.socket | None = None
        self._errors: IO[bytes] | None = None
        self._sessions: list[Session] = []
        self._lock = threading.Lock()
        self.group: cgroups.Group | None = None
        self.folder: str | None = None

    def session(self, budget: Budget | None = None) -> Session:
        """A new session. ``budget``: the wall time that it has.

        A warm process that died is replaced, but not by a fork of the process that started it: a
        fork may only use it. Raises SandboxUnavailable.
        """
        budget = budget or Budget(self.limits.submission_seconds)
        with self._lock:
            try:
                session = self._fork(budget)
            except (OSError, _Gone) as error:
                if self._borrowed:
                    raise SandboxUnavailable(f"no session could be started: {error}") from error
                self._stop()
                try:
                    session = self._fork(budget)
                except (OSError, _Gone) as error:
                    raise SandboxUnavailable(f"no session could be started: {error}") from error
            self._sessions = [known for known in self._sessions if known.ended is None]
            self._sessions.append(session)
        return session

    def spare(self) -> Session | None:
        """A session for later, to be begun; None where there is no room for it now."""
        with self._lock:
            try:
                return self._fork(Budget(self.limits.submission_seconds)) if self.alive else None
            except (OSError, _Gone):
                return None

    def begin(self) -> None:
        """Let the warm process start, and don't wait for it. Raises SandboxUnavailable."""
        with self._lock:
            self._begin()

    def start(self) -> None:
        """Start the warm process, if it does not run; ``session`` does so by itself."""
        with self._lock:
            self._start()

    def twin(self) -> Sandbox:
        """The same for a fork of this process, which has bounds of its own and no one to wait for.

        Its warm process is forked from this one's, within the same walls. Where that can't be, it
        starts one of its own when it needs it.
        """
        twin = copy.copy(self)
        twin._forget()
        with contextlib.suppress(OSError, _Gone):
            if self._control is not None and self._ready:
                twin._split_off(self._control, self.group)
        return twin

    def close(self) -> None:
        """End all sessions and the warm process."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._stop()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The warm process.

    @property
    def alive(self) -> bool:
        """Whether the warm process runs: nobody else holds the other end of its socket."""
        if self._control is None:
            return False
        poll = select.poll()
        poll.register(self._control, 0)
        return not poll.poll(0)

    @property
    def loaded(self) -> bool:
        """Whether the warm process has something to say, so that ``start`` need not wait."""
        if self._control is None:
            return True
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        return self._ready or bool(poll.poll(0))

    @property
    def files(self) -> list[int]:
        """The open files that it needs."""
        return [] if self._control is None else [self._control.fileno()]

    @property
    def _borrowed(self) -> bool:
        return self._control is not None and self._owner != os.getpid()

    def _begin(self) -> None:
        if not self.alive:
            self._stop()
            self._launch()

    def _start(self) -> None:
        if self._borrowed or (self._ready and self.alive):
            return None  # only its owner may start another one
        while True:
            self._begin()
            twin = self._process is None
            try:
                return self._await()
            except SandboxUnavailable as error:
                # Containers hide parts of /proc, and then forbid a new one. Theirs does as well:
                # only the warm process sees it, sessions see none.
                other_proc = self.own_proc and not self.unsafe and "proc on" in str(error)
                if not (twin or other_proc):
                    raise
                if other_proc:
                    self.own_proc = False

    def _launch(self) -> None:
        if not self.unsafe and shutil.which(walls.BWRAP) is None:
            raise SandboxUnavailable(
                "bubblewrap is not installed, and without it student code can reach everything "
                "that you can. Install it (Debian, Ubuntu: apt install bubblewrap)"
            )
        ours, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.group = cgroups.new_group()
        if self.group is not None:
            self.group.limit_memory(self.limits.memory + WARM_MEMORY)
        if self.unsafe:
            self.folder = tempfile.mkdtemp(prefix="nncourse-")
        outside = walls.Walls(self.view, self.unsafe, self.own_proc, self.folder)
        watch = self.group is None or "memory" not in self.group.folders
        job: dict[str, Any] = {"control": theirs.fileno(), "preload": self.preload}
        job |= outside.job(self.limits, watch)
        # The shell joins the control groups before anything else is started.
        join = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 1; shift; done; shift; exec "$@"'
        joins = self.group.joins if self.group is not None else []
        command = ["/bin/sh", "-c", join, "sh", *joins, "--", *outside.command(), json.dumps(job)]
        self._process = subprocess.Popen(
            command,
            env=outside.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        self._owner = os.getpid()
        self.starts += 1
        theirs.close()
        self._control = ours
        preload, defer = ([], []) if self.then is None else self.then()
        with contextlib.suppress(OSError):  # it is gone, and why is found when it is waited for
            ours.sendall(json.dumps({"preload": preload, "defer": defer}).encode() + b"\n")

    def _await(self) -> None:
        """Until the warm process has loaded everything."""
        assert self._control is not None
        answers = read_lines(self._control, clock.now() + START_SECONDS, 1)
        if not answers or "ready" not in answers[0]:
            said = answers[0].get("failed", "") if answers else ""
            tail = ""
            if self._errors is not None:
                self._errors.seek(0)
                tail = self._errors.read().decode("utf-8", "replace").strip()[-2000:]
            self._stop()
            raise SandboxUnavailable(walls.explain(said, tail))
        self.layers = {"own user namespace": answers[0]["nested"]}
        if self.group is not None:
            self.group.limit_memory(self.group.used() + self.limits.memory)
            # Guardian, session, and the warm process with bubblewrap's own.
            self.group.limit_processes(self.limits.processes + 16)
        self._ready = True

    def _split_off(self, control: socket.socket, group: cgroups.Group | None) -> None:
        """Have a warm process forked from the one at the other end of ``control``."""
        ours, theirs = socket.socketpair()
        self._control, self._owner = ours, os.getpid()
        self.group = cgroups.new_group()
        files = [theirs.fileno()]
        try:
            if cgroups.controllers(self.group) != cgroups.controllers(group):
                raise _Gone("it would have other bounds")
            if self.group is not None:
                files += [os.open(path, os.O_WRONLY) for path in self.group.joins]
            # Where this process is bound to a core, it and the sandbox take turns there.
            cores = os.sched_getaffinity(0)
            core = cores.pop() + 1 if len(cores) == 1 else 0
            socket.send_fds(control, [TWIN + core.to_bytes(2, "big")], files)
        except BaseException:
            self._stop()
            raise
        finally:
            theirs.close()
            for file in files[1:]:
                os.close(file)

    def _fork(self, budget: Budget) -> Session:
        self._start()
        assert self._control is not None
        pairs = [socket.socketpair() for _ in range(2)]
        (session, session_end), (guard, guard_end) = pairs
        try:
            ends = [session_end.fileno(), guard_end.fileno()]
            socket.send_fds(self._control, [SESSION], ends)
        finally:
            session_end.close()
            guard_end.close()
        answers = read_lines(guard, clock.now() + SESSION_SECONDS, 1)
        if not answers or "confined" not in answers[0]:
            session.close()
            guard.close()
            raise _Gone(answers[0].get("failed", "") if answers else "the warm process is gone")
        group = self.group
        counts = (int, int) if group is None else (group.kills, group.reached)
        layers = {**self.layers, **answers[0]["confined"]}
        return Session(Channel(session), Guard(guard, *counts), self.limits, budget, layers)

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()  # the warm process ends with it
            self._control = None
        self._ready = False
        if self._process is not None:
            if not kernel.ends_within(self._process.pid, 1.0):
                self._process.kill()
            self._process.wait()
            self._process = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        if self.group is not None:
            self.group.remove()
            self.group = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


class _Gone(Exception):
    """The warm process could not make a session."""
