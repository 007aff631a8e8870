"""The handler of SIGSEGV, as LLVM text: guest memory that its window does not show yet (translator.fastmem).

    fault ─► in a window? ─► at a known site? ─► does the MMU let it through, to plain memory?
             │ no              │ no                │ yes                      │ no
             │                 │                   map the page, once more    to the region's side exit
             └─────────────────┴─► whoever was here before us

The handler runs on the thread that faulted, in the middle of a region; it calls the machine's own native
`translate`, as the interpreter would for this access, and nothing else.  It never calls Python.

    struct record { ptr arena; i64 span; ptr state; ptr log; i64 count, capacity, maps, exits;       0 .. 56
                    ptr slow; i64 slow_count; i32 page_bits, fc[2], flat; i64 failures; }            64 .. 96
    log: { i64 address in a window, i64 host page }          slow: addresses of guest instructions, mode << 32
    @process: { ptr records, ptr regions, ptr previous, i64 previous flags, i64 chained }
    records: { i64 count, ptr record… }    regions: { i64 count, { i64 start, ptr sites }… }, by start

Linux on x86-64: positions in ucontext_t from <sys/ucontext.h>, system calls by number.
"""

from __future__ import annotations

from .llvm.fast import GUARD
from .state import TLB_ENTRIES, Layout

CONTEXTS = 16  # that have windows; what is beyond shares one that stays empty
STRIDE = (1 << 32) + 2 * GUARD
ROWS = 2 * CONTEXTS + 1  # context * 2 + mode; the last is the empty one
FAULTY = 16  # faults of a site that could not be mended, before it is called slow
SLOW_ENTRIES = 256

_TEXT = """
target triple = "x86_64-unknown-linux-gnu"
@process = global [5 x i64] zeroinitializer

define internal i64 @system(i64 %n, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f) noinline {
  %r = call i64 asm sideeffect "syscall",
    "={rax},{rax},{rdi},{rsi},{rdx},{r10},{r8},{r9},~{rcx},~{r11},~{memory}"(
    i64 %n, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f)
  ret i64 %r
}

define void @on_segv(i32 %sig, ptr %info, ptr %uc) nounwind {
entry:
  %codep = getelementptr i8, ptr %info, i64 8
  %code = load i32, ptr %codep
  %sent = icmp sle i32 %code, 0                          ; by kill or raise: not a fault
  br i1 %sent, label %foreign, label %look
look:
  %addrp = getelementptr i8, ptr %info, i64 16
  %addr = load i64, ptr %addrp
  %ripp = getelementptr i8, ptr %uc, i64 168             ; gregs[REG_RIP]
  %rip = load i64, ptr %ripp
  %errp = getelementptr i8, ptr %uc, i64 192             ; gregs[REG_ERR]: bit 1 for a write
  %err = load i64, ptr %errp
  %err1 = and i64 %err, 2
  %write = icmp ne i64 %err1, 0
  %recs = load ptr, ptr @process
  %norecs = icmp eq ptr %recs, null
  br i1 %norecs, label %foreign, label %first
first:
  %nrecs = load i64, ptr %recs
  br label %head
head:
  %i = phi i64 [ 0, %first ], [ %i1, %next ]
  %more = icmp ult i64 %i, %nrecs
  br i1 %more, label %try, label %foreign
try:
  %i1 = add i64 %i, 1
  %recp = getelementptr i64, ptr %recs, i64 %i1
  %rec = load ptr, ptr %recp
  %arena = load i64, ptr %rec
  %spanp = getelementptr i8, ptr %rec, i64 8
  %span = load i64, ptr %spanp
  %off = sub i64 %addr, %arena
  %inside = icmp ult i64 %off, %span
  br i1 %inside, label %ours, label %next
next:
  br label %head
ours:
  %regsp = getelementptr i64, ptr @process, i64 1
  %regs = load ptr, ptr %regsp
  %noregs = icmp eq ptr %regs, null
  br i1 %noregs, label %foreign, label %search
search:
  %nregs = load i64, ptr %regs
  %rows = getelementptr i64, ptr %regs, i64 1
  br label %halve
halve:                                                   ; the last region that starts at or below rip
  %lo = phi i64 [ 0, %search ], [ %lo1, %half ]
  %hi = phi i64 [ %nregs, %search ], [ %hi1, %half ]
  %open = icmp ult i64 %lo, %hi
  br i1 %open, label %half, label %closed
half:
  %sum = add i64 %lo, %hi
  %mid = lshr i64 %sum, 1
  %midp = getelementptr [2 x i64], ptr %rows, i64 %mid
  %start0 = load i64, ptr %midp
  %below = icmp ule i64 %start0, %rip
  %mid1 = add i64 %mid, 1
  %lo1 = select i1 %below, i64 %mid1, i64 %lo
  %hi1 = select i1 %below, i64 %hi, i64 %mid
  br label %halve
closed:
  %none = icmp eq i64 %lo, 0
  br i1 %none, label %foreign, label %region
region:
  %idx = sub i64 %lo, 1
  %rowp = getelementptr [2 x i64], ptr %rows, i64 %idx
  %start = load i64, ptr %rowp
  %sitesp = getelementptr i8, ptr %rowp, i64 8
  %sites = load ptr, ptr %sitesp
  %at = sub i64 %rip, %start
  br label %walk
walk:
  %site = phi ptr [ %sites, %region ], [ %site1, %on ]
  %site1 = getelementptr i8, ptr %site, i64 16
  %have32 = load i32, ptr %site
  %have = zext i32 %have32 to i64
  %end = icmp eq i32 %have32, 0
  br i1 %end, label %foreign, label %compare
compare:
  %same = icmp eq i64 %have, %at
  br i1 %same, label %found, label %on
on:
  br label %walk
found:
  %sizep = getelementptr i8, ptr %site, i64 12
  %size = load i16, ptr %sizep
  %mended = call i1 @fill(ptr %rec, i64 %off, i1 %write, i16 %size)
  br i1 %mended, label %again, label %exit
again:
  ret void
exit:
  %exitsp = getelementptr i8, ptr %rec, i64 56
  %exits = load i64, ptr %exitsp
  %exits1 = add i64 %exits, 1
  store i64 %exits1, ptr %exitsp
  %ep = getelementptr i8, ptr %site, i64 4
  %e32 = load i32, ptr %ep
  %e = zext i32 %e32 to i64
  %to = add i64 %start, %e
  store i64 %to, ptr %ripp
  %faultsp = getelementptr i8, ptr %site, i64 14
  %faults = load i16, ptr %faultsp
  %faults1 = add i16 %faults, 1
  store i16 %faults1, ptr %faultsp
  %often = icmp eq i16 %faults1, $faulty
  br i1 %often, label %tell, label %leave
tell:
  store i16 0, ptr %faultsp
  %np = getelementptr i8, ptr %rec, i64 72
  %n = load i64, ptr %np
  %room = icmp ult i64 %n, $slow_entries
  br i1 %room, label %list, label %leave
list:
  %n1 = add i64 %n, 1
  store i64 %n1, ptr %np
  %slowp = getelementptr i8, ptr %rec, i64 64
  %slow = load ptr, ptr %slowp
  %slot = getelementptr i64, ptr %slow, i64 %n
  store i64 %start, ptr %slot
  %slot2p = getelementptr i8, ptr %slot, i64 $slow_bytes
  %guestp = getelementptr i8, ptr %site, i64 8
  %guest32 = load i32, ptr %guestp
  %guest = zext i32 %guest32 to i64
  store i64 %guest, ptr %slot2p
  br label %leave
leave:
  ret void
foreign:                                                 ; to the handler that was here before; if that raises
  %prevp = getelementptr i64, ptr @process, i64 2        ; the signal anew, the default is what remains
  %prev = load i64, ptr %prevp
  %chainedp = getelementptr i64, ptr @process, i64 4
  %chained = load i64, ptr %chainedp
  %special = icmp ule i64 %prev, 1                       ; SIG_DFL, SIG_IGN
  %twice = icmp ne i64 %chained, 0
  %end_it = or i1 %special, %twice
  br i1 %end_it, label %default, label %chain
default:
  %act = alloca [4 x i64]
  call void @llvm.memset.p0.i64(ptr %act, i8 0, i64 32, i1 false)
  %acti = ptrtoint ptr %act to i64
  %ignored = call i64 @system(i64 13, i64 11, i64 %acti, i64 0, i64 8, i64 0, i64 0)   ; rt_sigaction
  br i1 %sent, label %raise, label %out
raise:
  %pid = call i64 @system(i64 39, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0)            ; getpid
  %tid = call i64 @system(i64 186, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0)           ; gettid
  %ignored2 = call i64 @system(i64 234, i64 %pid, i64 %tid, i64 11, i64 0, i64 0, i64 0)   ; tgkill
  br label %out
chain:
  store i64 1, ptr %chainedp
  %fn = inttoptr i64 %prev to ptr
  call void %fn(i32 %sig, ptr %info, ptr %uc)            ; one that wants no more arguments ignores them
  store i64 0, ptr %chainedp
  br label %out
out:
  ret void
}

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
  %wide = icmp ugt i16 %size, 1
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
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


def text(layout: Layout) -> str:
    """The handler, for states that begin as `layout` does."""
    values: dict[str, object] = {
        name: layout.offsets[name]
        for name in ("mode", "mmu_context", "tlb", "translate", "mmu", "range_count", "ranges")
    }
    values.update(
        faulty=FAULTY,
        slow_entries=SLOW_ENTRIES,
        slow_bytes=8 * SLOW_ENTRIES,
        stride=STRIDE,
        guard=GUARD,
        last_row=ROWS - 1,
        tlb_mask=TLB_ENTRIES - 1,
        tlb_entries=TLB_ENTRIES,
    )
    out = _TEXT
    for name in sorted(values, key=len, reverse=True):
        out = out.replace("$" + name, str(values[name]))
    return out
