import http.server
import io
import threading

import h5py
import numpy as np
import pytest

from cdmer._published_files import FILES, git_blob_id, published_file
from cdmer.corpora import _published, fetch_published_features, load_published_features


def matlab_file(code="SMIC_VIS", n_clips=6, n_features=15045, labels=None):
    """A file as the authors' are: MATLAB v7.3, which stores arrays transposed."""
    rng = np.random.default_rng(0)
    features = rng.random((n_clips, n_features))
    labels = np.arange(n_clips) % 3 + 1 if labels is None else labels
    content = io.BytesIO()
    with h5py.File(content, "w") as data:
        data[f"{code}_micro_feature"] = features.T
        data[f"{code}_micro_label"] = np.asarray(labels, dtype=float)[None, :]
    return content.getvalue(), features


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Let a small file that the test makes pass for the published one."""
    monkeypatch.delenv("CDMER_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache")

    def register(content, n_clips=6):
        file = published_file("SMIC_VIS", n_clips, git_blob_id(content))
        monkeypatch.setitem(FILES, "smic-vis", file)
        return file.name

    return register


@pytest.fixture
def server(monkeypatch):
    """A web server in place of the authors' repository; gives the path -> bytes it serves."""
    files, requests = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            content = files.get(self.path.lstrip("/"))
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setattr(_published, "URL", f"http://127.0.0.1:{httpd.server_port}/")
    files["requests"] = requests
    yield files
    httpd.shutdown()
    httpd.server_close()


def test_blob_id_is_gits():
    # `printf 'hello\n' | git hash-object --stdin`
    assert git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_reads_a_file_from_data_home_and_from_the_environment(stand_in, tmp_path, monkeypatch):
    content, features = matlab_file()
    name = stand_in(content)
    (tmp_path / name).write_bytes(content)
    loaded = load_published_features("smic-vis", data_home=tmp_path)
    np.testing.assert_array_equal(loaded.features, features)
    assert loaded.features.dtype == np.float64
    np.testing.assert_array_equal(loaded.labels, [0, 1, 2, 0, 1, 2])
    assert loaded.class_names == ("negative", "positive", "surprise")
    assert loaded.corpus == "smic-vis"
    monkeypatch.setenv("CDMER_DATA", str(tmp_path))
    X, y, classes, corpus = load_published_features("smic-vis")
    np.testing.assert_array_equal(X, features)


def test_downloads_once_and_verifies(stand_in, server, tmp_path):
    content, features = matlab_file()
    name = stand_in(content)
    server[name] = content
    path = fetch_published_features("smic-vis", progress=False)
    assert path == tmp_path / "cache" / name
    np.testing.assert_array_equal(load_published_features("smic-vis").features, features)
    assert server["requests"] == [f"/{name}"]
    elsewhere = fetch_published_features("smic-vis", data_home=tmp_path / "new" / "folder")
    assert elsewhere.read_bytes() == content


@pytest.mark.parametrize("damage", ["truncated", "changed", "another"])
def test_wrong_downloads_are_refused_and_leave_nothing(stand_in, server, tmp_path, damage):
    content, _ = matlab_file()
    name = stand_in(content)
    server[name] = {
        "truncated": content[:-100],
        "changed": content[:5000] + b"?" + content[5001:],
        "another": b"<html>rate limit</html>",
    }[damage]
    with pytest.raises(ValueError, match=f"not the published {name}: expected git blob"):
        load_published_features("smic-vis", data_home=tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_a_wrong_file_on_disk_is_refused_and_kept(stand_in, tmp_path):
    content, _ = matlab_file()
    name = stand_in(content)
    (tmp_path / name).write_bytes(content[:1000])
    with pytest.raises(ValueError, match=r"not the published .*1000 bytes"):
        load_published_features("smic-vis", data_home=tmp_path)
    assert (tmp_path / name).read_bytes() == content[:1000]


def test_no_network_says_what_to_do(stand_in, monkeypatch, tmp_path):
    stand_in(b"whatever")
    monkeypatch.setattr(_published, "URL", "http://127.0.0.1:9/")
    with pytest.raises(OSError, match=r"could not be downloaded .*CDMER_DATA"):
        load_published_features("smic-vis")
    assert list((tmp_path / "cache").iterdir()) == []


def test_shapes_and_labels_are_checked(stand_in, tmp_path):
    for content, n_clips, message in [
        (matlab_file(n_clips=5)[0], 6, "expected 6 clips of 15045 features, got"),
        (matlab_file(n_features=3825)[0], 6, "expected 6 clips of 15045 features, got"),
        (matlab_file(labels=[0, 1, 2, 3, 1, 2])[0], 6, "expected labels 1 to 3"),
    ]:
        name = stand_in(content, n_clips)
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            load_published_features("smic-vis", data_home=tmp_path)


def test_unknown_corpus():
    with pytest.raises(ValueError, match=r"name: expected one of \['casme2', .*got 'samm'"):
        load_published_features("samm")


@pytest.mark.parametrize(
    ("name", "counts"),
    [("casme2", [73, 32, 25]), ("smic-vis", [23, 28, 20]), ("smic-nir", [23, 28, 20])],
)
def test_published_counts_and_layout(published, name, counts):
    loaded = published(name)
    assert np.bincount(loaded.labels).tolist() == counts
    assert loaded.features.shape == (sum(counts), 15045)
    assert loaded.features.dtype == np.float64
    sums = loaded.features.reshape(len(loaded.features), 85, 3, 59).sum(axis=3)
    np.testing.assert_allclose(sums, 1, atol=1e-9)


def test_both_cameras_saw_the_same_clips(published):
    np.testing.assert_array_equal(published("smic-vis").labels, published("smic-nir").labels)
