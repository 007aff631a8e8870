"""LLVM text to objects, and objects to addresses where translator.linker cannot do it.

Compiling needs nothing of the running machine, so it can happen in worker processes; linking is done where
the code runs. LLVM is loaded when it is first wanted: a machine whose code is in the cache never does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite

HOST = (
    *("vendor_id", "cpu family", "model", "model name", "stepping", "flags"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features"),
)
"""Lines of /proc/cpuinfo that tell one kind of processor from another, on x86 and ARM."""


class CompileError(Exception):
    """LLVM refused our text: a bug here, shown with the offending line."""


@cache
def _llvm() -> Any:
    """LLVM, ready for this host."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    # A region's loops have few addresses and many values: strength reduction makes more of them.
    llvm.set_option("tmesh", "-disable-lsr")
    return llvm


@cache
def identity() -> str:
    """What an object depends on besides its text: LLVM, host CPU and features."""
    return f"{llvmlite.__version__} {_processor()}"


def _processor() -> str:
    """The host's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().partition("\n\n")[0].splitlines()
    except OSError:
        llvm = _llvm()
        features = llvm.get_host_cpu_features().flatten()
        return f"{sys.platform} {llvm.get_host_cpu_name()} {features}"
    kept = (line for line in lines if line.split("\t")[0] in HOST)
    return f"{sys.platform} {' '.join(kept)}"


@cache
def has(feature: str) -> bool:
    """Whether the host's processor has a feature, by LLVM's name."""
    return bool(_llvm().get_host_cpu_features().get(feature))


@cache
def machine(codegen: int) -> Any:
    """The host's target machine at a code generation level 0–3."""
    llvm = _llvm()
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
    llvm, tm = _llvm(), machine(codegen)
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

    def __init__(self, tracker: Any, names: Sequence[str]) -> None:
        self._tracker = tracker
        self.addresses = {name: tracker[name] for name in names}


class Linker:
    """LLVM's linker."""

    def __init__(self) -> None:
        self._lljit = _llvm().create_lljit_compiler(machine(2), use_jit_link=False)
        self._count = 0

    def link(self, objects: Sequence[bytes], exports: Sequence[str]) -> Linked:
        """Put objects that know each other by name in place."""
        self._count += 1
        builder = _llvm().JITLibraryBuilder()
        for obj in objects:
            builder.add_object_img(obj)
        for name in exports:
            builder.export_symbol(name)
        builder.add_current_process()
        return Linked(builder.link(self._lljit, f"code{self._count}"), exports)
