"""A table of a config file, whose faults are named by file, table and key."""

from cdmer._files.reading import check_regular
from cdmer._text import printable, unknown

# Of a message: it may quote what a file holds.
_MOST_CHARACTERS = 600
# What a reader of TOML calls the types.
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "a table",
}


class Section:
    """One table of a config file.

    Parameters
    ----------
    content : dict
    place : str
        The file, and the table within it, for messages.
    folder : pathlib.Path
        Folder of the file: paths in it are relative to this one.
    """

    def __init__(self, content, place, folder):
        self.content, self.place, self.folder = content, place, folder

    def fault(self, key, message):
        """Make the error that names file, table and key in one line, a ValueError to raise."""
        text = f"{self.place}: {key}: {message}" if key else f"{self.place}: {message}"
        return ValueError(one_line(text))

    def expect(self, required=(), optional=()):
        """Refuse keys that are not known, and the lack of those that must be there."""
        known = [*required, *optional]
        for key in self.content:
            if key not in known:
                raise self.fault(key, unknown("key", key, known))
        for key in required:
            if key not in self.content:
                raise self.fault(key, "is missing")

    def read(self, key, kind, default=None):
        """Give the value of a key.

        Parameters
        ----------
        key : str
        kind : type
            bool, int, str, list or dict.
        default : object, default=None
            What to give where the key is missing.

        Raises
        ------
        ValueError
            If it is of another kind.
        """
        if key not in self.content:
            return default
        value = self.content[key]
        if type(value) is not kind:
            raise self.fault(key, f"expected {_KINDS[kind]}, got {value!r}")
        return value

    def read_list(self, key, kind, default=()):
        """Give the values of an array; one value alone is taken for an array of one."""
        value = self.content.get(key, default)
        values = value if isinstance(value, list | tuple) else [value]
        for one in values:
            if type(one) is not kind:
                raise self.fault(key, f"expected {_KINDS[kind]} or an array of such, got {one!r}")
        if not values:
            raise self.fault(key, "got an empty array, expected one entry or more")
        seen = set()
        for one in values:
            if one in seen:
                raise self.fault(key, f"got {one!r} twice")
            seen.add(one)
        return tuple(values)

    def read_name(self, key):
        """Give the text of a path; None where the key is missing."""
        text = self.read(key, str)
        if text is not None and (text == "" or "\n" in text or printable(text) != text):
            raise self.fault(key, f"expected a path, got {text!r}")
        return text

    def read_path(self, key):
        """Give the path of something to read, relative to the file's folder; None without the key.

        It may lead out of the folder, but to no pipe or device. Nothing need be there.
        """
        text = self.read_name(key)
        if text is None:
            return None
        path = self.folder / text
        try:
            if not path.is_dir():
                check_regular(path)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            raise self.fault(key, error) from None
        return path

    def choose(self, key, value, choices, what):
        """Give a value if it is one of some names, and else name the nearest."""
        if not isinstance(value, str):
            raise self.fault(key, f"expected the name of a {what}, got {value!r}")
        if value not in choices:
            raise self.fault(key, unknown(what, value, choices))
        return value

    def within(self, key, content=None):
        """Give the table that a key holds, as a section of its own."""
        content = self.read(key, dict) if content is None else content
        return Section(content, f"{self.place}: {key}", self.folder)


def one_line(text):
    """Give a message as one line that can be shown, whatever it quotes."""
    text = printable(" ".join(text.split()))
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"
