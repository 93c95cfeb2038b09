import io
import os
import time
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cdmer._files.archives import open_archive, read_array
from cdmer._files.digests import digest_arrays
from cdmer._files.reading import parse_json, read_head, read_regular
from cdmer._files.writing import (
    atomic_file,
    private_folder,
    remove_unfinished,
    write_atomically,
)


def test_text_and_bytes_arrive_whole(tmp_path):
    write_atomically(tmp_path / "t.txt", "Zoë\r\n")
    assert (tmp_path / "t.txt").read_bytes() == "Zoë\r\n".encode()
    with atomic_file(tmp_path / "t.txt") as file:
        file.write(b"12345")
        file.seek(1)
        file.write(b"x")
        assert (tmp_path / "t.txt").read_bytes() == "Zoë\r\n".encode()  # until the block ends
    assert (tmp_path / "t.txt").read_bytes() == b"1x345"
    assert os.listdir(tmp_path) == ["t.txt"]


def test_a_failure_leaves_what_was_there(tmp_path):
    write_atomically(tmp_path / "t.txt", "old")
    with pytest.raises(TypeError), atomic_file(tmp_path / "t.txt") as file:
        file.writelines([b"half" * 100_000, None])
    assert os.listdir(tmp_path) == ["t.txt"]
    assert (tmp_path / "t.txt").read_text() == "old"
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_atomically(tmp_path / "gone" / "t.txt", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_files_are_as_readable_as_any_other_and_the_umask_stays(tmp_path):
    before = os.umask(0o027)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: write_atomically(tmp_path / f"{i}", ""), range(64)))
        (tmp_path / "plain").write_text("")
        modes = {path.stat().st_mode for path in tmp_path.iterdir()}
        assert modes == {0o100640}
    finally:
        assert os.umask(before) == 0o027


def test_only_old_leavings_of_named_files_are_removed(tmp_path):
    def leave(name, age):
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)

    leave(".t.npz-0123456789abcdef", 4000)
    kept = [".t.npz-0123456789abcde0", ".other-0123456789abcdef", ".t.npz-old", "t.npz"]
    for name, age in zip(kept, (10, 4000, 4000, 4000), strict=True):
        leave(name, age)
    remove_unfinished(tmp_path, r"t\.npz")
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_what_is_not_ours_is_not_replaced(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("a letter")
    with (
        pytest.raises(FileExistsError, match=r"mine\.txt: .* does not replace"),
        atomic_file(path, lambda path: False),
    ):
        pass
    assert path.read_text() == "a letter"
    write_atomically(path, "ours", lambda path: read_head(path, 8) == b"a letter")
    assert path.read_text() == "ours"
    path.write_text("")  # holds nothing that could be lost
    write_atomically(path, "ours", lambda path: False)
    (tmp_path / "link").symlink_to(path)
    write_atomically(tmp_path / "link", "again")
    assert (tmp_path / "link").is_symlink()
    assert path.read_text() == "again"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(FileExistsError, match="pipe or device"):
            write_atomically(tmp_path / "pipe", "")
    with pytest.raises(FileExistsError, match="got a folder"):
        write_atomically(tmp_path, "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_private_files_and_folders(tmp_path):
    before = os.umask(0o022)
    try:
        folder = private_folder(tmp_path / "a" / "b")
        with atomic_file(folder / "f", private=True) as file:
            file.write(b"x")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (folder.parent, folder, folder / "f")]
    assert modes == [0o700, 0o700, 0o600]


def test_only_regular_files_are_read(tmp_path):
    (tmp_path / "f").write_bytes(b"12345")
    assert read_regular(tmp_path / "f", 5) == b"12345"
    with pytest.raises(ValueError, match=r"f: expected a file of at most 4 bytes, got 5"):
        read_regular(tmp_path / "f", 4)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none")
    with pytest.raises(IsADirectoryError, match="got a folder"):
        read_regular(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "zero").symlink_to("/dev/zero")
        for name, kind in (("pipe", "named pipe"), ("zero", "device")):
            with pytest.raises(ValueError, match=f"{name}: expected a regular file, got a {kind}"):
                read_regular(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a": 1, "a": 2}', "{", b"\xff", "9" * 5001, "[]" + " " * 2**26]
)
def test_json_that_is_refused(text):
    with pytest.raises(ValueError, match=r"^given: "):
        parse_json(text, "given")


def archive(path, members, compression=zipfile.ZIP_STORED):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as file:
        warnings.simplefilter("ignore", UserWarning)  # of names that come twice
        for name, content in members:
            file.writestr(name, content)


def test_archives_are_bounded_before_they_are_read(tmp_path):
    path = tmp_path / "a.zip"
    content = io.BytesIO()
    np.save(content, np.arange(6.0).reshape(2, 3).T)
    archive(path, [("x.npy", content.getvalue())])
    with open_archive(path, path, most_bytes=1000) as file:
        np.testing.assert_array_equal(read_array(file, "x.npy"), np.arange(6.0).reshape(2, 3).T)
    for members, compression, most, message in [
        ([("a", b"1"), ("a", b"2")], zipfile.ZIP_STORED, 10, "'a' comes twice"),
        ([("a", b"0" * 99)], zipfile.ZIP_DEFLATED, 100, "'a' is compressed"),
        ([("a", b"0" * 99), ("b", b"0" * 9)], zipfile.ZIP_STORED, 100, "at most 100 bytes"),
    ]:
        archive(path, members, compression)
        with pytest.raises(ValueError, match=message), open_archive(path, path, most_bytes=most):
            pass
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="damaged archive"), open_archive(path, path, most_bytes=9):
        pass
    huge = b"\x93NUMPY\x01\x00" + (70).to_bytes(2, "little")
    huge += (
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000)}".ljust(69)
        + b"\n"
    )
    small = huge.replace(b"1000000000, 1000000", b"1, 2".ljust(19))
    for content in (huge, small, b"\x93NUMPY\x09\x00"):
        archive(path, [("x.npy", content)])
        with (
            pytest.raises(ValueError, match=r"x\.npy"),
            open_archive(path, path, most_bytes=1000) as file,
        ):
            read_array(file, "x.npy")


def test_digests_see_every_bit_and_name():
    arrays = {"a": np.arange(4.0), "b": np.zeros((2, 2), dtype=bool)}
    known = digest_arrays(arrays)
    assert digest_arrays(dict(reversed(arrays.items()))) == known
    flipped = arrays["a"].copy()
    flipped.view(np.uint8)[5] ^= 1
    for other in (
        {**arrays, "a": flipped},
        {**arrays, "a": np.arange(4.0).reshape(2, 2)},
        {**arrays, "a": np.arange(4.0).view(np.int64)},
        {"a": arrays["a"], "c": arrays["b"]},
    ):
        assert digest_arrays(other) != known
    torch = pytest.importorskip("torch")
    tensors = {name: torch.asarray(array) for name, array in arrays.items()}
    assert digest_arrays(tensors) == known
    assert digest_arrays({"x": torch.tensor(1.0, dtype=torch.bfloat16)})
