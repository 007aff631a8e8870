"""LLVM text to objects, objects to addresses.

Compiling needs nothing of the running machine, so it can happen in worker processes; linking is done where
the code runs.  All addresses that objects need are handed in by name.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm


class CompileError(Exception):
    """LLVM refused our text: a bug here, shown with the offending line."""


@cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    # A region's loops have few addresses and many values: strength reduction makes more of them.
    llvm.set_option("tmesh", "-disable-lsr")


@cache
def identity() -> str:
    """What an object depends on besides its text: LLVM, host CPU and features."""
    _initialize()
    features = llvm.get_host_cpu_features().flatten()
    host = f"{llvm.get_process_triple()} {llvm.get_host_cpu_name()} {features}"
    return f"{llvmlite.__version__} {llvm.llvm_version_info} {host}"


@cache
def has(feature: str) -> bool:
    """Whether the host's processor has a feature, by LLVM's name."""
    return bool(llvm.get_host_cpu_features().get(feature))


@cache
def machine(codegen: int) -> Any:
    """The host's target machine at a code generation level 0–3."""
    _initialize()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=codegen,
        reloc="pic",
        codemodel="small",
    )


Level = int | tuple[str, ...]


def optimise(text: str, level: Level, codegen: int = 2) -> Any:
    """Parse and optimise; returns the llvmlite module.

    Level -1 does nothing, 0 only combines instructions, which is all that straight-line handlers gain from;
    1 to 3 are LLVM's; names are function passes of llvmlite's.
    """
    tm = machine(codegen)
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as e:
        raise CompileError(f"{e}") from None
    module.triple, module.data_layout = llvm.get_process_triple(), str(tm.target_data)
    if level == -1:
        return module
    names = ("instruction_combine",) if level == 0 else level
    tuning = llvm.create_pipeline_tuning_options(speed_level=names if isinstance(names, int) else 2)
    tuning.loop_vectorization = tuning.slp_vectorization = False
    builder = llvm.create_pass_builder(tm, tuning)
    if isinstance(names, int):
        builder.getModulePassManager().run(module, builder)
        return module
    passes = llvm.create_new_function_pass_manager()
    for name in names:
        getattr(passes, f"add_{name}_pass")()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)
    return module


def compile_text(text: str, level: Level = 1, codegen: int = 2) -> bytes:
    """LLVM text to a relocatable object of the host."""
    return bytes(machine(codegen).emit_object(optimise(text, level, codegen)))


class Linked:
    """Host code in place; keep the object alive as long as the code may run."""

    def __init__(self, tracker: Any, names: list[str]) -> None:
        self._tracker = tracker
        self.addresses = {name: tracker[name] for name in names}


class Linker:
    """Links objects into this process."""

    def __init__(self) -> None:
        _initialize()
        self._lljit = llvm.create_lljit_compiler(machine(2), use_jit_link=False)
        self._count = 0

    def link(self, obj: bytes, exports: list[str], imports: Mapping[str, int]) -> Linked:
        self._count += 1
        builder = llvm.JITLibraryBuilder().add_object_img(obj)
        for name, address in imports.items():
            builder.import_symbol(name, address)
        for name in exports:
            builder.export_symbol(name)
        builder.add_current_process()
        return Linked(builder.link(self._lljit, f"code{self._count}"), exports)


def pointers(address: int, count: int) -> list[int]:
    """The table of `count` pointers at a host address."""
    return list((ctypes.c_uint64 * count).from_address(address))
