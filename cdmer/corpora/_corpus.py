"""A corpus: clips in a fixed order, and the table of what is known about them."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from cdmer.corpora._clip import Clip
from cdmer.corpora._contact_sheet import draw_contact_sheet
from cdmer.corpora._manifest_files import write_manifest
from cdmer.corpora._media.frame_cache import CachedFrames, FrameCache
from cdmer.corpora._schemes import get_scheme
from cdmer.corpora._summary import summarise

# Frames are not part of the table, nor are their numbers.
_COLUMNS = [f.name for f in fields(Clip) if f.name not in ("source", "frame_numbers", "ends")]


class Corpus(Sequence):
    """Clips of one recording set-up, in a fixed order.

    Parameters
    ----------
    clips : sequence of Clip
        The clips. Their keys must differ.
    name : str
        Name of the corpus; label schemes look their rules up under it.
    repairs : sequence of Repair, default=()
        Mistakes of the label file that were put right.
    faults : sequence of Fault, default=()
        What is wrong with the copy that was read. A part of the corpus keeps those of its clips,
        and those that concern no clip.
    revision : str or None, default=None
        Revision of the label file, where the database has several.
    notes : sequence of str, default=()
        Choices that were made in reading, such as kinds of expressions left out, and second files
        that were read.

    Raises
    ------
    ValueError
        If there is no clip, or two clips share a key.
    TypeError
        If `clips` holds anything else.

    Notes
    -----
    A corpus holds no open files and can be pickled. Frames are read each time they are asked for;
    see `cached`.
    """

    def __init__(self, clips, name, *, repairs=(), faults=(), revision=None, notes=()):
        clips = tuple(clips)
        if not clips:
            raise ValueError(f"clips: corpus {name!r} got none, expected at least one")
        for clip in clips:
            if not isinstance(clip, Clip):
                raise TypeError(f"clips: expected Clip objects, got {type(clip).__name__}")
        seen = set()
        for clip in clips:
            if clip.key in seen:
                raise ValueError(f"clips: {clip.key!r} occurs twice in corpus {name!r}")
            seen.add(clip.key)
        self._clips = clips
        self.name = name
        self.repairs = tuple(repairs)
        self.faults = tuple(faults)
        self.revision = revision
        self.notes = tuple(notes)

    @classmethod
    def concat(cls, corpora, name):
        """Put corpora one after the other.

        Parameters
        ----------
        corpora : sequence of Corpus
            Each clip keeps the name of the corpus that it comes from.
        name : str
            Name of the new corpus.

        Returns
        -------
        Corpus
            With the repairs, faults and notes of all.

        Raises
        ------
        ValueError
            If there is no corpus, or two clips share a key.
        TypeError
            If `corpora` holds anything else.
        """
        corpora = list(corpora)
        for corpus in corpora:
            if not isinstance(corpus, Corpus):
                raise TypeError(f"corpora: expected Corpus objects, got {type(corpus).__name__}")
        return cls(
            [clip for corpus in corpora for clip in corpus],
            name,
            repairs=[repair for corpus in corpora for repair in corpus.repairs],
            faults=[fault for corpus in corpora for fault in corpus.faults],
            notes=[note for corpus in corpora for note in corpus.notes],
        )

    def __len__(self):
        return len(self._clips)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self._part(self._clips[index])
        return self._clips[index]

    def __repr__(self):
        subjects = len({clip.subject for clip in self._clips})
        faults = f", {len(self.faults)} faults" if self.faults else ""
        return f"Corpus({self.name!r}, {len(self)} clips, {subjects} subjects{faults})"

    @property
    def table(self):
        """Annotations, pandas.DataFrame with a row per clip in order; frames are not read."""
        import pandas as pd

        table = pd.DataFrame([{c: getattr(clip, c) for c in _COLUMNS} for clip in self._clips])
        numbers = ["onset", "apex", "offset"]
        return table.astype(dict.fromkeys(numbers, "Int64") | {"fps": "float64"})

    def labels(self, scheme):
        """Class of every clip under a label scheme.

        Parameters
        ----------
        scheme : str or LabelScheme
            See `cdmer.corpora.get_scheme`; ``"labels"`` for classes as annotated.

        Returns
        -------
        list of (str or None)
            Class names; None where the scheme leaves the clip out.

        Raises
        ------
        ValueError
            If the scheme is unknown, or has no rule for a label.
        """
        scheme = get_scheme(scheme, labels=[clip.label for clip in self._clips])
        return [scheme.classify(clip) for clip in self._clips]

    def select(self, mask=None, **conditions):
        """Keep the clips that meet every condition.

        Parameters
        ----------
        mask : array of bool of shape (n_clips,), default=None
            Clips to keep.
        **conditions
            Column of `table` = wanted value, or a list, tuple or set of wanted values.

        Returns
        -------
        Corpus
            In the same order.

        Raises
        ------
        ValueError
            If a column is unknown, the mask has the wrong length, or nothing is left.
        """
        keep = np.ones(len(self), dtype=bool)
        if mask is not None:
            mask = np.asarray(mask)
            if mask.shape != keep.shape or mask.dtype != bool:
                raise ValueError(
                    f"mask: expected bool of shape {keep.shape}, got {mask.dtype} of {mask.shape}"
                )
            keep &= mask
        for column, wanted in conditions.items():
            if column not in _COLUMNS:
                raise ValueError(f"select: unknown column {column!r}; there are {_COLUMNS}")
            if not isinstance(wanted, list | tuple | set | frozenset) or column == "action_units":
                wanted = [wanted]
            keep &= [getattr(clip, column) in wanted for clip in self._clips]
        if not keep.any():
            raise ValueError(f"select: no clip of corpus {self.name!r} meets {conditions}")
        return self._part([c for c, k in zip(self._clips, keep, strict=True) if k])

    def cached(self, max_bytes=2**30):
        """Keep frames in memory once they are read, up to a limit.

        Parameters
        ----------
        max_bytes : int, default=2**30
            Memory for frames, in bytes. The clips that were asked for last are kept. Each process
            has a cache of its own, and none is pickled.

        Returns
        -------
        Corpus
            The same clips; their frames are not to be written to.

        Raises
        ------
        ParameterError
            If `max_bytes` is no whole number above 0.
        """
        cache = FrameCache(max_bytes)
        clips = [
            replace(clip, source=CachedFrames.of(clip, cache)) if callable(clip.source) else clip
            for clip in self._clips
        ]
        return self._with_clips(clips)

    def cut(self, margin=0):
        """Cut every clip to its expression, the frames from onset to offset.

        Parameters
        ----------
        margin : int or str, default=0
            See `Clip.cut`.

        Returns
        -------
        Corpus
            The same clips and annotations; frames are not read.

        Raises
        ------
        ValueError
            As `Clip.cut` does; the message names the clip.
        """
        return self._with_clips([clip.cut(margin) for clip in self._clips])

    def summary(self, scheme=None):
        """Count clips per class and subject.

        Parameters
        ----------
        scheme : str or LabelScheme, default=None
            Count its classes; ``"labels"`` for those annotated, spelt alike. By default, labels as
            annotated, letter by letter.

        Returns
        -------
        pandas.DataFrame
            One row per subject, under corpus and subject, and at the end one for ``"all"``. Columns
            come in groups: ``clips``, with ``number``, and ``repairs`` and ``faults`` of clips of
            that subject (in the last row: of the whole corpus); ``fps``, the ``lowest`` and the
            ``highest`` frame rate; ``label``, with clips per class, and without one.

        Raises
        ------
        ValueError
            As `labels` does.
        """
        return summarise(self, scheme)

    def plot_samples(self, n_per_class=5, scheme=None):
        """Draw a contact sheet: a row of clips for each class.

        Parameters
        ----------
        n_per_class : int, default=5
            Clips per class at most, taken evenly from all of it.
        scheme : str or LabelScheme, default=None
            Whose classes to show; by default, labels as annotated.

        Returns
        -------
        matplotlib.figure.Figure
            With one axes per clip: its apex, or where that is not known its middle frame.

        Raises
        ------
        ParameterError
            If `n_per_class` is no whole number above 0.
        ImportError
            If matplotlib is missing.
        ValueError
            As `labels` does, or if frames cannot be read.
        """
        return draw_contact_sheet(self, n_per_class, scheme)

    def to_manifest(self, path, *, root=None):
        """Write a manifest that `cdmer.corpora.load_manifest` reads.

        Parameters
        ----------
        path : path-like
            A file ``.csv`` or ``.parquet``. One that this method wrote is replaced, if nobody has
            changed its format since, as spreadsheets do.
        root : path-like, default=None
            Folder that paths are relative to; by default that of the manifest.

        Raises
        ------
        ValueError
            If the suffix is another one; if the frames of a clip are neither a folder of images nor
            a video, or lie outside of `root`; or if a manifest cannot express which frames of a
            folder belong to a clip, or how they are counted; or if a text would not come back as it
            is, such as one with control characters.
        FileExistsError
            If another file is there.
        ImportError
            If Parquet is asked for and pyarrow is missing.
        OSError
            If the file cannot be written.

        Notes
        -----
        In CSV, an apostrophe stands before texts that spreadsheets would run as formulas, such as
        ``=1`` or ``-1``; `load_manifest` takes it away again.
        """
        write_manifest(self, path, root)

    def _with_clips(self, clips):
        """The same corpus with clips of the same keys."""
        return Corpus(
            clips,
            self.name,
            repairs=self.repairs,
            faults=self.faults,
            revision=self.revision,
            notes=self.notes,
        )

    def _part(self, clips):
        keys = {clip.key for clip in clips}
        return Corpus(
            clips,
            self.name,
            repairs=[repair for repair in self.repairs if repair.clip in keys],
            faults=[f for f in self.faults if f.clip is None or f.clip in keys],
            revision=self.revision,
            notes=self.notes,
        )
