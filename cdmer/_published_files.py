"""Files of the published features: where they come from, and what they must hold."""

import hashlib
from typing import NamedTuple

# The authors' repository jiangxingxun/Seeking_Salient_Facial_Region at one commit.
URL = (
    "https://raw.githubusercontent.com/jiangxingxun/Seeking_Salient_Facial_Region/"
    "0ceef18ea3f5cb7a4cb0dac049b6250ffe075a01/data/3class/"
)
# Some times what the largest has.
MOST_BYTES = 2**26


class PublishedFile(NamedTuple):
    """A file of one corpus."""

    name: str
    variable: str
    n_clips: int
    blob: str  # git's id of the file: SHA-1 over a header with the size, and the content


def published_file(code, n_clips, blob):
    """Describe the file of a corpus by the code in its name."""
    return PublishedFile(f"CrossCorpus_LBPTOP_R3P8_{code}_112by112.mat", code, n_clips, blob)


FILES = {
    "casme2": published_file("CASME2", 130, "871c42b4eedc9857b1e533144400a67ad77fafb4"),
    "smic-hs": published_file("SMIC_HS", 164, "600e2166c33f0fb56248d1d775bbba1e6e9d1189"),
    "smic-vis": published_file("SMIC_VIS", 71, "4dd7765f1fbfa3c20d3d8d76ec9abab3a7fe9085"),
    "smic-nir": published_file("SMIC_NIR", 71, "5a5b0adabf5b0df4a8dad4b41eb9da5ca9e84eb3"),
}


def git_blob_id(content):
    """Id that git gives a file with this content, 40 hexadecimal digits."""
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
