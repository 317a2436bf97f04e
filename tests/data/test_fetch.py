"""Downloads, from a server on this machine: only what was meant, only when asked for."""

import hashlib
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nncourse.data import DataError, fetch

BODY = b"some data\n" * 1000
SUM = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server():
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            found = self.path.startswith("/data")
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(BODY if found else b"")

        def log_message(self, *arguments):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    http.asked = asked
    http.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield http
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@pytest.fixture
def pooch():
    return pytest.importorskip("pooch", reason="pooch does the downloads")


def test_a_file_is_fetched_once(server, pooch, tmp_path, capfd):
    path = fetch(server.url + "/data%20file.txt?x=1", SUM.upper(), folder=tmp_path)
    assert path == tmp_path / "data file.txt"
    assert path.read_bytes() == BODY
    assert fetch(server.url + "/data%20file.txt?x=1", SUM, folder=tmp_path) == path
    assert server.asked == ["/data%20file.txt?x=1"]
    assert capfd.readouterr() == ("", "")
    path.write_bytes(b"changed")
    assert fetch(server.url + "/data%20file.txt?x=1", SUM, folder=tmp_path).read_bytes() == BODY


def test_the_folder_may_be_set_for_all(server, pooch, tmp_path, monkeypatch):
    monkeypatch.setenv("NNCOURSE_DATA", str(tmp_path / "here"))
    assert fetch(server.url + "/data", SUM, "name").parent == tmp_path / "here"


def test_another_file_is_refused_and_not_kept(server, pooch, tmp_path):
    with pytest.raises(DataError, match="not the file that was meant"):
        fetch(server.url + "/data", "0" * 64, folder=tmp_path)
    with pytest.raises(DataError, match="max_bytes=5000"):
        fetch(server.url + "/data", SUM, folder=tmp_path, max_bytes=5000)
    with pytest.raises(OSError, match="404"):
        fetch(server.url + "/other", SUM, folder=tmp_path)
    assert os.listdir(tmp_path) == []


def test_wrong_calls_reach_no_server(server, tmp_path):
    for url, digest, name in (
        ("file:///etc/passwd", SUM, None),
        ("ftp://127.0.0.1/data", SUM, None),
        ("http:///data", SUM, None),
        (server.url + "/data", "abc", None),
        (server.url + "/data", None, None),
        (server.url + "/data", "md5:" + SUM, None),
        (server.url + "/", SUM, None),
        (server.url + "/data", SUM, "../up"),
        (server.url + "/..%2fup", SUM, None),
        (server.url + "/data", SUM, ".."),
    ):
        with pytest.raises(ValueError, match=r"needed|sha256|filename"):
            fetch(url, digest, name, folder=tmp_path)
    assert server.asked == []


def test_without_pooch_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match="pip install pooch"):
        fetch("http://127.0.0.1/data", SUM, folder=tmp_path)
