"""What `cdmer doctor` looks at: every section gives lines (name, what was found, good or not).

The last is True, False where something that is there does not work, and None where nothing is
there that could be broken.
"""

import importlib
import os
import platform
import re
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

from cdmer import __version__

# Modules whose names are not those of the packages that bring them.
_MODULES = {
    "opencv-python": "cv2",
    "POT": "ot",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}
_SAME = {"opencv-python": "opencv-python-headless"}
_OF_DEVELOPERS = ("test", "all")


def software():
    """Versions of Python, cdmer and the libraries; which import."""
    lines = [
        ("Python", f"{platform.python_version()}, {platform.platform()}", True),
        ("cdmer", __version__, True),
    ]
    for package, least, extra in _requirements():
        lines.append((package, *_library(package, least, extra)))
    return lines


def _requirements():
    """Packages that cdmer names, with the least version, and the extra that brings them."""
    found = {}
    for text in metadata.requires("cdmer") or ():
        name, least, extra = re.fullmatch(
            r"([\w.-]+)(?:\[.*\])?\s*(?:>=\s*([\d.]+))?[^;]*(?:;.*?extra == [\"'](\w+)[\"'].*)?",
            text,
        ).groups()
        if extra not in _OF_DEVELOPERS:
            found.setdefault(name, (name, least, extra))
    return sorted(found.values(), key=lambda one: (one[2] or "", one[0].lower()))


def _library(package, least, extra):
    remedy = f'pip install "cdmer[{extra}]"' if extra else f"pip install {package}"
    version = _version(package) or _version(_SAME.get(package))
    if version is None:
        return f"missing: {remedy}", None if extra else False
    try:
        importlib.import_module(_MODULES.get(package, package.replace("-", "_")))
    except Exception as error:  # whatever it is, the library does not load
        return f"{version}, does not load: {type(error).__name__}: {one_line(error)}", False
    if least and _numbers(version) < _numbers(least):
        return f"{version}, expected {least} or later: {remedy}", False
    return version, True


def _version(package):
    try:
        return metadata.version(package) if package else None
    except metadata.PackageNotFoundError:
        return None


def _numbers(version):
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def devices():
    """Processors, memory, BLAS and GPUs."""
    import psutil
    from threadpoolctl import threadpool_info

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory()
    lines = [
        ("processors", f"{os.cpu_count()}, of which {usable} may be used", True),
        ("memory", f"{_size(memory.total)}, {_size(memory.available)} free", True),
    ]
    blas = {
        f"{pool['internal_api']} {pool['version']}, {pool['num_threads']} threads"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    }
    lines += [("BLAS", text, True) for text in sorted(blas)]
    return [*lines, ("CUDA", *_cuda())]


def _cuda():
    if _version("torch") is None:
        return 'torch is missing: pip install "cdmer[deep]"', None
    try:
        import torch

        if not torch.cuda.is_available():
            return f"none (torch {torch.__version__})", None
        # A product that is computed there: a driver that does not fit fails at the first one.
        product = (torch.ones(2, 2, device="cuda") @ torch.ones(2, 2, device="cuda")).sum().item()
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return f"{', '.join(names)} (CUDA {torch.version.cuda})", product == 8
    except Exception as error:  # drivers fail in many ways
        return f"{type(error).__name__}: {one_line(error)}", False


def data():
    """Which of the published features are there and are the published ones."""
    return [(name, *_published(file)) for name, file in _published_files().items()]


def _published_files():
    from cdmer._published_files import FILES

    return FILES


def _published(file):
    from cdmer._files.reading import read_regular
    from cdmer._published_files import MOST_BYTES, git_blob_id

    for folder in _data_folders():
        path = folder / file.name
        if os.path.lexists(path):
            try:
                good = git_blob_id(read_regular(path, MOST_BYTES)) == file.blob
            except (OSError, ValueError) as error:
                return f"{path}: {one_line(error)}", False
            return f"{path}" + ("" if good else ": not the published file; delete it"), good
    return "not there: `cdmer fetch` downloads it", None


def _data_folders():
    home = os.environ.get("CDMER_DATA")
    return [*([Path(home)] if home else []), _cache_folder()]


def _cache_folder():
    import pooch

    return Path(pooch.os_cache("cdmer"))


def disk():
    """Free space where caches and temporary files go."""
    folders = {"cache": _cache_folder(), "temporary files": Path(tempfile.gettempdir())}
    lines = []
    for name, folder in folders.items():
        there = next(one for one in (folder, *folder.parents) if one.exists())
        free = shutil.disk_usage(there).free
        writable = os.access(there, os.W_OK)
        text = f"{folder}: {_size(free)} free"
        lines.append((name, text if writable else f"{text}, cannot be written to", writable))
    return lines


def one_line(error):
    """What an error says, in one line."""
    return " ".join(str(error).split())


def _size(number):
    return f"{number / 2**30:.1f} GiB"
