"""What a value is and what code it runs, as hashes that are the same in every process.

A model, an algorithm or a method is its class, its fields and the code of its methods. Code is compared as bytecode:
comments, docstrings, annotations and formatting do not count, an edited formula does. Libraries (whatever is installed
beside the package) count by name; their versions are compared separately.
"""

import dataclasses
import functools
import inspect
import re
import site
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from solvable.io.hashing import sha

HOUSE = __name__.partition(".")[0]
PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), slice, range)
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_BY_PYTHON = ("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__")
_FIRST_DOCSTRING = 0x4000000  # code flag of Python 3.13: the first constant is the docstring


def array_bytes(x: object) -> bytes:
    """Type, shape and bits of an array; a random key by its data."""
    if isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return str(jax.random.key_impl(x)).encode() + array_bytes(jax.random.key_data(x))
    x = np.asarray(x)
    return f"{x.dtype.str}{x.shape}".encode() + np.ascontiguousarray(x).tobytes()


def fingerprint(value: object) -> str:
    """Hash of a value: arrays by their bits, objects by class and fields, functions by code, defaults and closure."""
    return sha(_Reader().describe(value))


def code_of(*values: object, user_code_alone: bool = False) -> dict[str, str]:
    """The code that the values can run: qualified name of every class and function -> hash.

    From the values' classes and functions it follows every name that their code reads in its modules, as far as the
    user's own modules and this package go. With ``user_code_alone`` neither this package's code counts, nor data that
    functions hold.
    """
    reader = _Reader(user_code_alone)
    for value in values:
        reader.describe(value)
    while reader.ahead:
        reader.ahead.pop()()
    return {name: sha(*sorted(hashes)) for name, hashes in sorted(reader.code.items())}


_SEEN: WeakKeyDictionary[type, dict[str, str]] = WeakKeyDictionary()


def edited_since(*classes: type) -> bool:
    """Whether the code of a user's class changed since it was asked for the last time, edited in place.

    A class that is defined again is another class, which no compiled program knows. The package's own classes are not
    looked into.
    """
    edited = False
    for cls in classes:
        if _top(cls.__module__) != HOUSE:
            now = code_of(cls, user_code_alone=True)
            edited |= _SEEN.get(cls, now) != now
            _SEEN[cls] = now
    return edited


class _Reader:
    """Describes values as JSON, and collects the code they can run.

    Attributes:
        code: qualified name -> hashes of the code that goes by that name.
        ahead: classes and functions that were met and not looked into yet.
    """

    def __init__(self, user_code_alone: bool = False):
        self.user_code_alone = user_code_alone
        self.code: dict[str, set[str]] = {}
        self.ahead: list[Callable[[], None]] = []
        self._met: dict[int, object] = {}  # kept alive, so that no two have one id
        self._open: list[int] = []  # values that are being described, for those that hold themselves

    def describe(self, value: object) -> object:
        """A value as JSON."""
        if isinstance(value, PLAIN):
            return [type(value).__name__, repr(value)]
        if id(value) in self._open:
            return ["itself", len(self._open) - self._open.index(id(value))]
        self._open.append(id(value))
        try:
            return self._described(value)
        finally:
            self._open.pop()

    def _described(self, value: object) -> object:
        if isinstance(value, jax.Array | np.ndarray | np.generic):
            # An array of objects has addresses in place of bits.
            return ["array", sha(array_bytes(value)) if value.dtype != object else self.describe(value.tolist())]
        if isinstance(value, type):
            self.meet(value)
            return ["class", _name(value)]
        if isinstance(value, ModuleType):
            return ["module", value.__name__]
        if isinstance(value, Mapping):
            return ["mapping", [[self.describe(k), self.describe(v)] for k, v in value.items()]]
        if isinstance(value, set | frozenset):
            return ["set", sorted(sha(self.describe(x)) for x in value)]
        if isinstance(value, list | tuple):
            return [self.describe(type(value)), [self.describe(x) for x in value]]
        if isinstance(value, Enum):
            return [self.describe(type(value)), value.name]
        function = _function(value)
        if function is not None:
            return self._of_function(function)
        if isinstance(value, MethodType):
            return ["method", self.describe(value.__func__), self.describe(value.__self__)]
        if isinstance(value, functools.partial):
            return ["partial", *(self.describe(x) for x in (value.func, value.args, value.keywords))]
        if isinstance(value, CodeType):
            return self._of_code(value)
        return self._of_object(value)

    def _of_object(self, value: object) -> object:
        fields = {}
        if dataclasses.is_dataclass(value):
            fields = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        elif isinstance(getattr(value, "__dict__", None), dict) and not isinstance(value, BuiltinFunctionType):
            fields = vars(value)
        stated = [[name, self.describe(x)] for name, x in fields.items()]
        return [self.describe(type(value)), stated or _ADDRESS.sub("", repr(value))]

    def _of_function(self, function: FunctionType) -> object:
        self.meet(function)
        cells = [self._held(x) for x in _contents(function)]
        given = [self.describe(function.__defaults__), self.describe(function.__kwdefaults__)]
        return ["function", _name(function), self._of_code(function.__code__), given, cells]

    def _held(self, value: object) -> object:
        """What a function holds in its closure or reads in its module: code, and data where that counts."""
        return None if self.user_code_alone and not callable(value) else self.describe(value)

    def _of_code(self, code: CodeType) -> object:
        constants = code.co_consts
        has_docstring = code.co_flags & _FIRST_DOCSTRING if sys.version_info >= (3, 13) else code.co_name[0] != "<"
        if has_docstring and constants and isinstance(constants[0], str):
            constants = (None, *constants[1:])
        names = [*code.co_names, "", *code.co_varnames, "", *code.co_freevars]
        return [code.co_code.hex(), code.co_flags & ~_FIRST_DOCSTRING, names, [self.describe(x) for x in constants]]

    def meet(self, thing: type | FunctionType) -> None:
        """Remember to look into a class or a function, unless it is a library's or was met before."""
        module = getattr(thing, "__module__", None)
        if id(thing) in self._met or _of_library(module) or (self.user_code_alone and _top(module) == HOUSE):
            return
        self._met[id(thing)] = thing
        self.ahead.append(lambda: self._keep(_name(thing), self._look_into(thing)))

    def _keep(self, name: str, description: object) -> None:
        self.code.setdefault(name, set()).add(sha(description))

    def _look_into(self, thing: type | FunctionType) -> object:
        return self._look_into_class(thing) if isinstance(thing, type) else self._look_into_function(thing)

    def _look_into_class(self, cls: type) -> object:
        for base in cls.__bases__:
            self.meet(base)
        own = {name: x for name, x in vars(cls).items() if name not in _BY_PYTHON}
        own = {name: x for name, x in own.items() if not name.startswith("__") or _function(x) is not None}
        parts = [[name, self._of_attribute(x)] for name, x in own.items() if not name.startswith("_abc_")]
        return [[_name(base) for base in cls.__bases__], parts]

    def _of_attribute(self, x: object) -> object:
        """What stands in a class: functions however they are wrapped, and plain values."""
        inner = [f for f in (getattr(x, name, None) for name in ("fget", "fset", "func")) if f is not None]
        return [self._entered(f) for f in inner] or self._entered(x)

    def _entered(self, x: object) -> object:
        function = _function(x)
        return self.describe(x) if function is None else [self.describe(function), self._look_into_function(function)]

    def _look_into_function(self, function: FunctionType) -> object:
        """The function, and whatever its code reads in its module."""
        found = []
        for name in sorted(_names(function.__code__)):
            if name not in function.__globals__:
                continue
            value = function.__globals__[name]
            if isinstance(value, ModuleType):
                if not _of_library(value.__name__):
                    read = sorted(_names(function.__code__) & vars(value).keys())
                    found += [[f"{name}.{inner}", self._named(vars(value)[inner])] for inner in read]
            elif not _of_library(getattr(value, "__module__", None)):
                found.append([name, self._named(value)])
        return [self.describe(function), found]

    def _named(self, value: object) -> object:
        """What a name stands for: a class or a function by its own name, its code being looked into apart."""
        thing = value if isinstance(value, type) else _function(value)
        if thing is None:
            return self._held(value)
        self.meet(thing)
        return _name(thing)


def _function(value: object) -> FunctionType | None:
    """The Python function in a static method, a class method or a compiled or cached function; None in others."""
    while not isinstance(value, FunctionType):
        inner = getattr(value, "__wrapped__", None) or getattr(value, "__func__", None)
        if inner is None or isinstance(value, type | MethodType):
            return None
        value = inner
    return value


def _contents(function: FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            yield None


def _names(code: CodeType) -> set[str]:
    """Global names and attributes that code reads, in functions inside it too."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found


def _name(thing: object) -> str:
    module = str(getattr(thing, "__module__", "")).replace("__mp_main__", "__main__")  # its name in spawned processes
    return f"{module}.{getattr(thing, '__qualname__', repr(thing))}"


def _top(module: str | None) -> str:
    """The name of a module's topmost package."""
    return (module or "builtins").partition(".")[0]


@functools.cache
def _of_library(module: str | None) -> bool:
    """Whether a module is Python's own or installed beside this package, by the name of its topmost package."""
    top = _top(module)
    if top in (HOUSE, "__main__", "__mp_main__"):
        return False
    if top in sys.stdlib_module_names or top == "builtins":
        return True
    file = getattr(sys.modules.get(top), "__file__", None)
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()}
    folders.add(site.getusersitepackages())
    return file is not None and any(inspect.getfile(sys.modules[top]).startswith(folder) for folder in folders)
