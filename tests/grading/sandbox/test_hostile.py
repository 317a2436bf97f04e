"""Hostile cells: nothing is gained, nothing left behind, and the next session is served.

Every test ends with a victim's session from the same warm process (the fixture ``sandbox``).
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nncourse.grading.sandbox import Handle, Sandbox, SessionEnded, StudentError, channel
from nncourse.grading.sandbox.inside.watch import MAPPING, Watch
from tests.grading.processes import processes_below
from tests.grading.sandbox.conftest import LIMITS

# How a cell may end its process or try to; each runs as a cell and inside a call.
EXITS = {
    "exit": ("exit()", None),
    "sys.exit in a finally": ("import sys\ntry:\n    1 / 0\nfinally:\n    sys.exit(3)", None),
    "_exit": ("import os\nos._exit(0)", "exit"),
    "_exit in a thread": (
        "import os, threading, time\nthreading.Thread(target=os._exit, args=(0,)).start()\n"
        "time.sleep(2)",
        "exit",
    ),
    "abort": ("import os\nos.abort()", "killed"),
    "fault": ("import ctypes\nctypes.string_at(0)", "killed"),
    "kill itself": ("import os\nos.kill(os.getpid(), 9)", None),
    "stop itself": ("import os\nos.kill(os.getpid(), 19)", None),
    "close everything": ("import os\nos.closerange(0, 256)", "protocol"),
    "exec": ("import os, sys\nos.execv(sys.executable, [sys.executable, '-c', ''])", "exit"),
    "deep recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    f()\nf()",
        "killed",
    ),
    "keyboard interrupt": ("raise KeyboardInterrupt", None),
}


@pytest.mark.parametrize("name", EXITS)
def test_exits_at_odd_moments(session, name):
    source, ends = EXITS[name]
    error = session.run_cell(source).error
    if isinstance(error, SessionEnded):
        # Where the process goes on after the call, the kind of its end depends on the system.
        assert ends is not None
        assert error.kind in {ends, "killed", "exit", "memory", "time"}
        with pytest.raises(SessionEnded):
            session.run_cell("1")
    else:
        assert session.run_cell("1").output == "1\n"


def test_an_exit_within_a_call(session):
    session.run_cell("import os, sys\ndef soft():\n    sys.exit()\ndef hard():\n    os._exit(0)")
    with pytest.raises(StudentError, match="SystemExit"):
        session.call("soft")
    with pytest.raises(SessionEnded, match="ended its process"):
        session.call("hard")


LOOPS = {
    "plain": "while True:\n    pass",
    "catching everything": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass"
    ),
    "ignoring signals": (
        "import signal\nfor s in range(1, 32):\n    try:\n"
        "        signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\nwhile True:\n    pass"
    ),
    "in C": "sum(range(10**12))",
    "asleep": "import time\ntime.sleep(100)",
    "waiting for a child": (
        "import os, time\npid = os.fork()\nif pid == 0:\n    time.sleep(100)\nos.waitpid(pid, 0)"
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_endless_loops_end_in_time(sandbox, name):
    limits = sandbox.limits
    with sandbox.session() as session:
        session.limits = type(limits)(cell_seconds=0.2, call_seconds=0.2)
        start = time.monotonic()
        error = session.run_cell(LOOPS[name]).error
        assert error.kind == "time"
        assert time.monotonic() - start < 1.5


def test_an_endless_call_and_one_that_answers_byte_by_byte(sandbox):
    with sandbox.session() as session:
        session.run_cell("def f():\n    while True:\n        pass")
        with pytest.raises(SessionEnded) as caught:
            session.call("f", seconds=0.1)
        assert caught.value.kind == "time"
    with sandbox.session() as session:
        session.run_cell(
            FIND_SERVER + "def f():\n    import time\n    for byte in b'nnw1\\5\\0\\0\\0':\n"
            "        server.channel.socket.send(bytes([byte]))\n        time.sleep(0.2)"
        )
        with pytest.raises(SessionEnded) as caught:
            session.call("f", seconds=0.3)
        assert caught.value.kind == "time"


MEMORY = {
    "one block": "x = bytearray(1 << 32)",
    "an array": "import numpy as np\nx = np.ones((20000, 20000))",
    "piece by piece": "x = []\nwhile True:\n    x.append(bytearray(1 << 22))",
    "a string": "x = 'x' * (1 << 33)",
    "a number": "x = 1 << (1 << 34)",
}


@pytest.mark.parametrize("name", MEMORY)
def test_memory_bombs(session, name):
    error = session.run_cell(MEMORY[name]).error
    assert error.kind in {"MemoryError", "_ArrayMemoryError", "memory", "killed"}


MANY_PROCESSES = (
    "import os, time\n"
    "for _ in range(3):\n"
    "    if os.fork() == 0:\n"
    "        x = [bytearray(1 << 20) for _ in range(120)]\n"
    "        time.sleep(100)\n"
    "os.wait()"
)


@pytest.mark.parametrize("groups", [True, False])
def test_memory_of_many_processes_together(cache, monkeypatch, groups):
    """Each stays below the bound of 200 MB; together they would have 360."""
    if not groups:
        monkeypatch.setattr("nncourse.grading.sandbox.cgroups.new_group", lambda: None)
    options = {"withheld": ["nncourse"], "packages": ["numpy"], "preload": []}
    limits = replace(LIMITS, cell_seconds=20.0)
    with Sandbox(limits, cache=cache, **options) as sandbox, sandbox.session() as session:
        error = session.run_cell(MANY_PROCESSES).error
        # A control group may choose one of the children instead of the session.
        if sandbox.group is None:
            assert error.kind == "memory"
        else:
            assert error is not None or sandbox.group.kills() > 0
        session.close()
        with sandbox.session() as after:
            assert after.run_cell("1").output == "1\n"


SOCKETS = (
    "import os, socket, time\nkept = [socket.socketpair() for _ in range(14)]\n"
    "if MANY:\n    for _ in range(18):\n        if os.fork() == 0:\n"
    "            kept += [socket.socketpair() for _ in range(14)]\n"
    "            time.sleep(100)\n    time.sleep(1)\n"
)


@pytest.mark.parametrize("many", [True, False])
def test_what_is_sent_and_not_received_is_memory(cache, monkeypatch, many):
    """The kernel holds it, for whom no rlimit counts it. A few sockets are everyone's right."""
    monkeypatch.setattr("nncourse.grading.sandbox.cgroups.new_group", lambda: None)
    options = {"withheld": ["nncourse"], "packages": ["numpy"], "preload": []}
    with Sandbox(LIMITS, cache=cache, **options) as sandbox, sandbox.session() as session:
        error = session.run_cell(SOCKETS.replace("MANY", str(many))).error
        assert (error and error.kind) == ("memory" if many else None)


FAR_APART = (
    "import ctypes, os, time\nmap = ctypes.CDLL(None).mmap\nmap.restype = ctypes.c_void_p\n"
    "map.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]\n"
    "for place in range(1 << 30, 2000 << 30, 1 << 30):\n"
    "    if map(place, 4096, 3, 0x100022, -1, 0) == place:  # private, there and nowhere else\n"
    "        ctypes.c_char.from_address(place).value = b'x'\n"
    "for _ in range(15):\n    if os.fork() == 0:\n        time.sleep(100)\ntime.sleep(0.5)"
)


def test_tables_of_pages_are_memory(cache, monkeypatch):
    """Of 200 MB, the pages take 128, and their tables 256 more."""
    monkeypatch.setattr("nncourse.grading.sandbox.cgroups.new_group", lambda: None)
    options = {"withheld": ["nncourse"], "packages": ["numpy"], "preload": []}
    with Sandbox(LIMITS, cache=cache, **options) as sandbox, sandbox.session() as session:
        assert session.run_cell(FAR_APART).error.kind == "memory"


CUT_UP = (
    "import mmap, os, time\nheld = mmap.mmap(-1, 40000 * 4096, flags=mmap.MAP_PRIVATE)\n"
    "for place in range(0, MOST * 4096, 8192): held.madvise(16, place, 4096)\n"  # not to be dumped
    "if MANY:\n    for _ in range(3):\n        if os.fork() == 0: time.sleep(100)\n"
    "time.sleep(0.5)"
)


@pytest.mark.parametrize(
    ("most", "many", "kind"),
    [(30_000, False, None), (20_000, True, "memory"), (4000, True, None)],
)
def test_descriptions_of_mappings_are_memory(cache, monkeypatch, most, many, kind):
    """No page of them need be touched. Some ten thousand are everyone's right."""
    monkeypatch.setattr("nncourse.grading.sandbox.cgroups.new_group", lambda: None)
    options = {"withheld": ["nncourse"], "packages": ["numpy"], "preload": []}
    limits = replace(LIMITS, cell_seconds=20.0)
    with Sandbox(limits, cache=cache, **options) as sandbox, sandbox.session() as session:
        error = session.run_cell(CUT_UP.replace("MOST", str(most)).replace("MANY", str(many))).error
        assert (error and error.kind) == kind


HIDING = {
    "by a name that is no text": "libc.prctl(15, b'\\xff', 0, 0, 0)\nhold()",
    "behind a first thread that has ended": "threading.Thread(target=hold).start()\n"
    "        libc.syscall(EXIT, 0)",
}


@pytest.mark.parametrize("name", HIDING)
def test_no_process_hides_its_memory(cache, monkeypatch, name):
    """Each of three stays below the bound of 200 MB."""
    monkeypatch.setattr("nncourse.grading.sandbox.cgroups.new_group", lambda: None)
    number = {"x86_64": "60", "aarch64": "93"}.get(os.uname().machine)
    if number is None:
        pytest.skip("the number of the call is not known here")
    source = (
        "import ctypes, os, threading, time\nlibc = ctypes.CDLL(None)\n"
        "libc.mallopt(-8, 1)  # threads reserve nothing of their own\n"
        "def hold():\n    x = [b'x' * (1 << 20) for _ in range(120)]\n    time.sleep(100)\n"
        f"for _ in range(3):\n    if os.fork() == 0:\n        {HIDING[name]}\ntime.sleep(5)"
    ).replace("EXIT", number)
    options = {"withheld": ["nncourse"], "packages": ["numpy"], "preload": []}
    limits = replace(LIMITS, cell_seconds=30.0)
    with Sandbox(limits, cache=cache, **options) as sandbox, sandbox.session() as session:
        assert session.run_cell(source).error.kind == "memory"


def test_what_is_swapped_out_is_memory(tmp_path):
    """Swap can't be had at will, so the kernel's files are made up here."""
    (tmp_path / "7").mkdir()
    status = "Name:\ta\\nVmSwap: 9\nVmPTE:\t      40 kB\nVmSwap:\t   30000 kB\nThreads:\t1\n"
    written = {"stat": "7 (a) S) S 1 7 7", "statm": "1000 200 150 9 0 600 0", "status": status}
    written["maps"] = "00-10 r--p\n20-30 rw-p [heap]\n30-40 ---p\n"
    for name, text in written.items():
        (tmp_path / "7" / name).write_text(text)
    watch = Watch(sockets=False)
    watch.folder, watch.own, watch.before = os.open(tmp_path, os.O_RDONLY), 1, (0, 0, 0, 0)
    described = (50 + 400) * resource.getpagesize() + (40 + 30_000) * 1024 + 3 * MAPPING
    assert watch.used() == described


def test_fork_bombs(session):
    result = session.run_cell(
        "import os, time\ncount = 0\ntry:\n    while count < 100:\n        if os.fork() == 0:\n"
        "            time.sleep(100)\n        count += 1\nexcept OSError as error:\n"
        "    print(count, type(error).__name__)"
    )
    count, error = result.output.split()
    assert int(count) < 24
    assert error == "BlockingIOError"


def test_thread_bombs(session):
    result = session.run_cell(
        "import threading, time\ncount = 0\ntry:\n    while count < 100:\n"
        "        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n"
        "        count += 1\nexcept RuntimeError:\n    print(count)"
    )
    assert int(result.output) < 24


def test_threads_reserve_no_memory(session):
    """15 of them, each of which allocates: 64 MB apiece would be too much."""
    session.limits = replace(LIMITS, cell_seconds=20.0)
    result = session.run_cell(
        "import time\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "def work(n):\n    time.sleep(0.05)\n    return len([str(i) for i in range(n)])\n"
        "with ThreadPoolExecutor(15) as pool: print(sum(pool.map(work, [1000] * 60)))"
    )
    assert (result.output, result.error) == ("60000\n", None)


def test_a_session_stays_on_its_core(session):
    result = session.run_cell(
        "import os\ntry:\n    os.sched_setaffinity(0, range(os.cpu_count()))\n"
        "except PermissionError:\n    print('refused')"
    )
    assert result.output == "refused\n"


OUTLIVING = (
    "import os, time\n"
    "for _ in range(3):\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        if os.fork():\n"
    "            os._exit(0)\n"
    "        os.closerange(0, 256)\n"
    "        time.sleep(100)\n"
    "        os._exit(0)\n"
)


@pytest.mark.parametrize("end", ["", "os._exit(0)", "time.sleep(100)"])
def test_processes_do_not_outlive_the_session(first, sandbox, end):
    with sandbox.session() as session:
        session.run_cell("1")
        session.close()
    before = processes_below(first._process.pid)
    with sandbox.session() as session:
        session.limits = type(sandbox.limits)(cell_seconds=0.2)
        session.run_cell(OUTLIVING + end)
    deadline = time.monotonic() + 1
    while processes_below(first._process.pid) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes_below(first._process.pid) - before == set()


FLOODS = {
    "print": "for i in range(3000):\n    print('x' * 1000)",
    "stderr": "import sys\nfor i in range(3000):\n    sys.stderr.write('x' * 1000)",
    "one line": "print('x' * 10**7)",
    "an exception": "raise ValueError('x' * 10**7)",
    "a repr": "class A:\n    def __repr__(self):\n        return 'x' * 10**7\nA()",
    "descriptors": "import os\nfor i in range(3000):\n    os.write(1, b'x' * 1000)",
    "surrogates": "print('\\ud800' * 10**6)",
}


@pytest.mark.parametrize("name", FLOODS)
def test_output_floods(session, name):
    result = session.run_cell(FLOODS[name])
    assert len(result.output) <= 5000
    assert result.truncated == (name not in {"an exception", "descriptors"})
    assert result.error is None or len(str(result.error)) < 10_000
    assert session.run_cell("print('on')").output == "on\n"


def test_no_network(session):
    with socket.create_server(("127.0.0.1", 0)) as here:
        port = here.getsockname()[1]
        source = (
            "import socket\n"
            "for family in (socket.AF_INET, socket.AF_INET6, 40, 16, 17, 38):\n"
            "    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):\n"
            "        try:\n            s = socket.socket(family, kind)\n"
            f"            s.connect(('127.0.0.1', {port}))\n            print('connected')\n"
            "        except (OSError, TypeError):\n            pass\n"
            "try:\n    socket.getaddrinfo('example.org', 80)\n    print('resolved')\n"
            "except OSError:\n    pass"
        )
        result = session.run_cell(source)
        assert (result.output, result.error) == ("", None)


def test_no_sockets_of_other_processes(session, tmp_path):
    path = str(tmp_path / "socket")
    name = f"\0nncourse-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
        one.bind(path)
        one.listen()
        other.bind(name)
        other.listen()
        for address in (path, name):
            error = session.run_cell(
                f"import socket\nsocket.socket(socket.AF_UNIX).connect({address!r})"
            ).error
            assert isinstance(error, StudentError), address


def test_signals_reach_nobody_else(sandbox):
    with sandbox.session() as neighbour, sandbox.session() as session:
        neighbour.run_cell("x = 1")
        session.run_cell(
            "import os\nfor pid in [0, -1, os.getppid(), *range(-200, 200)]:\n"
            "    for number in (15, 9, 19):\n"
            "        if pid not in (os.getpid(), -os.getpid()):\n"
            "            try:\n                os.kill(pid, number)\n"
            "            except OSError:\n                pass"
        )
        assert neighbour.run_cell("x").output == "1\n"


@pytest.fixture
def secrets(tmp_path):
    """Files as a course has them, with a word that must not come out."""
    word = "the-word-" + os.urandom(8).hex()
    places = {
        "gradebook": tmp_path / "gradebook.db",
        "submission": tmp_path / "submitted" / "anna" / "ps05.ipynb",
        "solution": tmp_path / "source" / "ps05.ipynb",
        "shared": Path("/dev/shm") / f"nncourse-test-{os.getpid()}",
        "temporary": Path("/var/tmp") / f"nncourse-test-{os.getpid()}",
    }
    for path in places.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(word)
    os.environ["NNCOURSE_TEST_SECRET"] = word
    yield word, places
    del os.environ["NNCOURSE_TEST_SECRET"]
    for path in (places["shared"], places["temporary"]):
        path.unlink()


def test_files_of_the_course_are_not_there(session, secrets):
    word, places = secrets
    for path in places.values():
        assert isinstance(
            session.run_cell(f"print(open({str(path)!r}).read())").error, StudentError
        )
        # In /dev/shm and /tmp this may work: these are the session's own there.
        session.run_cell(f"open({str(path)!r}, 'w').write('mine')")
        assert path.read_text() == word


def test_nothing_of_the_machine_is_there(session):
    here = Path(__file__)
    places = [
        str(here),
        str(here.parents[3] / "solutions"),
        str(here.parents[3] / "nncourse" / "exercises"),
        str(Path.home()),
        str(Path.home() / ".cache"),
        "/root",
        "/home",
        "/etc/passwd",
        "/etc/shadow",
        "/proc/self",
        "/proc/1/environ",
        "/proc/sys",
        "/sys/kernel",
        "/sys/fs/cgroup",
        "/dev/kmsg",
        "/dev/mem",
        "/dev/vsock",
        "/dev/pts/ptmx",
        "/dev/ptmx",
        "/var",
        "/run",
        "/usr/bin",
        "/bin/sh",
        "/mnt",
    ]
    source = (
        f"import os\nfor path in {places!r}:\n    try:\n"
        "        found = os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read(9)\n"
        "        print(path, found)\n"
        "    except OSError:\n        pass"
    )
    output = session.run_cell(source).output
    # A folder may be on the way to the interpreter; then it holds nothing but that way.
    shown = [line for line in output.splitlines() if not line.endswith("[]")]
    ways = sorted({Path(os.path.realpath("/proc/self/exe")).parents[0]})
    for line in shown:
        assert any(str(way).startswith(line.split()[0]) for way in ways), line


def test_the_command_line_is_clean(session):
    result = session.run_cell("import sys\nprint(sys.argv, sys.orig_argv)")
    assert result.output == "[''] []\n"


def test_the_environment_is_clean(session, secrets):
    word, _ = secrets
    result = session.run_cell("import os\nprint(sorted(os.environ.items()))")
    assert word not in result.output
    assert "NNCOURSE" not in result.output
    assert str(Path.home()) + "/" not in result.output


def test_nothing_can_be_written_but_the_private_folder(session):
    result = session.run_cell(
        "import os, sys\n"
        "for folder in ['/', '/dev', '/etc', '/usr', '/usr/lib', '/sandbox', '/sandbox/library',\n"
        "               '/proc', '/dev/pts', *sys.path, os.path.dirname(os.__file__),\n"
        "               os.path.dirname(sys.executable), '/root', '/home', '/var']:\n"
        "    try:\n        open(folder + '/mine.py', 'w').write('x')\n        print(folder)\n"
        "    except OSError:\n        pass\n"
        "open('mine.txt', 'w').write('x')\nopen('/dev/shm/mine', 'w').write('x')\n"
        "print(os.getcwd())"
    )
    assert (result.error, result.output) == (None, "/tmp/work\n")


def test_one_session_leaves_nothing_for_the_next(sandbox):
    with sandbox.session() as session, sandbox.session() as beside:
        session.run_cell(
            "import os, sys, builtins, numpy, json\n"
            "for path in ['numpy.py', 'json.py', '/tmp/x', '/dev/shm/x', 'sitecustomize.py']:\n"
            "    open(path, 'w').write('print(\"mine\")')\n"
            "os.symlink('/', 'root')\nos.environ['MINE'] = '1'\n"
            "os.mkfifo('/tmp/fifo')\n"
            "builtins.len = lambda x: 0\nsys.modules['fractions'] = None\n"
            "numpy.allclose = lambda *a: True\njson.dumps = None"
        )
        look = (
            "import os, numpy, fractions\nprint(os.listdir('.'), os.listdir('/dev/shm'),\n"
            "os.listdir('/tmp'), os.environ.get('MINE'), len([1, 2]), numpy.allclose(1, 2))"
        )
        clean = "[] [] ['work'] None 2 False\n"
        assert beside.run_cell(look).output == clean
        session.close()
        with sandbox.session() as after:
            assert after.run_cell(look).output == clean


def test_modules_of_the_student_shadow_only_their_own_session(session):
    result = session.run_cell(
        "open('random.py', 'w').write('value = 1')\nimport sys\nsys.path.insert(0, '.')\n"
        "sys.modules.pop('random', None)\nimport random\nprint(random.value)"
    )
    assert result.output == "1\n"


def test_links_lead_nowhere(session, secrets):
    _, places = secrets
    result = session.run_cell(
        f"import os\nfor n, path in enumerate({[str(p) for p in places.values()]!r}):\n"
        "    os.symlink(path, f'link{n}')\n    try:\n        print(open(f'link{n}').read())\n"
        "    except OSError:\n        pass\n    try:\n        os.link(path, f'hard{n}')\n"
        "        print('linked')\n    except OSError:\n        pass"
    )
    assert (result.output, result.error) == ("", None)


def test_a_full_folder_is_the_students_own(session):
    result = session.run_cell(
        "data = bytes(1 << 20)\ncount = 0\ntry:\n    while count < 100:\n"
        "        open(f'big{count}', 'wb').write(data)\n        count += 1\n"
        "except OSError as error:\n    print(error.strerror)\n"
        "try:\n    open('/dev/shm/big', 'wb').write(bytes(6 << 20))\nexcept OSError as error:\n"
        "    print(error.strerror)"
    )
    assert result.output.splitlines() == ["No space left on device", "File too large"]
    result = session.run_cell(
        "try:\n    for n in range(1000):\n        open(f'/dev/shm/{n}', 'w').close()\n"
        "except OSError as error:\n    print(n < 250)"
    )
    assert result.output == "True\n"


def test_open_files_are_bounded(session):
    result = session.run_cell(
        "import os\nfiles = []\ntry:\n    for n in range(1000):\n        files.append(os.dup(1))\n"
        "except OSError:\n    print(len(files) < 64)"
    )
    assert result.output == "True\n"


def test_limits_cannot_be_raised(session):
    result = session.run_cell(
        "import resource as r\nfor name in dir(r):\n    if name.startswith('RLIMIT_'):\n"
        "        which = getattr(r, name)\n"
        "        if which in (r.RLIMIT_CORE, r.RLIMIT_CPU, 15):\n            continue  # nor read\n"
        "        soft, hard = r.getrlimit(which)\n"
        "        if hard != r.RLIM_INFINITY:\n            try:\n"
        "                r.setrlimit(which, (hard, hard + 1))\n                print(name)\n"
        "            except (OSError, ValueError):\n                pass\n"
        "print([r.getrlimit(w)[1] for w in (r.RLIMIT_NPROC, r.RLIMIT_NOFILE)])"
    )
    assert result.output == "[24, 64]\n"


@pytest.mark.slow
def test_processor_time_is_bounded(cache, sandbox):
    from dataclasses import replace

    limits = replace(sandbox.limits, cpu_seconds=1, cell_seconds=60)
    with (
        Sandbox(limits, withheld=["nncourse"], packages=["numpy"], preload=[], cache=cache) as box,
        box.session() as session,
    ):
        assert session.run_cell("while True:\n    pass").error.kind == "cpu"


CALLS = {
    "ptrace": ("ptrace", (0, 0, 0, 0)),
    "mount": ("mount", (b"none", b"/tmp", b"tmpfs", 0, None)),
    "umount": ("umount2", (b"/tmp", 2)),
    "pivot": ("pivot_root", (b"/tmp", b"/tmp")),
    "chroot": ("chroot", (b"/tmp",)),
    "setuid": ("setuid", (0,)),
    "setgroups": ("setgroups", (0, None)),
    "keyctl": ("syscall", (250, 0, -1, 0)),
    "bpf": ("syscall", (321, 0, None, 0)),
    "perf": ("syscall", (298, None, 0, -1, -1, 0)),
    "userfaultfd": ("syscall", (323, 0)),
    "io_uring": ("syscall", (425, 1, None)),
    "rules on files": ("syscall", (444, None, 0, 1)),
    "a filter": ("syscall", (317, 2, 0, b"\0\0\xff\x7f")),
    "a filter, in the old way": ("prctl", (22, 2, None, 0, 0)),
    "memfd": ("syscall", (319, b"x", 0)),
    "memory policy": ("syscall", (238, 0, None, 0)),
    "memory policy of a part": ("syscall", (237, None, 0, 0, None, 0, 0)),
    "home of memory": ("syscall", (450, None, 0, 0, 0)),
    "clone3": ("syscall", (435, None, 0)),
    "handle": ("syscall", (304, -1, None, 0)),
    "32-bit numbering": ("syscall", (0x40000000 + 39,)),
    "unknown": ("syscall", (500,)),
    "shared memory": ("shmget", (0, 4096, 0o1600)),
    "vm": ("process_vm_readv", (1, None, 0, None, 0, 0)),
    "module": ("syscall", (175, None, 0, b"")),
    **{f"unshare {flag:#x}": ("unshare", (flag,)) for flag in (0x10000000, 0x20000, 0x20000000)},
    "clone": ("syscall", (56, 0x10000000 | 17, None, None, None, None)),
    "setns": ("setns", (0, 0)),
    "hostname": ("sethostname", (b"mine", 4)),
    "nice": ("setpriority", (0, 0, -5)),
    "inotify": ("inotify_init", ()),
    "inotify with flags": ("inotify_init1", (0,)),
    "a file out of memory": ("syscall", (221, 0, 0, 0, 4)),
    "what is in memory": ("syscall", (27, None, 0, None)),
    "what was in memory": ("syscall", (451, 0, None, None, 0)),
    "the system's load": ("sysinfo", (b" " * 112,)),
    "open files sent about": ("sendmsg", (0, None, 0)),
    "many of them": ("sendmmsg", (0, None, 0, 0)),
    "files waited for": ("epoll_create", (1,)),
    "files waited for, with flags": ("epoll_create1", (0,)),
    "a byte ahead of its turn": ("send", (0, b"x", 1, 1)),
    **{f"such a byte, {name}": (name, (0, b" ", 1, 1, None)) for name in ("recv", "recvmmsg")},
    "such a byte, by a message": ("recvmsg", (0, None, 1)),
    "what others see of it": ("prctl", (4, 0, 0, 0, 0)),
    "a core of its own": ("prctl", (62, 1, 0, 1, 0)),
    "pages merged": ("prctl", (67, 1, 0, 0, 0)),
    "a table of locks": ("prctl", (78, 1, 1 << 23, 0, 0)),
    "a name for memory": ("prctl", (0x53564D41, 0, 0, 0, b"x")),
    "huge pages": ("syscall", (9, 0, 1 << 21, 3, 0x40022, -1, 0)),
    "whether a read would wait": ("syscall", (327, 0, None, 0, 0, 0, 8)),
    "a lease": ("fcntl", (0, 1024, 0)),
    "a notice": ("fcntl", (0, 1026, 1)),
    "whose lock": ("fcntl", (0, 5, b" " * 32)),
    "core dumps": ("setrlimit", (4, b"\0" * 16)),
    "core dumps again": ("syscall", (302, 0, 4, b"\0" * 16, None)),
    **{f"sockets {family}": ("socketpair", (family, 1, 0, b" " * 8)) for family in range(2, 46)},
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of calls are x86_64's")
def test_calls_that_no_exercise_needs(session):
    result = session.run_cell(
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "refused = (1, 13, 22, 38)\n"
        f"for name, (function, arguments) in {CALLS!r}.items():\n"
        "    ctypes.set_errno(0)\n"
        "    made = getattr(libc, function)(*arguments) != -1\n"
        "    if made or ctypes.get_errno() not in refused:\n"
        "        print(name, ctypes.get_errno())"
    )
    assert (result.output, result.error) == ("", None)


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="core dumps are off, and can't be on"
)
def test_a_crash_starts_nothing_on_the_machine(session):
    """Where core dumps go to a program, the kernel starts it outside, unless the limit is 1."""
    limits = []
    for pid in processes_below(os.getpid()) - {os.getpid()}:
        try:
            lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
        except OSError:  # one that was just ending
            continue
        limits += [line.split()[4:6] for line in lines if line.startswith("Max core file size")]
    assert ["1", "1"] in limits
    result = session.run_cell(
        "import resource\ntry: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "except OSError: print('refused')\nexcept ValueError: print('refused')"
    )
    assert result.output == "refused\n"


def test_no_session_ends_as_if_the_system_had_ended_it(session):
    """It would be begun anew, and whoever draws answers at random would draw once more."""
    result = session.run_cell(
        "import os, resource as r\nfor limit in (r.setrlimit, lambda *to: r.prlimit(1, *to)):\n"
        "    for which in (r.RLIMIT_CPU, 15):\n"  # RLIMIT_RTTIME
        "        try: limit(which, (0, 0))\n"
        "        except (OSError, ValueError): print('refused')\nos.kill(1, 9)"
    )
    assert (result.output, result.error) == ("refused\n" * 4, None)


NOWHERE = {"syncfs": (-1,), "fsync": (-1,), "fdatasync": (-1,), "flock": (-1, 2)}
NOWHERE |= {"sync_file_range": (-1, 0, 0, 0), "msync": (4096, 4096, 4), "fcntl": (-1, 6, 0)}


def test_locks_and_writing_out_end_before_the_kernel(session):
    """As done, though there is no such file."""
    result = session.run_cell(
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.msync.argtypes = [ctypes.c_void_p] * 2\n"
        f"for name, arguments in {NOWHERE!r}.items():\n"
        "    if getattr(libc, name)(*arguments) != 0:\n        print(name)"
    )
    assert (result.output, result.error) == ("", None)


def test_locks_and_writing_out_trouble_no_honest_notebook(session):
    result = session.run_cell(
        "import fcntl, os, sqlite3\nwith open('file', 'w') as file:\n"
        "    fcntl.flock(file, fcntl.LOCK_EX)\n    fcntl.lockf(file, fcntl.LOCK_EX)\n"
        "    file.write('x')\n    file.flush()\n    os.fsync(file.fileno())\nos.sync()\n"
        "import numpy as np\nwritten = np.memmap('array', float, 'w+', shape=9)\n"
        "written[:] = 1\nwritten.flush()\nassert np.fromfile('array').sum() == 9\n"
        "with sqlite3.connect('data') as data:\n    data.execute('create table t (x)')\n"
        "    data.execute('insert into t values (42)')\n"
        "print(sqlite3.connect('data').execute('select x from t').fetchall())"
    )
    assert (result.output, result.error) == ("[(42,)]\n", None)


WAITING = {
    "asyncio": "import asyncio\nasync def add(a, b):\n    await asyncio.sleep(0.001)\n"
    "    return a + b\nasync def both():\n"
    "    return sum(await asyncio.gather(add(20, 1), asyncio.to_thread(int, 21)))\n"
    "print(asyncio.run(both()))",
    "await in a cell": "import asyncio\nawait asyncio.sleep(0.001)\nprint(42)",
    "selectors": "import selectors, socket\na, b = socket.socketpair()\n"
    "with selectors.DefaultSelector() as files:\n"
    "    files.register(b, selectors.EVENT_READ, 42)\n    a.send(b'x')\n"
    "    print(*[key.data for key, _ in files.select(1)])",
    "selectors anew": "import importlib, selectors\nimportlib.reload(selectors)\n"
    "with selectors.DefaultSelector() as files:\n    print(42)",
    "threads": "import queue, threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
    "found = queue.Queue()\nthreading.Thread(target=found.put, args=(21,)).start()\n"
    "with ThreadPoolExecutor(2) as pool:\n"
    "    print(pool.submit(int, 21).result() + found.get(timeout=1))",
    "processes": "import multiprocessing\nwith multiprocessing.Pool(2) as pool:\n"
    "    print(sum(pool.map(int, [20, 22])))",
    "other processes": "from concurrent.futures import ProcessPoolExecutor\n"
    "with ProcessPoolExecutor(2) as pool:\n    print(sum(pool.map(int, [20, 22])))",
    "a program": "import subprocess, sys\nprogram = [sys.executable, '-c', 'print(42)']\n"
    "done = subprocess.run(program, capture_output=True, text=True, timeout=9)\n"
    "print(done.stdout + done.stderr, end='')",
}


@pytest.mark.parametrize("name", WAITING)
def test_an_honest_notebook_waits_without_epoll(session, name):
    """Epoll is refused: files waited for are counted by user, the grader's own among them."""
    session.limits = replace(LIMITS, cell_seconds=20.0)
    result = session.run_cell(WAITING[name])
    assert (result.output, result.error) == ("42\n", None)


def test_no_rights(session):
    result = session.run_cell(
        "import os, ctypes\nlibc = ctypes.CDLL(None)\n"
        "header = (ctypes.c_uint32 * 2)(0x20080522, 0)\nsets = (ctypes.c_uint32 * 6)()\n"
        "libc.capget(header, sets)\n"
        "print(any(sets), libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0),\n"
        "      [c for c in range(41) if libc.prctl(23, c, 0, 0, 0) == 1],\n"
        "      os.getuid() != 0, os.getgroups() in ([], [os.getgid()], [65534]))"
    )
    # No capability, no new privileges, a filter in force (asking may itself be refused).
    assert result.output in {"False 1 2 [] True True\n", "False 1 -1 [] True True\n"}


def test_the_students_user_owns_nothing(session):
    inside = int(session.run_cell("import os\nprint(os.getuid())").output)
    assert inside != 0
    if os.geteuid() == 0:
        import pwd

        with pytest.raises(KeyError):
            pwd.getpwuid(inside)


FIND_SERVER = (
    "import gc\nserver = next(o for o in gc.get_objects() if type(o).__name__ == 'Server')\n"
)


def test_memory_holds_nothing_of_the_grader(session, secrets):
    word, _ = secrets
    session.run_cell("def answer(x):\n    return x")
    expected = f"expected-{word}"
    assert session.call("answer", (1,)) != expected
    source = (
        "import gc, sys\nfound = set()\nseen = list(gc.get_objects())\n"
        "frame = sys._getframe()\nwhile frame:\n    seen += [frame.f_locals, frame.f_globals]\n"
        "    frame = frame.f_back\n"
        "for o in seen:\n    for inner in (o, *gc.get_referents(o)):\n"
        "        if type(inner) is str:\n            found.add(inner)\n"
        f"print(''.join(reversed({word[::-1]!r})) in ''.join(sorted(found)))\n"
        "print([n for n in sys.modules if n.startswith('nncourse.') and '.sandbox' not in n\n"
        "       and n != 'nncourse.grading'])\n"
        "for name in ['exercises', 'check.judge', 'grading.grade', 'diagnosis', 'course']:\n"
        "    try:\n        __import__('nncourse.' + name)\n        print(name)\n"
        "    except ImportError:\n        pass"
    )
    result = session.run_cell(source)
    assert (result.output, result.error) == ("False\n[]\n", None)


FORGERIES = {
    "garbage": ("server.channel.socket.send(b'garbage' * 10)", "can't be read"),
    "an answer too many": ("server.channel.send({'n': 2, 'value': 1})", "no question|cell"),
    "an answer to another question": (
        "server.channel.send({'n': 77, 'value': 1})",
        "no question",
    ),
    "no dict": ("server.channel.send([1])", "no question"),
    "no value": ("server.channel.send({'n': 2})", "no value"),
    "a huge frame": (
        "server.channel.socket.send(b'nnw1' + (4).to_bytes(4, 'little') + (1 << 50).to_bytes(8, "
        "'little') + b'null')",
        "can't be read",
    ),
    "a function that was not given": (
        "from nncourse.grading.sandbox.wire import Reference, encode\n"
        "server.channel.send({'n': 2, 'value': len}, refer=lambda v: Reference('function', 3))",
        "can't be read",
    ),
    "a callback of nothing": (
        "server.channel.send({'n': 2, 'callback': 0, 'args': (), 'kwargs': {}})",
        "something else",
    ),
    "a strange error": ("server.channel.send({'n': 2, 'error': {'type': [], 'text': {}}})", ""),
    "an error that is a number": ("server.channel.send({'n': 2, 'error': 1})", ""),
    "a strange cell": ("server.channel.send({'n': 2, 'value': {'output': 1}})", "not that of a"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_answers(session, name):
    """The student's code finds the server in its process and speaks for it."""
    source, named = FORGERIES[name]
    assert session.run_cell(FIND_SERVER + "value = 1").error is None
    error = session.run_cell(source).error
    if named:
        assert isinstance(error, SessionEnded)
        assert error.kind == "protocol"
        with pytest.raises(AssertionError):
            assert str(error) == ""
        assert re.search(named, str(error))
    else:
        assert isinstance(error, StudentError)


@pytest.mark.parametrize("field", ["changed", "news"])
@pytest.mark.parametrize("key", ["0", "None", "(1, 2)", "b'0'", "'x'", "'7'"])
def test_changes_of_what_is_nowhere_are_passed_over(session, field, key):
    source = "honest = server._answer\ndef lie(m): honest({**m, FIELD: {KEY: [2]}})\n"
    source += "def f(a):\n    server._answer = lie\n    return 5"
    source = source.replace("FIELD", repr(field)).replace("KEY", key)
    assert session.run_cell(FIND_SERVER + source).error is None
    a = [1]
    assert session.call("f", (a,)) == 5
    assert a == [1]


SPEAKING = FIND_SERVER + "import os, socket, struct, time\nend = server.channel.socket.fileno()\n"
BROKEN = {
    "closed": ("os.close(end)", "broken off"),
    "closed, and a file in its place": ("os.close(end); file = open('x', 'w')", "broken off"),
    "closed with all others": ("os.closerange(0, 64)", "broken off"),
    "closed for good": ("os.close(end); time.sleep(99)", "broken off"),
    "shut down": ("server.channel.socket.shutdown(socket.SHUT_WR)", "broken off"),
    "led to nothing": ("os.dup2(0, end)", "broken off"),
    "led to a pipe": ("r, w = os.pipe(); os.dup2(w, end)", "broken off"),
    "led to itself": ("a, b = socket.socketpair(); os.dup2(a.fileno(), end)", "broken off"),
    "half of a prefix": ("os.write(end, b'12345'); time.sleep(99)", "breaks off"),
    "half of a frame": ("os.write(end, struct.pack('<4sIQ', b'nnw1', 1 << 20, 0))", "breaks off"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_connection_is_noticed_at_once(sandbox, name, monkeypatch):
    monkeypatch.setattr(channel, "STALL", 0.2)
    source, says = BROKEN[name]
    for in_call in (False, True):
        with sandbox.session() as session:
            session.limits = replace(LIMITS, cell_seconds=20.0, call_seconds=20.0)
            start = time.monotonic()
            body = f"def f():\n    {source}" if in_call else source
            error: object = session.run_cell(SPEAKING + body).error
            if in_call:
                with pytest.raises(SessionEnded) as caught:
                    session.call("f")
                error = caught.value
            assert isinstance(error, SessionEnded)
            assert (error.kind, session.ended.kind) == ("protocol", "protocol")
            assert re.search(says, str(error)), error
            assert not session.guard.shot
            assert time.monotonic() - start < 5


def test_an_answer_for_which_memory_is_short(session):
    session.run_cell(
        "import numpy as np\nkept = np.empty(130 << 20, np.uint8)\n"
        "some = np.ones(40 << 20, np.uint8)\ndef f():\n    return some"
    )
    with pytest.raises(StudentError, match="MemoryError"):
        session.call("f")
    assert session.run_cell("print(some.size)").output == f"{40 << 20}\n"


def test_endless_callbacks(session):
    session.run_cell("def f(g):\n    while True:\n        g(1)")
    with pytest.raises(SessionEnded, match="callbacks"):
        session.call("f", (lambda x: x,))


def test_an_object_that_equals_everything_stays_an_object(session):
    session.run_cell(
        "class Any:\n    def __eq__(self, other):\n        return True\n"
        "    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__\n    __hash__ = None\n"
        "    def __array_ufunc__(self, *a, **k):\n        return True\n"
        "    def __float__(self):\n        return 1.0\n"
        "class Text(str):\n    def __eq__(self, other):\n        return True\n"
        "    __hash__ = str.__hash__\n"
        "def f():\n    return Any()\ndef g():\n    return Text('x')"
    )
    import numpy as np

    got = session.call("f")
    assert type(got) is Handle
    for compare in (
        lambda: got == 1,
        lambda: got != 1,
        lambda: got < 1,
        lambda: bool(got),
        lambda: float(got),
        lambda: got + 1,
        lambda: np.ones(3) == got,
        lambda: np.allclose(got, 1),
        lambda: {got},
    ):
        with pytest.raises(TypeError):
            compare()
    assert type(session.call("g")) is str
    assert session.call("g") == "x"


def test_a_warm_process_that_died_is_replaced(cache):
    with (
        Sandbox(withheld=["nncourse"], packages=["numpy"], preload=[], cache=cache) as sandbox,
        sandbox.session() as session,
    ):
        for pid in processes_below(sandbox._process.pid):
            with contextlib.suppress(ProcessLookupError):  # it went with one before
                os.kill(pid, 9)
        # What was running goes with its warm process.
        assert session.run_cell("1").error.kind in {"exit", "killed"}
        assert sandbox.session().run_cell("1").output == "1\n"
        assert sandbox.starts == 2
