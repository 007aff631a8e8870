"""Memory accesses that miss the soft-TLB, as LLVM text: `translator.softmmu` has the picture and `$names`."""

ACCESS = """
; how: 0 read, 1 write, 2 program read, 3 probe.  Returns 0 or, with state.fault_* filled, 1.
define internal i32 @access(ptr %st, i32 %va, i32 %desc, i32 %how, i64 %value) noinline {
entry:
  %size = and i32 %desc, 255
  %fc0 = lshr i32 %desc, 8
  %fc = and i32 %fc0, 255
  %cbit = and i32 %desc, 65536
  %cacheable = icmp ne i32 %cbit, 0
  %most = sub i32 %size, 1
  %enough = icmp ult i32 %most, $aligned
  %amask = select i1 %enough, i32 %most, i32 $align_mask
  %low = and i32 %va, %amask
  %straight = icmp eq i32 %low, 0
  br i1 %straight, label %ok, label %misaligned
misaligned:
  br label %fault
ok:
  %last = add i32 %va, %most
  %diff = xor i32 %va, %last
  %cross = lshr i32 %diff, $page
  %one = icmp eq i32 %cross, 0
  %probing = icmp eq i32 %how, 3
  %writing = icmp eq i32 %how, 1
  %wr = or i1 %probing, %writing
  %how1 = select i1 %wr, i32 1, i32 %how
  br i1 %one, label %single, label %split

single:
  %host = call i64 @locate(ptr %st, i32 %va, i32 %fc, i32 %how1, i1 %cacheable)
  %statusp = getelementptr i8, ptr %st, i64 $slow_status
  %status = load i64, ptr %statusp
  %refused = icmp ne i64 %status, 0
  br i1 %refused, label %fault, label %present
present:
  br i1 %probing, label %good, label %go
go:
  %ram = icmp ne i64 %host, 0
  br i1 %ram, label %memory, label %device
device:
  %countp = getelementptr i8, ptr %st, i64 $io_count
  %count = load i64, ptr %countp
  %count1 = add i64 %count, 1
  store i64 %count1, ptr %countp
  %iop = getelementptr i8, ptr %st, i64 $io
  %io = load ptr, ptr %iop
  %physp = getelementptr i8, ptr %st, i64 $slow_phys
  %phys = load i64, ptr %physp
  %sf = and i32 %desc, 65535
  %wbit = select i1 %writing, i32 65536, i32 0
  %iodesc = or i32 %sf, %wbit
  %ownp = getelementptr i8, ptr %st, i64 $slow_own
  %own = load i64, ptr %ownp
  %regsp = getelementptr i8, ptr %st, i64 $registers
  %regs = load ptr, ptr %regsp
  %mine = icmp ne i64 %own, 0
  %have = icmp ne ptr %regs, null
  %both1 = and i1 %mine, %have
  br i1 %both1, label %registers, label %outside
registers:                                               ; the MMU's own: most of them need no Python
  %mmup = getelementptr i8, ptr %st, i64 $mmu
  %mmu = load ptr, ptr %mmup
  %v32 = trunc i64 %value to i32
  %rr = call i64 %regs(ptr %mmu, i32 %va, i32 %iodesc, i32 %v32)
  %ask = icmp slt i64 %rr, 0
  br i1 %ask, label %outside, label %answered
answered:
  %svp = getelementptr i8, ptr %st, i64 $slow_value
  %found = and i64 %rr, 4294967295
  store i64 %found, ptr %svp
  %flags = lshr i64 %rr, 61
  %plain = icmp eq i64 %flags, 0
  br i1 %plain, label %good, label %moved
moved:                                                   ; as Cpu.flush_tlb
  %tlbp = getelementptr i8, ptr %st, i64 $tlb
  call void @llvm.memset.p0.i64(ptr %tlbp, i8 -1, i64 $tlb_bytes, i1 false)
  %spanp = getelementptr i8, ptr %st, i64 $fetch_span
  store i32 0, ptr %spanp
  %endp = getelementptr i8, ptr %st, i64 $fetch_end
  store i64 0, ptr %endp
  %cflag = and i64 %flags, 1
  %changed = icmp ne i64 %cflag, 0
  br i1 %changed, label %context, label %good
context:                                                 ; as Cpu.set_context
  %ctx = trunc i64 %rr to i32
  %ctxp = getelementptr i8, ptr %st, i64 $mmu_context
  store i32 %ctx, ptr %ctxp
  %modep = getelementptr i8, ptr %st, i64 $mode
  %mode = load i32, ptr %modep
  %ctx2 = shl i32 %ctx, 1
  %cm = or i32 %ctx2, %mode
  %cm64 = zext i32 %cm to i64
  %cm32 = shl i64 %cm64, 32
  %contextp = getelementptr i8, ptr %st, i64 $context
  store i64 %cm32, ptr %contextp
  %fwp = getelementptr i8, ptr %st, i64 $fast_windows
  %fw = load ptr, ptr %fwp
  %nofw = icmp eq ptr %fw, null
  br i1 %nofw, label %good, label %windows
windows:
  %fewp = icmp ult i32 %ctx, $contexts
  %few = select i1 %fewp, i32 %ctx, i32 $contexts
  %few64 = zext i32 %few to i64
  %pairp = getelementptr [16 x i8], ptr %fw, i64 %few64
  %pair = load <2 x i64>, ptr %pairp, align 8
  %fbp = getelementptr i8, ptr %st, i64 $fast_base
  store <2 x i64> %pair, ptr %fbp, align 8
  br label %good
outside:
  br i1 %writing, label %ask_device, label %known
known:
  %answered_it = call i1 @answer(ptr %st, i64 %phys, i32 %size)
  br i1 %answered_it, label %good, label %ask_device
ask_device:
  %did = call i32 %io(i64 %phys, i32 %va, i32 %iodesc, i64 %value)
  %bad = icmp ne i32 %did, 0
  br i1 %bad, label %fault, label %good
memory:
  %p = inttoptr i64 %host to ptr
  %vp = getelementptr i8, ptr %st, i64 $slow_value
  switch i32 %size, label %eight [ i32 1, label %n1
                                   i32 2, label %n2
                                   i32 4, label %n4 ]
n1:
  br i1 %writing, label %w1, label %r1
w1:
  %v1 = trunc i64 %value to i8
  store i8 %v1, ptr %p
  br label %good
r1:
  %x1 = load i8, ptr %p
  %z1 = zext i8 %x1 to i64
  store i64 %z1, ptr %vp
  br label %good
n2:
  br i1 %writing, label %w2, label %r2
w2:
  %v2 = trunc i64 %value to i16
  %s2 = call i16 @order.i16(i16 %v2)
  store i16 %s2, ptr %p, align 1
  br label %good
r2:
  %x2 = load i16, ptr %p, align 1
  %y2 = call i16 @order.i16(i16 %x2)
  %z2 = zext i16 %y2 to i64
  store i64 %z2, ptr %vp
  br label %good
n4:
  br i1 %writing, label %w4, label %r4
w4:
  %v4 = trunc i64 %value to i32
  %s4 = call i32 @order.i32(i32 %v4)
  store i32 %s4, ptr %p, align 1
  br label %good
r4:
  %x4 = load i32, ptr %p, align 1
  %y4 = call i32 @order.i32(i32 %x4)
  %z4 = zext i32 %y4 to i64
  store i64 %z4, ptr %vp
  br label %good
eight:
  br i1 %writing, label %w8, label %r8
w8:
  %s8 = call i64 @order.i64(i64 %value)
  store i64 %s8, ptr %p, align 1
  br label %good
r8:
  %x8 = load i64, ptr %p, align 1
  %y8 = call i64 @order.i64(i64 %x8)
  store i64 %y8, ptr %vp
  br label %good
good:
  ret i32 0

split:                                                   ; byte by byte; a write is probed on both pages first
  br i1 %wr, label %both, label %bytes
both:
  %pdesc0 = and i32 %desc, -256
  %pdesc = or i32 %pdesc0, 1
  %f1 = call i32 @access(ptr %st, i32 %va, i32 %pdesc, i32 3, i64 0)
  %f1b = icmp ne i32 %f1, 0
  br i1 %f1b, label %inner, label %second
second:
  %behind = and i32 %last, $pagemask32
  %f2 = call i32 @access(ptr %st, i32 %behind, i32 %pdesc, i32 3, i64 0)
  %f2b = icmp ne i32 %f2, 0
  br i1 %f2b, label %inner, label %probed
probed:                                                  ; a device behind the edge comes first: should it
  %h2 = call i64 @locate(ptr %st, i32 %behind, i32 %fc, i32 1, i1 %cacheable)   ; refuse, memory is as it was
  %dev2 = icmp eq i64 %h2, 0
  %upto = sub i32 %behind, %va
  %begin0 = select i1 %dev2, i32 %upto, i32 0
  br i1 %probing, label %good, label %bytes
bytes:
  %begin = phi i32 [ 0, %split ], [ %begin0, %probed ]
  %bdesc0 = and i32 %desc, -256
  %bdesc = or i32 %bdesc0, 1
  %bits = mul i32 %size, 8
  br label %loop
loop:
  %k = phi i32 [ 0, %bytes ], [ %k1, %stepped ]
  %acc = phi i64 [ 0, %bytes ], [ %acc1, %stepped ]
  %k1 = add i32 %k, 1
  %i0 = add i32 %begin, %k
  %round = icmp uge i32 %i0, %size
  %iw = sub i32 %i0, %size
  %i = select i1 %round, i32 %iw, i32 %i0
  %i1 = add i32 %i, 1
  %ba = add i32 %va, %i
  %done8 = mul i32 %i1, 8
  %left = sub i32 %bits, %done8
  %right = mul i32 %i, 8
  %shift = select i1 $big, i32 %left, i32 %right
  %shift64 = zext i32 %shift to i64
  %byte = lshr i64 %value, %shift64
  %f3 = call i32 @access(ptr %st, i32 %ba, i32 %bdesc, i32 %how, i64 %byte)
  %f3b = icmp ne i32 %f3, 0
  br i1 %f3b, label %inner, label %stepped
stepped:
  %bvp = getelementptr i8, ptr %st, i64 $slow_value
  %bv = load i64, ptr %bvp
  %bv8 = and i64 %bv, 255
  %placed = shl i64 %bv8, %shift64
  %acc1 = or i64 %acc, %placed
  store i64 %acc1, ptr %bvp
  %go_on = icmp ult i32 %k1, %size
  br i1 %go_on, label %loop, label %good
inner:                                                   ; the inner access has named the byte: with it goes
  %ivp = getelementptr i8, ptr %st, i64 $fault_va        ; what is still to be transferred
  %iva = load i32, ptr %ivp
  %before = sub i32 %iva, %va
  %rest = sub i32 %size, %before
  %isp = getelementptr i8, ptr %st, i64 $fault_size
  store i32 %rest, ptr %isp
  %before8 = mul i32 %before, 8
  %away32 = select i1 $big, i32 0, i32 %before8
  %away = zext i32 %away32 to i64
  %v1st = lshr i64 %value, %away
  %rest8 = mul i32 %rest, 8
  %rest64 = zext i32 %rest8 to i64
  %unused = sub i64 64, %rest64
  %mask = lshr i64 -1, %unused
  %irest = and i64 %v1st, %mask
  %idp = getelementptr i8, ptr %st, i64 $fault_data
  store i64 %irest, ptr %idp
  ret i32 1

fault:
  %mis = phi i32 [ 1, %misaligned ], [ 0, %single ], [ 0, %ask_device ]
  %p1 = getelementptr i8, ptr %st, i64 $fault_va
  store i32 %va, ptr %p1
  %p2 = getelementptr i8, ptr %st, i64 $fault_fc
  store i32 %fc, ptr %p2
  %p3 = getelementptr i8, ptr %st, i64 $fault_size
  store i32 %size, ptr %p3
  %wq = icmp eq i32 %how, 1
  %pq = icmp eq i32 %how, 3
  %wpq = or i1 %wq, %pq
  %wz = zext i1 %wpq to i32
  %p4 = getelementptr i8, ptr %st, i64 $fault_write
  store i32 %wz, ptr %p4
  %p5 = getelementptr i8, ptr %st, i64 $fault_data
  store i64 %value, ptr %p5
  %p6 = getelementptr i8, ptr %st, i64 $fault_misaligned
  store i32 %mis, ptr %p6
  %p7 = getelementptr i8, ptr %st, i64 $fault_fetch
  store i32 0, ptr %p7
  ret i32 1
}

; Called from handlers with the handler's own arguments first, so that these stay in their registers.
; what = address | descriptor << 32; descriptor = size | fc << 8 | CACHEABLE | PROGRAM_READ.
define preserve_mostcc i32 @slow_load(ptr %st, ptr %ip, i64 %budget, i64 %op, i64 %what) noinline cold {
  %bp = getelementptr i8, ptr %st, i64 $budget
  store i64 %budget, ptr %bp
  %va = trunc i64 %what to i32
  %up = lshr i64 %what, 32
  %desc = trunc i64 %up to i32
  %program = lshr i32 %desc, 17
  %how = shl i32 %program, 1
  %r = call i32 @access(ptr %st, i32 %va, i32 %desc, i32 %how, i64 0)
  ret i32 %r
}
define preserve_mostcc i32 @slow_store(ptr %st, ptr %ip, i64 %budget, i64 %op, i64 %what, i64 %value)
    noinline cold {
  %bp = getelementptr i8, ptr %st, i64 $budget
  store i64 %budget, ptr %bp
  %va = trunc i64 %what to i32
  %up = lshr i64 %what, 32
  %desc = trunc i64 %up to i32
  %r = call i32 @access(ptr %st, i32 %va, i32 %desc, i32 1, i64 %value)
  ret i32 %r
}
define preserve_mostcc i32 @slow_probe(ptr %st, ptr %ip, i64 %budget, i64 %op, i64 %what) noinline cold {
  %bp = getelementptr i8, ptr %st, i64 $budget
  store i64 %budget, ptr %bp
  %va = trunc i64 %what to i32
  %up = lshr i64 %what, 32
  %desc = trunc i64 %up to i32
  %r = call i32 @access(ptr %st, i32 %va, i32 %desc, i32 3, i64 0)
  ret i32 %r
}
"""
DECLARATIONS = """
declare preserve_mostcc i32 @slow_load(ptr, ptr, i64, i64, i64)
declare preserve_mostcc i32 @slow_store(ptr, ptr, i64, i64, i64, i64)
declare preserve_mostcc i32 @slow_probe(ptr, ptr, i64, i64, i64)
"""
