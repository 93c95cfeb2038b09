"""Where requests go, and whether faces may be sent there."""

import ipaddress
import os
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from cdmer._parameters import ParameterError


class Address(NamedTuple):
    """An endpoint of the chat-completions protocol.

    Parameters
    ----------
    url : str
        Without a slash at its end.
    local : bool
        Whether it is on this machine.
    """

    url: str
    local: bool


def read_address(base_url):
    """Check the address of an endpoint.

    Parameters
    ----------
    base_url : str
        ``http://`` or ``https://``, host, port and path up to ``/chat/completions``.

    Returns
    -------
    Address
        Local are ``localhost`` and loopback addresses alone: other addresses of a private network
        are other people's machines.

    Raises
    ------
    ParameterError
        If it is no such address, or holds a name or password.
    """
    parts = None
    if isinstance(base_url, str):
        try:
            parts = urlsplit(base_url)
            parts.port  # noqa: B018  a property that checks
        except ValueError:
            parts = None
    # Not quoted where it may hold a password.
    if parts is not None and parts.username is not None:
        raise ParameterError(
            "base_url: expected an address without user name or password; api_key_env names the "
            "environment variable that holds the key"
        )
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or re.search(r"\s", base_url)
    ):
        raise ParameterError(
            f"base_url: expected an address such as 'http://localhost:8000/v1', got {base_url!r}"
        )
    return Address(base_url.rstrip("/"), _is_loopback(parts.hostname))


def check_upload(address, allow_upload, how="allow_upload=True"):
    """Refuse to send faces to other machines unless that is allowed.

    Parameters
    ----------
    address : Address
    allow_upload : bool
    how : str, default="allow_upload=True"
        How to allow it, for the message.

    Raises
    ------
    PermissionError
        If it is not.
    """
    if not address.local and not allow_upload:
        raise PermissionError(
            f"base_url: {address.url} is not on this machine. Clips show faces, which are personal "
            f"data: nothing was sent, and nothing will be unless {how} says that you may send them "
            "there"
        )


def read_key(api_key_env):
    """Read the key of an endpoint from the environment.

    Parameters
    ----------
    api_key_env : str or None
        Name of a variable.

    Returns
    -------
    str or None
        None where no variable is named.

    Raises
    ------
    ParameterError
        If the name cannot be one, no such variable is set, or it holds what no key consists of.
        The message does not quote it: keys are put there by mistake.
    """
    if api_key_env is None:
        return None
    if not isinstance(api_key_env, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", api_key_env):
        raise ParameterError(
            "api_key_env: expected the name of an environment variable such as 'OPENAI_API_KEY', "
            "not the key itself"
        )
    key = os.environ.get(api_key_env, "").strip()
    if not key:
        raise ParameterError(
            "api_key_env: the environment variable of that name, which should hold the key of the "
            "endpoint, is not set or empty"
        )
    if not re.fullmatch(r"[!-~]+", key):
        raise ParameterError(
            "api_key_env: the environment variable of that name holds spaces or characters beyond "
            "ASCII, expected a key"
        )
    return key


def _is_loopback(host):
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
