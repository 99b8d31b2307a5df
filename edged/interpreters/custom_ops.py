"""Custom operators from a user's library, in either runtime, through TensorFlow Lite's C ABI alone.

A library exports, for each operator, a function without arguments that returns its `TfLiteRegistration`, as TensorFlow Lite's
own kernels do (``TfLiteRegistration* Register_MY_OP()``). The runtimes' own interface for custom operators, a function that
receives a C++ `MutableOpResolver`, does not work in ai-edge-litert, which does not export that class.

So the operators are installed through a delegate, because a delegate can read every node and its registration. This delegate
takes no node; where the runtime has left one unresolved, it writes the library's functions into its registration. From then on
the runtime calls them like its own, without any code of edged in between.
"""

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edged.errors import ModelError

_CUSTOM = 32
"""`BuiltinOperator_CUSTOM` of TensorFlow Lite's schema."""
_ALLOW_DYNAMIC_TENSORS = 1
"""Without this flag the graph is prepared before the delegate runs, and an unresolved operator fails."""

_Pointer = ctypes.c_void_p


class _Registration(ctypes.Structure):
    """The head of `TfLiteRegistration`, tensorflow/lite/core/c/common.h."""

    _fields_ = (
        ("init", _Pointer),
        ("free", _Pointer),
        ("prepare", _Pointer),
        ("invoke", _Pointer),
        ("profiling_string", _Pointer),
        ("builtin_code", ctypes.c_int32),
        ("custom_name", _Pointer),
    )


class _Node(ctypes.Structure):
    """The head of `TfLiteNode`."""

    _fields_ = (
        ("tensors", _Pointer * 4),
        ("user_data", _Pointer),
        ("builtin_data", _Pointer),
        ("custom_initial_data", _Pointer),
        ("custom_initial_data_size", ctypes.c_int),
    )


class _IntArray(ctypes.Structure):
    """`TfLiteIntArray`."""

    _fields_ = (("size", ctypes.c_int), ("nodes", ctypes.c_int * 0))


_GetExecutionPlan = ctypes.CFUNCTYPE(
    ctypes.c_int, _Pointer, ctypes.POINTER(ctypes.POINTER(_IntArray))
)
_GetNode = ctypes.CFUNCTYPE(
    ctypes.c_int,
    _Pointer,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Node)),
    ctypes.POINTER(ctypes.POINTER(_Registration)),
)
_Init = ctypes.CFUNCTYPE(_Pointer, _Pointer, _Pointer, ctypes.c_size_t)


class _Context(ctypes.Structure):
    """The head of `TfLiteContext`."""

    _fields_ = (
        ("tensors_size", ctypes.c_size_t),
        ("get_execution_plan", _GetExecutionPlan),
        ("tensors", _Pointer),
        ("impl", _Pointer),
        ("resize_tensor", _Pointer),
        ("report_error", _Pointer),
        ("add_tensors", _Pointer),
        ("get_node_and_registration", _GetNode),
    )


_Prepare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Context), _Pointer)


class _Delegate(ctypes.Structure):
    """`TfLiteDelegate`."""

    _fields_ = (
        ("data", _Pointer),
        ("prepare", _Prepare),
        ("copy_from_buffer_handle", _Pointer),
        ("copy_to_buffer_handle", _Pointer),
        ("free_buffer_handle", _Pointer),
        ("flags", ctypes.c_int64),
        ("opaque_delegate_builder", _Pointer),
    )


class CustomOps:
    """The configured custom operators, in the form of the runtimes' own `Delegate`; it must live as long as the interpreter."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """Load the libraries and call their functions to get the operators.

        Args:
            sources: an operator's name in the model -> ``LIBRARY:FUNCTION``.

        Raises:
            ModelError: a library cannot be loaded, or has no such operator.
        """
        self._registrations = {
            name.encode(): _load_registration(name, source) for name, source in sources.items()
        }
        self._delegate = _Delegate(prepare=_Prepare(self._prepare), flags=_ALLOW_DYNAMIC_TENSORS)

    def _get_native_delegate_pointer(self) -> int:
        """Return the address of the delegate; the runtimes' `Interpreter` calls this method of a delegate."""
        return ctypes.addressof(self._delegate)

    def _prepare(self, context: Any, delegate: int | None) -> int:
        """Install the operators in one subgraph; the runtime calls this as `TfLiteDelegate.Prepare`."""
        del delegate
        plan = ctypes.POINTER(_IntArray)()
        if status := context.contents.get_execution_plan(context, plan):
            return int(status)
        nodes = ctypes.cast(plan.contents.nodes, ctypes.POINTER(ctypes.c_int))
        for index in nodes[: plan.contents.size]:
            node, registration = ctypes.POINTER(_Node)(), ctypes.POINTER(_Registration)()
            get_node = context.contents.get_node_and_registration
            if status := get_node(context, index, node, registration):
                return int(status)
            if replacement := self._find_registration(registration.contents):
                _install_registration(context, node.contents, registration.contents, replacement)
        return 0

    def _find_registration(self, registration: _Registration) -> _Registration | None:
        resolved = registration.init or registration.free or registration.prepare
        if registration.builtin_code != _CUSTOM or resolved:
            return None
        return self._registrations.get(ctypes.string_at(registration.custom_name))


def _install_registration(
    context: Any, node: _Node, registration: _Registration, replacement: _Registration
) -> None:
    """Set up a node as the runtime does for an operator that it knows."""
    for field in ("init", "free", "prepare", "invoke", "profiling_string"):
        setattr(registration, field, getattr(replacement, field))
    if replacement.init:
        size = node.custom_initial_data_size
        node.user_data = _Init(replacement.init)(context, node.custom_initial_data, size)


def _load_registration(name: str, source: str) -> _Registration:
    setting = f"model.custom_ops.{name}"
    path, _, symbol = source.rpartition(":")
    function = _load_function(path, symbol, setting)
    function.argtypes, function.restype = (), _Pointer
    address = function()
    registration = (
        _Registration.from_address(address) if _has_permission(address, "r") else _Registration()
    )
    if not _has_permission(registration.invoke, "x"):
        raise ModelError(
            f"{setting}: {symbol} of {path} does not return a TfLiteRegistration with an `invoke`"
        )
    return registration


def _load_function(path: str, symbol: str, setting: str) -> Any:
    try:
        function = getattr(ctypes.CDLL(path), symbol)
    except OSError as error:
        raise ModelError(f"{setting}: cannot load the library {path}: {error}") from error
    except AttributeError as error:
        raise ModelError(f"{setting}: {path} does not export {symbol}") from error
    if not _has_permission(ctypes.cast(function, _Pointer).value, "x"):
        raise ModelError(f"{setting}: {symbol} of {path} is not a function")
    return function


def _has_permission(address: int | None, permission: str) -> bool:
    """Return whether this process has a permission (``r``, ``w``, ``x``) at an address: a library may return any address."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        interval, rights = line.split(maxsplit=2)[:2]
        start, end = (int(bound, 16) for bound in interval.split("-"))
        if start <= (address or 0) < end:
            return permission in rights
    return False
