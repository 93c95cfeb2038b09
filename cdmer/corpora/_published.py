"""The published LBP-TOP features of the CDMER benchmark."""

import io
import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cdmer._files.reading import read_regular
from cdmer._published_files import FILES, MOST_BYTES, URL, git_blob_id
from cdmer.corpora._schemes import get_scheme

N_FEATURES = 15045
SCHEME = "cdmer-130"


class PublishedFeatures(NamedTuple):
    """Features and labels of one corpus of the CDMER benchmark.

    Parameters
    ----------
    features : ndarray of float64, shape (n_clips, 15045)
        LBP-TOP histograms of 59 bins, as the files hold them: see Notes.
    labels : ndarray of int, shape (n_clips,)
        Positions in `class_names`. (The files count from 1.)
    class_names : tuple of str
        ``("negative", "positive", "surprise")``.
    corpus : str
        Name of the corpus.

    Notes
    -----
    The histograms count what `cdmer.features.LBPTOP` counts, in another order: grid by grid (1, 2,
    4, 8 rows and columns), within a grid plane by plane (XY, XT, YT), within a plane region by
    region, columns of the face first; cells are ``round(106 / n)`` pixels wide, the last one takes
    the rest. The published results divide these columns into 85 blocks of 177, which is what
    ``TGSR(groups=85)`` does; beyond the first, such a block holds three histograms of one plane or
    two, not the three planes of one region.
    """

    features: np.ndarray
    labels: np.ndarray
    class_names: tuple
    corpus: str


def load_published_features(name, data_home=None, progress=None):
    """Load the LBP-TOP features that the authors of TGSR published.

    The file is looked for in `data_home`, else in the folder that the environment variable
    ``CDMER_DATA`` names, and otherwise downloaded, at a pinned commit, into `data_home` or the
    user's cache folder. Every file is compared with its git blob id before it is read.

    Parameters
    ----------
    name : {"casme2", "smic-hs", "smic-vis", "smic-nir"}
        The corpus.
    data_home : str or path-like, default=None
        Folder for the files.
    progress : bool or None, default=None
        None shows a bar on terminals alone, False never.

    Returns
    -------
    PublishedFeatures
        A named tuple (features, labels, class_names, corpus).

    Raises
    ------
    ValueError
        If the corpus is unknown, or the file is not the published one: truncated, changed, or
        another file under its name. Nothing of it is used.
    OSError
        If the file can neither be read nor downloaded.

    References
    ----------
    X. Jiang, Y. Zong, W. Zheng, J. Liu, M. Wei, "Seeking Salient Facial Regions for Cross-Database
    Micro-Expression Recognition", ICPR 2022, arXiv:2111.15361.
    """
    file = _look_up(name)
    content = read_regular(fetch_published_features(name, data_home, progress), MOST_BYTES)
    # Checked again on the bytes that are read: the file may have changed since it was found.
    _check_blob(content, file, "the file that was read")
    return _parse(content, file, name)


def fetch_published_features(name, data_home=None, progress=None):
    """Find or download a file of published features.

    Parameters are those of `load_published_features`.

    Returns
    -------
    pathlib.Path
        A file whose git blob id is the published one.

    Raises
    ------
    ValueError, OSError
        As `load_published_features`.
    """
    file = _look_up(name)
    home = data_home if data_home is not None else os.environ.get("CDMER_DATA")
    if home is not None:
        path = Path(home) / file.name
        if os.path.lexists(path):  # a link to nothing is not replaced
            _check_blob(read_regular(path, MOST_BYTES), file, path)
            return path
    if data_home is None:
        import pooch

        path = Path(pooch.os_cache("cdmer")) / file.name
        if os.path.lexists(path):  # a link to nothing is not replaced
            _check_blob(read_regular(path, MOST_BYTES), file, path)
            return path
    _download(file, path, progress)
    return path


def _look_up(name):
    if name not in FILES:
        raise ValueError(f"name: expected one of {sorted(FILES)}, got {name!r}")
    return FILES[name]


def _check_blob(content, file, place):
    found = git_blob_id(content)
    if found != file.blob:
        raise ValueError(
            f"{place}: not the published {file.name}: expected git blob {file.blob}, got {found} "
            f"({len(content)} bytes). Delete it to download it anew."
        )


def _download(file, path, progress):
    import pooch

    url = URL + file.name
    show = sys.stderr.isatty() if progress is None else progress
    logger = pooch.get_logger()
    level = logger.level
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, so that the last step is a rename: no reader ever sees half a file.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".download-") as folder:
        try:
            logger.setLevel("ERROR")  # it would print a hash to put into the code
            found = pooch.retrieve(
                url,
                known_hash=None,
                fname=file.name,
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=show, timeout=60),
            )
        except Exception as error:  # requests' errors are many, and pooch passes them on
            raise OSError(
                f"{file.name}: could not be downloaded from {url} ({type(error).__name__}). Put "
                "the file into a folder and name that folder in data_home or in the environment "
                "variable CDMER_DATA."
            ) from error
        finally:
            logger.setLevel(level)
        _check_blob(read_regular(found, MOST_BYTES), file, url)
        os.replace(found, path)


def _parse(content, file, name):
    import h5py

    with h5py.File(io.BytesIO(content), "r") as data:
        # MATLAB stores by columns: arrays arrive transposed.
        features = np.ascontiguousarray(data[f"{file.variable}_micro_feature"][()].T)
        numbers = data[f"{file.variable}_micro_label"][()].ravel()
    classes = get_scheme(SCHEME).classes
    if features.shape != (file.n_clips, N_FEATURES) or numbers.shape != (file.n_clips,):
        raise ValueError(
            f"{file.name}: expected {file.n_clips} clips of {N_FEATURES} features, got features "
            f"{features.shape} and labels {numbers.shape}"
        )
    if not np.isin(numbers, np.arange(1, len(classes) + 1)).all():
        raise ValueError(f"{file.name}: expected labels 1 to {len(classes)}, got {set(numbers)}")
    return PublishedFeatures(
        features.astype(np.float64, copy=False), numbers.astype(int) - 1, classes, name
    )
