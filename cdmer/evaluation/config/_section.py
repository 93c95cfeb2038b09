"""A table of a config file, whose faults are named by file, table and key."""

from cdmer._text import unknown

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
        """Make the error that names file, table and key, a ValueError to raise."""
        return ValueError(f"{self.place}: {key}: {message}" if key else f"{self.place}: {message}")

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
        for i, one in enumerate(values):
            if one in values[:i]:
                raise self.fault(key, f"got {one!r} twice")
        return tuple(values)

    def read_path(self, key):
        """Give a path, relative to the file's folder; None where the key is missing."""
        text = self.read(key, str)
        if text == "":
            raise self.fault(key, "expected a path, got ''")
        return None if text is None else self.folder / text

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
