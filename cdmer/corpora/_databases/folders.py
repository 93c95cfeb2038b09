"""Folders of clips, found by what label files call them."""

import os
import re

from cdmer.corpora._databases.spelling import fold_name

_FIELD = re.compile(r"\{(\w+)\}")


class FolderTree:
    """The folders below a database's, each listed once.

    Names are compared as they are and, where that finds none, without case, spaces and leading
    zeros of numbers, provided that this leaves no choice.

    Parameters
    ----------
    root : str
        Absolute path of the database's folder.
    """

    def __init__(self, root):
        self.root = root
        self._known = {}

    def children(self, folder):
        """Names of the folders in a folder, a sorted list of str; hidden ones are passed over.

        Raises
        ------
        ValueError
            If the folder cannot be listed.
        """
        return self._list(folder)[0]

    def find(self, folder, names):
        """Follow names down from a folder: the path, or None if one of them is not there.

        A name that ends in ``*`` is the beginning of a folder's, if one alone begins so.
        """
        for name in names:
            exact, folded = self._list(folder)
            if name.endswith("*"):
                start = fold_name(name[:-1])
                found = [one for one in exact if fold_name(one).startswith(start)]
                name = found[0] if len(found) == 1 else None
            elif name not in exact:
                name = folded.get(fold_name(name))
            if name is None:
                return None
            folder = os.path.join(folder, name)
        return folder

    def find_bases(self, names):
        """Find folders that lead to clips: from the root, from a folder in it, or at the root.

        Parameters
        ----------
        names : list of str
            Folder within folder; none for the root. The first ones may be those of the root and
            of the folders that it lies in.

        Returns
        -------
        list of str
            Paths of the last of the names.
        """
        starts = [(self.root, names)]
        own = [fold_name(name) for name in self.root.split(os.sep)]
        starts += [
            (self.root, names[n:])
            for n in range(1, len(names) + 1)
            if own[-n:] == [fold_name(name) for name in names[:n]]
        ]
        if names:
            starts += [(os.path.join(self.root, n), names) for n in self.children(self.root)]
        found = [self.find(folder, rest) for folder, rest in starts]
        return list(dict.fromkeys(path for path in found if path is not None))

    def leaves(self, folder, levels):
        """List the folders that a template may mean.

        Parameters
        ----------
        folder : str
            Path from which the template goes on.
        levels : list of str
            Its parts, with ``{subject}`` and so on in them.

        Yields
        ------
        path : str
        values : dict of str to str
            What stands for the fields; of a part with several, nothing.
        """
        if not levels:
            yield folder, {}
            return
        field = _FIELD.fullmatch(levels[0])
        if _FIELD.search(levels[0]):
            within = [os.path.join(folder, name) for name in self.children(folder)]
        else:
            within = [path for path in [self.find(folder, levels[:1])] if path is not None]
        for path in within:
            own = {field[1]: os.path.basename(path)} if field else {}
            for leaf, values in self.leaves(path, levels[1:]):
                yield leaf, own | values

    def _list(self, folder):
        if folder not in self._known:
            try:
                with os.scandir(folder) as entries:
                    names = sorted(
                        entry.name
                        for entry in entries
                        if entry.name[0] != "." and entry.name != "__MACOSX" and entry.is_dir()
                    )
            except OSError as error:
                raise ValueError(f"{folder}: cannot be listed: {error}") from error
            folded = {}
            for name in names:
                short = fold_name(name)
                folded[short] = None if short in folded else name  # None: more than one
            self._known[folder] = (names, folded)
        return self._known[folder]


def split_template(template):
    """Split a template into the parts without fields that lead it, and the rest."""
    parts = template.split("/")
    fixed = 0
    while fixed < len(parts) and not _FIELD.search(parts[fixed]):
        fixed += 1
    return parts[:fixed], parts[fixed:]
