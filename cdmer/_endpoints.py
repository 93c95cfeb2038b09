"""Where requests go, and whether faces may be sent there."""

import ipaddress
import os
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from cdmer._parameters import ParameterError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What every library reads in the same way: no backslash, no control character, no query.
_TEXT = re.compile(r"[!\$-;=@-\[\]_a-z~]+")
_PLACE = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(%25[A-Za-z0-9._-]+)?\])(:[0-9]*)?")


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

    @property
    def encrypted(self):
        """Whether nobody on the way can read along, a bool."""
        return self.url.lower().startswith("https:")


def read_address(base_url):
    """Check the address of an endpoint.

    Parameters
    ----------
    base_url : str
        ``http://`` or ``https://``, host, port and path up to ``/chat/completions``. Hosts of other
        letters than ASCII are written as ``xn--…``.

    Returns
    -------
    Address
        Local are ``localhost`` and loopback addresses in their usual spelling alone: other
        addresses of a private network are other people's machines.

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
        or not _PLACE.fullmatch(parts.netloc)
        or not _TEXT.fullmatch(base_url)
    ):
        raise ParameterError(
            f"base_url: expected an address such as 'http://localhost:8000/v1', got {base_url!r}"
        )
    return Address(base_url.rstrip("/"), _is_loopback(parts.hostname))


def check_upload(address, allow_upload, allow_http, how="{0}=True"):
    """Refuse to send faces to other machines, or where others can read along, unless allowed.

    Parameters
    ----------
    address : Address
    allow_upload, allow_http : bool
    how : str, default="{0}=True"
        How to allow it, for the message: ``{0}`` is the name of the permission, ``{1}`` the same
        with dashes.

    Raises
    ------
    PermissionError
        If it is not.
    """
    if not address.local and not allow_upload:
        raise PermissionError(
            f"base_url: {address.url} is not on this machine. Clips show faces, which are personal "
            "data: nothing was sent, and nothing will be unless "
            f"{how.format('allow_upload', 'allow-upload')} says that you may send them there"
        )
    if not (address.local or address.encrypted or allow_http):
        raise PermissionError(
            f"base_url: {address.url} is on another machine, and without https:// all on the way "
            "can read faces, answers and key: nothing was sent, and nothing will be unless "
            f"{how.format('allow_http', 'allow-http')} says that they may"
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
    if not isinstance(api_key_env, str) or not _NAME.fullmatch(api_key_env):
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


def read_proxy(proxy_env):
    """Read the address of a proxy from the environment.

    Parameters
    ----------
    proxy_env : str or None
        Name of a variable.

    Returns
    -------
    str or None
        None where no variable is named.

    Raises
    ------
    ParameterError
        If the name cannot be one, or the variable holds no address of a proxy. The message does
        not quote it: it may hold a password.
    """
    if proxy_env is None:
        return None
    if not isinstance(proxy_env, str) or not _NAME.fullmatch(proxy_env):
        raise ParameterError(
            "proxy_env: expected the name of an environment variable such as 'HTTPS_PROXY', not "
            "the address itself"
        )
    proxy = os.environ.get(proxy_env, "").strip()
    try:
        parts = urlsplit(proxy)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        good = good and _PLACE.fullmatch(parts.netloc.rpartition("@")[2]) and _TEXT.fullmatch(proxy)
    except ValueError:
        good = False
    if not good:
        raise ParameterError(
            "proxy_env: expected the environment variable of that name to hold the address of a "
            "proxy such as 'http://proxy:3128'"
        )
    return proxy


def _is_loopback(host):
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    # The text of a scope, as in ::1%eth0, would be looked up by its name.
    if getattr(ip, "scope_id", None) is not None:
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
