"""The uncommon half of a memory access, as LLVM text: page crossings, TLB fills, devices, faults.

The common half, a soft-TLB hit, is in every handler and region (`llvm.emit.Emitter.tlb`).  Here, on a miss:

    slow_load, slow_store, slow_probe ─► access ─► locate ─► the machine's `translate` ─► RAM: fill the TLB
                                           │          └────► no RAM there: 0
                                           └─► the machine's `io` (Python): devices

`translate(mmu, va, fc, access) -> i64`: physical address; bit 63 refuses, bit 62 forbids caching.
`registers(mmu, va, desc, value) -> i64`: asked first about uncached devices, see Mmu.registers.
`io(phys, va, desc, value) -> i32`: desc = size | fc << 8 | operation << 16; 0 done (a read leaves
state.slow_value), 1 refused.  A page that holds translated code gets no write tag, so that stores are seen.
"""

from __future__ import annotations

from . import answers
from .access import ACCESS
from .isa import Model
from .mapping import CONTEXTS
from .state import TLB_ENTRIES, TLB_MODES

IO_READ, IO_WRITE, IO_CODE = 0, 1, 2
GRANULE_BITS = 7  # stores are told from code at this grain
READ, WRITE, EXECUTE = 0, 1, 2  # what `translate` is asked for …
PEEK = 3  # … and a look that must leave no trace in the MMU (debugger, code of a region)
CACHEABLE, PROGRAM_READ = 1 << 16, 1 << 17  # flags in the descriptor that handlers pass, above size | fc << 8
REFUSED, UNCACHED = 1 << 63, 1 << 62
ASK, FLUSH, NEW_CONTEXT = 1 << 63, 1 << 62, 1 << 61  # results of Mmu.registers

# Offsets within struct range and struct tlb.
_TEXT = """
define internal i64 @locate(ptr %st, i32 %va, i32 %fc, i32 %how, i1 %cacheable) noinline {
  %fnp = getelementptr i8, ptr %st, i64 $translate
  %fn = load ptr, ptr %fnp
  %mmup = getelementptr i8, ptr %st, i64 $mmu
  %mmu = load ptr, ptr %mmup
  %r = call i64 %fn(ptr %mmu, i32 %va, i32 %fc, i32 %how)
  %statusp = getelementptr i8, ptr %st, i64 $slow_status
  %refused = icmp slt i64 %r, 0
  br i1 %refused, label %no, label %yes
no:
  store i64 1, ptr %statusp
  ret i64 0
yes:
  store i64 0, ptr %statusp
  %phys = and i64 %r, 4611686018427387903
  %own = and i64 %r, 4611686018427387904
  %ownp = getelementptr i8, ptr %st, i64 $slow_own
  store i64 %own, ptr %ownp
  %physp = getelementptr i8, ptr %st, i64 $slow_phys
  store i64 %phys, ptr %physp
  %countp = getelementptr i8, ptr %st, i64 $range_count
  %count = load i64, ptr %countp
  br label %head
head:
  %i = phi i64 [ 0, %yes ], [ %i1, %other ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %look, label %none
none:
  ret i64 0
look:
  %rs = getelementptr i8, ptr %st, i64 $ranges
  %range = getelementptr [48 x i8], ptr %rs, i64 %i
  %base = load i64, ptr %range
  %sizep = getelementptr i8, ptr %range, i64 8
  %size = load i64, ptr %sizep
  %off = sub i64 %phys, %base
  %inside = icmp ult i64 %off, %size
  br i1 %inside, label %found, label %other
other:
  %i1 = add i64 %i, 1
  br label %head
found:
  %hostp = getelementptr i8, ptr %range, i64 16
  %host0 = load i64, ptr %hostp
  %host = add i64 %host0, %off
  %w = icmp eq i32 %how, 1
  br i1 %w, label %write, label %fill
write:
  %wp = getelementptr i8, ptr %range, i64 32
  %wok = load i64, ptr %wp
  %rom = icmp eq i64 %wok, 0
  br i1 %rom, label %none2, label %code
none2:
  ret i64 0
code:
  %codepp = getelementptr i8, ptr %range, i64 24
  %codebase = load ptr, ptr %codepp
  %pagenum = lshr i64 %off, $page
  %codep = getelementptr i8, ptr %codebase, i64 %pagenum
  %iscode = load i8, ptr %codep
  %clean = icmp eq i8 %iscode, 0
  br i1 %clean, label %fill, label %watched
watched:                                                 ; this page has translated code: is it here?
  %finepp = getelementptr i8, ptr %range, i64 40
  %fine = load ptr, ptr %finepp
  %g1 = lshr i64 %off, $granule
  %off7 = add i64 %off, 7
  %g2 = lshr i64 %off7, $granule
  %fp1 = getelementptr i8, ptr %fine, i64 %g1
  %fp2 = getelementptr i8, ptr %fine, i64 %g2
  %fb1 = load i8, ptr %fp1
  %fb2 = load i8, ptr %fp2
  %fb = or i8 %fb1, %fb2
  %beside = icmp eq i8 %fb, 0
  br i1 %beside, label %done, label %forget
forget:
  %iop = getelementptr i8, ptr %st, i64 $io
  %io = load ptr, ptr %iop
  %ignored = call i32 %io(i64 %phys, i32 %va, i32 131072, i64 0)
  br label %done
fill:
  %nocache = and i64 %r, 4611686018427387904
  %allowed = icmp eq i64 %nocache, 0
  %c = and i1 %allowed, %cacheable
  %offpage = and i64 %off, $pagemask64
  %last = add i64 %offpage, $page_size
  %whole = icmp ule i64 %last, %size
  %aligned64 = and i64 %base, $offmask64
  %aligned = icmp eq i64 %aligned64, 0
  %c2 = and i1 %c, %whole
  %c3 = and i1 %c2, %aligned
  br i1 %c3, label %enter, label %done
enter:
  %fillsp = getelementptr i8, ptr %st, i64 $tlb_fills
  %fills = load i64, ptr %fillsp
  %fills1 = add i64 %fills, 1
  store i64 %fills1, ptr %fillsp
  %modep = getelementptr i8, ptr %st, i64 $mode
  %mode = load i32, ptr %modep
  %m0 = mul i32 %mode, $tlb_entries
  %idx0 = lshr i32 %va, $page
  %idx1 = and i32 %idx0, $tlb_mask
  %idx = add i32 %m0, %idx1
  %idx64 = zext i32 %idx to i64
  %tlb = getelementptr i8, ptr %st, i64 $tlb
  %e = getelementptr [32 x i8], ptr %tlb, i64 %idx64
  %ap = getelementptr i8, ptr %e, i64 16
  %olda = load i64, ptr %ap
  %va64 = zext i32 %va to i64
  %newa = sub i64 %host, %va64
  %wtagp = getelementptr i8, ptr %e, i64 4
  %xtagp = getelementptr i8, ptr %e, i64 8
  %same = icmp eq i64 %olda, %newa
  br i1 %same, label %tag, label %fresh
fresh:
  store i32 -1, ptr %e
  store i32 -1, ptr %wtagp
  store i32 -1, ptr %xtagp
  store i64 %newa, ptr %ap
  br label %tag
tag:
  %page_va = and i32 %va, $pagemask32
  %x = icmp eq i32 %how, 2
  %tp0 = select i1 %w, ptr %wtagp, ptr %e
  %tp = select i1 %x, ptr %xtagp, ptr %tp0
  store i32 %page_va, ptr %tp
  br label %done
done:
  ret i64 %host
}
"""


def fill(text: str, model: Model, page_bits: int, **more: object) -> str:
    """Replace `$name` by state offsets and by the constants of this build."""
    values: dict[str, object] = dict(model.isa.layout.offsets)
    size = 1 << page_bits
    values.update(
        page=page_bits,
        granule=GRANULE_BITS,
        page_size=size,
        pagemask32=-size,
        pagemask64=-size,
        offmask64=size - 1,
        tlb_entries=TLB_ENTRIES,
        tlb_mask=TLB_ENTRIES - 1,
        tlb_bytes=TLB_ENTRIES * TLB_MODES * 32,
        tlb_total=TLB_ENTRIES * TLB_MODES,
        contexts=CONTEXTS,
        aligned=model.aligned,
        align_mask=model.aligned - 1,
        big="true" if model.isa.big_endian else "false",
        **more,
    )
    for name in sorted(values, key=len, reverse=True):  # longest first: $fetch_va before $fetch
        text = text.replace("$" + name, str(values[name]))
    return text


def text(model: Model, page_bits: int) -> str:
    """The slow half of memory accesses for one CPU model and granule."""
    order = "".join(
        f"define internal i{w} @order.i{w}(i{w} %x) alwaysinline {{\n"
        + (
            f"  %y = call i{w} @llvm.bswap.i{w}(i{w} %x)\n  ret i{w} %y\n"
            if model.isa.big_endian
            else f"  ret i{w} %x\n"
        )
        + "}\n"
        for w in (16, 32, 64)
    )
    order += "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)\n"
    return order + fill(_TEXT + answers.text(model) + ACCESS, model, page_bits)
