"""Weights in files: there and back, between here and PyTorch; files that are not what they say."""

import io
import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections import Counter, OrderedDict
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse import serialization
from nncourse.serialization import FormatError, load_file, load_metadata, save_file

NAMES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
NAMES += ("float16", "float32", "float64")


def same(a, b):
    """Equal values of equal types, also inside."""
    if isinstance(a, nnc.Tensor | np.ndarray):
        assert type(b) is type(a)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert type(a) is type(b)
        assert len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y)
    else:
        assert type(a) is type(b)
        assert a == b or (math.isnan(a) and math.isnan(b))


def every_type():
    rng = np.random.default_rng(0)
    return {
        f"{name}.{'x'.join(map(str, shape))}": nnc.tensor(
            rng.integers(0, 2, shape).astype(name) if name == "bool" else rng.normal(size=shape)
            .__mul__(50).astype("int64").astype(name)
        )
        for name in NAMES
        for shape in ((), (3,), (2, 5), (0, 4))
    }  # fmt: skip


def test_every_type_and_shape_there_and_back(tmp_path):
    tensors = every_type()
    nnc.save(tensors, tmp_path / "w.safetensors")
    same(tensors, nnc.load(tmp_path / "w.safetensors"))
    same(tensors, load_file(str(tmp_path / "w.safetensors")))
    assert os.listdir(tmp_path) == ["w.safetensors"]


def test_the_bytes_are_those_of_the_format(tmp_path):
    save_file({"a": np.array([1, 2], "<i2"), "b": np.array(1.5, "<f4")}, tmp_path / "f", {"k": "t"})
    raw = (tmp_path / "f").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    assert length % 8 == 0
    assert json.loads(raw[8 : 8 + length]) == {
        "__metadata__": {"k": "t"},
        "a": {"dtype": "I16", "shape": [2], "data_offsets": [4, 8]},
        "b": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
    }
    assert raw[8 + length :] == np.float32(1.5).tobytes() + b"\1\0\2\0"
    assert load_metadata(tmp_path / "f") == {"k": "t"}


def test_arrays_in_any_layout(tmp_path):
    base = np.arange(12.0).reshape(3, 4)
    save_file({"t": base.T, "s": base[::2, 1:3], "big": base.astype(">f8")}, tmp_path / "f")
    found = load_file(tmp_path / "f")
    assert found["t"].tolist() == base.T.tolist()
    assert found["s"].tolist() == base[::2, 1:3].tolist()
    assert found["big"].tolist() == base.tolist()
    found["t"].zero_()  # what was read can be changed
    assert found["big"].dtype == nnc.float64


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.text(max_size=5),
    st.integers(0, 3).map(lambda n: nnc.tensor(np.arange(n, dtype=np.float32))),
    st.integers(0, 3).map(lambda n: np.arange(n)),
)
keys = st.one_of(st.text(max_size=3), st.integers(-3, 3), st.none(), st.tuples(st.integers(0, 2)))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(keys, inner, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees)
def test_nested_values_there_and_back(value):
    file = io.BytesIO()
    nnc.save(value, file)
    file.seek(0)
    same(value, nnc.load(file))


def test_a_training_state_continues_where_it_was(tmp_path):
    def start(seed):
        nnc.manual_seed(seed)
        model = nnc.nn.Sequential(nnc.nn.Linear(4, 3), nnc.nn.Tanh(), nnc.nn.Linear(3, 2))
        return model, nnc.optim.Adam(model.parameters(), lr=0.01)

    def steps(model, optimizer, n):
        x, y = nnc.ones(5, 4), nnc.tensor([0, 1, 0, 1, 1])
        for _ in range(n):
            optimizer.zero_grad()
            nnc.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    model, optimizer = start(0)
    steps(model, optimizer, 3)
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "best": math.inf,
        "random": nnc.default_generator.get_state(),
    }
    nnc.save(checkpoint, tmp_path / "c")
    drawn = nnc.rand(3).tolist()
    steps(model, optimizer, 3)
    other, other_optimizer = start(1)
    found = nnc.load(tmp_path / "c", map_location="cpu")
    other.load_state_dict(found["model"])
    other_optimizer.load_state_dict(found["optimizer"])
    nnc.default_generator.set_state(found["random"])
    assert (found["epoch"], found["best"]) == (3, math.inf)
    assert nnc.rand(3).tolist() == drawn
    steps(other, other_optimizer, 3)
    same(model.state_dict(), other.state_dict())


def test_the_state_of_every_optimiser_and_schedule_can_be_saved():
    made = 0
    for name in sorted(vars(nnc.optim)):
        rule = getattr(nnc.optim, name)
        if not (isinstance(rule, type) and issubclass(rule, nnc.optim.Optimizer)):
            continue
        if rule is nnc.optim.Optimizer:
            continue

        def start(rule=rule):
            p = nnc.nn.Parameter(nnc.arange(4).float())
            return p, rule([p], lr=0.1)

        def steps(p, optimizer, gradients):
            for g in gradients:
                p.grad = nnc.full((4,), g)
                optimizer.step()
            return p.tolist()

        p, optimizer = start()
        steps(p, optimizer, [1.0, -2.0])
        file = io.BytesIO()
        nnc.save({"p": p.detach(), "optimizer": optimizer.state_dict()}, file)
        file.seek(0)
        found = nnc.load(file)
        q, other = start()
        q.data = found["p"].numpy()
        other.load_state_dict(found["optimizer"])
        assert steps(q, other, [3.0, 0.5]) == steps(p, optimizer, [3.0, 0.5]), name
        made += 1
    assert made >= 2
    file = io.BytesIO()
    schedule = {"milestones": Counter({3: 1}), "base_lrs": [0.1], "x": OrderedDict(a=(1, None))}
    nnc.save(schedule, file)
    file.seek(0)
    assert nnc.load(file) == schedule


def test_what_cannot_be_saved_is_named():
    loop = []
    loop.append(loop)
    for value, word in (
        (nnc.nn.Linear(2, 2), "state_dict"),
        ({"a": {"b": {1, 2}}}, r"a\.b: .*sorted list"),
        ({"f": print}, "f: only tensors"),
        ({frozenset(): 1}, "frozenset"),
        ([b"x"], "0: only .* got bytes"),
        ({"c": np.zeros(2, complex)}, "c: safetensors holds no complex128"),
        ({"o": np.array([None])}, "o: safetensors holds no object"),
        (loop, "^0 contains itself"),
    ):
        with pytest.raises((TypeError, ValueError), match=word):
            nnc.save(value, io.BytesIO())
    for tensors, metadata, word in (
        ({"__metadata__": np.zeros(1)}, None, "__metadata__"),
        ({3: np.zeros(1)}, None, "3"),
        ({"a": [1]}, None, "list"),
        ({}, {"a": 1}, "texts"),
    ):
        with pytest.raises(TypeError, match=word):
            save_file(tensors, io.BytesIO(), metadata)


# PyTorch


def test_files_move_both_ways_between_pytorch_and_here(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is the other side")
    theirs = pytest.importorskip("safetensors.torch", reason="safetensors is the oracle")
    tensors = every_type()
    nnc.save(tensors, tmp_path / "ours")
    read = theirs.load_file(tmp_path / "ours")
    assert set(read) == set(tensors)
    for name, t in read.items():
        assert tuple(t.shape) == tensors[name].shape
        assert str(t.dtype) == f"torch.{tensors[name].dtype}"
        assert t.numpy().tobytes() == tensors[name].numpy().tobytes()
    theirs.save_file(read, tmp_path / "theirs", {"format": "pt"})
    back = load_file(tmp_path / "theirs")
    same(tensors, {name: back[name] for name in tensors})
    assert load_metadata(tmp_path / "theirs") == {"format": "pt"}

    theirs_model = torch.nn.Sequential(
        torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2)
    )
    model = nnc.nn.Sequential(nnc.nn.Linear(4, 3), nnc.nn.ReLU(), nnc.nn.Linear(3, 2))
    theirs.save_file(theirs_model.state_dict(), tmp_path / "model")
    model.load_state_dict(nnc.load(tmp_path / "model"))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    expected = theirs_model(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(model(nnc.tensor(x)).detach().numpy(), expected, atol=1e-6)
    nnc.save(model.state_dict(), tmp_path / "back")
    theirs_model.load_state_dict(theirs.load_file(tmp_path / "back"))

    half = {"w": torch.tensor([1.0, -2.5, 3e38, float("inf"), 1e-40]).bfloat16()}
    theirs.save_file(half, tmp_path / "bf16")
    with pytest.warns(UserWarning, match=r"bfloat16.*float32"):
        found = nnc.load(tmp_path / "bf16")["w"]
    assert found.dtype == nnc.float32
    assert found.tolist() == half["w"].float().tolist()


def test_the_official_package_reads_nested_files_too(tmp_path):
    theirs = pytest.importorskip("safetensors.numpy", reason="safetensors is the oracle")
    nnc.save({"a": {"b": [nnc.ones(2), 3]}}, tmp_path / "f")
    assert theirs.load_file(tmp_path / "f")["a.b.0"].tolist() == [1, 1]


@pytest.mark.parametrize("length", [0x80, 0x4B50])
def test_a_table_whose_length_looks_like_a_pickle_is_read(length):
    table = b'{"__metadata__":{"a":"b"}}'
    assert load_metadata(file_of(table + b" " * (length - len(table)))) == {"a": "b"}


def test_pickles_are_refused_unopened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    (tmp_path / "p").write_bytes(pickle.dumps(Bomb()))
    np.savez(tmp_path / "z.npz", a=np.zeros(1))
    for name in ("p", "z.npz"):
        with pytest.raises(FormatError, match="pickle or an archive"):
            nnc.load(tmp_path / name)
    with pytest.warns(UserWarning, match="no effect"), pytest.raises(FormatError):
        nnc.load(tmp_path / "p", weights_only=False)
    assert not (tmp_path / "harm").exists()


# Files that are not what they say


def file_of(table, numbers=b"", length=None):
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    length = len(text) if length is None else length
    return io.BytesIO(length.to_bytes(8, "little") + text + numbers)


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


BAD = {
    "empty": (io.BytesIO(b""), "0 bytes"),
    "short": (io.BytesIO(b"\5\0\0"), "3 bytes"),
    "huge table": (file_of({}, length=2**63), "table of 9223372036854775808 bytes"),
    "text file": (io.BytesIO(b"epoch,loss\n1,0.5\n"), "no safetensors file"),
    "no json": (file_of(b"{oops}"), "no proper JSON"),
    "no utf-8": (file_of(b'{"\xff": 1}'), "no proper JSON"),
    "deep json": (file_of(b'{"a":' + b"[" * 200_000), "no proper JSON"),
    "long number": (file_of(b'{"a":' + b"9" * 5000 + b"}"), "no proper JSON"),
    "constant": (file_of(b'{"a": NaN}'), "NaN is no JSON number"),
    "no object": (file_of([1]), "must be a JSON object"),
    "twice": (file_of(b'{"a": 1, "b": 2, "a": 3}'), "'a' appears twice"),
    "twice inside": (file_of(b'{"a": {"dtype": "U8", "dtype": "U8"}}'), "'dtype' appears twice"),
    "metadata": (file_of({"__metadata__": {"a": 1}}), "texts by name"),
    "metadata list": (file_of({"__metadata__": []}), "texts by name"),
    "no entry": (file_of({"a": 3}), "'a': an entry has"),
    "entry lacks": (file_of({"a": {"dtype": "F32", "shape": [1]}}), "an entry has"),
    "entry exceeds": (file_of({"a": {**entry(), "x": 1}}, b"1234"), "an entry has"),
    "type": (file_of({"a": entry("F7")}, b"1234"), "unknown type 'F7'"),
    "type list": (file_of({"a": entry(["F32"])}, b"1234"), "unknown type"),
    "negative": (file_of({"a": entry(shape=[-1])}, b"1234"), "impossible shape"),
    "fraction": (file_of({"a": entry(shape=[1.0])}, b"1234"), "impossible shape"),
    "true": (file_of({"a": entry(shape=[True])}, b"1234"), "impossible shape"),
    "axes": (file_of({"a": entry(shape=[1] * 65)}, b"1234"), "impossible shape"),
    "huge": (file_of({"a": entry(shape=[2**40, 2**40])}, b"1234"), "impossible shape"),
    "huge empty": (file_of({"a": entry(shape=[0, 2**62], offsets=[0, 0])}), "impossible shape"),
    "large": (file_of({"a": entry(shape=[10**12])}, b"1234"), "takes 4000000000000 bytes"),
    "agreeing": (file_of({"a": entry(shape=[10**12], offsets=[0, 4 * 10**12])}, b"1"), "promises"),
    "backwards": (file_of({"a": entry(offsets=[4, 0])}, b"1234"), "impossible data_offsets"),
    "offsets": (file_of({"a": entry(offsets=[0, 4, 8])}, b"1234"), "impossible data_offsets"),
    "overlap": (file_of({"a": entry(), "b": entry(offsets=[2, 6])}, b"123456"), "overlap"),
    "same place": (file_of({"a": entry(), "b": entry()}, b"1234"), "overlap"),
    "gap": (file_of({"a": entry(offsets=[4, 8])}, b"12345678"), "gaps"),
    "cut off": (file_of({"a": entry()}, b"12"), "promises 4 bytes of numbers, the file has 2"),
    "too long": (file_of({"a": entry()}, b"123456"), "promises 4 bytes of numbers"),
    "bool": (file_of({"a": entry("BOOL", [2], [0, 2])}, b"\1\2"), "BOOL is 0 or 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_the_reason(name):
    file, word = BAD[name]
    file.seek(0)
    start = time.process_time()
    with pytest.raises(FormatError, match=word):
        nnc.load(file)
    assert time.process_time() - start < 2


def test_bad_descriptions_of_nested_values():
    for text in (
        "", "[", '{"tensor": "b"}', '{"tensor": ["a"]}', '{"call": "os.system"}',
        '{"a": 1, "b": 2}', '{"dict": [[1]]}', '{"dict": [[[], 1]]}', '{"tuple": 3}',
        "[" * 5000, '{"float": "1"}', "{}",
    ):  # fmt: skip
        file = io.BytesIO()
        save_file({"a": np.zeros(1)}, file, {"nncourse.structure": text})
        file.seek(0)
        with pytest.raises(FormatError, match="description"):
            nnc.load(file)


def test_no_damage_goes_unnoticed_or_ends_in_another_error(tmp_path):
    """Every single byte of the table changed, and the file cut at every length."""
    file = io.BytesIO()
    nnc.save({"a": nnc.ones(2), "b": {"c": np.arange(3), "d": [True, None]}}, file)
    raw = file.getvalue()
    length = 8 + int.from_bytes(raw[:8], "little")
    for n in range(len(raw)):
        with pytest.raises(FormatError):
            nnc.load(io.BytesIO(raw[:n]))
    for i in range(length):
        for byte in (0, 0x22, 0x39, 0x7D, raw[i] ^ 1, raw[i] ^ 0x80):
            with suppress(FormatError):  # any other exception fails the test
                nnc.load(io.BytesIO(raw[:i] + bytes([byte]) + raw[i + 1 :]))


def test_a_table_that_lies_about_its_size_costs_no_memory(tmp_path):
    resource = pytest.importorskip("resource", reason="memory is limited with it")
    del resource
    path = tmp_path / "f"
    path.write_bytes(file_of({"a": entry("U8", [2**38], [0, 2**38])}, b"1").getvalue())
    code = """
import resource, sys
import nncourse
resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
try:
    nncourse.load(sys.argv[1])
except nncourse.serialization.FormatError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert "promises 274877906944 bytes" in run.stdout, run.stderr


def test_devices_and_folders_are_no_files(tmp_path):
    with pytest.raises(FormatError, match="ordinary"):
        nnc.load("/dev/zero")
    with pytest.raises(FormatError, match="ordinary"):
        nnc.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        nnc.load(tmp_path / "none")


# Writing is all or nothing


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "w"
    nnc.save({"a": nnc.ones(1)}, path)

    def full(number):
        raise OSError("no space left on device")

    monkeypatch.setattr(serialization.os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        nnc.save({"a": nnc.zeros(1)}, path)
    assert os.listdir(tmp_path) == ["w"]
    assert nnc.load(path)["a"].tolist() == [1]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "w")
    nnc.save({"a": nnc.ones(1)}, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert nnc.load(tmp_path / "real" / "w")["a"].tolist() == [1]


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path):
    path = tmp_path / "w"
    code = """
import sys
import nncourse as nnc
n = 0
while True:
    nnc.save({"n": n, "w": nnc.full((100_000,), n)}, sys.argv[1])
    n += 1
"""
    seen = []
    for pause in (0.0, 0.007, 0.023):
        process = subprocess.Popen([sys.executable, "-c", code, path])
        try:
            while not path.exists():
                time.sleep(0.01)
            time.sleep(0.05 + pause)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        found = nnc.load(path)
        assert (found["w"] == found["n"]).all()
        seen.append(found["n"])
        path.unlink()
    assert max(seen) > 0


def test_a_kill_amid_a_write_leaves_one_file_of_the_name_that_save_tells(tmp_path):
    code = """
import os, signal, sys
import nncourse as nnc
os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
nnc.save({"a": nnc.ones(1)}, sys.argv[1])
"""
    run = subprocess.run([sys.executable, "-c", code, tmp_path / "w"])
    assert run.returncode == -signal.SIGKILL
    (name,) = os.listdir(tmp_path)
    assert re.fullmatch(r"\.w\.[0-9a-f]{12}\.tmp", name)


def test_many_names_and_one_of_them_twice_are_found_quickly():
    names = [f'"{i}":1' for i in range(200_000)]
    start = time.process_time()
    with pytest.raises(FormatError, match="'199999' appears twice"):
        nnc.load(file_of(("{" + ",".join([*names, names[-1]]) + "}").encode()))
    assert time.process_time() - start < 5


def test_bfloat16_is_the_upper_half_of_float32():
    values = np.array([1.0, -2.5, np.inf, 2.0**-130], np.float32)
    upper = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    file = file_of({"w": entry("BF16", [2, 2], [0, 8])}, upper)
    with pytest.warns(UserWarning, match=r"1 bfloat16 tensors .'w'"):
        found = nnc.load(file)["w"]
    assert found.dtype == nnc.float32
    assert found.tolist() == values.reshape(2, 2).tolist()
    file.seek(0)
    with pytest.raises(FormatError, match="takes 4 bytes"):
        nnc.load(file_of({"w": entry("BF16", [2], [0, 8])}, upper))


def test_large_tensors_are_read_in_pieces_that_end_where_they_end():
    large = np.arange(2**22 + 5, dtype=np.int32)
    file = io.BytesIO()
    save_file({"large": large, "small": np.array([7], np.int8)}, file)
    file.seek(0)
    found = load_file(file)
    assert (found["large"].numpy() == large).all()
    assert found["small"].tolist() == [7]
