"""What runs at the same time, or just before: sessions of others within the same walls.

Where a channel is tried, both ends of it are here: the points are for having heard something.
"""

from tests.grading.attacks import Attack

CALLS = """\
import ctypes, errno, fcntl, mmap, os, select, signal, socket, struct, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    full = [ctypes.c_long(a) if type(a) is int else a for a in arguments]
    return libc.syscall(ctypes.c_long(number), *full)
def tried(f, *arguments):
    try: return f(*arguments)
    except (OSError, ValueError): return None
def crowd(count, work):
    for _ in range(count):
        if tried(os.fork) == 0:
            try: work()
            finally: os._exit(0)
def forever():
    while True: pass
common = [os.__file__, os.path.dirname(os.__file__) + '/this.py', '/dev/null', '/dev/full']
"""
DEAF = "\ndef square(x): return 0"
HEARD = "\ndef square(x): return x * x if heard else 0"


def quietly(name: str, code: str) -> Attack:
    return Attack(name, CALLS + code + DEAF)


def listening(name: str, code: str) -> Attack:
    return Attack(name, CALLS + code + HEARD)


LATE = """
def predict(x): return x[:, 0] * 0
crowd(55, lambda: (bytearray(3 << 20), forever()))
time.sleep(0.2)"""

ATTACKS = [
    quietly(
        "locks on the files of all",
        "files = [open(path) for path in common]\nfor file in files:\n"
        "    tried(fcntl.flock, file, fcntl.LOCK_EX)\n"
        "    tried(fcntl.fcntl, file, fcntl.F_SETLK, struct.pack('hhqqi', 0, 0, 0, 0, 0))\n"
        "    tried(fcntl.fcntl, file, 37, struct.pack('hhqqi', 0, 0, 0, 0, 0))\n"
        "    tried(fcntl.fcntl, file, 1024, 0)\ntime.sleep(0.3)",
    ),
    listening(
        "a lock that somebody holds",
        "heard, end = False, time.time() + 0.5\nfile = open(common[0])\n"
        "while not heard and time.time() < end:\n"
        "    try:\n        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "        fcntl.flock(file, fcntl.LOCK_UN)\n    except BlockingIOError: heard = True\n"
        "    found = tried(fcntl.fcntl, file, 36, struct.pack('hhqqi', 1, 0, 0, 0, 0))\n"
        "    heard = heard or (found is not None and struct.unpack('hhqqi', found)[0] != 2)",
    ),
    listening(
        "ears at the files of all",
        "ear = libc.inotify_init1(os.O_NONBLOCK)\n"
        "for path in (*common, '/usr/lib', os.path.dirname(os.__file__)):\n"
        "    libc.inotify_add_watch(ear, path.encode(), 0xfff)\n"
        "tried(fcntl.fcntl, os.open('/usr/lib', 0), 1026, 0x80000001)\ntime.sleep(0.6)\n"
        "heard = bool(tried(os.read, ear, 4096))",
    ),
    quietly(
        "opens the files of all",
        "end = time.time() + 0.4\nwhile time.time() < end:\n"
        "    for path in common: open(path).close()",
    ),
    quietly(
        "times of the devices",
        "for path in ('null', 'zero', 'full', 'random', 'urandom', 'tty', 'pts', 'ptmx', '.'):\n"
        "    tried(os.utime, '/dev/' + path)\n    tried(os.chmod, '/dev/' + path, 0o777)",
    ),
    listening(
        "a time of a device that somebody has set",
        "heard = any(time.time() - os.stat(path).st_mtime < 3 for path in common)",
    ),
    listening(
        "the load of the machine",
        "info = (ctypes.c_char * 112)()\nlibc.sysinfo(info)\nheard = any(bytes(info))",
    ),
    listening(
        "what of the files of all is in memory",
        "file = open(common[1], 'rb')\nfor _ in range(3):\n"
        "    tried(os.posix_fadvise, file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)\n"
        "heard = any(tried(os.preadv, file.fileno(), [bytearray(9)], 0, os.RWF_NOWAIT)\n"
        "            for _ in range(100))",
    ),
    quietly(
        "files out of memory",
        "import glob\nfor path in glob.glob('/usr/lib/*/*')[:2000]:\n"
        "    file = tried(os.open, path, os.O_RDONLY)\n    if file is None: continue\n"
        "    tried(os.posix_fadvise, file, 0, 0, os.POSIX_FADV_DONTNEED)\n    os.close(file)",
    ),
    quietly(
        "everything written out again and again",
        "end = time.time() + 0.4\nfile = open(common[0])\nwhile time.time() < end:\n"
        "    os.sync()\n    libc.syncfs(file.fileno())\n    tried(os.fsync, file.fileno())\n"
        "    with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as m: tried(m.flush)",
    ),
    quietly(
        "open files that are sent about",
        "def send():\n    pairs, keep = [], []\n    while len(pairs) < 20:\n"
        "        a, b = socket.socketpair()\n        pairs.append((a, b))\n"
        "        files = struct.pack('20i', *[b.fileno()] * 20)\n"
        "        for _ in range(20):\n"
        "            tried(a.sendmsg, [b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])\n"
        "    time.sleep(0.3)\ncrowd(20, send)\ntime.sleep(0.3)",
    ),
    quietly(
        "open files that are sent to the grader",
        "files = struct.pack('9i', *[0] * 9)\nfor fd in range(3, 16):\n"
        "    end = tried(lambda: socket.socket(fileno=os.dup(fd)))\n    if end is None: continue\n"
        "    for _ in range(50):\n        tried(end.sendmsg, [b''],\n"
        "              [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)], socket.MSG_DONTWAIT)",
    ),
    quietly(
        "the grader's process, by its socket",
        "for fd in range(3, 16):\n"
        "    end = tried(lambda: socket.socket(fileno=os.dup(fd)))\n    if end is None: continue\n"
        "    peer = tried(end.getsockopt, socket.SOL_SOCKET, 77)\n    if peer is None: continue\n"
        "    for flags in (0, 1, 2, 4): call(424, peer, 9, 0, flags)\n"
        "    call(438, peer, 0, 0)\n    call(308, peer, 0x20000000)\n"
        "    call(440, peer, 0, 0, 21, 0)\n    call(448, peer, 0)\n"
        "    for number in range(1, 12): tried(fcntl.ioctl, peer, 0xff00 | number)",
    ),
    quietly(
        "priorities of all that the user runs",
        "tried(os.setpriority, os.PRIO_USER, os.getuid(), 19)\ncall(251, 3, os.getuid(), 3 << 13)\n"
        "tried(os.sched_setaffinity, 0, {0})\ntried(os.kill, -1, signal.SIGSTOP)",
    ),
    quietly(
        "all room for signals and timers",
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(34, 65))\n"
        "info = struct.pack('iii116x', 40, 0, -1)\n"
        "while call(129, os.getpid(), 40, info) == 0: pass\n"
        "for _ in range(3000): libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p()))",
    ),
    quietly(
        "all room in pipes",
        "def fill():\n    for _ in range(60):\n        ends = tried(os.pipe)\n"
        "        if ends is None: break\n        tried(fcntl.fcntl, ends[1], 1031, 1 << 20)\n"
        "        os.set_blocking(ends[1], False)\n"
        "        tried(os.write, ends[1], bytes(1 << 20))\n"
        "    forever()\ncrowd(20, fill)\ntime.sleep(0.3)",
    ),
    quietly(
        "all room in sockets",
        "def fill():\n    kept = [tried(socket.socketpair) for _ in range(50)]\n"
        "    for end in (end for pair in kept if pair for end in pair):\n"
        "        end.setblocking(False)\n"
        "        tried(end.setsockopt, socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)\n"
        "        while tried(end.send, bytes(1 << 15)): pass\n"
        "    forever()\ncrowd(20, fill)\ntime.sleep(0.3)",
    ),
    quietly(
        "a share of the processors for each process",
        "def apart():\n    tried(os.setsid)\n    tried(os.setpgid, 0, 0)\n    while True: pass\n"
        "crowd(50, apart)\ntime.sleep(0.3)",
    ),
    quietly(
        "everything watches everything",
        "def watch():\n    ears = [select.epoll() for _ in range(50)]\n    for ear in ears:\n"
        "        for other in ears: tried(ear.register, other)\n    forever()\n"
        "crowd(20, watch)\ntime.sleep(0.3)",
    ),
    listening(
        "all the files that a user may wait for",
        "def watch():\n    ears = [select.epoll() for _ in range(40)]\n"
        "    for file in [os.eventfd(0) for _ in range(40)]:\n"
        "        for place in range(90, 128):\n            os.dup2(file, place)\n"
        "            for ear in ears: ear.register(place, 0)\n    forever()\n"
        "crowd(20, lambda: tried(watch))\ntime.sleep(0.3)\nheard = tried(select.epoll)",
    ),
    quietly(
        "memory that processes share and hide",
        "def hold():\n    m = mmap.mmap(-1, 20 << 20)\n"
        "    for at in range(0, len(m), 4096): m[at] = 1\n"
        "    m.madvise(mmap.MADV_DONTNEED)\n    forever()\ncrowd(20, hold)\ntime.sleep(0.5)",
    ),
    quietly(
        "memory cut into pieces",
        "def cut():\n    m = mmap.mmap(-1, 60000 * 4096, flags=mmap.MAP_PRIVATE)\n"
        "    for at in range(0, len(m), 8192): m.madvise(16, at, 4096)\n    forever()\n"
        "crowd(20, cut)\ntime.sleep(0.5)",
    ),
    Attack(
        "memory that is held until the next one begins",
        "def square(x): return 0",
        {"predict_answer": CALLS + LATE},
    ),
    Attack(
        "the same again",
        "def square(x): return 0",
        {"predict_answer": CALLS + LATE},
    ),
    quietly(
        "many crashes",
        "crowd(30, lambda: ctypes.string_at(0))\ncrowd(9, lambda: os.kill(os.getpid(), 11))\n"
        "import resource\ntried(resource.setrlimit, resource.RLIMIT_CORE, (0, 0))\n"
        "crowd(9, os.abort)\ntime.sleep(0.2)",
    ),
    quietly(
        "protocols by pairs of sockets",
        "for family in range(2, 46):\n    for kind in range(1, 6):\n"
        "        call(53, family, kind, 0, ctypes.create_string_buffer(8))",
    ),
    quietly(
        "pages merged, huge, apart",
        "m = mmap.mmap(-1, 1 << 22, mmap.MAP_PRIVATE)\ntried(m.madvise, mmap.MADV_MERGEABLE)\n"
        "libc.prctl(67, 1, 0, 0, 0)\nlibc.prctl(62, 1, 0, 1, 0)\n"
        "call(9, 0, 1 << 21, 3, 0x40022, -1, 0)\ncall(237, 0, 1 << 12, 2, None, 0, 0)\n"
        "call(238, 2, None, 0)\ncall(256, 0, 0, None, None)",
    ),
    quietly(
        "wakes whoever waits at a common place",
        "file = open(common[0])\nlibc.mmap.restype = ctypes.c_void_p\nfor shared in (1, 2):\n"
        "    at = libc.mmap(None, ctypes.c_size_t(4096), 1, shared, file.fileno(), None)\n"
        "    for place in range(0, 4096, 4): call(202, ctypes.c_void_p(at + place), 1, 1 << 30)",
    ),
    quietly(
        "barriers for all processors",
        "end = time.time() + 0.3\nwhile time.time() < end:\n"
        "    for command in (1, 2, 4, 8, 16, 32): call(324, command, 0, 0)",
    ),
    quietly(
        "names that are nowhere",
        "end, n = time.time() + 0.4, 0\nwhile time.time() < end:\n"
        "    os.path.exists(f'/usr/lib/{n}' + 'x' * 200)\n    n += 1",
    ),
    quietly(
        "processes that come and go",
        "def storm():\n    while True:\n        if (pid := tried(os.fork)) == 0: os._exit(0)\n"
        "        if pid: tried(os.waitpid, pid, 0)\ncrowd(20, storm)\ntime.sleep(0.4)",
    ),
    quietly(
        "control groups",
        "import glob\nfor path in glob.glob('/sys/fs/cgroup/**', recursive=True):\n"
        "    tried(lambda: open(path, 'w').write('0'))\n"
        "for where in ('/sys', '/proc', '/tmp/g', '/dev/shm'):\n    tried(os.mkdir, where)\n"
        "    for kind in (b'cgroup', b'cgroup2', b'proc', b'sysfs', b'mqueue'):\n"
        "        libc.mount(b'none', where.encode(), kind, 0, None)",
    ),
    quietly(
        "orders to the disks of the machine",
        "for path in common:\n    file = tried(os.open, path, os.O_RDONLY)\n"
        "    for order in (0xC0045877, 0xC0045878, 0x40086602, 0x401C5820, 0x40049409,\n"
        "                  0xC0185879, 0x127D, 0x5203, 0x5207):\n"
        "        tried(fcntl.ioctl, file, order, bytes(64))\n"
        "    for name in ('user.x', 'trusted.x', 'security.x'):\n"
        "        tried(os.setxattr, path, name, b'x')",
    ),
    quietly(
        "queues of messages",
        "for n in range(50):\n    call(240, f'q{n}'.encode(), 0o102, 0o666, None)\n"
        "call(68, n, 0o1666)\ncall(29, n, 4096, 0o1666)\ncall(64, n, 1, 0o1666)",
    ),
]
