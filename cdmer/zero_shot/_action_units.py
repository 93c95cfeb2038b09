"""A vision-language model as a detector of action units."""

import re

import numpy as np
from sklearn.utils.validation import check_is_fitted

from cdmer._parameters import ParameterError
from cdmer.zero_shot._interview import Interviewer
from cdmer.zero_shot._prompts import ACTION_UNIT_NAMES, ActionUnitQuestions
from cdmer.zero_shot._settings import check_settings, read_names


class VisionLanguageActionUnits(Interviewer):
    """Classifier of action units that asks a vision-language model.

    What holds for `VisionLanguageClassifier` holds here: pictures, privacy, cache, limits, strict
    reading. Predictions are multi-label, to be scored against annotated action units.

    Parameters
    ----------
    model, base_url : str
        See `VisionLanguageClassifier`.
    class_names : str, ActionUnitScheme or sequence of str, default=None
        Action units that are asked about, one or more, ``"AU1"`` and so on: those of a scheme, or
        these. None: those of the scheme ``"action-units"``.
    prompt : {"choice", "yes-no", "describe"}, default="choice"
        - "choice": one question, for the list of all action units that the face shows.
        - "yes-no": a question per action unit.
        - "describe": the model describes the picture freely, and is then asked which action units
          the description, now without the picture, speaks of.
    frames, longest_side, temperature, request_params, api_key_env
        See `VisionLanguageClassifier`.
    allow_upload, allow_http, proxy_env, cache_dir
        See `VisionLanguageClassifier`.
    concurrency, requests_per_minute, tokens_per_minute, request_budget, token_budget
        See `VisionLanguageClassifier`.
    max_retries, timeout
        See `VisionLanguageClassifier`.
    abstain_as : tuple of str, default=None
        Action units that `predict` takes as shown where the model abstained, the others as not:
        ``()`` for none. None: ``-1`` for each one about which it abstained, which `score` counts as
        wrong; scorers of scikit-learn take no such table, and ask for a tuple here.

    Attributes
    ----------
    classes_ : ndarray of str, shape (n_action_units,)
        Action units, in the order of the columns of `predict`.
    usage_ : dict of str to int
        See `VisionLanguageClassifier`.
    abstentions_ : dict of str to str
        Clips of the last `predict` or `ask` about which the model abstained, about one action unit
        at least, and why; named as in `VisionLanguageClassifier`.

    See Also
    --------
    VisionLanguageClassifier : Ask about classes of micro-expressions.
    cdmer.corpora.ActionUnitScheme : Annotated units as such a table.

    Notes
    -----
    Questions give names of action units as in the Facial Action Coding System: AU4 is the "brow
    lowerer". Those without such a name cannot be asked about.

    References
    ----------
    H. Lu, X. Niu, J. Wang, Y. Wang, Q. Hu, J. Tang et al., "GPT as Psychologist? Preliminary
    Evaluations for GPT-4V on Visual Affective Computing", CVPR Workshops 2024,
    https://arxiv.org/abs/2403.05916

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.zero_shot import VisionLanguageActionUnits
    >>> clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    >>> model = VisionLanguageActionUnits(
    ...     "Qwen/Qwen2.5-VL-7B-Instruct", "http://localhost:8000/v1", class_names=("AU4", "AU12")
    ... )
    >>> model.fit(clips).classes_
    array(['AU4', 'AU12'], dtype='<U4')
    >>> model.predict(clips)  # doctest: +SKIP
    array([[1, 0],
           [0, 1],
           [0, 0]])
    """

    _least_names = 1

    def fit(self, X=None, y=None, sample_domain=None):
        """Check the parameters; nothing is learnt, and nothing is sent.

        Parameters
        ----------
        X : ignored
            Clips; their frames are not read.
        y : array-like of int of shape (n_clips, n_action_units), default=None
            Annotated action units, of which the number of columns is checked.
        sample_domain : ignored

        Returns
        -------
        self : VisionLanguageActionUnits

        Raises
        ------
        ValueError, TypeError
            If a parameter has the wrong type or value, no key is where it should be, or `y` has
            another number of columns than there are action units.
        PermissionError
            If the endpoint is on another machine, and `allow_upload` is not True, or the way there
            not encrypted, and `allow_http` is not True.
        """
        check_settings(self)
        ours = self.class_names is None
        names = read_names("action-units") if ours else self.read_class_names()
        for name in names:
            if not re.fullmatch(r"AU\d{1,2}", name) or int(name[2:]) not in ACTION_UNIT_NAMES:
                raise ParameterError(
                    f"class_names: expected action units such as 'AU12', of those with the numbers "
                    f"{', '.join(map(str, ACTION_UNIT_NAMES))}, got {name!r}"
                )
        numbers = [int(name[2:]) for name in names]
        if len(set(numbers)) < len(numbers):  # AU4 beside AU04
            raise ParameterError(f"class_names: expected every action unit once, got {names}")
        if y is not None and np.shape(y)[1:] != (len(names),):
            raise ParameterError(
                f"y: expected shape (n_clips, {len(names)}), one column per unit of {names}, got "
                f"{np.shape(y)}"
            )
        self.classes_ = np.asarray(names)
        self._check_abstain_as()
        self._forget()
        return self

    def predict(self, X):
        """Predict the action units that clips show.

        Parameters
        ----------
        X : sequence of clips, or array of uint8 of shape (n_clips, T, H, W)
            A clip is a `cdmer.corpora.Clip`, grey or in colour, or a uint8 array of its frames.

        Returns
        -------
        ndarray of int, shape (n_clips, n_action_units)
            1 for action units that are shown, else 0; for abstentions see `abstain_as`.

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
        instead = {
            name: -1 if self.abstain_as is None else int(name in self.abstain_as)
            for name in self.classes_.tolist()
        }
        return np.asarray(
            [
                [instead[name] if shown is None else int(shown) for name, shown in v.answer.items()]
                for v in verdicts
            ]
        )

    def score(self, X, y, sample_weight=None):
        """Share of clips whose action units are all right; an abstention is not.

        Parameters
        ----------
        X : sequence of clips, or array of uint8 of shape (n_clips, T, H, W)
        y : array-like of int of shape (n_clips, n_action_units)
            Annotated action units.
        sample_weight : array-like of shape (n_clips,), default=None

        Returns
        -------
        float

        Raises
        ------
        EndpointError, ValueError, TypeError, PermissionError, OSError
            As in `predict`; ValueError, too, if `y` has another shape.
        """
        found, y = self.predict(X), np.asarray(y)
        if y.shape != found.shape:
            raise ValueError(f"y: expected shape {found.shape}, got {y.shape}")
        return float(np.average((found == y).all(axis=1), weights=sample_weight))

    def _check_abstain_as(self):
        shown, names = self.abstain_as, self.classes_.tolist()
        good = shown is None or isinstance(shown, tuple | list)
        if not good or any(name not in names for name in shown or ()):
            raise ParameterError(f"abstain_as: expected None or some of {names}, got {shown!r}")

    def _questions(self):
        return ActionUnitQuestions(tuple(self.classes_.tolist()), self.frames, self.prompt)

    @staticmethod
    def _answer_text(answer):
        return "+".join(name for name, shown in answer.items() if shown)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.classifier_tags.multi_class = False
        return tags
