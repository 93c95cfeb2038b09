"""One request to an endpoint: what is sent, what came back, what went wrong."""

import json
import re
import time
from email.utils import parsedate_to_datetime

from cdmer._extras import import_extra
from cdmer.zero_shot._answers import Reply

_MOST_BYTES = 10_000_000
_LONGEST_QUOTE = 300
_AGAIN = {408, 409, 425, 429}
_NO_SCHEMA = {400, 415, 422, 501}
# What a server says of one picture: others may be welcome.
_NOT_THIS = {400, 413, 415, 422}
# As Azure, OpenAI and Alibaba call it; looser words would take a bad parameter for a filter.
_FILTER = re.compile(
    r"content_filter|content_policy_violation|content management policy|moderation_blocked"
    r"|our safety system|data_?inspection_?failed",
    re.IGNORECASE,
)
# Some servers call it an internal error that their model has no eyes.
_MAY_BE_BLIND = {400, 404, 415, 422, 500, 501}
_BLIND = re.compile(
    r"image|vision|multi-?modal|mmproj|content of type string"
    r"|content\b.{0,40} (must|should) be a (valid )?string",
    re.IGNORECASE,
)
# Pictures come back without saying so, too.
_BASE64 = re.compile(r"[A-Za-z0-9+/=_-]{60,}")
_SPENT = re.compile(r"insufficient_quota|billing", re.IGNORECASE)
# What a request needs, and what the library underneath puts into each.
_SENT = {"accept", "accept-encoding", "connection", "content-length", "content-type", "host"}
_SENT |= {"user-agent", "x-stainless-raw-response"}  # the last one for the library itself


class Lost(Exception):
    """A request without an answer, worth another try.

    Parameters
    ----------
    message : str
    after : float or None
        Seconds that the server asks to wait.
    unpaid : bool
        Whether the server itself says that it did not answer.
    """

    def __init__(self, message, after=None, unpaid=False):
        super().__init__(message)
        self.after, self.unpaid = after, unpaid


class Refused(Exception):
    """A request that the server will not answer, however often it is asked.

    Parameters
    ----------
    message : str
    form_at_fault : bool
        Whether it may be the form of the answer that the server does not know.
    this_alone : bool
        Whether it may be this picture or question that the server does not take.
    """

    def __init__(self, message, form_at_fault=False, this_alone=False):
        super().__init__(message)
        self.form_at_fault, self.this_alone = form_at_fault, this_alone


class Client:
    """Requests to a model, one at a time per thread.

    Redirects are not followed. Nothing of the environment is used, be it keys, headers, proxies or
    certificates, but what is given here: certificates are those of the system.

    Parameters
    ----------
    model : str
    address : Address
    key : str or None
    proxy : str or None
        Address of the proxy on the way to other machines. Within this one there is none.
    timeout : float
        Seconds from the request to the end of the reply.
    params : dict
        Further parameters of each request.
    """

    def __init__(self, model, address, key, proxy, timeout, params):
        self._openai = import_extra("openai", "vlm")
        self.model, self.address, self.params = model, address, params
        self._key, self._timeout = key, timeout
        proxy = None if address.local else proxy
        http = self._openai.DefaultHttpxClient(
            follow_redirects=False,
            trust_env=False,
            proxy=proxy,
            # Certificates take half a second to load.
            verify=address.encrypted or proxy is not None,
            timeout=timeout,
            event_hooks={"request": [self._leave_headers]},
        )
        self._client = self._openai.OpenAI(
            api_key=key or "none",
            base_url=address.url,
            max_retries=0,
            timeout=timeout,
            http_client=http,
        )
        # Read from the environment. `_leave_headers` sends none of them in any case, but values
        # that are no headers would fail before it.
        self._client.organization = self._client.project = self._client.admin_api_key = None
        self._client._custom_headers = {}

    def send(self, messages, response_format):
        """Send one request.

        Parameters
        ----------
        messages : list of dict
        response_format : dict or None

        Returns
        -------
        Reply
            That of a filter, which let the question not pass, is a refusal that cost nothing.

        Raises
        ------
        Lost, Refused
        """
        openai, deadline = self._openai, time.monotonic() + self._timeout
        body = dict(self.params)
        if response_format is not None:
            body["response_format"] = response_format
        try:
            with self._client.chat.completions.with_streaming_response.create(
                model=self.model, messages=messages, extra_body=body
            ) as response:
                content = self._read_whole(response, deadline)
        except openai.APITimeoutError:
            raise Lost(f"no answer within {self._timeout:g} s") from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            never_there = type(cause).__name__ == "ConnectError"
            raise Lost(f"no connection ({self._quote(cause)})", unpaid=never_there) from None
        except openai.APIStatusError as error:
            if error.status_code in _NOT_THIS and _FILTER.search(f"{error} {error.body}"):
                return Reply("", self._quote(error), "content_filter", 0, 0)
            raise self._named(error, response_format is not None) from None
        except openai.OpenAIError as error:
            raise Refused(self._quote(error)) from None
        return _read_reply(content)

    def close(self):
        """Close the connections."""
        self._client.close()

    def _leave_headers(self, request):
        """Take off a request what nobody asked for; the last step before it is sent."""
        for name in set(request.headers) - _SENT:
            del request.headers[name]
        if self._key:
            request.headers["authorization"] = f"Bearer {self._key}"

    def _read_whole(self, response, deadline):
        # A server that sends a byte now and then would keep each single read in time.
        content = bytearray()
        try:
            for chunk in response.iter_bytes():
                content += chunk
                if time.monotonic() > deadline:
                    raise Lost(f"the answer was not whole after {self._timeout:g} s")
                if len(content) > _MOST_BYTES:
                    raise Refused(f"the answer is longer than {_MOST_BYTES} bytes")
        except (Lost, Refused):
            raise
        except Exception as error:  # of the HTTP library, whichever it is; not of openai's
            raise Lost(f"the answer broke off ({self._quote(error)})") from None
        return bytes(content)

    def _named(self, error, has_form):
        """Give what a status means, Lost or Refused."""
        status, said = error.status_code, self._quote(error)
        if 300 <= status < 400:
            place = self._quote(error.response.headers.get("location", "nowhere"))
            return Refused(
                f"the server redirects to {place}, which is not followed; if that is the endpoint, "
                "give its address"
            )
        if status in (401, 403):
            hint = "" if self._key else "; no key was sent: api_key_env names the variable with it"
            return Refused(f"the server refuses access ({said}){hint}")
        if status == 429 and _SPENT.search(said):
            return Refused(f"the account is used up ({said})")
        # A name such as "llama-vision" says nothing.
        blind = status in _MAY_BE_BLIND and _BLIND.search(said.replace(self.model, "")) is not None
        if status in _AGAIN or (status >= 500 and status not in _NO_SCHEMA and not blind):
            return Lost(said, _retry_after(error.response.headers), unpaid=True)
        hint = "; the model may take no images" if blind else ""
        if status in (404, 405) and not blind:
            hint = (  # both are named where the message begins
                "; expected base_url to be all that comes before /chat/completions, often ending "
                "in /v1, and model a name that the endpoint knows"
            )
        return Refused(
            f"{said}{hint}",
            form_at_fault=has_form and status in _NO_SCHEMA,
            this_alone=status in _NOT_THIS and not blind,
        )

    def _quote(self, error):
        """What somebody else said, short, and without key and pictures."""
        text = str(error) or type(error).__name__
        if self._key:
            text = text.replace(self._key, "***")
        text = re.sub(r"data:image/[^\s\"']+", "data:image/...", text)
        text = _BASE64.sub("...", text)
        text = re.sub(r"\s+", " ", text)
        return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."


def _read_reply(content):
    """Read the body of an answer.

    Raises
    ------
    Lost
        If it is not what the protocol says, such as half of it.
    """
    try:
        body = json.loads(content)
        choice = body["choices"][0]
        message, usage = choice["message"], body.get("usage") or {}
        reply = Reply(
            _text(message.get("content")),
            _text(message.get("refusal")),
            _text(choice.get("finish_reason")),
            _count(usage.get("prompt_tokens")),
            _count(usage.get("completion_tokens")),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise Lost("the answer is not what the chat-completions protocol says") from None
    return reply


def _text(value):
    if isinstance(value, list):  # parts, as some servers give them
        value = "".join(part.get("text", "") for part in value if part.get("type") == "text")
    if value is not None and not isinstance(value, str):
        raise TypeError
    # Halves of surrogate pairs fit no file.
    return (value or "").encode("utf-8", "replace").decode("utf-8")


def _count(value):
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if good else None


def _retry_after(headers):
    """Seconds that a server asks to wait, from its header as a number or a date; None if not."""
    for name, divisor in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers[name]) / divisor
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        until, sent = (parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
        return max(0.0, (until - sent).total_seconds())  # by the server's clock, not by ours
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
