"""Action units of macro-expressions that have just begun."""

import hashlib
import io
import re
import warnings
from pathlib import Path

import numpy as np

from cdmer._faces.emotions import EMOTIONS
from cdmer._files.reading import read_regular
from cdmer._parameters import ParameterError, check_number
from cdmer.synthesis._expert import check_emotions
from cdmer.synthesis._expression import ACTION_UNITS, Expression, UnitSource

_EARLIEST, _LATEST = 0.25, 0.5  # of the span from onset to apex
_FAINTEST = 0.02  # a tenth of a level: below it tables hold noise
_BEGUN = 0.1  # of the rise: where an expression is taken to begin
_MOST_BYTES = 2**27  # an hour of 714 columns has half of it
# Missing values as programs on Windows write them: "-nan(ind)", "1.#QNAN0", "-1.#IND00", and with
# few digits "-1.#J".
_MISSING = re.compile(r"[+-]?(nan(\(\w*\))?|1\.#(qnan|snan|ind|[jr])0*)", re.IGNORECASE)


class EarlyMacroUnits(UnitSource):
    """Action units of macro-expressions on the way to their apex, when they are still faint [1]_.

    An expression's apex is where its action units add up to most, and its onset the last frame
    before at which they have risen by no more than a tenth. A table of the class is drawn, each as
    likely as any other, and the frame at a share of the span between them that is uniform in
    [0.25, 0.5]. Units fainter than 0.02 are left out.

    Parameters
    ----------
    folder : path-like
        Holds a folder per emotion with a table per macro-expression, ``happiness/03.csv``: the
        format of OpenFace 2, with ``frame``, ``confidence``, ``success`` and ``AU01_r`` to
        ``AU45_r``, intensities from 0 to 5. Empty cells, ``nan`` and what Windows writes for it,
        such as ``-nan(ind)``, are missing values, which frames that are not tracked may have.
        Emotions that no class has are left out.
    classes : dict of str to sequence of str, default=None
        Emotions of each class, as in `ExpertUnits`; those without a table are left out.
    least_confidence : float, default=0.8
        Frames with less count as not tracked.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a table lacks a column, holds numbers out of range or
        frames out of order, has no rise, or a gap in the rise or beside it that may hide where it
        begins or ends; if a folder is no emotion, or there is no table.
    FileNotFoundError
        If there is no such folder.

    References
    ----------
    .. [1] Y. Liu, Z. Wang, T. Gedeon and L. Zheng, "How to synthesize a large-scale and trainable
       micro-expression dataset?", ECCV 2022, https://arxiv.org/abs/2112.01730
    """

    def __init__(self, folder, classes=None, least_confidence=0.8):
        emotions_of = check_emotions(classes)
        check_number("least_confidence", least_confidence, least=0, most=1)
        folder, asked = Path(folder), {name for names in emotions_of.values() for name in names}
        if not folder.is_dir():
            raise FileNotFoundError(f"folder: expected tables in {folder}, which is no folder")
        tables, digest = {}, hashlib.sha256()
        for place in sorted(path for path in folder.iterdir() if path.is_dir()):
            if place.name not in EMOTIONS:
                raise ParameterError(
                    f"folder: expected folders named after emotions of {sorted(EMOTIONS)}, "
                    f"got {place.name!r}"
                )
            if place.name not in asked:
                continue
            for path in sorted(p for p in place.iterdir() if p.suffix.lower() == ".csv"):
                content = read_regular(path, _MOST_BYTES)
                rise = _read_rise(path, content, least_confidence)
                tables.setdefault(place.name, []).append(rise)
                digest.update(f"{place.name}/{path.name}".encode() + content)
        if not tables:
            raise ParameterError(
                f"folder: expected <emotion>/<name>.csv in {folder}, for emotions of "
                f"{sorted(asked)}, got none"
            )
        shown = {label: [e for e in names if e in tables] for label, names in emotions_of.items()}
        self.classes = tuple(label for label, names in shown.items() if names)
        self.tables = {
            label: [(emotion, rise) for emotion in shown[label] for rise in tables[emotion]]
            for label in self.classes
        }
        self._description = {
            "source": "early-macro",
            "sha256": digest.hexdigest(),
            "classes": {label: list(names) for label, names in emotions_of.items()},
            "least_confidence": float(least_confidence),
        }

    def draw(self, label, rng):
        """Draw an expression: see `UnitSource.draw`."""
        self.check_label(label)
        tables = self.tables[label]
        emotion, rise = tables[rng.integers(len(tables))]
        intensities = rise[round(rng.uniform(_EARLIEST, _LATEST) * (len(rise) - 1))]
        action_units = [
            (action_unit, float(i))
            for action_unit, i in zip(ACTION_UNITS, intensities, strict=True)
            if i >= _FAINTEST
        ]
        return Expression(label, action_units, "early-macro", emotion)

    def describe(self):
        """Describe all that draws depend on except random numbers, as a dict for JSON."""
        return self._description


def _read_rise(path, content, least_confidence):
    """Intensities from onset to apex, ndarray of shape (n_frames, 17), 0 to 1."""
    import pandas as pd

    def fault(text):
        return ParameterError(f"table {path.parent.name}/{path.name}: {text}")

    try:
        with warnings.catch_warnings():
            # More cells than columns would be taken for an index, and shift all columns.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(io.BytesIO(content), skipinitialspace=True, index_col=False)
    except pd.errors.ParserWarning:
        text = "expected a cell per column, between commas, got more; are commas decimal points?"
        raise fault(text) from None
    except ValueError as error:
        raise fault(f"expected CSV as OpenFace writes it, got {error}") from None
    columns = [f"AU{int(action_unit):02d}_r" for action_unit in ACTION_UNITS]
    if len(table.columns) == 1 and ";" in str(table.columns[0]):
        raise fault("expected columns separated by commas, got semicolons")
    missing = [name for name in ("frame", "confidence", "success", *columns) if name not in table]
    if missing:
        raise fault(f"expected a column {missing[0]!r}, got none")
    names = ["frame", "confidence", "success", *columns]
    numbers = np.array([_read_numbers(table, name, fault) for name in names]).T
    _check_order(numbers[:, 0], fault)
    tracked = (numbers[:, 2] == 1) & (numbers[:, 1] >= least_confidence)
    frames, found = numbers[tracked, 0], numbers[tracked, 3:]
    wrong = ~((found >= 0) & (found <= 5))  # so that NaN is out of range too
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise fault(
            f"expected intensities from 0 to 5, got {found[row, column]:g} in column "
            f"{columns[column]!r} of frame {frames[row]:g}"
        )
    if len(found) < 2:
        raise fault(f"expected two tracked frames or more, got {len(found)}")
    total = found.sum(axis=1)
    apex = int(total.argmax())
    start = total[: apex + 1].min()
    begun = total[: apex + 1] > start + _BEGUN * (total[apex] - start)
    onset = 0 if begun.all() else int(np.flatnonzero(~begun)[-1])
    rows = np.flatnonzero(tracked)
    lowest = apex - int(total[apex::-1].argmin())  # the last of several
    _check_whole(numbers[:, 0], tracked, rows[lowest], rows[onset], rows[apex], fault)
    rise = found[onset : apex + 1] / 5
    if len(rise) < 5 or not (rise[round(_EARLIEST * (len(rise) - 1)) :] >= _FAINTEST).any(1).all():
        raise fault(f"expected a rise over five frames or more, got {len(rise)} from onset to apex")
    return rise


def _read_numbers(table, name, fault):
    """Numbers of a column, NaN for missing values."""
    cells = table[name]
    if cells.dtype.kind in "iufb":
        return cells.to_numpy(dtype=float)
    texts = [str(cell).strip() for cell in cells]
    numbers = np.empty(len(texts))
    for row, text in enumerate(texts):
        try:
            numbers[row] = np.nan if _MISSING.fullmatch(text) else float(text)
        except ValueError:
            raise fault(
                f"expected numbers alone, with decimal points, got {text!r} in column {name!r}, "
                f"row {row + 1}"
            ) from None
    return numbers


def _check_order(frames, fault):
    """Refuse frames that do not increase: several faces, or rows that were moved."""
    wrong = ~(np.diff(frames) > 0)  # so that NaN is out of order too
    if wrong.any():
        before, after = frames[wrong.argmax() :][:2]
        got = (
            f"two rows of frame {after:g}"
            if before == after
            else f"frame {after:g} after frame {before:g}"
        )
        raise fault(f"expected one row per frame, of one face, in the order of time, got {got}")


def _check_whole(frames, tracked, lowest, onset, apex, fault):
    """Refuse a gap in the rise, or one that may hide its true beginning or height.

    A gap just before the lowest frame or the onset, or just after the apex, may hold a lower or a
    higher one. Where the table itself begins or ends there, nothing says so.
    """
    pairs = np.unique([lowest - 1, *range(onset - 1, apex + 1)])  # of neighbours, by the first
    pairs = pairs[(pairs >= 0) & (pairs < len(frames) - 1)]
    follows = frames[pairs + 1] - frames[pairs] == 1
    whole = follows & tracked[pairs] & tracked[pairs + 1]
    if not whole.all():
        i = whole.argmin()
        row = pairs[i] + tracked[pairs[i]]
        got = (
            f"frame {frames[row]:g} not tracked"
            if follows[i]
            else f"no frame {frames[pairs[i]] + 1:g}"
        )
        raise fault(
            f"expected no gap where the expression begins, rises and is at its apex, got {got}"
        )
