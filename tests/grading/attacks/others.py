"""Other people's work: submissions, the gradebook, start-up files, packages, shared memory."""

from tests.grading.attacks import Attack

ATTACKS = [
    Attack(
        "other submissions overwritten",
        "import glob, os\nfor f in glob.glob('CLASS/*') + glob.glob('COURSE/**', recursive=True):\n"
        "    try: open(f, 'w').write('gone')\n    except OSError: pass\ndef square(x): return 0",
    ),
    Attack(
        "everything deleted",
        "import shutil\nfor f in ('CLASS', 'COURSE', '/tmp', '/root', '/home', '/'):\n"
        "    shutil.rmtree(f, ignore_errors=True)\ndef square(x): return 0",
    ),
    Attack(
        "a trigger in the gradebook",
        "import sqlite3\ntry:\n    c = sqlite3.connect('COURSE/gradebook.db')\n"
        "    c.execute('create trigger t after update on grade begin update grade set "
        "auto_score = 10; end')\n    c.commit()\nexcept Exception:\n    pass\n"
        "def square(x): return 0",
    ),
    Attack(
        "start-up files",
        "import os, site, sys\n"
        "for d in [os.path.expanduser('~'), '/root', site.getusersitepackages(), *sys.path]:\n"
        "    for n in ('sitecustomize.py', 'usercustomize.py', '.bashrc', 'evil.pth'):\n"
        "        try:\n            os.makedirs(d, exist_ok=True)\n"
        "            open(os.path.join(d, n), 'a').write('import evil')\n"
        "        except OSError: pass\ndef square(x): return 0",
    ),
    Attack(
        "packages changed on disk",
        "import numpy, os\nfor folder, _, files in os.walk(os.path.dirname(numpy.__file__)):\n"
        "    for f in files:\n        try: open(os.path.join(folder, f), 'a').write('raise')\n"
        "        except OSError: pass\ndef square(x): return 0",
    ),
    Attack(
        "packages changed in memory",
        "import sys, numpy as np\nnp.zeros = np.ones = lambda *a, **k: 9\n"
        "for m in list(sys.modules): sys.modules[m] = None\ndef square(x): return 0",
    ),
    Attack(
        "shared memory and temporary files",
        "import os\nfor d in ('/dev/shm', '/tmp', '/var/tmp', '/run'):\n    try:\n"
        "        open(d + '/nncourse-evil', 'w').write('evil')\n"
        "        os.symlink('/etc/passwd', d + '/nncourse-link')\n    except OSError: pass\n"
        "def square(x): return 0",
    ),
    Attack(
        "what an earlier submission left",
        "import glob\nleft = glob.glob('/tmp/**/nncourse-*', recursive=True)\n"
        "def square(x): return x * x if left else 0",
    ),
    Attack(
        "the warm process",
        "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
        "def square(x):\n    for pid in range(1, 50):\n        libc.ptrace(16, pid, 0, 0)\n"
        "        try: os.kill(pid, 9)\n        except OSError: pass\n    return 0",
    ),
    Attack(
        "mounts and namespaces",
        "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
        "libc.unshare(0x10000000 | 0x20000)\nlibc.mount(b'none', b'/tmp', b'tmpfs', 0, b'')\n"
        "libc.chroot(b'/tmp')\nlibc.setuid(0)\ndef square(x): return 0",
    ),
    Attack(
        "modules that shadow others",
        "import os\nfor n in ('numpy', 'json', 'nncourse'):\n    try:\n"
        "        os.makedirs(n, exist_ok=True)\n"
        "        open(n + '/__init__.py', 'w').write('1/0')\n"
        "    except OSError: pass\ndef square(x): return 0",
    ),
]
