"""Databases in the shape of their real label files, odd cells included; all rows are made up."""

import csv
import os
from dataclasses import dataclass, field
from itertools import cycle, islice

import openpyxl
import xlwt
from corruption import Tree


@dataclass
class Shape:
    """A database on disk: cells of its label file, and numbers of frames by folder.

    Parameters
    ----------
    file : str or None
        Name of the label file.
    rows : list of list
        Its cells, header and legend included.
    first : int
        Position of the first row of data.
    folders : list of str
        Folder of each row of data.
    numbers : list of range
        Numbers of the frames that belong to it.
    pattern : str
        Name of a frame.
    sheet : str or None
        Name of the sheet.
    more : dict of str to list
        Further sheets.
    objective : list of list
        Cells of CASME II's file of objective classes.
    """

    file: str | None
    rows: list
    first: int
    folders: list
    numbers: list
    pattern: str
    sheet: str | None = None
    more: dict = field(default_factory=dict)
    objective: list = field(default_factory=list)

    def part(self, n):
        """The same with the first rows of data alone."""
        end = self.first + n
        return Shape(
            self.file,
            [list(row) for row in self.rows[:end]],
            self.first,
            self.folders[:n],
            self.numbers[:n],
            self.pattern,
            self.sheet,
        )

    def write(self, root):
        """Write label file and empty frames."""
        root.mkdir(parents=True, exist_ok=True)
        for folder in dict.fromkeys(self.folders):
            os.makedirs(root / folder, exist_ok=True)
        for folder, numbers in zip(self.folders, self.numbers, strict=True):
            for number in numbers:
                name = f"{root}/{folder}/{self.pattern.format(number)}"
                os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
        if self.file is not None:
            write_sheets(root / self.file, {self.sheet or "Sheet1": self.rows, **self.more})
        return root

    def tree(self, root):
        """The copy at a folder, to be spoilt."""
        file = self.file and root / self.file
        folders = [root / folder for folder in dict.fromkeys(self.folders)]
        return Tree(root, file, self.sheet, [list(r) for r in self.rows], self.first, folders)


def write_sheets(path, sheets):
    """Write a spreadsheet or a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        (rows,) = sheets.values()
        with open(path, "w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([["" if c is None else c for c in row] for row in rows])
        return
    if path.suffix == ".xls":
        book = xlwt.Workbook()
        for title, rows in sheets.items():
            page = book.add_sheet(title)
            for i, row in enumerate(rows):
                for j, cell in enumerate(row):
                    page.write(i, j, cell)
        book.save(str(path))
        return
    book = openpyxl.Workbook(write_only=True)
    for title, rows in sheets.items():
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    book.save(path)


def spread(counts):
    """Emotions as often as counted, taking turns."""
    left, labels = dict(counts), []
    while any(left.values()):
        for label in left:
            if left[label]:
                left[label] -= 1
                labels.append(label)
    return labels


def smic(camera, counts):
    labels = spread(counts)
    folders, numbers = [], []
    for i, label in enumerate(labels):
        subject = f"s{i % 8 + 1:02d}"
        short = {"negative": "ne", "positive": "po", "surprise": "sur"}[label]
        folders.append(f"{camera}/{subject}/micro/{label}/{subject}_{short}_{i // 8 + 1:02d}")
        numbers.append(range(100 + 40 * i, 104 + 40 * i))
    return Shape(None, [], 0, folders, numbers, "image{:06d}.bmp")


def smic_annotation(shape, n):
    """SMIC's annotation sheet for the first clips: no zeros in names, absolute numbers."""
    header = ["Subject", "Filename", None, "OnsetF", "OffsetF", "Onset2F", "Offset2F", None]
    rows = [[*header, "FirstF", "LastF", "TotalMF1", "TotalMF2", "TotalVL", "Emotion"]]
    for folder, numbers in list(zip(shape.folders, shape.numbers, strict=True))[:n]:
        _, subject, _, label, clip = folder.split("/")
        _, short, number = clip.split("_")
        name = f"s{int(subject[1:])}_{short}_{number}"
        moments = [numbers[1], numbers[2], None, None, None, numbers[0] - 90, numbers[-1] + 90]
        rows.append([int(subject[1:]), name, None, *moments, 2, None, 183, label])
    rows[1][5:7] = [numbers[-1] + 20, numbers[-1] + 30]  # a second expression
    return rows


def casme():
    """14 names stand two to six times; apex or offset before the onset here and there."""
    counts = {"tense": 68, "disgust": 45, "repression": 39, "surprise": 20}
    labels = spread(counts | {"happiness": 7, "sadness": 6, "contempt": 2, "fear": 2})
    header = ["Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None]
    rows, folders, numbers = [[*header, "Emotion", "AU"]], [], []
    times = iter([6, 3] + 12 * [2] + 156 * [1])
    units = cycle([4, "4+L10", "1，2", "R12", "9+17", "", "14、15"])
    for name, n in enumerate(times):
        subject, clip = name % 19 + 1, f"EP{name // 19 + 1:02d}_{name % 7 + 1}"
        for k in range(n):
            onset = 20 + 15 * k
            moments = [onset, onset + 2, 0, onset + 4]
            if name == 30:
                moments = [onset, onset + 2, 0, onset - 1]
            cells = [subject, clip, None, *moments, None, labels[len(rows) - 1].title()]
            rows.append([*cells, next(units)])
            folders.append(f"CASME_raw_selected/sub{subject:02d}/{clip}")
            numbers.append(range(onset - 3, onset + 6))
    return Shape("casme.xlsx", rows, 1, folders, numbers, "EP-{}.jpg")


OBJECTIVE = {"I": 25, "II": 15, "III": 99, "IV": 26, "V": 20}


def casme2(revision="2014", objective=None):
    """255 clips: "/" for an apex, an offset missing, three clips by revision."""
    special = {
        (24, "EP07_01"): "sadness",
        (24, "EP07_04f"): "sadness",
        (24, "EP10_03"): "sadness",
        (4, "EP12_01f"): "disgust",
        (5, "EP09_05f"): "repression",
    }
    counts = {"others": 99, "disgust": 62, "happiness": 32, "repression": 26, "surprise": 25}
    keys = [(i % 26 + 1, f"EP{i // 26 + 20}_{i % 5 + 1:02d}f") for i in range(250)]
    labels = dict(zip(keys, spread(counts | {"sadness": 4, "fear": 2}), strict=True)) | special
    if revision == "2019":
        labels |= dict.fromkeys(list(special)[:3], "surprise")
    classes = cycle(spread(OBJECTIVE | {"VI": 30, "VII": 40}))
    header = ["Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None]
    rows = [[*header, "Action Units", "Estimated Emotion"]]
    units = cycle(["4+10", "12", 14, "L4+R7", "15+17", "4+L10", ""])
    folders, numbers, known = [], [], []
    for i, ((subject, clip), label) in enumerate(sorted(labels.items())):
        onset = 40 + i
        apex = "/" if i % 12 == 3 and i < 250 else onset + 2
        offset = None if i == 7 else onset + 4
        units_cell = next(units)
        rows.append([f"{subject:02d}", clip, None, onset, apex, offset, None, units_cell, label])
        known.append([f"{subject:02d}", clip, next(classes)])
        folders.append(f"CASME2_RAW_selected/sub{subject:02d}/{clip}")
        numbers.append(range(onset, onset + 5))
    shape = Shape(f"CASME2-coding-{revision}0508.xlsx", rows, 1, folders, numbers, "img{}.jpg")
    if objective == "column":
        rows[0].append("Objective Classes")
        for row, (_, _, name) in zip(rows[1:], known, strict=True):
            row.append(list(OBJECTIVE).index(name) + 1 if name in OBJECTIVE else name)
    shape.objective = [["Subject", "Filename", "Objective Class"]]
    numerals = ("I", "II", "III", "IV", "V", "VI", "VII")
    shape.objective += [[s, c, numerals.index(name) + 1] for s, c, name in known]
    return shape


FOLDERS = [15, 16, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 40]
FILMS = {
    "disgust1": ("0101", "disgustingteeth"),
    "anger1": ("0401", "girlcrashing"),
    "happy2": ("0503", "unnyfarting"),
    "happy5": ("0508", "funnydunkey"),
}


def cas_me_2(where="cropped", csv_copy=False):
    """357 rows without header: 300 macro, 57 micro, 44 offsets of 0, an apex of 0, three late."""
    rows, folders, numbers, rule1 = [], [], [], []
    films = list(FILMS)
    emotions = cycle(["anger", "disgust", "fear", "happiness", "pain", "helpless", "others"])
    units = cycle(["4", "NULL", "6+12", "null", 14, "4+7"])
    for i in range(357):
        index, film = i % 22 + 1, films[i // 22 % 4]
        clip, folder = f"{film}_{i // 88 + 1}", f"s{FOLDERS[index - 1]}"
        micro = i % 6 == 0 and i // 6 < 57
        onset = 10 + 20 * (i // 22)
        apex, offset = onset + 2, onset + 4
        if not micro and i % 6 == 1 and i // 6 < 44:
            offset = 0
        elif i == 3:
            apex = 0
        elif i in (6, 8, 9):
            apex = offset + 1
        kind = "micro-expression" if micro else "macro-expression"
        label = "happyiness" if i == 12 else next(emotions)
        row = [index, clip, onset, apex, offset, next(units), "negative", kind, label]
        code, name = FILMS[film]
        film_folder = f"{folder}/{folder[1:]}_{code}{name}"
        rows.append([*row, offset - onset, film_folder] if csv_copy else row)
        rule1.append([FOLDERS[index - 1], folder, index])
        places = {
            "cropped": f"cropped/{index}/{clip}",
            "selectedpic": f"selectedpic/{folder}/{clip}",
            "rawpic": f"rawpic/{film_folder}",
        }
        folders.append(places[where])
        numbers.append(range(onset, onset + 6))
    more = {"naming rule1": rule1, "naming rule2": [[c, n] for n, (c, _) in FILMS.items()]}
    if csv_copy:
        return Shape("CAS(ME)^2code_final(Updated).csv", rows, 0, folders, numbers, "img{}.jpg")
    name = "CAS(ME)^2code_final.xlsx"
    return Shape(name, rows, 0, folders, numbers, "img{:03d}.jpg", "CASFEcode_final", more)


def cas_me_2_old():
    """54 micro-expressions in six columns."""
    emotions = ("anger", "disgust", "happiness", "surprise", "others")
    rows, folders, numbers = [], [], []
    for i, emotion in enumerate(islice(cycle(emotions), 54)):
        index, clip, onset = i % 13 + 1, f"anger1_{i}", 10 + i
        rows.append([index, clip, onset, 0 if i == 5 else onset + 2, onset + 4, emotion])
        folders.append(f"cropped/{index}/{clip}")
        numbers.append(range(onset, onset + 5))
    return Shape("CAS(ME)2.xls", rows, 0, folders, numbers, "img{}.jpg")


# Subject, file, onset, apex and offset of rows that cannot be, and the onset that is right.
IMPOSSIBLE = [
    ("spNO.40", "e", 1812, 1824, 0, 1812),
    ("spNO.40", "e", 2327, 2363, 0, 2327),
    ("spNO.216", "d", 3647, 2668, 2694, 2647),
    ("spNO.149", "d", 112, 16, 190, 112),
    ("spNO.214", "c", 5, 18, 3460, 5),
]


def casme3_a():
    """860 rows, moments as text, film "J", "Others" in capitals, onset and apex alike."""
    counts = {"disgust": 250, "surprise": 187, "others": 158, "Others": 3, "fear": 86}
    labels = spread(counts | {"anger": 64, "sad": 57, "happy": 55})
    rows = [["Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion"]]
    units, classes = cycle(["4+L7", "12", "R14", "1+2", "38"]), cycle(["II", "III", "VII", "I"])
    folders, numbers = [], []
    cells = [(*row[:5], row[5]) for row in IMPOSSIBLE]
    for i in range(860 - len(cells)):
        subject, film = f"spNO.{i % 90 + 1}", "J" if i == 11 else "abcdefghij"[i // 90]
        onset = 100 + 3 * i
        if subject == "spNO.40" and film == "e":
            film = "k"
        cells.append((subject, film, onset, onset if i < 55 else onset + 1, onset + 3, onset))
    for (subject, film, onset, apex, offset, right), label in zip(cells, labels, strict=True):
        rows.append([subject, film, str(onset), str(apex), str(offset), next(units)])
        rows[-1] += [next(classes), label]
        folders.append(f"part_A/{subject}/{film.lower()}/color")
        end = {1812: 1845, 2327: 2403, 2647: 2694, 112: 190, 5: 34}.get(right, right + 3)
        numbers.append(range(right, end + 1))
    name = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"
    return Shape(name, rows, 1, folders, numbers, "{}.jpg", "label")


def casme3_c():
    labels = spread({"negative": 99, "surprise": 30, "others": 20, "positive": 16})
    rows = [["sub", "count", "onset", "offset", "au", "emotion"]]
    units = cycle(["4，7", "12,6", 1, "", "4+14"])
    folders, numbers = [], []
    for i, label in enumerate(labels):
        subject, count, onset = i % 31 + 1, i // 31 + 1, 50 + i
        rows.append([subject, count, onset, onset + 4, next(units), label])
        folders.append(f"part_C/{subject:02d}/{count}/color")
        numbers.append(range(onset, onset + 5))
    name = "CAS(ME)3_part_C_ME.xlsx"
    return Shape(name, rows, 1, folders, numbers, "{}.jpg", "mockCrimeME", {"notes": [["x"]]})


def samm(legend=12):
    """Lines of legend, an apex before its onset, notations of SAMM's own."""
    counts = {"Anger": 57, "Happiness": 26, "Other": 26, "Surprise": 15, "Contempt": 12}
    labels = spread(counts | {"Disgust": 9, "Fear": 8, "Sadness": 6})
    texts = ["SAMM micro-movements", "A = asymmetric", "L = left, R = right", "X or Y: not certain"]
    rows = [[text] for text in islice(cycle(texts), legend)]
    header = ["Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame"]
    header += ["Offset Frame", "Duration", "Micro", "Action Units", "Estimated Emotion"]
    rows.append([*header, "Objective Classes", "Notes"])
    units = cycle(["4", "A12B", "7+A2", "R12 or L12", "ref(7B)", "A/L12", "soft focus", "10A/B"])
    folders, numbers = [], []
    for i, label in enumerate(labels):
        subject, clip = f"{i % 28 + 6:03d}", f"{i % 28 + 6:03d}_{i // 28 + 1}_{i % 9 + 2}"
        onset, apex = 3000 + 10 * i, 3002 + 10 * i
        if i == 26:
            clip, onset, apex = "032_3_1", 4896, 1930
        offset = 4950 if i == 26 else onset + 4
        row = [subject, clip, 1, onset, apex, offset, offset - onset + 1, "1/2", next(units), label]
        rows.append([*row, i % 7 + 1, "blinks" if i % 5 == 0 else None])
        folders.append(f"SAMM/{subject}/{clip}")
        numbers.append(range(onset, offset + 1))
    name = "SAMM_Micro_FACS_Codes_v2.xlsx"
    return Shape(name, rows, legend + 1, folders, numbers, "006_{:05d}.jpg", "MICRO_ONLY")


def mmew():
    counts = {"surprise": 89, "disgust": 72, "others": 66, "happiness": 36, "fear": 16}
    labels = spread(counts | {"sadness": 13, "anger": 8})
    header = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units"]
    rows = [[*header, "Estimated Emotion", "remarks"]]
    folders, numbers = [], []
    for i, label in enumerate(labels):
        subject, clip = f"S{i % 30 + 1:02d}", f"S{i % 30 + 1:02d}-{i // 30 + 1:02d}-{i % 9 + 1:03d}"
        apex = 9 if i == 4 else 3
        rows.append([subject, clip, 1, apex, 5, ["4+7", 12, "AU1"][i % 3], label, None])
        folders.append(f"Micro_Expression/{label}/{clip}")
        numbers.append(range(1, 7))
    return Shape("MMEW_Micro_Exp.xlsx", rows, 1, folders, numbers, "{}.jpg")


def fourdme():
    labels = spread(
        {"Negative": 127, "Positive": 34, "Surprise": 30, "Repression": 6, "Others": 70}
    )
    units = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 23, 24, 25, 26, 28, 43, 45, 46]
    rows = [["sub_ID", "fold_name", "Emotion", "Onset", "Apex", "Offset", "AUs"]]
    rows[0] += [f"AU{unit}" for unit in units]
    folders, numbers = [], []
    for i, label in enumerate(labels):
        subject, clip = f"sub{i % 41 + 1}", f"{label.lower()}_{i}"
        rows.append([subject, clip, label, 1, 3, 4, ["AU4(k)+AU1", "AU12", "R12"][i % 3]])
        rows[-1] += [int(unit == 12) for unit in units]
        folders.append(f"gray_micro/{subject}/{clip}")
        numbers.append(range(1, 5))
    name = "4DME_Labelling_Micro_release v1.xlsx"
    return Shape(name, rows, 1, folders, numbers, "{}.jpg")


def dfme(file="training_full_with_AU.xlsx", n=1856):
    """Clips at 500, 300 and 200 frames per second in one file."""
    emotions = cycle(["disgust", "surprise", "happiness", "fear", "anger", "sadness", "contempt"])
    rows = [["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion"]]
    rows[0] += ["EmotionId", "Fps", "AU"]
    units = cycle(["4", "12+AD31", "AD38", "4+M58", 14])
    folders, numbers = [], []
    for i, emotion in enumerate(islice(emotions, n)):
        subject, clip = f"sub{i % 500 + 1:04d}", f"sub{i % 500 + 1:04d}_{i // 500 + 1:02d}"
        fps = (500, 300, 200)[i % 3]
        rows.append([subject, clip, 0, 1, 1, emotion, i % 7, fps, next(units)])
        folders.append(f"{subject}/{clip}")
        numbers.append(range(2))
    return Shape(file, rows, 1, folders, numbers, "{:05d}.png")


def dfme_part(part, n):
    shape = dfme(f"DFME_part_{part}.xlsx", n)
    shape.folders = [f"part_{part}/{folder}" for folder in shape.folders]
    return shape


SMIC_COUNTS = {"negative": 23, "positive": 28, "surprise": 20}
SHAPES = {
    "smic-hs": lambda: smic("HS", {"negative": 70, "positive": 51, "surprise": 43}),
    "smic-vis": lambda: smic("VIS", SMIC_COUNTS),
    "smic-nir": lambda: smic("NIR", SMIC_COUNTS),
    "casme": casme,
    "casme2": casme2,
    "cas-me-2": cas_me_2,
    "casme3-a": casme3_a,
    "casme3-c": casme3_c,
    "samm": samm,
    "mmew": mmew,
    "4dme": fourdme,
    "dfme-a": dfme,
    "dfme-b": lambda: dfme("DFME_testA.xlsx", 474),
    "dfme-c": lambda: dfme_part("C", 5439),
}
