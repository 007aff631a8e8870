"""Pages of guest memory in windows, as LLVM text: shown there, made read-only, taken away (fastmem.py).

    fill    a fault at an address in a window: the page is put there if the MMU and the memory let this access
            through; the handler of SIGSEGV (translator.segv) asks for it, in the middle of a region
    flush   all windows are empty again
    hide    a range of addresses is empty again in the windows of one context
    revoke  a page of host memory goes from all windows, or can only be read there

`fill` calls the machine's own native `translate`, as the interpreter would for this access, and nothing else.

    struct record { ptr arena; i64 span; ptr state; ptr log; i64 count, capacity, maps, exits;       0 .. 56
                    ptr slow; i64 slow_count; i32 page_bits, fc[2], flat; i64 failures;              64 .. 96
                    i16 aligned: accesses of so many bytes stay within a page; }                     104
    log: { i64 address in a window, i64 host page }          slow: addresses of guest instructions, mode << 32

System calls are by number, those of Linux on x86-64.
"""

from __future__ import annotations

from .llvm.fast import GUARD
from .state import TLB_ENTRIES, Layout

CONTEXTS = 16  # that have windows; what is beyond shares one that stays empty
STRIDE = (1 << 32) + 2 * GUARD
ROWS = 2 * CONTEXTS + 1  # context * 2 + mode; the last is the empty one

SYSTEM = """
define internal i64 @system(i64 %n, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f) noinline {
  %r = call i64 asm sideeffect "syscall",
    "={rax},{rax},{rdi},{rsi},{rdx},{r10},{r8},{r9},~{rcx},~{r11},~{memory}"(
    i64 %n, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f)
  ret i64 %r
}
"""
_TEXT = """
; Show the page of a fault in its window, if the MMU and the memory let this access through.
define internal i1 @fill(ptr %rec, i64 %off, i1 %write, i16 %size) noinline {
entry:
  %row = udiv i64 %off, $stride
  %within = urem i64 %off, $stride
  %va64 = sub i64 %within, $guard
  %ok1 = icmp ult i64 %va64, 4294967296
  %ok2 = icmp ult i64 %row, $last_row
  %ok = and i1 %ok1, %ok2
  br i1 %ok, label %own, label %no
own:
  %statep = getelementptr i8, ptr %rec, i64 16
  %st = load ptr, ptr %statep
  %mode64 = and i64 %row, 1
  %mode = trunc i64 %mode64 to i32
  %ctx64 = lshr i64 %row, 1
  %ctx = trunc i64 %ctx64 to i32
  %modep = getelementptr i8, ptr %st, i64 $mode
  %modenow = load i32, ptr %modep
  %ctxp = getelementptr i8, ptr %st, i64 $mmu_context
  %ctxnow = load i32, ptr %ctxp
  %m = icmp eq i32 %mode, %modenow
  %c = icmp eq i32 %ctx, %ctxnow
  %both = and i1 %m, %c
  br i1 %both, label %page, label %no
page:
  %pbp = getelementptr i8, ptr %rec, i64 80
  %pb = load i32, ptr %pbp
  %pb64 = zext i32 %pb to i64
  %bytes = shl i64 1, %pb64
  %omask = sub i64 %bytes, 1
  %pmask = xor i64 %omask, -1
  %va = trunc i64 %va64 to i32
  %in = and i64 %va64, %omask
  %va_page = sub i64 %va64, %in
  %begins = icmp eq i64 %in, 0
  %withinp = getelementptr i8, ptr %rec, i64 104
  %withins = load i16, ptr %withinp
  %wide = icmp ugt i16 %size, %withins
  %maybe = and i1 %begins, %wide
  br i1 %maybe, label %second, label %ask
second:                                ; perhaps the end of an access that began in the page before, which the
  %pn = lshr i32 %va, %pb               ; MMU has to be asked about first: wait for the interpreter to do it
  %slot = and i32 %pn, $tlb_mask
  %m0 = mul i32 %mode, $tlb_entries
  %index = add i32 %slot, %m0
  %index64 = zext i32 %index to i64
  %tlb = getelementptr i8, ptr %st, i64 $tlb
  %entryp = getelementptr [32 x i8], ptr %tlb, i64 %index64
  %wtagp = getelementptr i8, ptr %entryp, i64 4
  %tagp = select i1 %write, ptr %wtagp, ptr %entryp
  %tag = load i32, ptr %tagp
  %va_page32 = trunc i64 %va_page to i32
  %filled = icmp eq i32 %tag, %va_page32
  br i1 %filled, label %ask, label %no
ask:
  %fcp0 = getelementptr i8, ptr %rec, i64 84
  %fcp = getelementptr i32, ptr %fcp0, i64 %mode64
  %fc = load i32, ptr %fcp
  %how = zext i1 %write to i32
  %trp = getelementptr i8, ptr %st, i64 $translate
  %tr = load ptr, ptr %trp
  %mmup = getelementptr i8, ptr %st, i64 $mmu
  %mmu = load ptr, ptr %mmup
  %r = call i64 %tr(ptr %mmu, i32 %va, i32 %fc, i32 %how)
  %plain = icmp ult i64 %r, 4611686018427387904
  br i1 %plain, label %ranges, label %no
ranges:
  %countp = getelementptr i8, ptr %st, i64 $range_count
  %count = load i64, ptr %countp
  br label %head
head:
  %i = phi i64 [ 0, %ranges ], [ %i1, %other ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %look, label %no
look:
  %rs = getelementptr i8, ptr %st, i64 $ranges
  %range = getelementptr [48 x i8], ptr %rs, i64 %i
  %base = load i64, ptr %range
  %rsizep = getelementptr i8, ptr %range, i64 8
  %rsize = load i64, ptr %rsizep
  %at = sub i64 %r, %base
  %inside = icmp ult i64 %at, %rsize
  br i1 %inside, label %found, label %other
other:
  %i1 = add i64 %i, 1
  br label %head
found:
  %at_page = and i64 %at, %pmask
  %end = add i64 %at_page, %bytes
  %whole = icmp ule i64 %end, %rsize
  %askew = and i64 %base, %omask
  %aligned = icmp eq i64 %askew, 0
  %hostp = getelementptr i8, ptr %range, i64 16
  %host0 = load i64, ptr %hostp
  %hostlow = and i64 %host0, 4095
  %hostok = icmp eq i64 %hostlow, 0
  %w1 = and i1 %whole, %aligned
  %w2 = and i1 %w1, %hostok
  br i1 %w2, label %may, label %no
may:
  %wp = getelementptr i8, ptr %range, i64 32
  %wr = load i64, ptr %wp
  %writable = icmp ne i64 %wr, 0
  %codepp = getelementptr i8, ptr %range, i64 24
  %codebase = load ptr, ptr %codepp
  %pagenum = lshr i64 %at, %pb64
  %codep = getelementptr i8, ptr %codebase, i64 %pagenum
  %iscode = load i8, ptr %codep
  %clean = icmp eq i8 %iscode, 0
  %storable = and i1 %writable, %clean
  %reading = xor i1 %write, true
  %fine = or i1 %reading, %storable
  br i1 %fine, label %room, label %no
room:
  %lcp = getelementptr i8, ptr %rec, i64 32
  %lcap = getelementptr i8, ptr %rec, i64 40
  %lc = load i64, ptr %lcp
  %cap = load i64, ptr %lcap
  %full = icmp uge i64 %lc, %cap
  br i1 %full, label %empty, label %map
empty:
  call void @fast_flush(ptr %rec)
  br label %map
map:
  %host = add i64 %host0, %at_page
  %arena = load i64, ptr %rec
  %off_page = sub i64 %off, %in
  %target = add i64 %arena, %off_page
  %got = call i64 @system(i64 25, i64 %host, i64 0, i64 %bytes, i64 3, i64 %target, i64 0)    ; mremap: again
  %there = icmp eq i64 %got, %target
  br i1 %there, label %mapped, label %failed
failed:
  %fp = getelementptr i8, ptr %rec, i64 96
  %f = load i64, ptr %fp
  %f1 = add i64 %f, 1
  store i64 %f1, ptr %fp
  br label %no
mapped:
  %flatp = getelementptr i8, ptr %rec, i64 92
  %flat = load i32, ptr %flatp
  %isflat = icmp ne i32 %flat, 0
  %open = or i1 %isflat, %write                          ; a flat MMU keeps no account of pages written to
  %rw = and i1 %open, %storable
  br i1 %rw, label %note, label %protect
protect:
  %pr = call i64 @system(i64 10, i64 %target, i64 %bytes, i64 1, i64 0, i64 0, i64 0)     ; mprotect: read
  br label %note
note:
  %lcn = load i64, ptr %lcp
  %logp = getelementptr i8, ptr %rec, i64 24
  %log = load ptr, ptr %logp
  %e = getelementptr [2 x i64], ptr %log, i64 %lcn
  store i64 %target, ptr %e
  %eh = getelementptr i8, ptr %e, i64 8
  store i64 %host, ptr %eh
  %lcn1 = add i64 %lcn, 1
  store i64 %lcn1, ptr %lcp
  %mp = getelementptr i8, ptr %rec, i64 48
  %maps = load i64, ptr %mp
  %maps1 = add i64 %maps, 1
  store i64 %maps1, ptr %mp
  ret i1 true
no:
  ret i1 false
}

; Empty all windows.
define void @fast_flush(ptr %rec) {
  %countp = getelementptr i8, ptr %rec, i64 32
  %count = load i64, ptr %countp
  %none = icmp eq i64 %count, 0
  br i1 %none, label %out, label %empty
empty:
  store i64 0, ptr %countp
  %arena = load i64, ptr %rec
  %spanp = getelementptr i8, ptr %rec, i64 8
  %span = load i64, ptr %spanp
  %ignored = call i64 @system(i64 9, i64 %arena, i64 %span, i64 0, i64 16434, i64 -1, i64 0)  ; mmap: none
  br label %out
out:
  ret void
}

; A context's addresses va .. va + size - 1, by the bits in mask, show nothing any more. The log is left with
; pages that are shown.
define void @fast_hide(ptr %rec, i64 %context, i64 %va, i64 %size, i64 %mask) {
entry:
  %countp = getelementptr i8, ptr %rec, i64 32
  %count = load i64, ptr %countp
  %logp = getelementptr i8, ptr %rec, i64 24
  %log = load ptr, ptr %logp
  %arena = load i64, ptr %rec
  %row = shl i64 %context, 1
  %base = mul i64 %row, $stride
  %off = add i64 %base, $guard
  %user = add i64 %arena, %off
  %super = add i64 %user, $stride
  %pbp = getelementptr i8, ptr %rec, i64 80
  %pb = load i32, ptr %pbp
  %pb64 = zext i32 %pb to i64
  %bytes = shl i64 1, %pb64
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i1, %next ]
  %kept = phi i64 [ 0, %entry ], [ %kept1, %next ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %look, label %done
look:
  %i1 = add i64 %i, 1
  %e = getelementptr [2 x i64], ptr %log, i64 %i
  %target = load i64, ptr %e
  %hp = getelementptr i8, ptr %e, i64 8
  %host = load i64, ptr %hp
  %to_user = sub i64 %target, %user
  %to_super = sub i64 %target, %super
  %is_user = icmp ult i64 %to_user, 4294967296
  %is_super = icmp ult i64 %to_super, 4294967296
  %is_ours = or i1 %is_user, %is_super
  %there = select i1 %is_user, i64 %to_user, i64 %to_super
  %place = and i64 %there, %mask
  %into = sub i64 %place, %va
  %inside = icmp ult i64 %into, %size
  %in = and i1 %is_ours, %inside
  %empty = icmp eq i64 %host, 0
  %goes = or i1 %in, %empty
  %to = getelementptr [2 x i64], ptr %log, i64 %kept
  store i64 %target, ptr %to
  %toh = getelementptr i8, ptr %to, i64 8
  store i64 %host, ptr %toh
  %stays = xor i1 %goes, true
  %one = zext i1 %stays to i64
  %kept1 = add i64 %kept, %one
  %shown = xor i1 %empty, true
  %unmap_it = and i1 %in, %shown
  br i1 %unmap_it, label %unmap, label %next
unmap:
  %r = call i64 @system(i64 9, i64 %target, i64 %bytes, i64 0, i64 16434, i64 -1, i64 0)      ; mmap: none
  br label %next
next:
  br label %head
done:
  store i64 %kept, ptr %countp
  ret void
}

; A page of host memory shows in no window any more (keep 0), or cannot be written to there (keep 1).
define void @fast_revoke(ptr %rec, i64 %host, i64 %keep) {
entry:
  %countp = getelementptr i8, ptr %rec, i64 32
  %count = load i64, ptr %countp
  %logp = getelementptr i8, ptr %rec, i64 24
  %log = load ptr, ptr %logp
  %pbp = getelementptr i8, ptr %rec, i64 80
  %pb = load i32, ptr %pbp
  %pb64 = zext i32 %pb to i64
  %bytes = shl i64 1, %pb64
  %keeping = icmp ne i64 %keep, 0
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i1, %next ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %look, label %out
look:
  %i1 = add i64 %i, 1
  %e = getelementptr [2 x i64], ptr %log, i64 %i
  %hp = getelementptr i8, ptr %e, i64 8
  %h = load i64, ptr %hp
  %hit = icmp eq i64 %h, %host
  br i1 %hit, label %ours, label %next
ours:
  %target = load i64, ptr %e
  br i1 %keeping, label %protect, label %unmap
protect:
  %r1 = call i64 @system(i64 10, i64 %target, i64 %bytes, i64 1, i64 0, i64 0, i64 0)
  br label %next
unmap:
  store i64 0, ptr %hp
  %r2 = call i64 @system(i64 9, i64 %target, i64 %bytes, i64 0, i64 16434, i64 -1, i64 0)
  br label %next
next:
  br label %head
out:
  ret void
}
"""


def text(layout: Layout) -> str:
    """The functions, for states that begin as `layout` does; they use SYSTEM."""
    names = ("mode", "mmu_context", "tlb", "translate", "mmu", "range_count", "ranges")
    return substitute(
        _TEXT,
        **{name: layout.offsets[name] for name in names},
        stride=STRIDE,
        guard=GUARD,
        last_row=ROWS - 1,
        tlb_mask=TLB_ENTRIES - 1,
        tlb_entries=TLB_ENTRIES,
    )


def substitute(template: str, **values: int) -> str:
    """`template` with a number for each `$name`."""
    for name in sorted(values, key=len, reverse=True):  # one may begin as another does
        template = template.replace(f"${name}", str(values[name]))
    return template
