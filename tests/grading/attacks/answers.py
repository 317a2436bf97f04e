"""The answer at hand: finding it instead of computing it."""

from tests.grading.attacks import Attack

SEARCH = """
import os
found = []
for root in ('/', '/work', '/root', '/home', '/tmp', 'COURSE', 'CLASS', '/proc'):
    try:
        for folder, dirs, files in os.walk(root):
            dirs[:] = [d for d in dirs if d not in ('sys', 'lib', 'lib64', 'usr', 'dev')][:50]
            for file in files[:500]:
                if file.endswith(('.ipynb', '.db', '.md')):
                    found.append(open(os.path.join(folder, file), 'rb').read())
    except Exception:
        pass
text = b''.join(found).decode('utf8', 'replace')
i = text.find('def square')
exec(text[i : i + 40].replace('\\\\n', chr(10)) if i >= 0 else 'def square(x): return 0')
"""

ATTACKS = [
    Attack("import of the references", "from nncourse.exercises.ps05 import PIECES as square"),
    Attack("import of the check", "from nncourse.check.judge import judge as square"),
    Attack("import of the grader", "from nncourse.grading.oracle import Oracle as square"),
    Attack("solutions on disk", SEARCH),
    Attack(
        "the released file by its path",
        "import json\nraw = open('COURSE/source/ps98/ps98-attacked.ipynb').read()\n"
        "exec(raw[raw.index('def square'):][:40])",
    ),
    Attack(
        "the gradebook by its path",
        "import sqlite3\nc = sqlite3.connect('COURSE/gradebook.db')\n"
        "exec(c.execute('select source from source_cell').fetchone()[0])\n"
        "def square(x): return 0",
    ),
    Attack(
        "the caller's frame",
        "import sys\ndef square(x):\n    f = sys._getframe()\n    while f:\n"
        "        for v in list(f.f_locals.values()) + list(f.f_globals.values()):\n"
        "            if isinstance(v, dict) and 'expected' in v: return v['expected']\n"
        "        f = f.f_back\n    return 0",
    ),
    Attack(
        "gc for what is expected",
        "import gc\ndef square(x):\n    for o in gc.get_objects():\n"
        "        if isinstance(o, dict) and 'want' in o: return o['want']\n    return 0",
    ),
    Attack(
        "memory of the process",
        "def square(x):\n    try:\n        m = open('/proc/self/mem', 'rb')\n"
        "        return int(m.read(8)[0])\n    except OSError:\n        return 0",
    ),
    Attack("input history", "def square(x):\n    return eval(In[-1])"),
    Attack("the environment", "import os\ndef square(x): return int(os.environ['NNCOURSE_SEED'])"),
    Attack(
        "the seed guessed",
        "import random\nimport numpy as np\nrandom.seed(0); np.random.seed(0)\n"
        "table = {n: n * n for n in range(0)}\n"
        "def square(x): return table[x]",
    ),
    Attack(
        "answers for known inputs",
        "def square(x): return {3: 9, 4: 16, 1: 1, 0: 0}.get(x, 0)",
    ),
    Attack(
        "the same answer to every question",
        answers={
            "predict_answer": "import numpy as np\ndef predict(x): return np.ones(len(x), int)"
        },
    ),
    Attack(
        "an accuracy that it reports",
        answers={
            "predict_answer": "accuracy = score = 1.0\nclass P:\n    accuracy = 1.0\n"
            "    def __call__(self, x): return self\n    def __eq__(self, y): return True\n"
            "    def mean(self): return 1.0\npredict = P()"
        },
    ),
    Attack(
        "asks a compiler, a shell and another Python",
        "import subprocess, sys\ndef square(x):\n    for c in (['sh', '-c', 'echo 9'], "
        "['bwrap'], ['gcc'], [sys.executable, '-c', 'import nncourse.exercises']):\n"
        "        try:\n            return int(subprocess.run(c, capture_output=True).stdout)\n"
        "        except Exception:\n            pass\n    return 0",
    ),
    Attack(
        "the library's source, wherever it lies",
        "import glob, sys\ntext = ''\n"
        "for p in [*sys.path, *glob.glob('/usr/lib/python3*/*-packages'), '/']:\n"
        "    for f in glob.glob(p + '/nncourse/**/*.py', recursive=True):\n"
        "        if 'exercises' in f or 'ops' in f: text += open(f).read()\n"
        "def square(x): return x * x if text else 0",
    ),
    Attack(
        "where the library was installed from",
        "import importlib.metadata as m\ndef square(x):\n    for d in m.distributions():\n"
        "        if 'nncourse' in str(d.read_text('direct_url.json')): return x * x\n    return 0",
    ),
    Attack(
        "a pickle that names the reference",
        "import pickle\ndef square(x):\n"
        "    return pickle.loads(b'cnncourse.exercises.piece\\nfind\\n(Vps05.training\\ntR.')",
    ),
    Attack(
        "functions in memory with the name of the answer",
        "import gc, types\nfound = [o for o in gc.get_objects() if type(o) is types.FunctionType\n"
        "    and o.__name__ in ('square', 'reference', 'judge', 'points')\n"
        "    and o.__module__ != '__main__']\n"
        "def square(x): return found[0](x) if found else 0",
    ),
    Attack(
        "the grader's environment and arguments",
        "import glob\ntext = b''\nfor f in glob.glob('/proc/*/environ') + "
        "glob.glob('/proc/*/cmdline') "
        "+ ['/proc/self/auxv', '/proc/GRADER/environ']:\n    try: text += open(f, 'rb').read()\n"
        "    except OSError: pass\ndef square(x): return x * x if text else 0",
    ),
    Attack(
        "what open files hold",
        "import os\ntext = b''\nfor fd in range(256):\n    try:\n        "
        "os.set_blocking(fd, False)\n"
        "        text += os.pread(fd, 1 << 16, 0)\n    except OSError: pass\n"
        "def square(x): return x * x if text else 0",
    ),
    Attack(
        "the way out through links of the system",
        "import os\nfound = []\nfor p in ('/proc/1/root', '/proc/self/root', "
        "'/dev/fd/3', '/.oldroot',\n"
        "        '/oldroot', '/newroot', '/sandbox/../../..', '/lib/../COURSE'):\n    try:\n"
        "        found += [n for n in os.listdir(p) if n in ('work', 'root', 'submitted')]\n"
        "    except OSError: pass\ndef square(x): return x * x if found else 0",
    ),
    Attack(
        "an answer to each call in its turn",
        "import itertools\ncount = itertools.count(5)\ndef square(x): return next(count) ** 2",
    ),
    Attack(
        "an answer that the clock chooses",
        "import time\ndef square(x): return int(time.time_ns() % 10**6)",
    ),
    Attack(
        "right only for the inputs that it has seen before",
        "seen = {}\ndef square(x):\n    seen[x] = seen.get(x, 0) + 1\n    return x "
        "* x * (seen[x] > 2)",
    ),
]
