"""What a config file asks for, in words and numbers, before anything is run."""

from cdmer._text import counted
from cdmer.evaluation._runner.data import Data, read_scheme
from cdmer.evaluation._runner.estimate import estimate
from cdmer.evaluation._runner.methods import read_methods
from cdmer.evaluation.config._config import Config, load_config
from cdmer.evaluation.config._endpoints import addresses
from cdmer.evaluation.config._outputs import list_outputs


def summarize_config(config, *, store=None, report=None, cache_dir=None, progress=None):
    """Say what `run_config` would run and write; corpora are read, features are not computed.

    Nothing is written, but for published features that are not there yet: they are downloaded.

    Parameters
    ----------
    config : Config or path-like
        What `load_config` gives, or the file.
    store, report, cache_dir : path-like or None, default=None
        As `run_config` takes them: where files would go.
    progress : bool or None, default=None
        None shows a bar on terminals alone while something is downloaded, False never.

    Returns
    -------
    str

    Raises
    ------
    ValueError, TypeError, OSError
        As `load_config` and `cdmer.evaluation.benchmark`, if a corpus cannot be read or the
        protocol has no fold; or if the benchmark would take more jobs or memory than there can be.
    """
    if not isinstance(config, Config):
        config = load_config(config)
    corpora = config.open_corpora(progress)
    data = Data(corpora, read_scheme(config.scheme, corpora, config.doubtful))
    folds = config.protocol.roles(data.metadata)
    methods = read_methods(
        config.methods, config.selection, config.protocol, strict=True, scheme=data.scheme
    )
    about = estimate(methods, folds, config.seeds, data, config.descriptor)
    about.check()
    lines = [f"{config.title or config.path.name}: {config.protocol!r}", ""]
    for corpus in data.about:
        counts = ", ".join(f"{name} {n}" for name, n in corpus["counts"].items())
        lines.append(f"{corpus['name']}: {corpus['n_clips']} clips ({counts})")
    if config.preparation is not None:
        lines.append(f"preparation: {config.preparation}")
    lines += [*data.notes, ""]
    for method in methods:
        n_seeds = len(config.seeds) if method.has_chance else 1
        lines.append(
            f"{method.label}: {counted(len(folds), 'fold')}"
            + (f" × {counted(n_seeds, 'seed')}" if n_seeds > 1 else "")
            + (f", {counted(len(method.settings), 'setting')} each" if method.settings else "")
        )
    lines += [
        f"{name} sends clips to {url}"
        for name, method in config.methods.items()
        for url in addresses(method)
    ]
    experiments = {fold.experiment for fold in folds}
    lines += ["", f"{counted(about.n_jobs, 'job')} in {counted(len(experiments), 'experiment')}"]
    lines += ["", f"estimate: {about.words()}"]
    lines += list_outputs(config, store, report, cache_dir)
    return "\n".join(lines)
