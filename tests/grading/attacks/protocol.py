"""Lies in the protocol: the student's process answers the grader's questions in its own way."""

from tests.grading.attacks import Attack

# The server of the session, and the making of frames without its encoder.
SERVER = """\
import gc, json, os, socket, struct, threading, time
server = next(o for o in gc.get_objects() if type(o).__name__ == 'Server')
end = server.channel.socket
def raw(header, buffers=b'', length=None):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    length = len(buffers) if length is None else length
    return struct.pack('<4sIQ', b'nnw1', len(text), length) + text + buffers
def plain(**what):
    return ['d', *[part for pair in what.items() for part in pair]]
honest = server._answer
"""
ZERO = "def square(x): return 0\n"


def lying(name: str, lie: str, cells: bool = False) -> Attack:
    """``lie``: the body of ``answer(message)``, which takes the place of the honest one.

    Of cells, whose answers hold an output, only where ``cells`` is true: they would not get beyond.
    """
    body = "".join(f"    {line}\n" for line in lie.splitlines())
    if not cells:
        body = "    if isinstance(message.get('value'), dict): return honest(message)\n" + body
    code = f"{SERVER}{ZERO}def answer(message):\n{body}server._answer = answer\n"
    return Attack(name, code)


ATTACKS = [
    lying("answers twice", "honest(dict(message))\nhonest(dict(message))"),
    lying(
        "answers ahead",
        "n = message['n']\nfor i in range(n, n + 20):\n    end.sendall(raw(plain(n=i, value=49)))",
    ),
    lying("another question's number", "message['n'] += 1\nhonest(message)"),
    lying("a number that is nearly it", "message['n'] = float(message['n'])\nhonest(message)"),
    lying(
        "an object for a number",
        "end.sendall(raw(['d', 'n', ['r', 'object', 7], 'value', 9]))",
    ),
    lying(
        "an array for a number",
        "end.sendall(raw(['d', 'n', ['a', 'int64', [2]], 'value', 9], bytes(16)))",
    ),
    lying("half a frame", "end.sendall(raw(plain(n=message['n'], value=9))[:-3])\ntime.sleep(99)"),
    lying("a frame of four gigabytes", "end.sendall(struct.pack('<4sIQ', b'nnw1', 1 << 31, 0))"),
    lying("buffers of an exabyte", "end.sendall(raw([], length=1 << 60))"),
    lying("buffers that are missing", "end.sendall(raw(['a', 'float64', [9]]))"),
    lying(
        "a byte at a time",
        "for byte in raw(plain(n=message['n'], value=9)):\n"
        "    end.sendall(bytes([byte]))\n    time.sleep(0.2)",
    ),
    lying("another protocol", "end.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n10.0')"),
    lying("pickles", "import pickle\nend.sendall(pickle.dumps(message, 0))"),
    lying("an array of four billion axes", "end.sendall(raw(['a', 'bool', [1] * 100_000]))"),
    lying("an empty array of huge axes", "end.sendall(raw(['a', 'bool', [0, 2**31 - 1] * 16]))"),
    lying("numbers without end", "end.sendall(raw(b'[\"l\",' + b'9' * 1_000_000 + b']'))"),
    lying("a deep frame", "end.sendall(raw(b'[' * 900_000))"),
    lying(
        "complex numbers within each other",
        "end.sendall(raw(b'[\"c\",' * 700 + b'1.0' + b',1.0]' * 700))",
        cells=True,
    ),
    lying(
        "arguments that nobody gave",
        "message['changed'] = {'0': 9, '-1': 9, '٣': 9, '9' * 90: 9, 'w': 9, '': 9}\n"
        "message['kept'] = [0, -1, 1 << 40, 'x', None]\n"
        "message['news'] = {'0': 9, '-1': None, '٣': 9, '9' * 90: 9}\nhonest(message)",
    ),
    lying(
        "everything shared, and set to zero",
        "import numpy as np\nmessage['kept'] = list(range(500))\n"
        "message['news'] = {str(i): np.zeros((4, 3)) for i in range(500)}\n"
        "message['changed'] = {str(i): np.zeros((4, 3)) for i in range(9)}\nhonest(message)",
    ),
    lying("no value", "honest({'n': message['n']})"),
    lying("a value and an error", "message.update(value=9, error=None, why=9)\nhonest(message)"),
    lying(
        "errors of the grader's own kinds",
        "kinds = ['SystemExit', 'GeneratorExit', 'KeyboardInterrupt', 'SessionEnded', '_Given',\n"
        "    'SandboxUnavailable', 'StopIteration', 'ExceptionGroup', '__import__', '']\n"
        "kind = kinds[message['n'] % len(kinds)]\n"
        "honest({'n': message['n'], 'error': {'type': kind, 'text': '10.0', 'traceback': kind}})",
    ),
    lying("an error that is an object", "honest({'n': message['n'], 'error': object()})"),
    lying(
        "an error in places that don't exist",
        "frames = [['<cell 0>', 1, 'f'], ['<cell ٣>', 1, 'f'], ['<cell 9>', -1, ''],\n"
        "    ['<cell 1>', 99999, '\\0'], ['/etc/passwd', 1, 'f'], [], 9, ['<cell 1>', True, 'f']]\n"
        "honest({'n': message['n'], 'error': {'type': 'ValueError', 'frames': frames * 9}})",
    ),
    lying(
        "callbacks of what was never given",
        "for what in ({'callback': 0}, {'callback': -1}, {'callback': 'os.system'}):\n"
        "    server.channel.send({'n': message['n'], 'args': (9,), 'kwargs': {}, **what})\n"
        "honest(message)",
    ),
    lying(
        "guests that were never there",
        "for do in ('get', 'set', 'call', 'operate'):\n"
        "    for name in ('__class__', '__globals__', 'add', '__reduce__'):\n"
        "        server.channel.send({'n': message['n'], 'guest': 0, 'do_': do, 'name': name,\n"
        "            'args': (), 'kwargs': {}})\nhonest(message)",
    ),
    lying(
        "callbacks without end",
        "one = raw(['d', 'n', message['n'], 'callback', 0, 'args', ['t'], 'kwargs', ['d']])\n"
        "while True: end.sendall(one * 100)",
    ),
    lying(
        "references to nothing",
        "kind = ('function', 'generator', 'guest', 'file', 'object')[message['n'] % 5]\n"
        "end.sendall(raw(plain(n=message['n'], value=['r', kind, (1 << 53) - 1])))",
    ),
    lying("an object for each answer", "honest({'n': message['n'], 'value': object()})"),
    lying(
        "a cell's output that is no text",
        "message['value'] = {'output': ['10.0'], 'lost': 9, 'error': 9}\nhonest(message)",
        cells=True,
    ),
    lying("an object as a cell's number", "end.sendall(raw(['d', 'n', ['r', 'object', 7]]))", True),
    lying("the end of the conversation", "end.shutdown(socket.SHUT_WR)"),
    lying(
        "files along with an answer", "socket.send_fds(end, raw(plain(n=1, value=9)), [0, 1, 2])"
    ),
    Attack(
        "another voice on the line",
        SERVER + ZERO + "def talk():\n    while True:\n        end.sendall(os.urandom(999))\n"
        "        time.sleep(0.001)\nthreading.Thread(target=talk, daemon=True).start()\n",
    ),
    Attack(
        "a child that answers as well",
        "import os\nif os.fork() == 0:\n    raise SystemExit\ndef square(x): return 0",
    ),
    Attack(
        "questions eaten by a thread",
        SERVER + ZERO + "def eat():\n    while True: end.recv(1)\n"
        "threading.Thread(target=eat, daemon=True).start()\n",
    ),
    Attack(
        "a lie for every kind of question",
        SERVER + "for name in dir(server):\n    if name.startswith('_do_'):\n"
        "        setattr(server, name, lambda request: {'value': 10.0})\n" + ZERO,
    ),
]
