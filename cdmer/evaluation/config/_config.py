"""A benchmark in a TOML file."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from cdmer._files.reading import read_regular
from cdmer._text import unknown
from cdmer.corpora import get_scheme, list_schemes
from cdmer.evaluation._runner.estimate import check_rows
from cdmer.evaluation.config._bounds import MOST_BYTES, check_content
from cdmer.evaluation.config._entries import (
    read_corpora,
    read_descriptor,
    read_methods,
    read_preparation,
    read_protocol,
    read_seeds,
    read_selection,
)
from cdmer.evaluation.config._outputs import answers_folder, check_inside, read_output
from cdmer.evaluation.config._section import Section, one_line
from cdmer.evaluation.protocols import CDMER_EXPERIMENTS

_MOST_PARTS = 32
# A part and the dot after it, bare or in quotes, so many times.
_LONG_KEY = re.compile(
    r"""(?<![\w-])(?:(?:[\w-]+|"(?:[^"\\\n]|\\.){0,200}"|'[^'\n]*')[ \t]*\.[ \t]*)"""
    rf"{{{_MOST_PARTS}}}"
)
_OPTIONAL = [
    "title",
    "scheme",
    "doubtful",
    "selection",
    "seeds",
    "store",
    "report",
    "embeddings",
    "protocol",
    "preparation",
    "descriptor",
]


@dataclass(frozen=True, eq=False)
class Config:
    """Content of a config file; corpora are not read yet.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    text : str
        What it holds.
    title : str
    scheme : str
    doubtful : str or None
    selection : tuple of str
    seeds : tuple of int
    store : pathlib.Path
        Where finished jobs go.
    report : pathlib.Path or None
        Where the report goes.
    embeddings : bool
    protocol : Protocol
    corpora : tuple of Source
    preparation : Preparation or None
        What happens to clips before the descriptor sees them; its steps begin `descriptor`.
    descriptor : transformer or None
    methods : dict of str to Method
    """

    path: Path
    text: str = field(repr=False)
    title: str
    scheme: str
    doubtful: str | None
    selection: tuple
    seeds: tuple
    store: Path
    report: Path | None
    embeddings: bool
    protocol: object
    corpora: tuple
    preparation: object
    descriptor: object
    methods: dict

    def own_store(self):
        """Give `store`, which comes from whoever wrote the file and what lies beside it.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        ValueError
            If it, or the folder for answers beside it, leads out of the file's folder by a link.
        """
        top = Section({}, str(self.path), self.path.parent)
        if self.store.is_relative_to(top.folder):  # else it was set by the caller
            for path in (self.store, answers_folder(self.store)):
                check_inside(top, "store", path.relative_to(top.folder))
        return self.store

    def open_corpora(self, progress=None):
        """Read the corpora.

        Parameters
        ----------
        progress : bool or None, default=None
            None shows a bar on terminals alone while something is downloaded, False never.

        Returns
        -------
        list of (Corpus or FeatureTable or PublishedFeatures)

        Raises
        ------
        ValueError
            If one cannot be read, the memory cannot hold all of them, or the protocol names a
            corpus that is not among them.
        OSError
            If a file cannot be read or downloaded.
        """
        corpora = []
        for source in self.corpora:
            corpora.append(source.open(progress))
            check_rows([one.features for one in corpora if hasattr(one, "features")])
        names = [getattr(corpus, "corpus", getattr(corpus, "name", None)) for corpus in corpora]
        names = [name for name in names if name is not None]
        experiments = getattr(self.protocol, "experiments", None)
        if experiments not in (None, CDMER_EXPERIMENTS):
            for name in dict.fromkeys(n for e in experiments for n in (e.source, e.target)):
                if name not in names:
                    raise ValueError(
                        f"{self.path}: protocol: experiments: {unknown('corpus', name, names)}"
                    )
        return corpora


def load_config(path):
    """Read a benchmark from a TOML file.

    A config file is data: it names classes of this library and some of scikit-learn's, and runs no
    code. It reads the files that its corpora and networks name, wherever they lie, and writes in
    its own folder alone.

    Parameters
    ----------
    path : path-like
        See Notes.

    Returns
    -------
    Config

    Raises
    ------
    ValueError
        If the file is no TOML, or a key, class, parameter, criterion, scheme or corpus in it is
        unknown, missing, of the wrong type or beyond its bound. The message names file, table and
        key, what came, and the nearest name that is known.
    OSError
        If it cannot be read.

    Notes
    -----
    Keys of the file; all but ``corpora`` and ``methods`` may be left out. Paths are relative to the
    file's folder.

    - ``title``, a string; ``scheme``, ``doubtful``, ``selection`` (a string or an array), ``seeds``
      and ``embeddings``: see `cdmer.evaluation.benchmark`, which has the same defaults.
    - ``store``: path of the `ResultStore`. By default that of the config file with the suffix
      ``.sqlite``, so that a run that stops can go on.
    - ``report``: path of the report, ``.html``. By default none is written. Both lie in the file's
      folder or below; who runs the file may say otherwise to `run_config`.
    - ``[protocol]``: ``class`` and its parameters. ``experiments`` of `CDMERPairs` is an array of
      numbers of the benchmark's experiments, as strings, and of pairs of corpora, or ``"all"`` for
      all ordered pairs.
    - ``[[corpora]]``: ``source``, one of ``published:NAME``, ``features:PATH`` for a saved
      `FeatureTable`, ``synthetic:PRESET`` (with ``n_clips`` and ``seed``), ``NAME:PATH`` for the
      folder of a database (with ``variant``, ``label_file`` and ``kind``), or the path of a
      manifest; the last two with ``extent`` and the ``encoding`` of a CSV file.
    - ``[preparation]``: fields of `cdmer.preprocessing.Preparation`, such as ``crop = true``; it
      comes before the descriptor. Its ``extent`` is that of corpora that name none; the ``FILE`` of
      ``detector = "yunet:FILE"`` is relative to the file's folder.
    - ``[descriptor]``: ``class`` and its parameters, or ``steps``, an array of such tables.
    - ``[methods.NAME]``, in the order of the tables: ``class`` and its parameters, or ``steps``;
      ``param_grid``, ``citation`` and ``selection``: see `cdmer.evaluation.Method`. A class with a
      parameter `param_grid`, as `GridVoting`, takes that key; write it as ``steps`` to choose too.

    A parameter may be a table with ``class`` or ``steps`` in its turn; ``column_planes`` is
    ``{class = "lbp_top_planes", layout = "published"}``. A ``param_grid`` gives each parameter an
    array of values; a range ``{start = 1, stop = 85, step = 6}``, up to ``stop`` itself;
    ``{logspace = [-3, 3, 7]}``, so many powers of ten; or an array of ranges.

    Numbers, texts, arrays and grids have bounds, such as 100,000 settings in all, 1,000 seeds and
    10,000 trees; those who need more write Python.

    A file may name vision-language models of `cdmer.zero_shot` and their addresses, but neither
    allow that clips are sent to other machines, nor say which environment variable holds a key:
    who runs it says so to `run_config`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from cdmer.evaluation.config import load_config
    >>> text = '''
    ... corpora = [{source = "synthetic:lab-200fps"}, {source = "synthetic:nir-25fps"}]
    ... protocol = {class = "CDMERPairs", experiments = "all"}
    ... descriptor = {class = "LBPTOP", grid = {class = "RegionGrid", levels = [1, 2]}}
    ... selection = ["label-free:iwv", "oracle"]
    ... [methods.TCA]
    ... class = "TCA"
    ... param_grid = {n_components = {start = 5, stop = 20, step = 5}}
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "two.toml"
    ...     _ = path.write_text(text)
    ...     config = load_config(path)
    >>> config.methods["TCA"].param_grid
    {'n_components': [5, 10, 15, 20]}
    """
    path = Path(path)
    text, content = _parse(path)
    top = Section(content, str(path), path.parent)
    top.expect(["corpora", "methods"], _OPTIONAL)
    scheme, doubtful = _read_scheme(top)
    selection = read_selection(top, ("fixed",))
    protocol = read_protocol(top)
    # Classes as annotated are those of the corpora, which are not read yet.
    classes = None if scheme == "labels" else get_scheme(scheme)
    methods = read_methods(top, selection, protocol, classes)
    preparation = read_preparation(top)
    return Config(
        path=path,
        text=text,
        title=top.read("title", str, ""),
        scheme=scheme,
        doubtful=doubtful,
        selection=selection,
        seeds=read_seeds(top),
        store=read_output(top, "store") or path.with_suffix(".sqlite"),
        report=read_output(top, "report"),
        embeddings=top.read("embeddings", bool, False),
        protocol=protocol,
        corpora=read_corpora(top, preparation),
        preparation=preparation,
        descriptor=read_descriptor(top, preparation),
        methods=methods,
    )


def _read_scheme(top):
    known = [*list_schemes(), "labels"]
    scheme = top.choose("scheme", top.content.get("scheme", "cdmer-130"), known, "scheme")
    doubtful = top.content.get("doubtful")
    if doubtful is not None:
        try:
            get_scheme(scheme, labels=("labels",), doubtful=doubtful)
        except ValueError as error:
            raise top.fault("doubtful", str(error).removeprefix("doubtful: ")) from None
    return scheme, doubtful


def _parse(path):
    content = read_regular(path, MOST_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text in UTF-8, {error}") from None
    if _LONG_KEY.search(text):  # the parser takes the square of their length, in memory too
        raise ValueError(f"{path}: expected keys of {_MOST_PARTS} parts at most, joined by dots")
    try:
        parsed = tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"{path}: no config file: tables in tables without end") from None
    except ValueError as error:  # whole numbers of thousands of digits too
        raise ValueError(one_line(f"{path}: no TOML: {error}")) from None
    check_content(parsed, str(path))
    return text, parsed
