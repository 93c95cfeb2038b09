"""What a database spells in its own way, beyond its layout."""

from dataclasses import dataclass

from cdmer._faces.setups import PRESETS
from cdmer._parameters import check_choice, check_flag, check_number
from cdmer.corpora._databases.layout_check import check_subject, check_template, check_texts, expect


@dataclass(frozen=True)
class RehearsalStyle:
    """Spellings of a database and oddities of its label file, for rehearsal copies.

    `cdmer.corpora.make_database` writes them. The defaults suit a database that has none.

    Parameters
    ----------
    clip : str, default="{subject}_{i:02d}"
        What the label file calls a clip, from the subject's name ``{subject}`` and number ``{s}``,
        the emotion ``{label}`` and its first letters ``{short}``, the number ``{i}`` of the clip
        within the subject, and the number ``{r}`` or ``{letter}`` of the recording, one for two
        clips.
    setup : str, default="lab-100fps"
        Preset of the recording set-up that comes nearest, a key of `cdmer.corpora.PRESETS`.
    first : int, default=1
        Number of the first frame of the first clip.
    step : int, default=0
        How far the first frame of each next clip lies beyond that of the one before.
    subject : str, default="{}"
        The subject's name from its number, where the layout has no spelling of its own.
    action_units : tuple of str, default=("{}", "L{}", "R{}")
        How action units are written; each takes the next one.
    joints : tuple of str, default=("+",)
        What joins action units; each clip takes the next one.
    doubtful : str, default=""
        What the action units of one clip have in addition; empty for nothing.
    capitals : bool, default=False
        Emotions begin with a capital letter.
    arabic : bool, default=False
        Objective classes are written 1 to 7.
    others : tuple of str, default=("others",)
        How the emotion "others" is written; each clip takes the next one.
    without_offset : bool, default=False
        One row has no offset.
    early_apex : bool, default=False
        One row has its apex before its onset.
    action_unit_columns : tuple of str, default=()
        Headers of further columns, ``"AU12"``, each of which holds 1 for the clips that show the
        action unit.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter is not as above.
    """

    clip: str = "{subject}_{i:02d}"
    setup: str = "lab-100fps"
    first: int = 1
    step: int = 0
    subject: str = "{}"
    action_units: tuple[str, ...] = ("{}", "L{}", "R{}")
    joints: tuple[str, ...] = ("+",)
    doubtful: str = ""
    capitals: bool = False
    arabic: bool = False
    others: tuple[str, ...] = ("others",)
    without_offset: bool = False
    early_apex: bool = False
    action_unit_columns: tuple[str, ...] = ()

    def __post_init__(self):
        known = ("subject", "s", "label", "short", "i", "r", "letter")
        check_template("rehearsal.clip", self.clip, known)
        check_choice("rehearsal.setup", self.setup, tuple(PRESETS))
        for name in ("first", "step"):
            check_number(f"rehearsal.{name}", getattr(self, name), least=0, whole=True)
        check_subject("rehearsal.subject", self.subject)
        for name in ("action_units", "joints", "others"):
            check_texts(f"rehearsal.{name}", getattr(self, name), least=1)
        check_texts("rehearsal.action_unit_columns", self.action_unit_columns)
        for header in self.action_unit_columns:
            good = header.startswith("AU")
            expect(good, "rehearsal.action_unit_columns", "headers such as 'AU12'", header)
        for name in ("capitals", "arabic", "without_offset", "early_apex"):
            check_flag(f"rehearsal.{name}", getattr(self, name))
