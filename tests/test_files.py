import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cdmer._files import atomic_file, remove_unfinished, write_atomically


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
