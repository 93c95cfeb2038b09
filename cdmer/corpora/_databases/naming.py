"""Folders that are named by neither the subject nor the clip of the label file."""

import re
from dataclasses import dataclass, field, replace

from cdmer.corpora._databases.label_files import read_sheet, read_titles
from cdmer.corpora._databases.layout_check import check_spellings, check_texts
from cdmer.corpora._faults import Fault


@dataclass(frozen=True)
class Naming:
    """How folders are named that go by neither subject nor clip.

    Templates of `Folders` hold ``{folder}``, a subject's folder such as ``"s15"``, and ``{film}``,
    the recording of a film, ``"15_0401*"``: the number of the subject's folder, the code of the
    film, and whatever follows. A clip is called by its film and a counter, ``"anger1_2"``.

    Parameters
    ----------
    folders : dict of str to str
        Folder of each subject.
    films : dict of str to str
        Code of each film, four digits.
    sheets : tuple of str, default=()
        Sheets of the workbook that hold the same and, where they are there, count: the first has
        number, folder and subject line by line beside the first sheet, the second code and name of
        each film.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter is not as above.
    """

    folders: dict = field(default_factory=dict)
    films: dict = field(default_factory=dict)
    sheets: tuple[str, ...] = ()

    def __post_init__(self):
        for name in ("folders", "films"):
            check_spellings(f"naming.{name}", getattr(self, name))
        check_texts("naming.sheets", self.sheets)

    def places(self, subject, clip):
        """Give what stands for ``{folder}`` and ``{film}``, a dict of str to str."""
        folder = self.folders.get(subject, subject)
        film = clip.rpartition("_")[0] or clip
        number = re.sub(r"^\D+", "", folder)
        code = self.films.get("".join(film.casefold().split()))
        return {"folder": folder, "film": f"{number}_" + (film if code is None else f"{code}*")}

    def contradicts(self, subject, clip, text):
        """Whether ``folder/film`` of a label file is not the place of a clip."""
        places = self.places(subject, clip)
        folder, _, film = text.partition("/")
        return folder != places["folder"] or not film.startswith(places["film"].rstrip("*"))


def read_naming(naming, path, name, sheet):
    """Read the sheets that name folders and films.

    Parameters
    ----------
    naming : Naming
        What is known without them.
    path : path-like
        The label file.
    name : str
        Its name in messages.
    sheet : Sheet
        Its first sheet.

    Returns
    -------
    naming : Naming
    faults : list of Fault
        Lines that contradict the first sheet or each other; the earlier counts.
    """
    titles = {title.strip().casefold(): title for title in read_titles(path, name)}
    found = [titles.get(title.casefold()) for title in naming.sheets]
    sheets = [title and read_sheet(path, title, f"{name}, {title}") for title in found]
    folders, films, faults = {}, {}, []
    if sheets and sheets[0]:
        for i, (row, first) in enumerate(zip(sheets[0].rows, sheet.rows, strict=False)):
            if len(row) < 3 or not row[1] or not row[2]:
                continue
            index, place = row[2], sheets[0].place(i, 2)
            if first and first[0] != index:
                message = f"subject {index!r}, where {sheet.place(i, 0)} has {first[0]!r}"
                faults.append(Fault("contradiction", place, f"{message}; that one counts"))
            elif folders.setdefault(index, row[1]) != row[1]:
                message = f"folder {row[1]!r} of subject {index!r}, which was {folders[index]!r}"
                faults.append(Fault("contradiction", place, f"{message} above; that one counts"))
    if len(sheets) > 1 and sheets[1]:
        for row in sheets[1].rows:
            code = next((text for text in row if re.fullmatch(r"\d{3,4}", text)), None)
            film = next((text for text in row if re.fullmatch(r"[^\W\d]+\d*", text)), None)
            if code and film:
                films.setdefault(film.casefold(), code.zfill(4))
    return replace(naming, folders=naming.folders | folders, films=naming.films | films), faults
