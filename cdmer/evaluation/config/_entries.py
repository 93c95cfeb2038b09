"""What the entries of a config file describe."""

from sklearn.pipeline import make_pipeline

from cdmer.evaluation._runner.methods import FIXED, LABEL_FREE, NESTED, ORACLE, Method
from cdmer.evaluation._runner.methods import read_methods as check_methods
from cdmer.evaluation.config._build import build, build_value
from cdmer.evaluation.config._classes import DESCRIPTORS, METHODS
from cdmer.evaluation.config._param_grid import read_param_grid
from cdmer.evaluation.config._section import Section
from cdmer.evaluation.config._sources import read_source
from cdmer.evaluation.protocols import CDMER_EXPERIMENTS, PROTOCOLS, CDMERPairs, Experiment
from cdmer.evaluation.selection import CRITERIA
from cdmer.preprocessing import Preparation

SELECTIONS = [FIXED, *(LABEL_FREE + name for name in CRITERIA), NESTED, ORACLE]
_OF_METHODS = ["param_grid", "citation", "selection"]


def read_selection(section, default):
    """Give the selections that a key of that name holds, a tuple of str."""
    names = section.read_list("selection", str, default)
    for name in names:
        section.choose("selection", name, SELECTIONS, "selection")
    return names


def read_seeds(top):
    """Give the seeds, a tuple of int."""
    seeds = top.read_list("seeds", int, (0,))
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise top.fault("seeds", f"expected numbers from 0 to {2**32 - 1}, got {seed}")
    return seeds


def read_protocol(top):
    """Give the protocol: the benchmark's where the file has none."""
    if "protocol" not in top.content:
        return CDMERPairs()
    section = top.within("protocol")
    if section.content.get("class") == "CDMERPairs" and "experiments" in section.content:
        experiments = _read_experiments(section, section.content["experiments"])
        content = {**section.content, "experiments": experiments}
        section = Section(content, section.place, section.folder)
    return build(section, PROTOCOLS)


def _read_experiments(section, given):
    if given == "all":
        return None
    if not isinstance(given, list) or not given:
        raise section.fault(
            "experiments", f"expected 'all' or an array of experiments, got {given!r}"
        )
    numbered = {experiment.name: experiment for experiment in CDMER_EXPERIMENTS}
    experiments = []
    for one in given:
        if isinstance(one, list):
            if len(one) != 2 or not all(isinstance(name, str) for name in one):
                raise section.fault(
                    "experiments", f"expected a pair of corpora, source and target, got {one!r}"
                )
            experiments.append(Experiment(f"{one[0]} → {one[1]}", *one))
        else:
            section.choose("experiments", one, list(numbered), "experiment")
            experiments.append(numbered[one])
    return tuple(experiments)


def read_corpora(top, preparation=None):
    """Give the sources of corpora, a tuple of Source; those that name no extent have another's."""
    tables = top.read("corpora", list)
    if not tables:
        raise top.fault("corpora", "got an empty array, expected a table per corpus")
    sources = []
    for number, table in enumerate(tables, start=1):
        if not isinstance(table, dict):
            raise top.fault("corpora", f"expected an array of tables, got {table!r}")
        source = read_source(top.within(f"corpora, {number}", table))
        sources.append(source if preparation is None else source.with_extent(preparation.extent))
    return tuple(sources)


def read_preparation(top):
    """Give the preparation of clips, or None where the file has none."""
    if "preparation" not in top.content:
        return None
    section = top.within("preparation")
    given = dict(section.content)
    detector = given.get("detector")
    kind, _, path = detector.partition(":") if isinstance(detector, str) else ("", "", "")
    if path:
        network = section.within("detector", {"detector": path}).read_path("detector")
        given["detector"] = f"{kind}:{network}"
    try:
        preparation = Preparation.from_dict(given)
        preparation.steps()
    except (OSError, TypeError, ValueError) as error:
        raise section.fault("", error) from error
    return preparation


def read_descriptor(top, preparation=None):
    """Give the transformer of clips, the preparation's steps first; None where there is none."""
    if "descriptor" not in top.content:
        if preparation is not None:
            raise top.fault("preparation", "expected a descriptor beside it, which sees such clips")
        return None
    section = top.within("descriptor")
    descriptor = build(section, DESCRIPTORS)
    if not hasattr(descriptor, "transform"):
        raise section.fault("class", f"expected a descriptor, got {section.content['class']!r}")
    return make_pipeline(*preparation.steps(), descriptor) if preparation else descriptor


def read_methods(top, selection, protocol, scheme):
    """Give the methods, a dict of str to Method, each checked as `benchmark` would."""
    tables = top.within("methods")
    if not tables.content:
        raise top.fault("methods", "got none, expected a table per method")
    methods = {}
    for name in tables.content:
        section = tables.within(name)
        estimator = build(section, METHODS, _OF_METHODS)
        param_grid = None
        if not hasattr(estimator, "param_grid"):  # it took the key itself
            param_grid = read_param_grid(section, build_value(METHODS), estimator)
        own = read_selection(section, ()) if "selection" in section.content else None
        if param_grid is None and own not in (None, (FIXED,)):
            raise section.fault("selection", f"expected a param_grid to choose from beside {own}")
        citation = section.read("citation", str, "")
        method = Method(estimator, param_grid, citation, None if own is None else list(own))
        try:
            check_methods({name: method}, list(selection), protocol, True, scheme)
        except (TypeError, ValueError) as error:
            raise section.fault("", error) from error
        methods[name] = method
    return methods
