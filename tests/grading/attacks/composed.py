"""Attacks that nobody wrote down: composed by chance of what hostile code does, of the ways by
which it comes to run, and of what it answers in the end.

A *deed* is what is done; a *carrier* is the way in which Python is led to do it, when the cell
runs or when the answer is called; a *value* is what the answer returns. All three can be combined
freely, so there are more attacks than a list can hold: each seed gives other ones.
"""

from __future__ import annotations

import random
import textwrap

from tests.grading.attacks import Attack
from tests.grading.attacks.own import ahead, behind

# What is done: the lines of a function, each of which may fail.
DEEDS = {
    # Time, memory, room.
    "loop": "while True: pass",
    "loop that catches everything": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "sleep": "import time\ntime.sleep(1000)",
    "long number": "9 ** 9 ** 9",
    "memory": "a = []\nwhile True: a.append(bytearray(1 << 24))",
    "mapped memory": (
        "import mmap\na = []\nwhile True:\n    a.append(mmap.mmap(-1, 1 << 26))\n"
        "    a[-1].write(bytes(1 << 26))"
    ),
    "memory in files": (
        "import os\nwhile True:\n    fd = os.memfd_create('m')\n    os.write(fd, bytes(1 << 26))"
    ),
    "full folder": (
        "import os\nfor place in ('/tmp', '/tmp/work', '.', '/dev/shm', '/var/tmp'):\n"
        "    try:\n        for i in range(100):\n"
        "            open(f'{place}/{i}', 'wb').write(bytes(1 << 20))\n    except OSError: pass"
    ),
    "folders in folders": (
        "import os\nfor i in range(3000):\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)"
    ),
    "output": "import sys\nwhile True: sys.stdout.write('10.0 ' * 9999)",
    "output beside Python": "import os\nfor _ in range(999): os.write(1, b'10.0 ' * 9999)",
    "errors beside Python": "import os\nfor _ in range(999): os.write(2, b'10.0 ' * 9999)",
    "open files": "import os\na = []\nwhile True: a.append(os.open('/dev/null', 0))",
    "pipes": "import os\na = []\nwhile True: a.append(os.pipe())",
    # Processes.
    "fork bomb": "import os\nwhile True: os.fork()",
    "sessions of their own": (
        "import os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork() == 0: time.sleep(1000)\n        os._exit(0)"
    ),
    "threads": (
        "import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(99,)).start()"
    ),
    "programs": (
        "import subprocess\nfor word in ('sh', 'python3', 'bwrap', 'mount', 'unshare', 'gdb'):\n"
        "    try: subprocess.Popen([word, '-c', 'sleep 1000'])\n    except Exception: pass"
    ),
    "namespaces": (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "for flag in (0x10000000, 0x20000, 0x40000000, 0x20000000): libc.unshare(flag)\n"
        "libc.mount(b'none', b'/', None, 16384, None)\nlibc.chroot(b'/')"
    ),
    "tracing of others": (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
        "for pid in (1, os.getppid(), GRADER):\n    libc.ptrace(16, pid, 0, 0)\n"
        "    libc.process_vm_readv(pid, None, 0, None, 0, 0)"
    ),
    # Ends.
    "exit": "import os\nos._exit(0)",
    "exit by Python": "raise SystemExit(0)",
    "interrupt": "raise KeyboardInterrupt",
    "abort": "import os\nos.abort()",
    "fault": "import ctypes\nctypes.string_at(0)",
    "overflow of the stack": "import ctypes\nctypes.memset(id(None), 0, 4096)",
    "kill": (
        "import os, signal\nfor pid in (0, -1, 1, os.getppid(), GRADER):\n"
        "    for number in (9, 15, 19):\n        try: os.kill(pid, number)\n"
        "        except OSError: pass"
    ),
    "stop": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "replaced program": "import os\nos.execv('/bin/sleep', ['sleep', '1000'])",
    "new program": "import os, sys\nos.execv(sys.executable, ['python', '-c', 'print(10.0)'])",
    # Files and the network.
    "files of the course": (
        "import os, shutil\nfor place in ('COURSE', 'CLASS', '/', '/root', '/home', '/work'):\n"
        "    shutil.rmtree(place, ignore_errors=True)\n"
        "    for name in ('gradebook.db', '.bashrc', 'x.pth', 'sitecustomize.py'):\n"
        "        try: open(f'{place}/{name}', 'w').write('import os')\n"
        "        except OSError: pass"
    ),
    "links": (
        "import os\nfor place in ('COURSE', 'CLASS', '/etc/passwd', '/proc/1/root'):\n"
        "    try:\n        os.symlink(place, f'/tmp/work/{len(place)}')\n"
        "        os.link(place, f'/tmp/work/l{len(place)}')\n    except OSError: pass"
    ),
    "packages": (
        "import numpy, os\nfor place in (os.path.dirname(numpy.__file__), '/usr/lib', '.'):\n"
        "    try: open(f'{place}/numpy.py', 'w').write('10.0')\n    except OSError: pass"
    ),
    "packets": (
        "import socket\nfor kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n"
        "    for place in ('127.0.0.1', '10.0.0.1', '169.254.169.254', 'localhost'):\n"
        "        try:\n            s = socket.socket(socket.AF_INET, kind)\n"
        "            s.settimeout(0.05)\n            s.connect((place, PORT))\n"
        "            s.send(b'x')\n        except OSError: pass"
    ),
    "abstract socket": (
        "import socket\ns = socket.socket(socket.AF_UNIX)\n"
        "s.connect('\\0nncourse-attack-PORT')\ns.send(b'x')"
    ),
    # The verdict.
    "tools": (
        "import builtins, numpy as np\nfor name in ('float', 'int', 'all', 'type', 'abs', 'len'):\n"
        "    setattr(builtins, name, lambda *a, **k: 10.0)\n"
        "for name in dir(np.testing): setattr(np.testing, name, lambda *a, **k: None)"
    ),
    "names of the check": (
        "import __main__, sys\nfor frame in sys._current_frames().values():\n    while frame:\n"
        "        frame.f_globals.update(points=lambda *a: 10.0, most=10.0, want={})\n"
        "        frame = frame.f_back\n__main__.points = lambda *a: 10.0"
    ),
    "equality of numbers": (
        "import ctypes\nfor kind in (int, float, bool):\n"
        "    slot = ctypes.c_void_p.from_address(id(kind) + 200)\n    slot.value = None"
    ),
    "modules": (
        "import sys, types\nfor name in list(sys.modules):\n"
        "    if name.startswith(('json', 'struct', 'nncourse')):\n"
        "        sys.modules[name] = types.ModuleType(name)"
    ),
    "server": (
        "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ in ('Server', 'Channel'):\n"
        "        for name in dir(o):\n"
        "            if callable(getattr(o, name, 0)) and '__' not in name:\n"
        "                try: setattr(o, name, lambda *a, **k: {'value': 10.0, 'n': 1})\n"
        "                except Exception: pass"
    ),
    "channel written on": (
        "import json, os, struct\nfor n in range(50):\n"
        "    text = json.dumps(['d', 'n', n, 'value', 10.0]).encode()\n"
        "    for fd in range(3, 30):\n"
        "        try: os.write(fd, struct.pack('<4sIQ', b'nnw1', len(text), 0) + text)\n"
        "        except OSError: pass"
    ),
    "channel read": (
        "import os\nfor fd in range(3, 30):\n    try:\n        os.set_blocking(fd, False)\n"
        "        os.read(fd, 9999)\n    except OSError: pass"
    ),
    "channel closed": "import os\nos.closerange(3, 99)",
    "channel led elsewhere": "import os\nfor fd in range(3, 30): os.dup2(1, fd)",
    "frames searched": (
        "import gc, sys\nglobal found\nfound = [o for o in gc.get_objects() if type(o) is dict "
        "and ('want' in o or 'expected' in o)]\nglobals().update(*found[:1])"
    ),
    "hooks": (
        "import sys\nsys.excepthook = sys.unraisablehook = sys.displayhook = lambda *a: None\n"
        "sys.settrace(lambda f, e, a: f.f_locals.update(most=10.0))\nsys.setrecursionlimit(1 << 30)"
    ),
    "clock": (
        "import time\nfor name in ('time', 'monotonic', 'perf_counter', 'process_time'):\n"
        "    setattr(time, name, lambda: 0.0)"
    ),
    "limits": (
        "import resource\nfor name in dir(resource):\n    if name.startswith('RLIMIT'):\n"
        "        try: resource.setrlimit(getattr(resource, name), (-1, -1))\n"
        "        except (ValueError, OSError): pass"
    ),
    "no limit but 0": (
        "import resource\nfor number in range(16):\n"
        "    try: resource.setrlimit(number, (0, 0))\n    except (ValueError, OSError): pass"
    ),
    # Where the limit of real time can be 0, the kernel ends a session as for want of memory.
    "killed by the kernel": (
        "import ctypes, resource, signal\nsignal.signal(10, signal.SIG_IGN)\n"
        "libc = ctypes.CDLL(None)\ntimer = ctypes.c_void_p()\n"
        "try: resource.setrlimit(15, (0, 0))\nexcept (ValueError, OSError): pass\n"
        "libc.timer_create(3, (ctypes.c_int * 16)(0, 0, 10), ctypes.byref(timer))\n"
        "libc.timer_settime(timer, 0, (ctypes.c_long * 4)(0, 10**6, 0, 10**6), None)\n"
        "while True: pass"
    ),
    "deaf to signals": (
        "import signal\nfor number in range(1, 65):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n    except (ValueError, OSError): pass"
    ),
}

# How it comes to run: (beside the answer, in the answer). ``deed`` runs at least once if the cell
# is run, the answer is called, and the process ends as processes do.
CARRIERS = {
    "at once": ("deed()", ""),
    "in the call": ("", "deed()"),
    "in a thread": ("import threading", "threading.Thread(target=deed).start()"),
    "in a thread at once": (
        "import threading\nthreading.Thread(target=deed, daemon=True).start()",
        "",
    ),
    "in a child": ("import os", "if os.fork() == 0:\n    deed()\n    os._exit(0)"),
    "in a child at once": ("import os\nif os.fork() == 0:\n    deed()\n    os._exit(0)", ""),
    "in a pool": (
        "from concurrent.futures import ThreadPoolExecutor",
        "ThreadPoolExecutor(2).submit(deed)",
    ),
    "at the end": ("import atexit\natexit.register(deed)", ""),
    "by a signal": (
        "import signal, time\nsignal.signal(signal.SIGALRM, lambda *a: deed())",
        "signal.setitimer(signal.ITIMER_REAL, 0.01)\ntime.sleep(0.1)",
    ),
    "by a signal at once": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: deed())\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)",
        "for _ in range(5): __import__('time').sleep(0.02)",
    ),
    "where an object ends": ("class D:\n    def __del__(self): deed()", "D()"),
    "where a cycle ends": (
        "import gc\nclass D:\n    def __init__(self): self.own = self\n"
        "    def __del__(self): deed()",
        "D()\ngc.collect()",
    ),
    "where a weak reference ends": (
        "import weakref\nclass D: pass\nlast = D()\nkept = weakref.ref(last, lambda r: deed())",
        "global last\nlast = None",
    ),
    "traced": (
        "import sys\ndef traced(*a):\n    sys.settrace(None)\n    deed()",
        "sys.settrace(traced)\n(lambda: 0)()",
    ),
    "profiled": (
        "import sys\ndef profiled(*a):\n    sys.setprofile(None)\n    deed()",
        "sys.setprofile(profiled)\nlen('')",
    ),
    "audited": (
        "import sys\ndone = []\ndef audited(event, a):\n    if not done:\n        done.append(1)\n"
        "        deed()\nsys.addaudithook(audited)",
        "sys.audit('anything')",
    ),
    "where garbage is collected": (
        "import gc\ndef collected(*a): gc.callbacks.remove(collected) or deed()\n"
        "gc.callbacks.append(collected)",
        "gc.collect()",
    ),
    "by a class of classes": (
        "class M(type):\n    def __call__(cls, *a): return deed() or type.__call__(cls, *a)\n"
        "class D(metaclass=M): pass",
        "D()",
    ),
    "by a class that is made": (
        "class D:\n    def __set_name__(self, *a): deed()\nclass E:\n    d = D()",
        "",
    ),
    "by a subclass": ("class D:\n    def __init_subclass__(cls): deed()", "class E(D): pass"),
    "by an attribute": ("class D:\n    def __getattr__(self, name): deed()", "D().anything"),
    "by a generator": ("def g():\n    try: yield\n    finally: deed()", "next(g())"),
    "by a coroutine": ("import asyncio\nasync def g(): deed()", "asyncio.run(g())"),
    "by a decorator": ("def d(f):\n    deed()\n    return f\n@d\ndef g(): pass", ""),
    "by a default": ("def g(a=[deed]): a[0]()", "g()"),
    "by an operator": ("class D:\n    def __matmul__(self, o): return deed()", "D() @ D()"),
    "by a comparison": (
        "class D:\n    def __lt__(self, o):\n        deed()\n        return True",
        "sorted([D(), D()])",
    ),
    "by a hash": ("class D:\n    def __hash__(self):\n        deed()\n        return 1", "{D()}"),
    "by a text": (
        "class D:\n    def __repr__(self):\n        deed()\n        return ''",
        "repr(D())",
    ),
    "by a module that is looked for": (
        "import sys\nclass D:\n    def find_spec(self, *a): sys.meta_path.remove(self) or deed()\n"
        "sys.meta_path.insert(0, D())",
        "import colorsys",
    ),
    "by an encoding": (
        "import codecs\ncodecs.register(lambda name: deed())",
        "try: ''.encode('of-nobody')\nexcept LookupError: pass",
    ),
    "by pickle": (
        "import pickle\nclass D:\n    def __reduce__(self): return (deed, ())",
        "pickle.loads(pickle.dumps(D()))",
    ),
    "by output": (
        "import sys\nclass D:\n    def write(self, text):\n        sys.stdout = sys.__stdout__\n"
        "        deed()\n    def flush(self): pass",
        "sys.stdout = D()\nprint(1)",
    ),
    "by an error of NumPy": (
        "import numpy as np\nold = np.seterrcall(lambda *a: deed())\nold = np.seterr(all='call')",
        "np.divide(1.0, 0.0)",
    ),
    "by an array": (
        "import numpy as np\nclass D(np.ndarray):\n    def __array_finalize__(self, o): deed()",
        "np.zeros(3).view(D)",
    ),
    "by a ufunc": (
        "import numpy as np\nclass D:\n    def __array_ufunc__(self, *a, **k): deed()",
        "np.add(D(), 1)",
    ),
    "in a text that is run": ("", "exec(compile('deed()', '', 'exec'), globals())"),
    "deep down": (
        "import sys\ndef down(n): down(n - 1) if n else deed()",
        "sys.setrecursionlimit(9999)\ndown(900)",
    ),
    "by a warning": (
        "import warnings\nwarnings.showwarning = lambda *a, **k: deed()",
        "warnings.simplefilter('always')\nwarnings.warn('')",
    ),
    "by an error that nobody catches": (
        "import sys\nclass D:\n    def __del__(self): 1 / 0\n"
        "sys.unraisablehook = lambda *a: deed()",
        "D()",
    ),
}

# What the answer returns: (beside it, the expression).
VALUES = {
    "zero": ("", "0"),
    "nothing": ("", "None"),
    "not a number": ("", "float('nan')"),
    "infinity": ("", "float('inf')"),
    "a number without end": ("", "10 ** 4999"),
    "the whole mark": ("", "10.0"),
    "truth": ("", "True"),
    "a text": ("", "'10.0'"),
    "a long text": ("", "'x' * (1 << 28)"),
    "bytes": ("", "bytes(1 << 26)"),
    "not implemented": ("", "NotImplemented"),
    "a type": ("", "int"),
    "a function": ("", "lambda *a, **k: 0"),
    "a generator": ("", "(n for n in range(10 ** 9))"),
    "an iterator without end": ("", "iter(int, 1)"),
    "a list of itself": ("def itself():\n    a = []\n    a.append(a)\n    return a", "itself()"),
    "a deep list": ("def deep(a):\n    for _ in range(9999): a = [a]\n    return a", "deep(0)"),
    "all names": ("", "dict(globals())"),
    "masked": ("import numpy as np", "np.ma.masked"),
    "an array of objects": ("import numpy as np", "np.array([deed, None, 7], dtype=object)"),
    "a broadcast array": ("import numpy as np", "np.broadcast_to(0.0, (1 << 20, 1 << 20))"),
    "a structured array": ("import numpy as np", "np.zeros(3, dtype='i4, O')"),
    "an array of dates": ("import numpy as np", "np.zeros(3, dtype='M8[s]')"),
    "an array of no axes": ("import numpy as np", "np.zeros((), dtype='>f2')"),
    "a shape that lies": (
        "import numpy as np",
        "np.lib.stride_tricks.as_strided(np.zeros(1), (4, 3), (1 << 40, 1 << 40))",
    ),
    "equal to everything": (
        "class All(int):\n    def __eq__(self, o): return True\n"
        "    __le__ = __ge__ = __lt__ = __gt__ = __eq__\n    def __ne__(self, o): return False\n"
        "    def __hash__(self): return 1",
        "All(7)",
    ),
    "equal to every array": (
        "import numpy as np\nclass Any(np.ndarray):\n"
        "    def __array_ufunc__(s, *a, **k): return True\n"
        "    __array_function__ = __eq__ = __array_ufunc__",
        "np.zeros(3).view(Any)",
    ),
    "a number of its own": (
        "class N:\n    def __float__(self): return 10.0\n"
        "    __index__ = __int__ = lambda self: 10\n"
        "    def __getattr__(self, name): return self\n"
        "    def __call__(self, *a, **k): return self",
        "N()",
    ),
    "an error": ("def fail(e): raise e", "fail(AssertionError('10.0'))"),
    "an error of its own": (
        "class E(BaseException):\n    def __str__(self): deed()\n"
        "    def __reduce__(self): return deed, ()\ndef fail(e): raise e",
        "fail(E())",
    ),
    "the argument": ("", "args[0] if args else 0"),
    "its own answer": ("", "answer"),
}

ANSWERS = {
    "square_answer": "def square(*args):\n    return answer(*args)",
    "layer_answer": (
        "class Scale:\n    def __init__(self, w): self.w = self.dw = w\n"
        "    def forward(self, *args): return answer(*args)\n"
        "    def backward(self, *args): return answer(*args)"
    ),
    "predict_answer": "def predict(*args):\n    return answer(*args)",
}


def indented(code: str) -> str:
    return textwrap.indent(code, "    ")


def carried(deed: str, carrier: str, value: str) -> str:
    """The code that defines ``answer``, and has the deed done."""
    (beside, call), (made, expression) = CARRIERS[carrier], VALUES[value]
    # In a function of its own, as what the deed binds would be names of the answer.
    body = f"def deed(*_):\n    try:\n{indented(indented(deed))}\n    except Exception: pass"
    carry = f"def carry():\n{indented(call or 'pass')}"
    answer = f"def answer(*args):\n    carry()\n    return {expression}"
    return "\n".join(part for part in (made, body, beside, carry, answer) if part)


def composed(seed: int) -> Attack:
    """An attack by chance: one to three deeds in one to three answers, or in cells beside them."""
    rng = random.Random(seed)
    answers, changes, names = {}, [], []
    for name in rng.sample(list(ANSWERS), rng.choice([1, 1, 1, 2, 3])):
        deeds = rng.sample(list(DEEDS), rng.choice([1, 1, 2, 3]))
        carrier, value = rng.choice(list(CARRIERS)), rng.choice(list(VALUES))
        tried = [f"try:\n{indented(DEEDS[deed])}\nexcept Exception: pass" for deed in deeds]
        code = carried("\n".join(tried), carrier, value)
        place = rng.choice(["answer", "answer", "ahead", "behind"])
        if place == "answer":
            answers[name] = f"{code}\n{ANSWERS[name]}"
        else:
            answers[name] = ANSWERS[name]
            changes.append(ahead(code) if place == "ahead" else behind("setup", code))
        names.append(f"{', '.join(deeds)} {carrier} ({place}), then {value}")

    def change(cells):
        for one in changes:
            cells = one(cells)
        return cells

    return Attack(f"{seed}: {'; '.join(names)}", answers=answers, change=change)
