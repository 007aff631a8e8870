/* How a system for sun4c begins: entered at its physical address with traps enabled and the ROM vector in %o0, it
 * copies the segments of the low addresses to where it is linked, goes there, and uses a trap table of its own,
 * with the firmware's vector of level 14 in it. Interrupts stay masked. */
#define KERNEL_BASE 0xF0000000
#define SEGMENT_SIZE 0x40000
#define ASI_SEGMENT_MAP 3
#define PSR_MASKED 0xFC0        /* PIL 15, S, PS */

#define TRAP(handler) \
        sethi   %hi(handler), %l3; \
        jmp     %l3 + %lo(handler); \
         rd     %wim, %l3; \
        nop

        .register %g2, #scratch
        .register %g3, #scratch
        .section .text.start, "ax"
        .globl  start, kernel_traps, kernel_overflows
start:
        wr      %g0, PSR_MASKED, %psr
        wr      %g0, 2, %wim
        nop
        nop
        nop
        mov     0, %l0                          /* VA 0..2 MB also at KERNEL_BASE */
        sethi   %hi(KERNEL_BASE), %l1
        sethi   %hi(SEGMENT_SIZE), %l2
        sethi   %hi(0x200000), %l3
1:      lduba   [%l0] ASI_SEGMENT_MAP, %l4
        stba    %l4, [%l1] ASI_SEGMENT_MAP
        add     %l0, %l2, %l0
        cmp     %l0, %l3
        bne     1b
         add    %l1, %l2, %l1
        set     high, %l0
        jmp     %l0
         nop
high:   rd      %tbr, %l0                       /* the firmware's level 14 */
        andn    %l0, 0xFFF, %l0
        ldd     [%l0 + 0x1E0], %l2
        ldd     [%l0 + 0x1E8], %l4
        set     kernel_table, %l1
        std     %l2, [%l1 + 0x1E0]
        std     %l4, [%l1 + 0x1E8]
        wr      %l1, %tbr
        wr      %g0, PSR_MASKED | 0x20, %psr
        set     stack_top - 96, %sp
        mov     0, %fp
        nop
        call    kernel_main
         mov    0, %i7
1:      ba      1b
         nop

overflow:
        mov     %g1, %l7
        srl     %l3, 1, %g1
        sll     %l3, 7, %l4
        or      %l4, %g1, %g1
        save
        wr      %g1, 0, %wim
        nop
        nop
        nop
        std     %l0, [%sp]
        std     %l2, [%sp + 8]
        std     %l4, [%sp + 16]
        std     %l6, [%sp + 24]
        std     %i0, [%sp + 32]
        std     %i2, [%sp + 40]
        std     %i4, [%sp + 48]
        std     %i6, [%sp + 56]
        restore
        mov     %l7, %g1
        set     kernel_overflows, %l3
        ld      [%l3], %l4
        inc     %l4
        st      %l4, [%l3]
        jmp     %l1
         rett   %l2
underflow:
        sll     %l3, 1, %l4
        srl     %l3, 7, %l5
        wr      %l4, %l5, %wim
        nop
        nop
        nop
        restore
        restore
        ldd     [%sp], %l0
        ldd     [%sp + 8], %l2
        ldd     [%sp + 16], %l4
        ldd     [%sp + 24], %l6
        ldd     [%sp + 32], %i0
        ldd     [%sp + 40], %i2
        ldd     [%sp + 48], %i4
        ldd     [%sp + 56], %i6
        save
        save
        jmp     %l1
         rett   %l2
other:  set     kernel_traps, %l3               /* counted, and the instruction left out */
        ld      [%l3], %l4
        inc     %l4
        st      %l4, [%l3]
        jmp     %l2
         rett   %l2 + 4

        .data
        .align  4096
kernel_table:
        .rept   5
        TRAP(other)
        .endr
        TRAP(overflow)
        TRAP(underflow)
        .rept   256 - 7
        TRAP(other)
        .endr
kernel_traps:
        .word   0
kernel_overflows:
        .word   0
        .align  8
        .skip   16384
stack_top:
