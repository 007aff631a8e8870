"""The code between instructions, as LLVM text: entering, leaving, fetching, finding regions.

See `translator.interp` for the picture and `softmmu.fill` for the `$names`.
"""

# The places between instructions.  op carries a guest address, or reason << 32 | address for @leave.
SUPPORT = """
define tailcc void @leave(ptr noalias %st, ptr %ip, i64 %budget, i64 %op) {
  %pcp = getelementptr i8, ptr %st, i64 $pc
  %pc = trunc i64 %op to i32
  store i32 %pc, ptr %pcp
  %rp = getelementptr i8, ptr %st, i64 $reason
  %r0 = lshr i64 %op, 32
  %r = trunc i64 %r0 to i32
  store i32 %r, ptr %rp
  %bp = getelementptr i8, ptr %st, i64 $budget
  store i64 %budget, ptr %bp
$settle  ret void
}

define tailcc void @away(ptr noalias %st, ptr %ip, i64 %budget, i64 %op) {
  %dp = getelementptr i8, ptr %st, i64 $fetch_delta
  %d = load i64, ptr %dp
  %h = ptrtoint ptr %ip to i64
  %s = add i64 %h, %d
  %pc = and i64 %s, 4294967295
  musttail call tailcc void @resume(ptr %st, ptr null, i64 %budget, i64 %pc)
  ret void
}

define tailcc void @resume(ptr noalias %st, ptr %ip, i64 %budget, i64 %op) {
  %spent = icmp eq i64 %budget, 0
  br i1 %spent, label %out, label %on
out:
  musttail call tailcc void @leave(ptr %st, ptr null, i64 0, i64 %op)
  ret void
on:
  musttail call tailcc void @refetch(ptr %st, ptr null, i64 %budget, i64 %op)
  ret void
}

define tailcc void @enter(ptr noalias %st, ptr %ip, i64 %budget, i64 %op) {
  %ap = getelementptr i8, ptr %st, i64 $attention
  %a = load i32, ptr %ap
  %wanted = icmp ne i32 %a, 0
  %spent = icmp eq i64 %budget, 0
$gate
  br i1 %stop, label %slow, label %look
look:
  %cp = getelementptr i8, ptr %st, i64 $context
  %c = load i64, ptr %cp
  %key = or i64 %c, %op
  %h0 = lshr i64 %op, 1
  %h1 = lshr i64 %op, 13
  %h2 = xor i64 %h0, %h1
  %h = and i64 %h2, $jump_mask
  %js = getelementptr i8, ptr %st, i64 $jumps
  %j = getelementptr [16 x i8], ptr %js, i64 %h
  %have = load i64, ptr %j
  %hit = icmp eq i64 %have, %key
  br i1 %hit, label %region, label %miss
region:
  %codep = getelementptr i8, ptr %j, i64 8
  %code = load ptr, ptr %codep
  %insnsp = getelementptr i8, ptr %st, i64 $insns_jit
  %insns = load i64, ptr %insnsp
  %insns1 = add i64 %insns, %budget              ; what is left of it comes off when regions are left
  store i64 %insns1, ptr %insnsp
  musttail call tailcc void %code(ptr %st, ptr null, i64 %budget, i64 %op)
  ret void
miss:
  %jumped = icmp eq ptr %ip, null
  br i1 %jumped, label %warm, label %go
warm:
  %hs = getelementptr i8, ptr %st, i64 $heat
  %hp = getelementptr i16, ptr %hs, i64 %h
  %n0 = load i16, ptr %hp
  %n = add i16 %n0, 1
  store i16 %n, ptr %hp
  %lp = getelementptr i8, ptr %st, i64 $hot_limit
  %limit = load i32, ptr %lp
  %nz = zext i16 %n to i32
  %hot = icmp uge i32 %nz, %limit
  br i1 %hot, label %note, label %go, !prof !2
note:
  %ncp = getelementptr i8, ptr %st, i64 $hot_count
  %nc = load i32, ptr %ncp
  %room = icmp ult i32 %nc, $hot_entries
  br i1 %room, label %list, label %go
list:
  store i16 0, ptr %hp
  %nc1 = add i32 %nc, 1
  store i32 %nc1, ptr %ncp
  %nc64 = zext i32 %nc to i64
  %hots = getelementptr i8, ptr %st, i64 $hot
  %slot = getelementptr i64, ptr %hots, i64 %nc64
  store i64 %key, ptr %slot
  br label %go
go:
  %vap = getelementptr i8, ptr %st, i64 $fetch_va
  %va = load i32, ptr %vap
  %pc = trunc i64 %op to i32
  %off = sub i32 %pc, %va
  %spp = getelementptr i8, ptr %st, i64 $fetch_span
  %span = load i32, ptr %spp
  %in = icmp ult i32 %off, %span
  br i1 %in, label %near, label %slow
near:
  %hostp = getelementptr i8, ptr %st, i64 $fetch_host
  %host = load ptr, ptr %hostp
  %off64 = zext i32 %off to i64
  %nip = getelementptr i8, ptr %host, i64 %off64
  musttail call tailcc void @dispatch(ptr %st, ptr %nip, i64 %budget, i64 0)
  ret void
slow:
  musttail call tailcc void @resume(ptr %st, ptr null, i64 %budget, i64 %op)
  ret void
}

; How regions are left.  op = guest address: to another region if there is one.
define tailcc void @chain(ptr noalias %st, ptr %ip, i64 %budget, i64 %op) {
  %np = getelementptr i8, ptr %st, i64 $exits
  %ep = getelementptr i8, ptr %np, i64 $elsewhere
  %n = load i64, ptr %ep
  %n1 = add i64 %n, 1
  store i64 %n1, ptr %ep
  %cp = getelementptr i8, ptr %st, i64 $context
  %c = load i64, ptr %cp
  %key = or i64 %c, %op
  %h0 = lshr i64 %op, 1
  %h1 = lshr i64 %op, 13
  %h2 = xor i64 %h0, %h1
  %h = and i64 %h2, $jump_mask
  %js = getelementptr i8, ptr %st, i64 $jumps
  %j = getelementptr [16 x i8], ptr %js, i64 %h
  %have = load i64, ptr %j
  %hit = icmp eq i64 %have, %key
  br i1 %hit, label %region, label %miss, !prof !1
region:
  %codep = getelementptr i8, ptr %j, i64 8
  %code = load ptr, ptr %codep
  musttail call tailcc void %code(ptr %st, ptr null, i64 %budget, i64 %op)
  ret void
miss:
  %insnsp = getelementptr i8, ptr %st, i64 $insns_jit
  %insns = load i64, ptr %insnsp
  %insns1 = sub i64 %insns, %budget
  store i64 %insns1, ptr %insnsp
  musttail call tailcc void @enter(ptr %st, ptr null, i64 %budget, i64 %op)
  ret void
}

; op = guest address | why << 32 (state.EXITS): the interpreter does the instruction there.
define tailcc void @exit(ptr noalias %st, ptr %ip, i64 %budget, i64 %op) {
  %insnsp = getelementptr i8, ptr %st, i64 $insns_jit
  %insns = load i64, ptr %insnsp
  %insns1 = sub i64 %insns, %budget
  store i64 %insns1, ptr %insnsp
  %why = lshr i64 %op, 32
  %np = getelementptr i8, ptr %st, i64 $exits
  %ep = getelementptr i64, ptr %np, i64 %why
  %n = load i64, ptr %ep
  %n1 = add i64 %n, 1
  store i64 %n1, ptr %ep
  %pc = and i64 %op, 4294967295
  musttail call tailcc void @resume(ptr %st, ptr null, i64 %budget, i64 %pc)
  ret void
}

; host address of program byte va, 0 if it cannot be had (state.slow_status 1: refused)
define internal i64 @program(ptr %st, i32 %va) noinline {
  %mp = getelementptr i8, ptr %st, i64 $mode
  %mode = load i32, ptr %mp
  %m0 = mul i32 %mode, $tlb_entries
  %i0 = lshr i32 %va, $page
  %i1 = and i32 %i0, $tlb_mask
  %i = add i32 %m0, %i1
  %i64 = zext i32 %i to i64
  %tlb = getelementptr i8, ptr %st, i64 $tlb
  %e = getelementptr [32 x i8], ptr %tlb, i64 %i64
  %tp = getelementptr i8, ptr %e, i64 8
  %tag = load i32, ptr %tp
  %want = and i32 %va, $pagemask32
  %hit = icmp eq i32 %tag, %want
  br i1 %hit, label %yes, label %no
yes:
  %ap = getelementptr i8, ptr %e, i64 16
  %addend = load i64, ptr %ap
  %va64 = zext i32 %va to i64
  %host = add i64 %addend, %va64
  ret i64 %host
no:
  %user = icmp eq i32 %mode, 0
  %fc = select i1 %user, i32 $fc_user, i32 $fc_super
  %r = call i64 @locate(ptr %st, i32 %va, i32 %fc, i32 2, i1 true)
  ret i64 %r
}

define tailcc void @refetch(ptr noalias %st, ptr %ip, i64 %budget, i64 %op) {
entry:
  %ap = getelementptr i8, ptr %st, i64 $attention
  %a = load i32, ptr %ap
  %wanted = icmp ne i32 %a, 0
  %pc = trunc i64 %op to i32
  br i1 %wanted, label %out, label %find
out:
  %att = or i64 %op, $attention_reason
  musttail call tailcc void @leave(ptr %st, ptr null, i64 %budget, i64 %att)
  ret void
find:
  %host = call i64 @program(ptr %st, i32 %pc)
  %none = icmp eq i64 %host, 0
  br i1 %none, label %bad, label %good
bad:
  %sp = getelementptr i8, ptr %st, i64 $slow_status
  %status = load i64, ptr %sp
  %refused = icmp ne i64 %status, 0
  br i1 %refused, label %fault, label %edge
edge:                                            ; no memory, or not enough of it: the concrete engine's
  %eop = or i64 %op, $edge_reason
  musttail call tailcc void @leave(ptr %st, ptr null, i64 %budget, i64 %eop)
  ret void
fault:
  %bp = getelementptr i8, ptr %st, i64 $budget
  store i64 %budget, ptr %bp
  %mp = getelementptr i8, ptr %st, i64 $mode
  %mode = load i32, ptr %mp
  %user = icmp eq i32 %mode, 0
  %fc = select i1 %user, i32 $fc_user, i32 $fc_super
  %p1 = getelementptr i8, ptr %st, i64 $fault_va
  store i32 %pc, ptr %p1
  %p2 = getelementptr i8, ptr %st, i64 $fault_fc
  store i32 %fc, ptr %p2
  %p3 = getelementptr i8, ptr %st, i64 $fault_size
  store i32 $word, ptr %p3
  %p4 = getelementptr i8, ptr %st, i64 $fault_write
  store i32 0, ptr %p4
  %p6 = getelementptr i8, ptr %st, i64 $fault_misaligned
  store i32 0, ptr %p6
  %p7 = getelementptr i8, ptr %st, i64 $fault_fetch
  store i32 1, ptr %p7
  %p8 = getelementptr i8, ptr %st, i64 $fault_data
  store i64 0, ptr %p8
  %fdp = getelementptr i8, ptr %st, i64 $fetch_delta
  %fd = load i64, ptr %fdp
  %pseudo = sub i64 %op, %fd                     ; so that ip + delta is the pc
  %pip = inttoptr i64 %pseudo to ptr
  musttail call tailcc void @rt_fault(ptr %st, ptr %pip, i64 %budget, i64 0)
  ret void
good:
  %off = and i32 %pc, $offmask64
  %room = sub i32 $page_size, %off
  %roomy = icmp uge i32 %room, $longest
  br i1 %roomy, label %window, label %tight
window:
  %off64 = zext i32 %off to i64
  %wh = sub i64 %host, %off64
  %wva = sub i32 %pc, %off
  %wend = add i64 %wh, $last_start
  call void @set_window(ptr %st, i64 %wh, i64 %wend, i32 %wva, i32 $span)
  %wip = inttoptr i64 %host to ptr
  musttail call tailcc void @dispatch(ptr %st, ptr %wip, i64 %budget, i64 0)
  ret void
tight:                                           ; the page ends soon: gather the instruction
  %src = inttoptr i64 %host to ptr
  %w = load i$wordbits, ptr %src, align 1
  %wo = call i$wordbits @order.i$wordbits(i$wordbits %w)
  %wz0 = zext i$wordbits %wo to i64
  %wz = call i64 @place(i64 %wz0)
  %lsp = getelementptr i8, ptr %st, i64 $lengths
  %ls = load ptr, ptr %lsp
  %lp = getelementptr i8, ptr %ls, i64 %wz
  %l8 = load i8, ptr %lp
  %len0 = zext i8 %l8 to i32
  %unknown = icmp eq i32 %len0, 0
  %bounce = getelementptr i8, ptr %st, i64 $bounce
  %bi = ptrtoint ptr %bounce to i64
  br i1 %unknown, label %ask, label %known
ask:                                             ; has the concrete engine seen these bytes at this place?
  call void @llvm.memset.p0.i64(ptr %bounce, i8 0, i64 $edge_bytes, i1 false)
  call void @llvm.memcpy.p0.p0.i32(ptr %bounce, ptr %src, i32 %room, i1 false)
  %pagenum = lshr i32 %pc, $page
  %pageslot = and i32 %pagenum, $edge_mask
  %row = mul i32 %pageslot, $edge_slots
  %column = lshr i32 %room, 1
  %slot = add i32 %row, %column
  %slot64 = zext i32 %slot to i64
  %edges = getelementptr i8, ptr %st, i64 $edges
  %seen = getelementptr [32 x i8], ptr %edges, i64 %slot64
  %seenroomp = getelementptr i8, ptr %seen, i64 $edge_bytes
  %seenroom = load i32, ptr %seenroomp
  %sameroom = icmp eq i32 %seenroom, %room
  %b1 = load i192, ptr %bounce, align 1
  %b2 = load i192, ptr %seen, align 1
  %samebytes = icmp eq i192 %b1, %b2
  %same = and i1 %sameroom, %samebytes
  br i1 %same, label %seenit, label %edge
seenit:                                          ; over the edge all that follows may be wanted
  %reachesp = getelementptr i8, ptr %seenroomp, i64 4
  %reaches = load i32, ptr %reachesp
  %over = icmp ne i32 %reaches, 0
  %wanted_len = select i1 %over, i32 $longest, i32 %room
  br label %known
known:
  %len = phi i32 [ %len0, %tight ], [ %wanted_len, %seenit ]
  %fits = icmp ule i32 %len, %room
  %first = select i1 %fits, i32 %len, i32 %room
  call void @llvm.memcpy.p0.p0.i32(ptr %bounce, ptr %src, i32 %first, i1 false)
  br i1 %fits, label %gathered, label %more
more:
  %nva = add i32 %pc, %room
  %nhost = call i64 @program(ptr %st, i32 %nva)
  %nnone = icmp eq i64 %nhost, 0
  br i1 %nnone, label %edge, label %copy
copy:
  %nsrc = inttoptr i64 %nhost to ptr
  %rest = sub i32 %len, %room
  %room64 = zext i32 %room to i64
  %dst = getelementptr i8, ptr %bounce, i64 %room64
  call void @llvm.memcpy.p0.p0.i32(ptr %dst, ptr %nsrc, i32 %rest, i1 false)
  br label %gathered
gathered:
  call void @set_window(ptr %st, i64 %bi, i64 0, i32 %pc, i32 0)
  musttail call tailcc void @dispatch(ptr %st, ptr %bounce, i64 %budget, i64 0)
  ret void
}

define internal void @set_window(ptr %st, i64 %host, i64 %end, i32 %va, i32 %span) alwaysinline {
  %p1 = getelementptr i8, ptr %st, i64 $fetch_host
  store i64 %host, ptr %p1
  %p2 = getelementptr i8, ptr %st, i64 $fetch_end
  store i64 %end, ptr %p2
  %p3 = getelementptr i8, ptr %st, i64 $fetch_delta
  %va64 = zext i32 %va to i64
  %delta = sub i64 %va64, %host
  store i64 %delta, ptr %p3
  %p4 = getelementptr i8, ptr %st, i64 $fetch_va
  store i32 %va, ptr %p4
  %p5 = getelementptr i8, ptr %st, i64 $fetch_span
  store i32 %span, ptr %p5
  ret void
}

declare void @llvm.memcpy.p0.p0.i32(ptr, ptr, i32, i1)

define void @run(ptr %st, i32 %pc, i64 %budget) {       ; with an ip: nobody has jumped there
  %op = zext i32 %pc to i64
  call tailcc void @enter(ptr %st, ptr %st, i64 %budget, i64 %op)
  ret void
}

define void @run_warm(ptr %st, i32 %pc, i64 %budget) {   ; as if somebody had
  %op = zext i32 %pc to i64
  call tailcc void @enter(ptr %st, ptr null, i64 %budget, i64 %op)
  ret void
}

define void @step(ptr %st, i32 %pc, i64 %budget) {       ; like run, but never a region first
  %op = zext i32 %pc to i64
  call tailcc void @resume(ptr %st, ptr null, i64 %budget, i64 %op)
  ret void
}
"""

# When `enter` does not look for a region; the second form is for instruction sets with delay slots.
GATE = "  %stop = or i1 %wanted, %spent"
DELAY_GATE = """  %stop0 = or i1 %wanted, %spent
  %delayp = getelementptr i8, ptr %st, i64 $delay
  %delay = load i32, ptr %delayp
  %late = icmp ne i32 %delay, 0
  %stop = or i1 %stop0, %late"""

# Before anybody looks (Isa.settle).
SETTLE = "  call void @settle(ptr %st, ptr %ip, i64 %budget, i64 %op)\n"

# Run a routine between instructions: it counts as one, so the caller gives one more.
CALL_ROUTINE = """
  %dp = getelementptr i8, ptr %st, i64 $fetch_delta
  %d = load i64, ptr %dp
  %op = zext i32 %pc to i64
  %h = sub i64 %op, %d
  %ip = inttoptr i64 %h to ptr
  call tailcc void @$name_of_routine(ptr %st, ptr %ip, i64 %budget, i64 0)
  ret void
"""
