"""Parameters of the estimators, checked before anything is sent."""

import json

from cdmer._endpoints import check_upload, read_address, read_key, read_proxy
from cdmer._parameters import ParameterError, check_choice, check_flag, check_number
from cdmer.corpora import get_scheme
from cdmer.zero_shot._answers import CANNOT_TELL, plain_word
from cdmer.zero_shot._pictures import check_frames
from cdmer.zero_shot._prompts import FORMS

# What the estimators themselves say in a request.
_TAKEN = ("messages", "model", "n", "response_format", "stream", "stream_options", "temperature")


def check_settings(estimator):
    """Check all parameters but names of classes, and whether clips may be sent at all.

    Parameters
    ----------
    estimator : VisionLanguageClassifier or VisionLanguageActionUnits

    Returns
    -------
    address : Address
    key : str or None
    proxy : str or None

    Raises
    ------
    ParameterError
        If a parameter has the wrong type or value.
    PermissionError
        If the endpoint is on another machine, or the way there is not encrypted, and nobody allowed
        that.
    """
    address = check_values(estimator)
    key = read_key(estimator.api_key_env)
    check_upload(address, estimator.allow_upload, estimator.allow_http)
    return address, key, read_proxy(estimator.proxy_env)


def check_values(estimator):
    """Check types and values alone: neither is a key looked for, nor permission.

    Returns
    -------
    Address

    Raises
    ------
    ParameterError
        If a parameter has the wrong type or value.
    """
    if not isinstance(estimator.model, str) or not estimator.model.strip():
        raise ParameterError(f"model: expected the name of a model, got {estimator.model!r}")
    address = read_address(estimator.base_url)
    check_choice("prompt", estimator.prompt, FORMS)
    check_frames(estimator.frames)
    check_number("longest_side", estimator.longest_side, least=1, whole=True)
    if estimator.temperature is not None:
        check_number("temperature", estimator.temperature, least=0)
    _check_request_params(estimator.request_params)
    check_flag("allow_upload", estimator.allow_upload)
    check_flag("allow_http", estimator.allow_http)
    check_number("concurrency", estimator.concurrency, least=1, whole=True)
    for name in ("requests_per_minute", "tokens_per_minute", "request_budget", "token_budget"):
        if getattr(estimator, name) is not None:
            check_number(name, getattr(estimator, name), least=1, whole=True)
    check_number("max_retries", estimator.max_retries, least=0, whole=True)
    check_number("timeout", estimator.timeout, above=0)
    return address


def read_names(class_names, least=2):
    """Read the names of classes.

    Parameters
    ----------
    class_names : str, LabelScheme, ActionUnitScheme or sequence of str
    least : int, default=2
        Fewer names leave nothing to ask.

    Returns
    -------
    tuple of str

    Raises
    ------
    ParameterError
        If answers could not be matched with them.
    ValueError
        If no scheme has that name.
    """
    if isinstance(class_names, str) or hasattr(class_names, "classes"):
        class_names = get_scheme(class_names).classes
    good = isinstance(class_names, tuple | list) and len(class_names) >= least
    good = good and all(isinstance(name, str) and name.strip() == name for name in class_names)
    plain = [plain_word(name) for name in class_names] if good else []
    if not good or len(set(plain)) < len(plain) or not {"", CANNOT_TELL}.isdisjoint(plain):
        raise ParameterError(
            f"class_names: expected the name of a label scheme, or names, at least {least}, that "
            f"differ by more than case, quotes and full stops, none of them {CANNOT_TELL!r}, got "
            f"{class_names!r}"
        )
    return tuple(class_names)


def _check_request_params(params):
    if params is None:
        return
    if not isinstance(params, dict) or not all(isinstance(key, str) for key in params):
        raise ParameterError(f"request_params: expected a dict of str to values, got {params!r}")
    for key in params:
        if key in _TAKEN:
            raise ParameterError(
                f"request_params: {key!r} is not for you to say here; expected any parameter but "
                f"{_TAKEN}"
            )
    try:
        json.dumps(params, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"request_params: JSON cannot hold it ({error})") from None
