"""The handler of SIGSEGV, as LLVM text: guest memory that its window does not show yet (translator.fastmem).

    fault ─► in a window? ─► at a known site? ─► does the MMU let it through, to plain memory?
             │ no              │ no                │ yes                      │ no
             │                 │                   map the page, once more    to the region's side exit
             └─────────────────┴─► whoever was here before us

The handler runs on the thread that faulted, in the middle of a region.  It never calls Python; what it does
to windows, and the struct record, are in translator.mapping.

    @process: { ptr records, ptr regions, ptr previous, i64 previous flags, i64 chained }
    records: { i64 count, ptr record… }    regions: { i64 count, { i64 start, ptr sites }… }, by start

Linux on x86-64: positions in ucontext_t from <sys/ucontext.h>.
"""

from __future__ import annotations

from . import mapping
from .state import Layout

FAULTY = 16  # faults of a site with none that could be mended between, before it is called slow
SLOW_ENTRIES = 256

_TEXT = """
target triple = "x86_64-unknown-linux-gnu"
@process = dso_local global [5 x i64] zeroinitializer

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
again:                                                   ; it suits: what was before was the way to this page
  %clearp = getelementptr i8, ptr %site, i64 14
  store i16 0, ptr %clearp
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

declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


def text(layout: Layout) -> str:
    """The handler and what it calls, for states that begin as `layout` does."""
    numbers = {"faulty": FAULTY, "slow_entries": SLOW_ENTRIES, "slow_bytes": 8 * SLOW_ENTRIES}
    return mapping.substitute(_TEXT, **numbers) + mapping.SYSTEM + mapping.text(layout)
