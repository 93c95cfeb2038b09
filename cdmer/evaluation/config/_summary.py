"""What a config file asks for, in words and numbers, before anything is run."""

from cdmer._text import counted
from cdmer.evaluation._runner.data import Data, read_scheme
from cdmer.evaluation._runner.methods import read_methods
from cdmer.evaluation.config._config import Config, load_config
from cdmer.evaluation.config._endpoints import addresses


def summarize_config(config, *, progress=None):
    """Say what `run_config` would run; corpora are read, features are not computed.

    Parameters
    ----------
    config : Config or path-like
        What `load_config` gives, or the file.
    progress : bool or None, default=None
        None shows a bar on terminals alone while something is downloaded, False never.

    Returns
    -------
    str

    Raises
    ------
    ValueError, TypeError, OSError
        As `load_config` and `cdmer.evaluation.benchmark`, if a corpus cannot be read or the
        protocol has no fold.
    """
    if not isinstance(config, Config):
        config = load_config(config)
    corpora = config.open_corpora(progress)
    data = Data(corpora, read_scheme(config.scheme, corpora, config.doubtful))
    folds = config.protocol.roles(data.metadata)
    methods = read_methods(
        config.methods, config.selection, config.protocol, strict=True, scheme=data.scheme
    )
    lines = [f"{config.title or config.path.name}: {config.protocol!r}", ""]
    for corpus in data.about:
        counts = ", ".join(f"{name} {n}" for name, n in corpus["counts"].items())
        lines.append(f"{corpus['name']}: {corpus['n_clips']} clips ({counts})")
    lines += [*data.notes, ""]
    total = 0
    for method in methods:
        n_seeds = len(config.seeds) if method.has_chance else 1
        total += n_seeds * len(folds)
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
    lines += ["", f"{counted(total, 'job')} in {counted(len(experiments), 'experiment')}"]
    return "\n".join(lines)
