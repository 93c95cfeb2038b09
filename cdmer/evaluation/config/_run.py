"""Running what a config file describes."""

import os
from pathlib import Path

from cdmer._extras import import_extra
from cdmer._files.kinds import is_report
from cdmer._files.writing import check_replaceable
from cdmer.evaluation._runner.benchmark import benchmark
from cdmer.evaluation.config._config import Config, load_config
from cdmer.evaluation.config._endpoints import permit
from cdmer.evaluation.config._outputs import answers_folder


def run_config(
    config,
    *,
    store=None,
    report=None,
    n_jobs=None,
    cache_dir=None,
    allow_upload=False,
    allow_http=False,
    api_key_env=None,
    proxy_env=None,
    pseudonyms=True,
    progress=None,
):
    """Run the benchmark that a config file describes, and write its report if it names one.

    Parameters
    ----------
    config : Config or path-like
        What `load_config` gives, or the file.
    store : ResultStore, path-like or None, default=None
        In place of the config's. Jobs that it holds are not run again.
    report : path-like or None, default=None
        In place of the config's.
    n_jobs : int or None, default=None
        Number of joblib workers. The result does not depend on it.
    cache_dir : path-like or None, default=None
        Folder for features of clips: see `cdmer.evaluation.benchmark`.
    allow_upload : bool, default=False
        Whether clips may be sent to the endpoints of vision-language models that the config names,
        where they are on other machines. Answers are kept beside the store, in a folder of its name
        with ``-answers`` in place of the suffix.
    allow_http : bool, default=False
        Whether they, and the key, may be sent to other machines without encryption, as ``http://``.
    api_key_env : str or None, default=None
        Name of the environment variable that holds the key of the endpoint.
    proxy_env : str or None, default=None
        Name of the environment variable that holds the address of the proxy on the way to other
        machines. None: no proxy.
    pseudonyms : bool, default=True
        Whether people and clips go by pseudonyms in the report: see `write_report`.
    progress : bool or None, default=None
        None shows bars on terminals alone, False never.

    Returns
    -------
    Results

    Raises
    ------
    ValueError, TypeError, OSError
        As `load_config` and `cdmer.evaluation.benchmark`.
    FileExistsError
        If a file is there in place of the report that is none of cdmer's.
    PermissionError
        If an endpoint is on another machine, and `allow_upload` is False, or the way there is not
        encrypted, and `allow_http` is False.
    """
    if not isinstance(config, Config):
        config = load_config(config)
    report = config.report if report is None else Path(report)
    if report is not None:
        _check_report(report)
    store = config.own_store() if store is None else store
    answers = answers_folder(store)
    results = benchmark(
        permit(
            config.methods,
            answers,
            allow_upload=allow_upload,
            allow_http=allow_http,
            api_key_env=api_key_env,
            proxy_env=proxy_env,
        ),
        config.open_corpora(progress),
        config.protocol,
        descriptor=config.descriptor,
        scheme=config.scheme,
        doubtful=config.doubtful,
        selection=list(config.selection),
        seeds=config.seeds,
        n_jobs=n_jobs,
        store=store,
        cache_dir=cache_dir,
        embeddings=config.embeddings,
        title=config.title,
        command=f"cdmer benchmark {config.path.name}",
        config_text=config.text,
        progress=progress,
    )
    if report is not None:
        results.report(report, pseudonyms=pseudonyms)
    return results


def _check_report(path):
    """Fail before the work, not after it."""
    for module in ("matplotlib", "jinja2"):
        import_extra(module)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"report: there is no folder {path.parent}")
    check_replaceable(path, is_report)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"report: cannot write {path}")
