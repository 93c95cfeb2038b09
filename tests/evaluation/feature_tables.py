"""Small tables of features for tests, and dicts as TOML."""

import datetime
import json
import math

import numpy as np

from cdmer.corpora import Clip
from cdmer.extraction import FeatureTable
from cdmer.extraction._frames import clips_frame, failures_frame

CLASSES = ("negative", "positive", "surprise")


def write_tables(folder, names, *, n_clips=24, n_features=30, noise=1.5):
    """Write one npz file per corpus: classes apart by more than the noise, corpora shifted."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, n_features))
    tables = []
    for number, name in enumerate(names):
        codes = np.arange(n_clips) % 3
        X = centres[codes] + noise * rng.normal(size=(n_clips, n_features)) + 0.3 * number
        frames = np.zeros((2, 4, 4), dtype=np.uint8)
        clips = [
            Clip(frames, name=f"c{i:03d}", subject=f"s{i // 4}", corpus=name, label=CLASSES[code])
            for i, code in enumerate(codes)
        ]
        columns = [f"f{i}" for i in range(n_features)]
        table = FeatureTable(
            X, columns, None, clips_frame(clips), failures_frame([]), "made up", name
        )
        table.save(folder / f"{name}.npz")
        tables.append(table)
    return tables


def toml_text(content):
    """Write a dict as TOML, tables inline below the top."""
    return "".join(f"{json.dumps(key)} = {_inline(value)}\n" for key, value in content.items())


def _inline(value):
    if isinstance(value, dict):
        entries = (f"{json.dumps(k, ensure_ascii=False)} = {_inline(v)}" for k, v in value.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float):
        return str(value) if not math.isfinite(value) else repr(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
