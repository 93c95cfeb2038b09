"""The file under answers and budget."""

from pathlib import Path

from cdmer._files.sqlite import Layout, SharedFile
from cdmer._files.writing import private_folder

FILE_NAME = "answers.sqlite"
LAYOUT = Layout(
    noun="cache",
    what="a cache of answers",
    application_id=0x63647673,  # "cdvs"
    version=2,
    tables=(
        # Model, address, prompt and settings are in the key; some are kept for whoever looks.
        "CREATE TABLE answers (key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, prompt TEXT NOT "
        "NULL, picture TEXT, text TEXT NOT NULL, refusal TEXT NOT NULL, finish TEXT NOT NULL, "
        "prompt_tokens INTEGER, completion_tokens INTEGER, checksum TEXT NOT NULL)",
        # Who is asking just now, so that nobody else asks the same.
        "CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL)",
        # Every request that was sent, in seconds since the machine was started; tokens are NULL
        # while, and if, nobody knows what it cost.
        "CREATE TABLE requests (id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, started REAL NOT "
        "NULL, tokens INTEGER, outcome TEXT NOT NULL)",
        "CREATE INDEX requests_of ON requests (endpoint, started)",
    ),
    # Answers are paid for; each is on the disk before the next question is asked.
    durable=True,
    checks_pages=False,
    prefix="cache_dir: ",
    private=True,  # it says what was judged of each clip
)


def open_answers(folder):
    """Open the answers in a folder, which is made if it is not there; None for memory.

    The file, and a folder that is made, are for their owner alone.

    Returns
    -------
    SharedFile

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
    ValueError
        If the file is another program's, or damaged.
    """
    if folder is None:
        return SharedFile(LAYOUT)
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"cache_dir: expected a folder, got the file {folder}")
    return SharedFile(LAYOUT, private_folder(folder) / FILE_NAME)
