"""The machine: time, memory, processes, output, the network, signals."""

from tests.grading.attacks import Attack

ATTACKS = [
    Attack("exits while a cell runs", "import os\nos._exit(0)"),
    Attack("exits when called", "import os\ndef square(x): os._exit(0)"),
    Attack("loops while a cell runs", "while True: pass"),
    Attack("loops when called", "def square(x):\n    while True: pass"),
    Attack(
        "loops and catches everything",
        "def square(x):\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass",
    ),
    Attack("never returns from C", "def square(x): return 9 ** 9 ** 9"),
    Attack(
        "sleeps with signals off",
        "import signal, time\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\ndef square(x): time.sleep(1000)",
    ),
    Attack(
        "all memory", "def square(x):\n    a = []\n    while True: a.append(bytearray(1 << 24))"
    ),
    Attack(
        "all memory, in many processes",
        "import os\ndef square(x):\n    for i in range(8):\n        if os.fork() == 0:\n"
        "            a = []\n            while True: a.append(bytearray(1 << 24))\n    return 0",
    ),
    Attack(
        "all memory, in processes that are hard to see",
        "import ctypes, os, threading, time\nlibc = ctypes.CDLL(None)\ndef hold():\n    a = []\n"
        "    while True: a.append(b'x' * (1 << 24))\ndef square(x):\n    for i in range(8):\n"
        "        if os.fork() == 0:\n            libc.prctl(15, b'\\xff', 0, 0, 0)\n"
        "            threading.Thread(target=hold).start()\n            libc.syscall(60, 0)\n"
        "    time.sleep(0.5)\n    return 0",
    ),
    Attack("fork bomb", "import os\ndef square(x):\n    while True:\n        os.fork()"),
    Attack(
        "threads without end",
        "import threading, time\ndef square(x):\n    while True:\n"
        "        threading.Thread(target=time.sleep, args=(99,)).start()",
    ),
    Attack(
        "a process that stays",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        time.sleep(10000)\n    os._exit(0)\ndef square(x): return 0",
    ),
    Attack(
        "a flood of output",
        "import sys\ndef square(x):\n    while True: sys.stdout.write('x' * 65536)",
    ),
    Attack(
        "a flood of files",
        "import os\ndef square(x):\n    i = 0\n    while True:\n        i += 1\n"
        "        open(f'/tmp/work/{i}', 'wb').write(bytes(1 << 20))",
    ),
    Attack("a huge answer", "def square(x): return bytes(1 << 30)"),
    Attack("a long answer", "def square(x): return list(range(10**7))"),
    Attack(
        "a deep answer",
        "def square(x):\n    a = []\n    for i in range(100000): a = [a]\n    return a",
    ),
    Attack(
        "an answer that contains itself",
        "def square(x):\n    a = []\n    a.append(a)\n    return a",
    ),
    Attack(
        "signals to parents and groups",
        "import os, signal\ndef square(x):\n"
        "    for pid in (0, -1, 1, os.getppid(), GRADER, -GRADER):\n"
        "        for s in (signal.SIGTERM, signal.SIGKILL):\n"
        "            try: os.kill(pid, s)\n            except OSError: pass\n    return 0",
    ),
    Attack(
        "TCP",
        "import socket\nfor host in ('127.0.0.1', '::1', 'localhost', '0.0.0.0'):\n    try:\n"
        "        s = socket.create_connection((host, PORT), 0.2)\n        s.send(b'hi')\n"
        "    except OSError:\n        pass\ndef square(x): return 0",
    ),
    Attack(
        "UDP",
        "import socket\ntry:\n    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "    s.sendto(b'hi', ('127.0.0.1', PORT))\nexcept OSError:\n    pass\n"
        "def square(x): return 0",
    ),
    Attack(
        "other sockets",
        "import socket\nfor f in (socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET, 40):\n"
        "    try:\n        s = socket.socket(f, socket.SOCK_STREAM)\n"
        "        s.connect('\\0nncourse-attack-PORT')\n        s.send(b'hi')\n"
        "    except (OSError, TypeError):\n        pass\ndef square(x): return 0",
    ),
    Attack(
        "segmentation fault",
        "import ctypes\ndef square(x): return ctypes.string_at(0)",
    ),
    Attack(
        "system calls by number",
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "def square(x):\n    for n in (101, 165, 166, 272, 308, 310, 317, 321, 425, 442):\n"
        "        libc.syscall(n, 0, 0, 0, 0, 0)\n    return 0",
    ),
    Attack(
        "many processes that compute",
        "import os, time\nfor i in range(60):\n    if os.fork() == 0:\n        try: os.setsid()\n"
        "        except OSError: pass\n        while True: pass\ndef square(x): return 0",
    ),
    Attack(
        "many threads that compute without the lock",
        "import threading, numpy as np\na = np.ones(10**6)\ndef work():\n    while True: a.sum()\n"
        "for i in range(40): threading.Thread(target=work, daemon=True).start()\n"
        "def square(x): return 0",
    ),
    Attack(
        "sleeps nearly as long as it may",
        "import time\ntime.sleep(1.2)\ndef square(x):\n    time.sleep(0.8)\n    return 0",
    ),
    Attack(
        "all names of files",
        "import os\ntry:\n    for i in range(10**6): open(f'/tmp/work/{i}', 'w').close()\n"
        "except OSError:\n    pass\ndef square(x):\n    open('/dev/shm/x', 'w')\n    return 0",
    ),
    Attack(
        "all numbers of files",
        "import os\nkept = []\ntry:\n    while True: kept.append(os.dup(0))\nexcept OSError:\n"
        "    pass\ndef square(x): return 0",
    ),
    Attack(
        "closes whatever is open",
        "import os\ndef square(x):\n    os.closerange(0, 256)\n    return 0",
    ),
    Attack(
        "takes its own limits away",
        "import resource\nfor n in range(16):\n    for l in ((0, 0), (-1, -1)):\n"
        "        try: resource.setrlimit(n, l)\n        except (OSError, ValueError): pass\n"
        "def square(x): return 0",
    ),
    Attack(
        "recursion without a limit",
        "import sys\nsys.setrecursionlimit(10**9)\ndef square(x): return square(x)",
    ),
    Attack(
        "digits without a limit",
        "import sys\nsys.set_int_max_str_digits(0)\ndef square(x): return 10 ** 4000",
    ),
    Attack(
        "stops itself",
        "import os, signal\ndef square(x):\n    os.kill(os.getpid(), signal.SIGSTOP)\n"
        "    os.kill(0, signal.SIGSTOP)\n    return 0",
    ),
    Attack(
        "a thread that goes on after the call",
        "import os, threading, time\ndef later():\n    time.sleep(0.05)\n    os._exit(0)\n"
        "def square(x):\n    threading.Thread(target=later).start()\n    return 0",
    ),
    Attack(
        "a grandchild that waits for the next question",
        "import os, time\nif os.fork() == 0:\n    if os.fork() == 0:\n        time.sleep(0.3)\n"
        "        for fd in range(3, 64):\n            try: os.write(fd, b'nnw1')\n"
        "            except OSError: pass\n        time.sleep(999)\n    os._exit(0)\n"
        "def square(x): return 0",
    ),
    Attack(
        "more system calls by number",
        "import ctypes\nlibc = ctypes.CDLL(None)\ndef square(x):\n"
        "    for n in (101, 135, 248, 249, 250, 298, 319, 323, 427, 428, 429, 430, 434, 438, 440,\n"
        "              447, 451, 460, 463, 500, 0x40000000, 0x40000027):\n"
        "        libc.syscall(n, 1, 1, 1, 1, 1)\n    return 0",
    ),
    Attack(
        "namespaces made by clone",
        "import ctypes, os\nlibc = ctypes.CDLL(None)\ndef square(x):\n"
        "    for flag in (0x10000000, 0x20000000, 0x40000000, 0x20000, 0x8000000, 0x80):\n"
        "        if libc.syscall(56, flag | 17, 0, 0, 0, 0) == 0: os._exit(0)\n"
        "        libc.syscall(435, 0, 88)\n    return 0",
    ),
    Attack(
        "a filter of its own on system calls",
        "import ctypes, struct\nlibc = ctypes.CDLL(None)\n"
        "steps = ctypes.create_string_buffer(struct.pack('<HBBI', 6, 0, 0, 0x50001))\n"
        "code = struct.pack('<HxxxxxxQ', 1, ctypes.addressof(steps))\n"
        "def square(x):\n    libc.prctl(22, 2, code, 0, 0)\n    return 0",
    ),
]
