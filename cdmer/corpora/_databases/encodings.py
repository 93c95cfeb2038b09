"""Encodings of text files: found out where they are certain, or asked for."""

import codecs
import re

from cdmer._parameters import ParameterError

# UTF-32 comes first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
# What stands beside letters in Western European tables. No letter follows or precedes it within a
# word, apostrophes apart.
_SIGNS = "\u2018\u2019\u201a\u201c\u201d\u201e\u2013\u2014\u2026\u20ac«»§°²µ±×·¿¡ªº\xa0"
_SPLIT_WORD = re.compile(rf"[^\W\d_][{_SIGNS.replace(chr(0x2019), '')}][^\W\d_]")
_AMONG_LETTERS = re.compile("[A-Za-z][\u3400-\u9fff][A-Za-z]")
_SHOWN = 30


def check_encoding(encoding):
    """Refuse names of encodings that Python does not know; None is none."""
    try:
        "a".encode(encoding or "utf-8")
    except (LookupError, TypeError, ValueError):
        raise ParameterError(
            f"encoding: expected the name of a text encoding, such as 'utf-8', 'windows-1252' or "
            f"'gb18030', got {encoding!r}"
        ) from None


def decode_text(content, name, encoding=None):
    """Decode a text file.

    UTF-8, and UTF-16 or UTF-32 with a byte order mark, are certain. Of other bytes, Windows-1252
    (Western Europe) and GB18030 (China) are considered: one is taken if the other cannot be meant.

    Parameters
    ----------
    content : bytes
    name : str
        Name of the file in messages.
    encoding : str, default=None
        By default, it is found out.

    Returns
    -------
    text : str
        Without byte order mark.
    doubt : str or None
        Which encoding was taken and how it reads; None if it is certain.

    Raises
    ------
    ParameterError
        If `encoding` is none that Python knows.
    ValueError
        If the file is no text in the encoding, or the encoding is not certain.
    """
    check_encoding(encoding)
    if encoding is None:
        encoding = next((e for mark, e in _MARKS if content.startswith(mark)), None)
    if encoding is not None:
        text = _decode(content, encoding)
        if text is None:
            raise ValueError(f"{name}: no text in the encoding {encoding!r}")
        return text.removeprefix("\ufeff"), None
    text = _decode(content, "utf-8")
    if text is not None:
        return text, None
    texts = {e: _decode(content, e) for e in ("windows-1252", "gb18030")}
    if b"\0" in content or not any(texts.values()):
        raise ValueError(f"{name}: neither a spreadsheet nor text; of a text, name its encoding")
    likely = [e for e, text in texts.items() if text is not None and _LIKELY[e](text)]
    if len(likely) != 1:
        readings = ", ".join(f"{e!r} reads {_sample(t)!r}" for e, t in texts.items() if t)
        raise ValueError(f"{name}: its encoding is not certain: {readings}; name it with encoding=")
    (taken,) = likely
    return texts[taken], (
        f"no UTF-8; read as {taken!r}, such as {_sample(texts[taken])!r}; if that is wrong, name "
        "the encoding with encoding="
    )


def _decode(content, encoding):
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _sample(text):
    """The first cell or so with letters beyond ASCII."""
    at = _FOREIGN.search(text).start()
    start = max(text.rfind(sign, 0, at) for sign in ",;\t\r\n") + 1
    return re.split(r"[,;\t\r\n]", text[start:], maxsplit=1)[0][:_SHOWN]


def _is_western(text):
    """Whether text decoded from Windows-1252 can be meant.

    Chinese characters read so are pairs of capitals and signs within words.
    """
    for match in _FOREIGN.finditer(text):
        letters = [sign for sign in match[0] if sign not in _SIGNS]
        if len(letters) > 2 or not all(map(str.isalpha, letters)):
            return False
        before = text[match.start() - 1 : match.start()]
        if before.isalpha() and before.islower() and match[0][0].isupper():
            return False
        if any(a.islower() and b.isupper() for a, b in zip(letters, letters[1:], strict=False)):
            return False
    return not _SPLIT_WORD.search(text)


def _is_chinese(text):
    """Whether text decoded from GB18030 can be meant.

    Western letters read so swallow the next one and make characters that are hardly ever used:
    nearly all of a text are among the 6,763 of GB 2312. Names have others.
    """
    foreign = "".join(_FOREIGN.findall(text))
    characters = [sign for sign in foreign if "\u3400" <= sign <= "\u9fff"]
    others = [sign for sign in foreign if not ("\u3400" <= sign <= "\u9fff" or _is_wide(sign))]
    usual = sum(map(_is_usual, characters))
    return not others and 10 * usual >= 8 * len(characters) and not _AMONG_LETTERS.search(text)


def _is_wide(sign):
    return "\u3000" <= sign <= "\u303f" or "\uff00" <= sign <= "\uffef" or sign in "·×—…“”‘’°±"


def _is_usual(sign):
    try:
        return bool(sign.encode("gb2312"))
    except UnicodeEncodeError:
        return False


_LIKELY = {"windows-1252": _is_western, "gb18030": _is_chinese}
