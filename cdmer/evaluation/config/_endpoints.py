"""Vision-language models in config files, and what only the caller may allow them."""

from dataclasses import replace
from functools import partial

from sklearn.model_selection import ParameterGrid

from cdmer import zero_shot
from cdmer._endpoints import check_upload, read_address, read_key, read_proxy
from cdmer._extras import import_extra
from cdmer._parameters import ParameterError, at_setting, check_flag
from cdmer.evaluation._runner.interviewers import interviewers, set_interviewers
from cdmer.evaluation.config._networks import restricted

# Whether faces leave the machine, and how; which key is read, and where files go.
UNSAID = {"allow_upload", "allow_http", "proxy_env", "api_key_env", "cache_dir"}
_HOW = "--{1} of `cdmer benchmark`, or {0}=True of `run_config`,"


def _interviewer(name):
    import_extra("openai", "vlm")
    return restricted(getattr(zero_shot, name), UNSAID, lambda made: made.check_params())


ASKED = {
    name: partial(_interviewer, name)
    for name in ("VisionLanguageActionUnits", "VisionLanguageClassifier")
}


def addresses(method):
    """List the endpoints that a method asks, at all its settings, each once.

    Parameters
    ----------
    method : Method

    Returns
    -------
    list of str
    """
    found = {}
    for model in _settings_of(method):
        for part in interviewers(model).values():
            found[read_address(part.base_url).url] = None
    return list(found)


def _settings_of(method):
    """Give the estimator, and at every setting if one of them may ask an endpoint."""
    yield method.estimator
    param_grid = method.param_grid or {}
    tables = param_grid if isinstance(param_grid, list) else [param_grid]
    values = [value for table in tables for given in table.values() for value in given]
    if any(hasattr(v, "get_params") and interviewers(v) for v in [method.estimator, *values]):
        for setting in ParameterGrid(param_grid):
            yield at_setting(method.estimator, setting)


def permit(methods, cache_dir, *, allow_upload, allow_http, api_key_env, proxy_env):
    """Give methods what no file may give them.

    Parameters
    ----------
    methods : dict of str to Method
    cache_dir : path-like or None
        Folder for answers.
    allow_upload, allow_http : bool
    api_key_env, proxy_env : str or None

    Returns
    -------
    dict of str to Method

    Raises
    ------
    PermissionError
        If an endpoint is on another machine, and `allow_upload` is False, or the way there is not
        encrypted, and `allow_http` is False.
    ParameterError
        If there is no such key or proxy, or several endpoints would get the key.
    """
    check_flag("allow_upload", allow_upload)
    check_flag("allow_http", allow_http)
    asked = {name: addresses(method) for name, method in methods.items()}
    for name, urls in asked.items():
        for url in urls:
            try:
                check_upload(read_address(url), allow_upload, allow_http, _HOW)
            except PermissionError as error:
                raise PermissionError(f"methods: {name!r}: {error}") from None
    read_key(api_key_env)
    read_proxy(proxy_env)
    every = sorted({url for urls in asked.values() for url in urls})
    if api_key_env is not None and len(every) > 1:
        raise ParameterError(
            f"api_key_env: a key belongs to one endpoint, and the methods ask {', '.join(every)}"
        )
    given = {
        "allow_upload": allow_upload,
        "allow_http": allow_http,
        "api_key_env": api_key_env,
        "proxy_env": proxy_env,
        "cache_dir": cache_dir,
    }
    return {name: _permitted(method, given) for name, method in methods.items()}


def _permitted(method, given):
    def permitted(table):
        return {k: [set_interviewers(v, **given) for v in values] for k, values in table.items()}

    grid = method.param_grid
    if grid is not None:
        grid = [permitted(table) for table in grid] if isinstance(grid, list) else permitted(grid)
    return replace(method, estimator=set_interviewers(method.estimator, **given), param_grid=grid)
