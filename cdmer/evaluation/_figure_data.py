"""What figures show of results: regions on a rendered face, rows before and after adaptation."""

from functools import cache

import numpy as np

from cdmer.corpora import RecordingSetup, make_synthetic_corpus
from cdmer.evaluation.figures import RegionMap
from cdmer.features import RegionGrid

SIZE = 192
# Even light, no noise, no movement: a picture of where things are on a face.
_STUDIO = RecordingSetup(
    fps=25,
    resolution=SIZE,
    blur=0,
    noise=0,
    light=(0, -0.3, 1),
    ambient=0.7,
    background=0.85,
    head_motion=0,
    blink_rate=0,
)


@cache
def neutral_face():
    """Render a face without expression, hair or glasses, ndarray of uint8, shape (SIZE, SIZE)."""
    corpus = make_synthetic_corpus(_STUDIO, n_clips=32, n_subjects=32, size=SIZE, random_state=0)
    return corpus[0].frames[0]


def region_maps(results):
    """Maps of regions, one per method and experiment that has weights of them.

    Returns
    -------
    list of RegionMap
        Also empty where the grids of the regions are unknown.
    """
    if results.jobs is None or not results.info.get("regions"):
        return []
    has = results.jobs["details"].map(lambda details: "region_weights" in details)
    pairs = results.jobs.loc[has, ["method", "experiment"]].drop_duplicates()
    return [region_map(results, *pair) for pair in pairs.itertuples(index=False)]


def region_map(results, method, experiment):
    """Map of regions on a rendered face, with mean weights over folds and seeds.

    Returns
    -------
    RegionMap

    Raises
    ------
    ValueError
        If there are none.
    """
    known = results.info.get("regions")
    jobs = results.jobs
    weights = []
    if known and jobs is not None:
        wanted = (jobs["method"] == method) & (jobs["experiment"] == experiment)
        details = jobs.loc[wanted, "details"]
        weights = [d["region_weights"] for d in details if "region_weights" in d]
    if not weights:
        raise ValueError(
            f"regions: {method!r} on {experiment!r} has no weights of regions, or the grid of the "
            "regions is unknown"
        )
    if len({len(given) for given in weights}) > 1:
        raise ValueError(
            f"regions: fits of {method!r} on {experiment!r} have different numbers of weights"
        )
    levels = tuple(known["levels"])
    face = neutral_face()
    title = f"{method}: {experiment}"
    if len(weights) > 1:
        title += f", mean of {len(weights)} fits"
    return RegionMap(
        title, face, RegionGrid(levels).boxes(*face.shape), np.mean(weights, axis=0), levels
    )


def embedding_of(results, method, experiment):
    """Embedding of the first fold and seed that has one: see `Results.plot_embedding`."""
    if results.jobs is not None:
        jobs = results.jobs
        wanted = jobs[(jobs["method"] == method) & (jobs["experiment"] == experiment)]
        for embedding in wanted["embedding"]:
            if embedding is not None:
                return embedding
    raise ValueError(
        f"embedding: none of {method!r} on {experiment!r}; expected a method that moves rows, run "
        "with benchmark(..., embeddings=True)"
    )
