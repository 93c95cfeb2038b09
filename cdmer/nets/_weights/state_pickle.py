"""The pickle of a state dict, read as a list of instructions: nothing is imported or called."""

import pickletools
from collections import OrderedDict
from dataclasses import dataclass

import torch

from cdmer.nets._weights.entry import are_sizes, extent

# Enough for 14,000 tensors.
MOST_BYTES = 2**21
_STORAGES = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.ComplexDoubleStorage": torch.complex128,
    "torch.ComplexFloatStorage": torch.complex64,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
_DICT, _PARAMETER = "collections.OrderedDict", "torch._utils._rebuild_parameter"
_TENSORS = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
_KNOWN = {_DICT, _PARAMETER, *_TENSORS, *_STORAGES}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_ARGUMENTS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINSTRING"),
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Global(str):
    """Name of what a pickle would import."""


@dataclass
class Storage:
    """Numbers that tensors share.

    Parameters
    ----------
    dtype : torch.dtype
    key : str
    size : int
        Number of numbers.
    """

    dtype: torch.dtype
    key: str
    size: int


@dataclass(frozen=True)
class View:
    """A tensor: some numbers of a storage.

    Parameters
    ----------
    storage : Storage
    start : int
        Position of its first number.
    shape, stride : tuple of int
    """

    storage: Storage
    start: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_pickle(stream):
    """Read one pickle of plain values and tensors.

    Parameters
    ----------
    stream : io.BytesIO
        Left after the pickle's end.

    Returns
    -------
    content : object
        Tensors are a View each.
    storages : dict of str to Storage
        All that it mentions.

    Raises
    ------
    ValueError
        If it holds anything else, or is damaged.
    """
    machine = _Machine()
    try:
        for instruction, argument, _ in pickletools.genops(stream):
            if instruction.name == "STOP":
                break
            machine.do(instruction.name, argument)
        return machine.stack.pop(), machine.storages
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"its pickle is damaged ({error})") from error


class _Machine:
    def __init__(self):
        self.stack, self.marks, self.memo, self.storages = [], [], {}, {}

    def do(self, name, argument):
        stack, memo = self.stack, self.memo
        if name in _ARGUMENTS:
            stack.append(argument)
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            stack.append(tuple(self._pop(_TUPLES[name])))
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(tuple(self._pop_marked()))
        elif name in ("APPEND", "APPENDS"):
            items = self._pop(1) if name == "APPEND" else self._pop_marked()
            _of(list, stack[-1]).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self._pop(2) if name == "SETITEM" else self._pop_marked()
            _fill(_of(dict, stack[-1]), zip(items[::2], items[1::2], strict=True))
        elif name == "GLOBAL":
            stack.append(_known(argument.replace(" ", ".", 1)))
        elif name == "STACK_GLOBAL":
            stack.append(_known(".".join(self._pop(2))))
        elif name == "REDUCE":
            stack.append(_reduced(*self._pop(2)))
        elif name == "BINPERSID":
            stack.append(self._storage(stack.pop()))
        elif name == "BUILD":
            stack.pop()  # versions of layers, kept as attributes of a dict
            _of(dict, stack[-1])
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"it holds the pickle's instruction {name}, which tensors do without")

    def _pop(self, n):
        if len(self.stack) < n:
            raise IndexError("too few values")
        items = self.stack[-n:]
        del self.stack[-n:]
        return items

    def _pop_marked(self):
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def _storage(self, saved):
        # A view of a storage comes last in files of torch before 1.6, as None since 0.4.
        if type(saved) is not tuple or len(saved) not in (5, 6) or saved[5:] not in ((), (None,)):
            raise TypeError("a storage of an unknown kind")
        what, kind, key, _, size = saved[:5]
        good = type(what) is str and what == "storage" and type(key) is str
        if not good or type(kind) is not _Global or type(size) is not int or size < 0:
            raise TypeError("a storage of an unknown kind")
        storage = self.storages.setdefault(key, Storage(_STORAGES[kind], key, size))
        if (storage.dtype, storage.size) != (_STORAGES[kind], size):
            raise ValueError(f"its storage {key!r:.40} has two types or sizes")
        return storage


def _known(name):
    if name not in _KNOWN:
        why = "makes no plain tensor" if name.startswith("torch._") else "could run code"
        raise ValueError(f"it holds {name:.80}, which {why}")
    return _Global(name)


def _of(kind, value):
    if not isinstance(value, kind):
        raise TypeError(f"expected a {kind.__name__}, got {type(value).__name__}")
    return value


def _fill(target, pairs):
    for key, value in pairs:
        # Others may take for ever to be hashed, or end the process.
        if type(key) not in (str, int):
            raise TypeError(f"expected names as keys, got {type(key).__name__}")
        target[key] = value


def _reduced(function, arguments):
    if type(function) is not _Global or type(arguments) is not tuple:
        raise TypeError("a call of something else than a function")
    if function == _DICT:
        made = OrderedDict()
        for pairs in arguments:  # one list of pairs where Python 2 wrote it, else nothing
            _fill(made, [(key, value) for key, value in _of(list, pairs)])
        return made
    if function == _PARAMETER:
        return _of(View, arguments[0])
    if function not in _TENSORS:
        raise TypeError(f"a call of {function}")
    storage, start, shape, stride = arguments[:4]
    good = are_sizes((start,)) and are_sizes(shape) and are_sizes(stride)
    if not good or len(shape) != len(stride) or not isinstance(storage, Storage):
        raise TypeError("a tensor of an unknown kind")
    if 0 not in shape and start + extent(shape, stride) > storage.size:
        raise ValueError(
            f"a tensor reaches beyond the {storage.size} numbers of storage {storage.key!r:.40}"
        )
    return View(storage, start, tuple(shape), tuple(stride))
