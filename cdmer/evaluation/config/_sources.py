"""Where a config file says that corpora come from."""

from dataclasses import dataclass, replace
from pathlib import Path

from cdmer._published_files import FILES
from cdmer._text import unknown
from cdmer.corpora import (
    PRESETS,
    list_databases,
    load_database,
    load_manifest,
    load_published_features,
    make_synthetic_corpus,
)
from cdmer.extraction import FeatureTable

MANIFESTS = (".csv", ".parquet", ".xlsx", ".xls")
_FORMS = (
    "published:NAME, features:PATH, synthetic:PRESET, NAME:PATH with the name of a database, or "
    "the path of a manifest"
)
# Keys beside `source`, by kind of source.
_OPTIONS = {
    "published": (),
    "features": (),
    "synthetic": ("n_clips", "seed"),
    "manifest": ("extent", "encoding"),
    "database": ("variant", "label_file", "extent", "encoding", "kind"),
}


@dataclass(frozen=True)
class Source:
    """A corpus that a config file names; nothing of it is read yet.

    Parameters
    ----------
    kind : {"published", "features", "synthetic", "manifest", "database"}
    name : str
        Name of the published features, the preset or the database.
    path : pathlib.Path or None
        Path of the table of features, the manifest, or the folder of the database.
    options : dict
        ``n_clips`` and ``seed`` of a synthetic corpus, ``variant``, ``label_file`` and ``kind`` of
        a database, ``extent`` and ``encoding`` of one or of a manifest.
    """

    kind: str
    name: str
    path: Path | None
    options: dict

    def with_extent(self, extent):
        """Give this source with another extent, unless it names one or its clips have none."""
        if "extent" not in _OPTIONS[self.kind]:
            return self
        return replace(self, options={"extent": extent} | self.options)

    def open(self, progress=None):
        """Read it.

        Parameters
        ----------
        progress : bool or None, default=None
            None shows a bar on terminals alone while something is downloaded, False never.

        Returns
        -------
        Corpus, FeatureTable or PublishedFeatures

        Raises
        ------
        ValueError, OSError
            If it cannot be read.
        """
        if self.kind == "published":
            return load_published_features(self.name, progress=progress)
        if self.kind == "features":
            return FeatureTable.load(self.path)
        if self.kind == "synthetic":
            options = dict(self.options)
            seed = options.pop("seed", 0)
            return make_synthetic_corpus(self.name, **options, random_state=seed)
        if self.kind == "manifest":
            return load_manifest(self.path, **self.options)
        return load_database(self.name, self.path, **self.options)


def read_source(section):
    """Read one table of ``corpora``.

    Raises
    ------
    ValueError
        If no source has that form or name, there is no such file or folder, or a key does not
        belong to this kind of source.
    """
    every = {key for keys in _OPTIONS.values() for key in keys}
    section.expect(["source"], sorted(every))
    kind, name, path = _parse(section, section.read("source", str))
    for key in section.content:
        if key != "source" and key not in _OPTIONS[kind]:
            what = {"database": "a database"}.get(kind, f"a source of the kind {kind!r}")
            raise section.fault(key, f"{what} has no such key")
    options = {
        "n_clips": section.read("n_clips", int),
        "seed": section.read("seed", int),
        "variant": section.read("variant", str),
        "kind": section.read("kind", str),
        "label_file": section.read_path("label_file"),
        "extent": section.read("extent", str),
        "encoding": section.read("encoding", str),
    }
    if options["extent"] is not None:
        section.choose("extent", options["extent"], ["expression", "folder"], "extent")
    for key, least in (("n_clips", 3), ("seed", 0)):
        if options[key] is not None and options[key] < least:
            raise section.fault(key, f"expected a number >= {least}, got {options[key]}")
    return Source(kind, name, path, {k: v for k, v in options.items() if v is not None})


def _parse(section, text):
    kind, colon, rest = text.partition(":")
    if kind == "published" and colon:
        return kind, _known(section, "published corpus", rest, FILES), None
    if kind == "synthetic" and colon:
        return kind, _known(section, "preset", rest, PRESETS), None
    if kind == "features" and colon:
        return kind, "", _there(section, rest, "file")
    if kind in list_databases() and colon:
        return "database", kind, _there(section, rest, "folder")
    if Path(text).suffix.lower() in MANIFESTS:
        return "manifest", "", _there(section, text, "file")
    kinds = ["published", "features", "synthetic", *list_databases()]
    fault = unknown("source", kind, kinds) if colon else ""
    if not fault.endswith("?"):
        fault = f"expected {_FORMS}, got {text!r}"
    raise section.fault("source", fault)


def _known(section, what, name, names):
    return section.choose("source", name, list(names), what)


def _there(section, text, what):
    path = section.folder / text
    if not (path.is_dir() if what == "folder" else path.is_file()):
        raise section.fault("source", f"there is no {what} {path}")
    return path
