/* The trap table, window overflow and underflow, and the ways between the firmware and programs.
 *
 * Whatever C has to see goes through save_state: all register windows are copied to memory of the firmware's, so
 * that neither the interrupted stack nor its windows matter, and resume_state puts every register back. */
#include "sun4c.h"

        .register %g2, #scratch
        .register %g3, #scratch

/* Four instructions that do not depend on where they are: kernels copy that of level 14. */
#define TRAP(type) \
        rd      %psr, %l0; \
        sethi   %hi(trap_entry), %l3; \
        jmp     %l3 + %lo(trap_entry); \
         mov    type, %l4
#define TO(handler) \
        rd      %psr, %l0; \
        sethi   %hi(handler), %l3; \
        jmp     %l3 + %lo(handler); \
         rd     %wim, %l3

        .section .traptable, "ax"
        .globl  trap_table
trap_table:
        sethi   %hi(_start), %g1                /* 0: reset */
        jmp     %g1 + %lo(_start)
         nop
        nop
        .set    type, 1
        .rept   4
        TRAP(type)
        .set    type, type + 1
        .endr
        TO(window_overflow)
        TO(window_underflow)
        .set    type, TRAP_ALIGNMENT
        .rept   256 - TRAP_ALIGNMENT
        TRAP(type)
        .set    type, type + 1
        .endr

        .text
        .globl  resume_state, romvec_enter, romvec_setctxt
        .globl  machine_enter_supervisor, machine_prompt, start_over, machine_reset, arena_low

/* A SAVE into the window that WIM marks. The one above it is the oldest: it goes to its stack and becomes the
 * marked one. The stack of a program in user mode may be anywhere, so it is looked at before it is used. */
window_overflow:
        mov     %g1, %l4
        mov     %g2, %l5
        mov     %g3, %l6
        srl     %l3, 1, %g1
        sll     %l3, WINDOWS - 1, %g2
        or      %g1, %g2, %g1
        save
        wr      %g1, 0, %wim
        sethi   %hi(arena_low), %g2
        ldd     [%g2 + %lo(arena_low)], %g2
        rd      %psr, %g1
        btst    PSR_PS, %g1
        bne     1f                              /* a supervisor's stack is not looked at */
         btst   7, %sp
        sub     %sp, %g2, %g2
        cmp     %g2, %g3
        bgeu    bad_save
         btst   7, %sp
1:      bne     bad_save
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
window_done:
        mov     %l4, %g1
        mov     %l5, %g2
        mov     %l6, %g3
        wr      %l0, 0, %psr                    /* the condition codes */
        nop
        nop
        nop
        jmp     %l1
         rett   %l2
bad_save:
        mov     %sp, %g1
        restore
bad_stack:
        sethi   %hi(bad_pointer), %l7
        st      %g1, [%l7 + %lo(bad_pointer)]
        mov     %l4, %g1
        mov     %l5, %g2
        mov     %l6, %g3
        wr      %l3, 0, %wim
        ba      unexpected
         mov    TRAP_BAD_STACK, %l4

/* A RESTORE of the marked window: it comes back from its stack, and the one above it is marked. */
window_underflow:
        mov     %g1, %l4
        mov     %g2, %l5
        mov     %g3, %l6
        sll     %l3, 1, %g1
        srl     %l3, WINDOWS - 1, %g2
        wr      %g1, %g2, %wim                  /* wr takes the exclusive or */
        sethi   %hi(arena_low), %g2
        ldd     [%g2 + %lo(arena_low)], %g2
        btst    PSR_PS, %l0
        restore
        restore
        bne     1f
         btst   7, %sp
        sub     %sp, %g2, %g2
        cmp     %g2, %g3
        bgeu    bad_load
         btst   7, %sp
1:      bne     bad_load
         nop
        ldd     [%sp], %l0
        ldd     [%sp + 8], %l2
        ldd     [%sp + 16], %l4
        ldd     [%sp + 24], %l6
        ldd     [%sp + 32], %i0
        ldd     [%sp + 40], %i2
        ldd     [%sp + 48], %i4
        ldd     [%sp + 56], %i6
        save
        ba      window_done
         save
bad_load:
        mov     %sp, %g1
        save
        save
        ba      bad_stack
         nop

/* Every other trap: l0 PSR, l1 PC, l2 nPC, l4 its type. */
trap_entry:
        sethi   %hi(nofault), %l3
        ld      [%l3 + %lo(nofault)], %l5
        tst     %l5
        be      unexpected
         cmp    %l4, TRAP_DATA
        be      1f
         cmp    %l4, TRAP_ALIGNMENT
        bne     unexpected
1:       sethi  %hi(CONTROL_SYNC_ERROR), %l6
        lda     [%l6] ASI_CONTROL, %g0          /* reading it clears it for the next, unexpected fault */
        st      %g0, [%l3 + %lo(nofault)]
        wr      %l0, 0, %psr
        nop
        nop
        nop
        jmp     %l5
         rett   %l5 + 4

unexpected:
        set     tick_state, %l5
        cmp     %l4, TRAP_LEVEL14
        be      save_state
         sethi  %hi(monitor_active), %l3
        ld      [%l3 + %lo(monitor_active)], %l3
        set     saved, %l5
        tst     %l3
        be      save_state
         nop
        set     nested, %l5

/* l0 PSR, l1 PC, l2 nPC, l4 type, l5 struct state. C may change the state; then it goes on. */
save_state:
        st      %g1, [%l5 + STATE_GLOBALS + 4]
        std     %g2, [%l5 + STATE_GLOBALS + 8]
        std     %g4, [%l5 + STATE_GLOBALS + 16]
        std     %g6, [%l5 + STATE_GLOBALS + 24]
        st      %l0, [%l5 + STATE_PSR]
        st      %l1, [%l5 + STATE_PC]
        st      %l2, [%l5 + STATE_NPC]
        rd      %wim, %l3
        st      %l3, [%l5 + STATE_WIM]
        rd      %tbr, %l3
        st      %l3, [%l5 + STATE_TBR]
        rd      %y, %l3
        st      %l3, [%l5 + STATE_Y]
        st      %l4, [%l5 + STATE_TRAP]
        wr      %g0, 0, %wim
        mov     %l5, %g1
        add     %l5, STATE_WINDOWS, %g2
        mov     WINDOWS, %g3
1:      restore
        std     %l0, [%g2]
        std     %l2, [%g2 + 8]
        std     %l4, [%g2 + 16]
        std     %l6, [%g2 + 24]
        std     %i0, [%g2 + 32]
        std     %i2, [%g2 + 40]
        std     %i4, [%g2 + 48]
        std     %i6, [%g2 + 56]
        subcc   %g3, 1, %g3
        bne     1b
         add    %g2, WINDOW_BYTES, %g2

        set     STACK_TOP - 96, %sp
        set     tick_state, %g2
        cmp     %g1, %g2
        bne     1f
         mov    %g1, %l5
        set     TICK_STACK_TOP - 96, %sp
1:      mov     0, %fp
        mov     0, %i7
        call    start_windows
         mov    PSR_PIL >> 8, %o0
        call    trap_main
         mov    %l5, %o0
        mov     %l5, %o0

/* void resume_state(const struct state *) */
resume_state:
        mov     %o0, %g1
        rd      %psr, %g2
        andn    %g2, PSR_ET, %g2
        wr      %g2, 0, %psr
        ld      [%g1 + STATE_PSR], %g2
        and     %g2, PSR_CWP, %g2
        or      %g2, PSR_PIL | PSR_S | PSR_PS, %g2
        wr      %g0, 0, %wim
        wr      %g2, 0, %psr
        add     %g1, STATE_WINDOWS, %g2
        mov     WINDOWS, %g3
        nop
1:      restore
        ldd     [%g2], %l0
        ldd     [%g2 + 8], %l2
        ldd     [%g2 + 16], %l4
        ldd     [%g2 + 24], %l6
        ldd     [%g2 + 32], %i0
        ldd     [%g2 + 40], %i2
        ldd     [%g2 + 48], %i4
        ldd     [%g2 + 56], %i6
        subcc   %g3, 1, %g3
        bne     1b
         add    %g2, WINDOW_BYTES, %g2
        ld      [%g1 + STATE_PSR], %l0
        ld      [%g1 + STATE_PC], %l1
        ld      [%g1 + STATE_NPC], %l2
        ld      [%g1 + STATE_WIM], %l3
        ld      [%g1 + STATE_TBR], %l4
        ld      [%g1 + STATE_Y], %l5
        mov     %g1, %l6
        ldd     [%l6 + STATE_GLOBALS + 8], %g2
        ldd     [%l6 + STATE_GLOBALS + 16], %g4
        ldd     [%l6 + STATE_GLOBALS + 24], %g6
        ld      [%l6 + STATE_GLOBALS + 4], %g1
        wr      %l5, 0, %y
        wr      %l4, 0, %tbr
        wr      %l3, 0, %wim
        wr      %l0, 0, %psr
        nop
        nop
        nop
        jmp     %l1
         rett   %l2

/* The caller's window becomes the first of a new chain: the one above it is marked, our trap table is used, and
 * interrupts above level o0 may come. A leaf. */
start_windows:
        rd      %psr, %g2
        and     %g2, PSR_CWP, %g2
        sll     %o0, 8, %g3
        or      %g2, %g3, %g3
        or      %g3, PSR_S | PSR_PS, %g3        /* traps are off: nothing may come until WIM is right */
        wr      %g3, 0, %psr
        inc     %g2
        and     %g2, WINDOWS - 1, %g2
        mov     1, %o1
        sll     %o1, %g2, %g2
        wr      %g2, 0, %wim
        set     TRAP_TABLE, %g2
        wr      %g2, 0, %tbr
        nop
        nop
        nop
        wr      %g3, PSR_ET, %psr               /* exclusive or */
        nop
        nop
        retl
         nop

/* abort of the ROM vector: as if its call had been a trap, so that `go` continues after it. */
romvec_enter:
        save    %sp, -96, %sp
        rd      %psr, %l0
        andn    %l0, PSR_ET, %l0
        or      %l0, PSR_PS, %l0
        wr      %l0, 0, %psr
        add     %i7, 8, %l1
        add     %i7, 12, %l2
        ba      unexpected
         mov    TRAP_ENTER, %l4

/* void romvec_setctxt(u32 context, u32 address, u32 pmeg): no memory is used in the other context. */
romvec_setctxt:
        rd      %psr, %o5
        or      %o5, PSR_PIL, %o4
        wr      %o4, 0, %psr
        sethi   %hi(CONTROL_CONTEXT), %o4
        nop
        nop
        lduba   [%o4] ASI_CONTROL, %o3
        stba    %o0, [%o4] ASI_CONTROL
        stba    %o2, [%o1] ASI_SEGMENT_MAP
        stba    %o3, [%o4] ASI_CONTROL
        wr      %o5, 0, %psr
        nop
        nop
        retl
         nop

/* void machine_enter_supervisor(u32 entry, u32 stack): called like a C function, with the ROM vector as its
 * argument, in window 0; its result is the exit status. Level 14 may interrupt it. */
machine_enter_supervisor:
        mov     %o0, %g1
        mov     %o1, %g4
        wr      %g0, PSR_PIL | PSR_S | PSR_PS, %psr
        nop
        nop
        nop
        mov     %g1, %l0
        mov     %g4, %l1
        set     monitor_active, %l2
        st      %g0, [%l2]
        mov     0, %fp
        mov     0, %i7
        call    start_windows
         mov    13, %o0
        sub     %l1, 96, %sp
        sethi   %hi(program_psr), %o0
        ld      [%o0 + %lo(program_psr)], %o0
        rd      %psr, %o1
        wr      %o0, %o1, %psr                  /* exclusive or: the FPU, if there is one */
        set     ROM_VECTOR, %o0
        mov     0, %o1
        mov     0, %o2
        mov     0, %o3
        mov     0, %o4
        call    %l0
         mov    0, %o5
        mov     %o0, %l0
        set     STACK_TOP - 96, %sp
        call    start_windows
         mov    PSR_PIL >> 8, %o0
        call    process_exit
         mov    %l0, %o0

/* void machine_prompt(void); void start_over(void (*function)(void)): on our stack, with nothing below it. */
machine_prompt:
        set     monitor_loop, %o0
start_over:
        mov     %o0, %l0
        set     STACK_TOP - 96, %sp
        mov     0, %fp
        mov     0, %i7
        set     monitor_active, %l2
        mov     1, %l3
        st      %l3, [%l2]
        call    start_windows
         mov    13, %o0
        call    %l0
         nop

/* void machine_reset(void) */
machine_reset:
        rd      %psr, %o0
        andn    %o0, PSR_ET, %o0
        wr      %o0, 0, %psr
        set     VA_INTERRUPT, %o1
        nop
        stb     %g0, [%o1]
        set     CONTROL_ENABLE, %o1
        mov     ENABLE_RESET, %o2
        stba    %o2, [%o1] ASI_CONTROL
        sethi   %hi(_start), %o1
        jmp     %o1 + %lo(_start)
         nop

        .data
        .align  8
arena_low:                                      /* programs' memory: where it begins, */
        .word   0
arena_size:                                     /* and its size without the last window */
        .word   0
        .globl  arena_size
