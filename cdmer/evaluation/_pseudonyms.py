"""Pseudonyms of people and clips, for results that others are to see."""

import copy
import hashlib
import hmac
import re

_DIGITS = 8
# Entries of `Results.info` that may name somebody.
_TEXTS = ("title", "command", "config", "descriptor", "methods", "notes", "protocol")
_WORD = re.compile(r"[^\W_]+")
# Files of frames are often named after who is on them. Words before the name may go, too.
_PICTURE = re.compile(
    r"[^\s/\\:'\"][^/\\:'\"\n]*(\.(?:png|jpe?g|bmp|tiff?|webp|avi|mp4|mov|mkv|wmv|mpe?g|npy))\b",
    re.IGNORECASE,
)


def under_pseudonyms(results):
    """Give the same results with pseudonyms in place of people and clips.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Results
        Its predictions still say who is on which clip, which statistics need.
    """
    names = _Names(results)
    shown = copy.copy(results)
    shown.info = {k: v for k, v in results.info.items() if k != "unscored"}
    for entry in set(_TEXTS) & set(shown.info):
        shown.info[entry] = names.hidden_in(shown.info[entry], weak=entry == "notes")
    frame = results.predictions
    for column in ("experiment", "fold"):
        renamed = {c: names.label(c) for c in frame[column].cat.categories}
        if any(old != new for old, new in renamed.items()):
            frame = frame.assign(**{column: frame[column].cat.rename_categories(renamed)})
    shown.predictions = frame
    for table in ("jobs", "failures"):
        rows = getattr(results, table)
        if rows is not None and len(rows):
            labels = {c: rows[c].map(names.label) for c in ("experiment", "fold")}
            setattr(shown, table, rows.assign(**labels))
    if shown.failures is not None and len(shown.failures):
        texts = {c: shown.failures[c].map(names.hidden) for c in ("message", "traceback")}
        shown.failures = shown.failures.assign(**texts)
    return shown


class _Names:
    """Everybody whom texts of some results may name."""

    def __init__(self, results):
        self._salt, info = results._salt, results.info
        corpora = [corpus["name"] for corpus in info.get("corpora", ())]
        public = [*corpora, *results.classes, *info.get("methods", ()), "None", ""]
        self._public = set(map(_plain, public))
        self._exact, self._known = {}, {}
        for key, (corpus, subject) in _clips(results, corpora).items():
            rest = key.removeprefix(f"{corpus}/")
            clip = rest.removeprefix(f"{subject}/") if subject else rest
            *people, clip = [subject, clip] if subject else rest.split("/")
            people = [(one, self._pseudonym("person", one)) for one in people]
            clip = (clip, self._pseudonym("clip", clip))
            for name, pseudonym in (*people, clip):
                if _plain(name) not in self._public:
                    self._exact.setdefault(name, pseudonym)
                    self._known.setdefault(_plain(name), name)
            self._exact[key] = "/".join([corpus, *(p for _, p in (*people, clip))])
            self._known.setdefault(_plain(key), key)

    def label(self, name):
        """Give the pseudonym of an experiment's or fold's name, if it names somebody."""
        head, slash, tail = str(name).rpartition("/")
        if tail in self._exact and _is_telling(tail):
            return f"{head}{slash}{self._exact[tail]}"
        return self._exact[tail] if slash and tail in self._exact else self.hidden(name, weak=False)

    def hidden(self, text, weak=True):
        """Replace all names in a text; codes such as 15 only where they stand for somebody."""
        plain = f" {_plain(text)} "
        names = [name for known, name in self._known.items() if f" {known} " in plain]
        parts = []
        for name in sorted(names, key=len, reverse=True):
            words = r"[\W_]{1,3}".join(map(re.escape, _WORD.findall(name)))
            if _is_telling(name):
                parts.append(rf"(?<![^\W_]){words}(?![^\W_])")
            elif weak:
                parts.append(rf"(?<=['\"/]){words}(?=['\"/])|(?<=subject ){words}\b")
        if parts:
            text = re.sub("|".join(parts), self._replaced, text, flags=re.IGNORECASE)
        return _PICTURE.sub(r"…\1", text) if weak else text

    def hidden_in(self, value, weak):
        """Do so in all texts in what JSON can hold, but for the keys of dicts."""
        if isinstance(value, str):
            return self.hidden(value, weak)
        if isinstance(value, dict):
            return {key: self.hidden_in(part, weak) for key, part in value.items()}
        if isinstance(value, list):
            return [self.hidden_in(part, weak) for part in value]
        return value

    def _replaced(self, match):
        name = match[0]
        # Some letters are alike without regard to case, and yet not the same in small letters.
        known = name if name in self._exact else self._known.get(_plain(name))
        return self._exact.get(known, "a name")

    def _pseudonym(self, kind, name):
        digest = hmac.new(self._salt, name.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{kind} {digest.hexdigest()[:_DIGITS]}"


def _clips(results, corpora):
    """Corpus and subject of every clip by its key; the subject is "" where it is not known."""
    found = results._clips
    if found is None:
        rows = results.predictions[["clip", "corpus", "subject"]].drop_duplicates()
        found = {clip: (corpus, who) for clip, corpus, who in rows.itertuples(index=False)}
    lost = {}
    for key in results.info.get("unscored", ()):
        owners = [name for name in corpora if key.startswith(f"{name}/")]
        lost[key] = (max(owners, key=len, default=""), "")
    return lost | found


def _is_telling(name):
    """Whether a name is more than a number or a letter, which texts hold for other reasons."""
    letters = "".join(_WORD.findall(name))
    return len(letters) > 1 and not letters.isdigit()


def _plain(name):
    """A name without regard to case and to what stands between its words."""
    return " ".join(_WORD.findall(str(name).casefold()))
