"""What a run writes, and where a config file may say that it does."""

import os
from pathlib import Path

from cdmer.evaluation._store.store import ResultStore
from cdmer.evaluation.config._endpoints import addresses

ENDINGS = {"report": (".html",), "store": (".sqlite", ".sqlite3", ".db")}


def read_output(section, key):
    """Give the path of a file to write, in the config file's folder or below it.

    Parameters
    ----------
    section : Section
    key : {"report", "store"}

    Returns
    -------
    pathlib.Path or None
        None where the key is missing.

    Raises
    ------
    ValueError
        If it leads out of the folder or through a link, or its name ends otherwise than such files
        do.
    """
    text = section.read_name(key)
    if text is None:
        return None
    if Path(text).suffix.lower() not in ENDINGS[key]:
        raise section.fault(
            key, f"expected a name that ends in {' or '.join(ENDINGS[key])}, got {text!r}"
        )
    return check_inside(section, key, text)


def check_inside(section, key, text):
    """Give the path of what is written at a place in the config file's folder.

    Raises
    ------
    ValueError
        If it leads out of the folder or through a link, or no file can have that name.
    """
    path, folder = Path(text), os.path.realpath(section.folder)
    straight = os.path.join(folder, path)
    if path.anchor or ".." in path.parts or os.path.realpath(straight) != straight:
        raise section.fault(
            key,
            f"expected a path in the folder of this file, without '..' and links, got "
            f"{os.fspath(text)!r}; only who runs it may name another, by --{key} of the command or "
            f"{key} of run_config",
        )
    try:
        os.lstat(straight)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise section.fault(key, error) from None
    return section.folder / path


def answers_folder(store):
    """Where answers of vision-language models are kept, beside a store; None beside none."""
    place = store.path if isinstance(store, ResultStore) else Path(store)
    return None if place is None else place.with_name(f"{place.stem}-answers")


def list_outputs(config, store, report, cache_dir):
    """List all that a run writes, one line each.

    Parameters
    ----------
    config : Config
    store, report, cache_dir : path-like or None
        As `run_config` takes them.

    Returns
    -------
    list of str
    """
    store = config.own_store() if store is None else store
    report = config.report if report is None else report
    lines = [f"{store}, and while it runs {Path(store).name}-wal and -shm or -journal beside it"]
    if report is not None:
        lines.append(str(report))
    if any(addresses(method) for method in config.methods.values()):
        lines.append(f"{answers_folder(store)}{os.sep}, answers of vision-language models")
    if config.descriptor is not None and cache_dir is not None:
        lines.append(f"{cache_dir}{os.sep}, features of clips")
    return [f"writes: {line}" for line in lines]
