"""Clips in, answers out: the estimators' common ground."""

import os
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import NamedTuple

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from cdmer._clips import named_clips
from cdmer.zero_shot._asking import Asker, Failed, Spent, Stopped, Usage
from cdmer.zero_shot._budget import Limits
from cdmer.zero_shot._client import Client
from cdmer.zero_shot._database import open_answers
from cdmer.zero_shot._pictures import draw_picture
from cdmer.zero_shot._settings import check_settings, check_values, read_names

_FIRST_NAMES = 5
# Clips that a server may refuse, one by one, before any was answered.
_MOST_REFUSED = 5


class EndpointError(RuntimeError):
    """Raised when clips have no answer: the endpoint gave none, or the budget is used up.

    Answers that were given are kept, in the cache or by the estimator. The same call, made again,
    asks for the others alone; clips that the endpoint refuses while it answers about others are
    best left out.

    Parameters
    ----------
    message : str
    unanswered : tuple of str
        Clips without an answer, or not reached: their keys, or ``clip 3`` of bare arrays.
    """

    def __init__(self, message, unanswered):
        super().__init__(message, unanswered)
        self.unanswered = unanswered

    def __str__(self):
        return self.args[0]


class Verdict(NamedTuple):
    """What a model says of one clip.

    Parameters
    ----------
    answer : object
        As the questions give it: see `ClassQuestions.ask` and `ActionUnitQuestions.ask`.
    reason : str
        Why the model abstained, "" if it did not.
    replies : tuple of Reply
    """

    answer: object
    reason: str
    replies: tuple


class Interviewer(ClassifierMixin, BaseEstimator):
    """Base of estimators that ask a model about each clip.

    A subclass defines

    - ``_questions()``: a `ClassQuestions` or `ActionUnitQuestions`;
    - ``_answer_text(answer)``: the answer as a table shows it, a str.
    """

    # What a benchmark recognises it by.
    asks_endpoint = True
    # Fewer names of classes leave nothing to ask.
    _least_names = 2

    __metadata_request__fit = {"sample_domain": True}

    # It takes `sample_domain` to leave target rows alone; protocols that hide them may have it.
    reads_target = False
    # -1 among its predictions is no answer; see `cdmer.evaluation.benchmark`.
    abstains = True
    # Parameters that change how answers are got, not which: stores of results leave them out.
    unsaid = frozenset(
        {
            "allow_http",
            "allow_upload",
            "api_key_env",
            "cache_dir",
            "concurrency",
            "max_retries",
            "proxy_env",
            "request_budget",
            "requests_per_minute",
            "timeout",
            "token_budget",
            "tokens_per_minute",
        }
    )

    def __init__(
        self,
        model,
        base_url,
        *,
        class_names=None,
        prompt="choice",
        frames=("onset", "apex", "offset"),
        longest_side=512,
        temperature=0.0,
        request_params=None,
        api_key_env=None,
        allow_upload=False,
        allow_http=False,
        proxy_env=None,
        cache_dir=None,
        concurrency=4,
        requests_per_minute=None,
        tokens_per_minute=None,
        request_budget=None,
        token_budget=None,
        max_retries=5,
        timeout=60.0,
        abstain_as=None,
    ):
        self.model = model
        self.base_url = base_url
        self.class_names = class_names
        self.prompt = prompt
        self.frames = frames
        self.longest_side = longest_side
        self.temperature = temperature
        self.request_params = request_params
        self.api_key_env = api_key_env
        self.allow_upload = allow_upload
        self.allow_http = allow_http
        self.proxy_env = proxy_env
        self.cache_dir = cache_dir
        self.concurrency = concurrency
        self.requests_per_minute = requests_per_minute
        self.tokens_per_minute = tokens_per_minute
        self.request_budget = request_budget
        self.token_budget = token_budget
        self.max_retries = max_retries
        self.timeout = timeout
        self.abstain_as = abstain_as

    def check_params(self):
        """Check types and values of the parameters; neither a key nor a permission is asked for.

        Raises
        ------
        ParameterError
            If a parameter has the wrong type or value.
        """
        check_values(self)

    def read_class_names(self):
        """Read `class_names`.

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
        return read_names(self.class_names, self._least_names)

    def ask(self, X):
        """Ask about clips, and give all that was said.

        Parameters
        ----------
        X : sequence of clips, or array of uint8 of shape (n_clips, T, H, W)
            As in `predict`.

        Returns
        -------
        pandas.DataFrame
            One row per clip: ``clip``; ``answer``, "" where the model abstained; ``abstention``,
            why it did; ``replies``, a tuple of str, word by word; ``prompt_tokens`` and
            ``completion_tokens``, whether they were paid for now or are from the cache.

        Raises
        ------
        EndpointError, ValueError, TypeError, PermissionError, OSError
            As in `predict`.
        """
        import pandas as pd

        names, verdicts = self._interview(X)
        return pd.DataFrame(
            {
                "clip": names,
                "answer": [self._answer_text(verdict.answer) for verdict in verdicts],
                "abstention": [verdict.reason for verdict in verdicts],
                "replies": [tuple(r.refusal or r.text for r in v.replies) for v in verdicts],
                "prompt_tokens": [sum(r.prompt_tokens or 0 for r in v.replies) for v in verdicts],
                "completion_tokens": [
                    sum(r.completion_tokens or 0 for r in v.replies) for v in verdicts
                ],
            }
        )

    def __getstate__(self):
        # Answers in memory stay with this object; a copy asks anew.
        return {k: v for k, v in super().__getstate__().items() if k != "_memory"}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.non_deterministic = True
        return tags

    def _forget(self):
        """Begin anew: what `fit` does at its end."""
        self._memory = None
        self.usage_ = Usage().to_dict()
        self.abstentions_ = {}

    def _interview(self, X):
        """Ask about clips.

        Returns
        -------
        names : list of str
        verdicts : list of Verdict
        """
        check_is_fitted(self)
        address, key, proxy = check_settings(self)
        pairs = named_clips(X)
        params = dict(self.request_params or {})
        if self.temperature is not None:
            params["temperature"] = float(self.temperature)
        usage = Usage(**self.usage_)
        client = Client(self.model, address, key, proxy, self.timeout, params)
        database = self._open_database()
        asker = Asker(client, database, self._limits(), self.max_retries, usage)
        try:
            verdicts, fault = self._ask_all(pairs, asker)
        finally:
            asker.close()
            if self.cache_dir is not None:
                database.close()
            self.usage_ = usage.to_dict()
        names = [getattr(clip, "key", name) for name, clip in pairs]
        self.abstentions_ = _abstentions(names, verdicts)
        if fault is not None:
            raise self._with_names(fault, names, verdicts) if isinstance(fault, Failed) else fault
        return names, verdicts

    def _ask_all(self, pairs, asker):
        """Ask side by side, until the first fault that concerns all.

        A budget that is spent is none, nor is a clip that is refused while others are not.

        Returns
        -------
        verdicts : list of (Verdict or None)
        fault : Exception or None
        """
        questions = self._questions()
        verdicts, faults = [None] * len(pairs), []

        def ask_about(number):
            name, clip = pairs[number]
            replies = []

            def ask(question):
                replies.append(asker.ask(question))
                return replies[-1]

            try:
                picture = draw_picture(clip, name, self.frames, self.longest_side)
                verdicts[number] = Verdict(*questions.ask(picture, ask), tuple(replies))
            except Stopped:
                pass
            except Spent as error:  # there may be answers to the others already
                faults.append(error)
            except Failed as error:
                faults.append(error)
                answered = any(verdict is not None for verdict in verdicts)
                if not error.this_alone or (len(faults) >= _MOST_REFUSED and not answered):
                    asker.stop()
                    raise
            except BaseException as error:
                faults.append(error)
                asker.stop()
                raise

        pool = ThreadPoolExecutor(self.concurrency)
        try:
            wait([pool.submit(ask_about, i) for i in range(len(pairs))], None, FIRST_EXCEPTION)
        finally:
            # Nothing new is sent, whatever ended the wait; what is under way is kept.
            asker.stop()
            pool.shutdown(wait=True, cancel_futures=True)
        # What concerns all first.
        faults.sort(key=lambda fault: getattr(fault, "this_alone", False))
        return verdicts, faults[0] if faults else None

    def _with_names(self, fault, names, verdicts):
        left = tuple(n for n, verdict in zip(names, verdicts, strict=True) if verdict is None)
        first = ", ".join(map(repr, left[:_FIRST_NAMES]))
        more = f" and {len(left) - _FIRST_NAMES} more" if len(left) > _FIRST_NAMES else ""
        place = "by this estimator" if self.cache_dir is None else f"in {str(self.cache_dir)!r}"
        return EndpointError(
            f"{fault}; {len(names) - len(left)} of {len(names)} clips are answered, and the "
            f"answers kept {place}; not answered: {first}{more}",
            left,
        )

    def _open_database(self):
        if self.cache_dir is not None:
            return open_answers(self.cache_dir)
        memory = getattr(self, "_memory", None)
        if memory is None or memory.process != os.getpid():
            self._memory = open_answers(None)
        return self._memory

    def _limits(self):
        return Limits(
            self.requests_per_minute,
            self.tokens_per_minute,
            self.request_budget,
            self.token_budget,
        )


def _abstentions(names, verdicts):
    """Reasons by clip; clips of a name that is taken get their position, so that none is lost."""
    reasons = {}
    for i, (name, verdict) in enumerate(zip(names, verdicts, strict=True)):
        if verdict is not None and verdict.reason:
            reasons[f"{name} (clip {i})" if name in reasons else name] = verdict.reason
    return reasons
