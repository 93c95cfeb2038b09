"""A vision-language model as a classifier of clips."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from cdmer._domains import split_domains
from cdmer._parameters import ParameterError
from cdmer.zero_shot._interview import Interviewer
from cdmer.zero_shot._prompts import ClassQuestions
from cdmer.zero_shot._settings import check_settings, read_names


class VisionLanguageClassifier(Interviewer):
    """Classifier of micro-expressions that asks a vision-language model.

    Nothing is trained. Onset, apex and offset of each clip go side by side, in one picture, to an
    endpoint that speaks the chat-completions protocol: a hosted one, or a server such as vLLM,
    Ollama or llama.cpp on this machine. Answers are read strictly. What is none of the answers
    that were asked for is an abstention, which is counted and never guessed about.

    Faces are personal data: unless `allow_upload` says so, nothing is sent to another machine.

    Parameters
    ----------
    model : str
        Name of the model, as the endpoint knows it.
    base_url : str
        Address of the endpoint, up to ``/chat/completions``: ``"http://localhost:8000/v1"``. Local,
        that is, on this machine, are ``localhost`` and loopback addresses alone; on a server that
        several people use, a port of it may be another user's. No redirect is followed.
    class_names : str, LabelScheme or sequence of str, default=None
        Names of the classes that the model chooses from: those of a label scheme, such as
        ``"three"``, or these. Labels that are whole numbers are positions among them, as
        `cdmer.corpora.pack` and `cdmer.evaluation.benchmark` give them. None: the labels that `fit`
        gets are the names.
    prompt : {"choice", "yes-no", "describe"}, default="choice"
        The three forms of [1]_.

        - "choice": one question, with the classes to choose from.
        - "yes-no": a question per class. The answer is the class that alone got a yes.
        - "describe": the model describes the picture freely, and is then asked which class the
          description, now without the picture, speaks of.
    frames : tuple of {"onset", "apex", "offset"}, default=("onset", "apex", "offset")
        Frames of the picture, from left to right. Where no onset or offset is annotated, the first
        or last frame takes its place; an apex must be there.
    longest_side : int, default=512
        Pixels. Larger frames are shrunk before they are sent.
    temperature : float or None, default=0.0
        None leaves it to the endpoint; some models take no other value than their own.
    request_params : dict, default=None
        Further parameters of each request, as the protocol or the server names them, such as
        ``{"seed": 0, "max_tokens": 200}``.
    api_key_env : str, default=None
        Name of the environment variable that holds the key of the endpoint, such as
        ``"OPENAI_API_KEY"``. None sends no key. The key itself is never stored.
    allow_upload : bool, default=False
        Whether clips may be sent to an endpoint on another machine.
    allow_http : bool, default=False
        Whether they, and the key, may be sent there without encryption, as ``http://``. On this
        machine they always may.
    proxy_env : str, default=None
        Name of the environment variable that holds the address of the proxy on the way to other
        machines, such as ``"HTTPS_PROXY"``. None: no proxy, whatever the environment says.
    cache_dir : path-like, default=None
        Folder in which answers are kept, made if it is not there. An answer is found again by the
        pixels that were sent, question, model, address and parameters. Threads and processes of
        one machine may share it. None keeps them in memory until the estimator is fitted again;
        clones share nothing then, so that every fold of a benchmark asks anew.
    concurrency : int, default=4
        Requests that are under way at a time, in threads.
    requests_per_minute, tokens_per_minute : int, default=None
        Limits for any 60 seconds, over all who share the cache. None: no limit.
    request_budget, token_budget : int, default=None
        How much may be used of this model in all, over all who share the cache, now and before. A
        request that is repeated counts again; one whose answer never came counts as many tokens as
        the dearest so far. None: no limit.
    max_retries : int, default=5
        How often a request is repeated after a time-out, a broken connection, half an answer, or
        the statuses 408, 409, 425, 429 and 500 upwards but for 501: after 0.5 s, 1 s, 2 s and so on
        up to 60 s, by chance up to half of it less, or as long as the server asks for
        (``Retry-After``); more than 10 minutes are not waited for.
    timeout : float, default=60.0
        Seconds from a request to the last byte of its answer; before the answer begins, from one
        sign of life of the server to the next.
    abstain_as : str, default=None
        Name of the class that `predict` gives for an abstention. None: ``-1`` among whole numbers,
        ``""`` among names, which is no class and counts as wrong.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        All classes as `predict` gives them, sorted, whether `fit` saw them or not.
    class_names_ : tuple of str
        The names, in the order in which the model gets them.
    usage_ : dict of str to int
        Since `fit`: ``requests`` that were sent, how many of them were ``retries``, questions
        answered ``from_cache``, ``prompt_tokens`` and ``completion_tokens``.
    abstentions_ : dict of str to str
        Clips of the last `predict` or `ask` about which the model abstained, and why: "refused" (by
        the model, or by a filter before it), "cannot tell", "ambiguous" (not exactly one yes),
        "other answer", "empty" or "cut off" (by a limit on its length). By their keys; where
        several have one, the later ones with their position, from 0: ``"lab/s1/c001 (clip 4)"``.

    Raises
    ------
    ImportError
        By `predict`, if the openai package is missing.

    See Also
    --------
    VisionLanguageActionUnits : Ask about action units.

    Notes
    -----
    The first question asks the server to hold its answer to a form (``response_format`` with a JSON
    schema). If it refuses, no question asks for that; answers are read in the same way.

    An answer is on the disk before the next question is asked. A process that is killed loses those
    under way, `concurrency` at most, and nothing else: asked again, the others cost nothing. A
    clip is asked about once, however many processes want to know at the same time.

    The cache holds questions and answers, descriptions of faces among them, but no picture and no
    key. Its file, ``answers.sqlite``, has the tables ``answers`` and ``requests``.

    References
    ----------
    .. [1] H. Lu, X. Niu, J. Wang, Y. Wang, Q. Hu, J. Tang et al., "GPT as Psychologist?
       Preliminary Evaluations for GPT-4V on Visual Affective Computing", CVPR Workshops 2024,
       https://arxiv.org/abs/2403.05916

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.zero_shot import VisionLanguageClassifier
    >>> clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    >>> model = VisionLanguageClassifier(
    ...     "Qwen/Qwen2.5-VL-7B-Instruct", "http://localhost:8000/v1", class_names="three"
    ... )
    >>> model.fit(clips).classes_
    array(['negative', 'positive', 'surprise'], dtype='<U8')
    >>> model.predict(clips)  # doctest: +SKIP
    array(['positive', 'negative', ''], dtype='<U8')
    >>> model.abstentions_  # doctest: +SKIP
    {'webcam-25fps/s03/s03_su_01': 'cannot tell'}
    """

    def fit(self, X, y=None, sample_domain=None):
        """Check the parameters and read the list of classes; nothing is sent.

        Parameters
        ----------
        X : sequence of clips
            Their frames are not read.
        y : array-like of shape (n_clips,), default=None
            Names of classes, or whole numbers: positions in `class_names`. Labels of target rows
            are never read. None takes `class_names` as they are.
        sample_domain : array-like of int of shape (n_clips,), default=None
            ``>= 0`` for source rows, ``< 0`` for target rows. None: every row is a source row.

        Returns
        -------
        self : VisionLanguageClassifier

        Raises
        ------
        ValueError, TypeError
            If a parameter has the wrong type or value, no key is where it should be, or a label is
            not among the classes.
        PermissionError
            If the endpoint is on another machine, and `allow_upload` is not True.
        """
        check_settings(self)
        self._learn_classes(X, y, sample_domain)
        self._check_abstain_as()
        self._forget()
        return self

    def predict(self, X):
        """Predict the classes of clips.

        Parameters
        ----------
        X : sequence of clips, or array of uint8 of shape (n_clips, T, H, W)
            A clip is a `cdmer.corpora.Clip`, grey or in colour, or a uint8 array of its frames.

        Returns
        -------
        ndarray of shape (n_clips,)
            Classes, as in `classes_`; for abstentions see `abstain_as`.

        Raises
        ------
        EndpointError
            If the endpoint does not answer, or the budget is used up. What was answered is kept.
        ValueError, TypeError
            If a clip is none, or has no apex; the message names it.
        PermissionError
            As in `fit`.
        OSError
            If the cache cannot be written.
        """
        check_is_fitted(self)
        self._check_abstain_as()
        _, verdicts = self._interview(X)
        named = [self.abstain_as if v.answer is None else v.answer for v in verdicts]
        if self.classes_.dtype.kind == "U":
            return np.asarray([name or "" for name in named], dtype=self.classes_.dtype)
        codes = [-1 if name is None else self.class_names_.index(name) for name in named]
        return np.asarray(codes, dtype=self.classes_.dtype)

    def _learn_classes(self, X, y, sample_domain):
        named = isinstance(self.class_names, str) and self.class_names == "action-units"
        if named or hasattr(self.class_names, "indicator"):
            raise ParameterError(
                "class_names: expected classes of which a clip has one, got action units; "
                "VisionLanguageActionUnits asks about those"
            )
        names = None if self.class_names is None else self.read_class_names()
        if y is None:
            if names is None:
                raise ParameterError("class_names: expected names of classes where y is None")
            self.class_names_, self.classes_ = names, np.unique(names)
            return
        n_clips = X.shape[0] if hasattr(X, "shape") else len(X)
        least = 2 if names is None else 1  # with names, the labels are looked up, not learnt from
        _, labels = split_domains(
            y, sample_domain, n_clips, type(self).__name__, least_classes=least
        )
        found = np.unique(labels)
        if labels.dtype.kind == "U":
            names = read_names(found.tolist()) if names is None else names
            known, classes = names, np.unique(names)
        elif labels.dtype.kind in "iu" and names is not None:
            known = classes = np.arange(len(names))
        else:
            raise ParameterError(
                "y: expected names of classes, or whole numbers and class_names that say what they "
                f"stand for, got labels of {labels.dtype} such as {labels[0]!r}"
            )
        strange = [label for label in found.tolist() if label not in known]
        if strange:
            raise ParameterError(
                f"y: expected labels that stand for {names}, one of {list(map(_plain, known))}, "
                f"got {strange[0]!r}"
            )
        self.class_names_, self.classes_ = names, classes

    def _check_abstain_as(self):
        if self.abstain_as is not None and self.abstain_as not in self.class_names_:
            raise ParameterError(
                f"abstain_as: expected None or one of {self.class_names_}, got {self.abstain_as!r}"
            )

    def _questions(self):
        return ClassQuestions(self.class_names_, self.frames, self.prompt)

    @staticmethod
    def _answer_text(answer):
        return answer or ""


def _plain(label):
    return label.item() if isinstance(label, np.generic) else label
