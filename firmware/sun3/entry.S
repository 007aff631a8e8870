/* Exceptions, and the ways between the monitor and programs. */
#include "sun3.h"

        .text
        .globl  trap_entry, nmi_entry, scc_entry, system_call_entry, exit_to_monitor
        .globl  guarded_read, guarded_write, control_get8, control_get32, control_put8, control_put32
        .globl  machine_enter_user, machine_enter_supervisor, machine_resume, machine_prompt, machine_reset
        .globl  romvec_setctxt, get_vbr, set_vbr, wait_for_interrupt, mask_interrupts, try_fpu

/* Every exception that nobody else wants. What happened is kept in `saved` (struct registers in trap.h);
 * the monitor goes on below the interrupted stack if that is its own, else on its own from the top. */
trap_entry:
        ori.w   #0x700,%sr
        tst.l   nofault
        bne     caught
interrupted:
        movem.l %d0-%d7/%a0-%a6,saved
        movea.l %sp,%a0                         /* the exception frame */
        cmpa.l  #VA_STACK_PAGE,%sp
        bcs     1f
        cmpa.l  #STACK_TOP,%sp
        bcs     2f
1:      lea     STACK_TOP,%sp
2:      move.l  %a0,-(%sp)
        jsr     trap_main                       /* does not return */

caught: movea.l nofault_sp,%sp
        movea.l nofault,%a0
        clr.l   nofault
        jmp     (%a0)

/* Level 7: the clock's tick and the operator's BREAK. */
nmi_entry:
        movem.l %d0-%d1/%a0-%a1,-(%sp)
        jsr     nmi_service
        tst.l   %d0
        movem.l (%sp)+,%d0-%d1/%a0-%a1
        bne     interrupted
        rte

/* Level 6: a character ends wait_for_interrupt(); the line goes quiet until the next wait. */
scc_entry:
        movem.l %d0-%d1/%a0-%a1,-(%sp)
        jsr     zs_disarm
        movem.l (%sp)+,%d0-%d1/%a0-%a1
        rte

/* trap #0, Linux's convention: number in d0, arguments in d1-d5 and a0, result in d0, all else preserved. */
system_call_entry:
        move.l  %a1,-(%sp)
        movem.l %d1-%d5/%a0,-(%sp)
        move.l  %sp,-(%sp)
        move.l  %d0,-(%sp)
        jsr     process_call
        addq.l  #8,%sp
        movem.l (%sp)+,%d1-%d5/%a0
        move.l  (%sp)+,%a1
        rte

/* ROM vector: the program is done for now. Looks like an exception with vector 0, so that c continues
 * after the call. */
exit_to_monitor:
        move.l  (%sp)+,%d0
        clr.w   -(%sp)
        move.l  %d0,-(%sp)
        move.w  %sr,-(%sp)
        bra     trap_entry

/* int guarded_read(u32 address, u32 size, u32 *value), int guarded_write(u32 address, u32 size, u32
 * value): 0 after a fault. */
guarded_read:
        movea.l 4(%sp),%a0
        move.l  8(%sp),%d0
        movea.l 12(%sp),%a1
        moveq   #0,%d1
        move.l  %sp,nofault_sp
        move.l  #fault,nofault
        subq.l  #2,%d0
        bcs     1f
        beq     2f
        move.l  (%a0),%d1
        bra     3f
1:      move.b  (%a0),%d1
        bra     3f
2:      move.w  (%a0),%d1
3:      nop                                     /* all bus cycles are over */
        clr.l   nofault
        move.l  %d1,(%a1)
        moveq   #1,%d0
        rts
guarded_write:
        movea.l 4(%sp),%a0
        move.l  8(%sp),%d0
        move.l  12(%sp),%d1
        move.l  %sp,nofault_sp
        move.l  #fault,nofault
        subq.l  #2,%d0
        bcs     1f
        beq     2f
        move.l  %d1,(%a0)
        bra     3f
1:      move.b  %d1,(%a0)
        bra     3f
2:      move.w  %d1,(%a0)
3:      nop
        clr.l   nofault
        moveq   #1,%d0
        rts
fault:  pea     CONTROL_BUS_ERROR               /* reading it clears it for the next, unexpected fault */
        jsr     control_get8
        addq.l  #4,%sp
        moveq   #0,%d0
        rts

/* int try_fpu(void): 1 if a 68881 answers (without one its instructions are line-F exceptions). */
try_fpu:
        move.l  %sp,nofault_sp
        move.l  #fault,nofault
        .word   0xF280, 0x0000                  /* fnop */
        nop
        clr.l   nofault
        moveq   #1,%d0
        rts

/* Control space.  Callers may be foreign code's: its SFC and DFC come back. */
control_get8:
        movec   %sfc,%a1
        moveq   #CONTROL_FC,%d0
        movec   %d0,%sfc
        movea.l 4(%sp),%a0
        moveq   #0,%d0
        movs.b  (%a0),%d0
        movec   %a1,%sfc
        rts
control_get32:
        movec   %sfc,%a1
        moveq   #CONTROL_FC,%d0
        movec   %d0,%sfc
        movea.l 4(%sp),%a0
        movs.l  (%a0),%d0
        movec   %a1,%sfc
        rts
control_put8:
        movec   %dfc,%a1
        moveq   #CONTROL_FC,%d0
        movec   %d0,%dfc
        movea.l 4(%sp),%a0
        move.l  8(%sp),%d0
        movs.b  %d0,(%a0)
        movec   %a1,%dfc
        rts
control_put32:
        movec   %dfc,%a1
        moveq   #CONTROL_FC,%d0
        movec   %d0,%dfc
        movea.l 4(%sp),%a0
        move.l  8(%sp),%d0
        movs.l  %d0,(%a0)
        movec   %a1,%dfc
        rts

/* void romvec_setctxt(u32 context, u32 address, u32 pmeg): a segment map entry of any context. The
 * caller's stack and vectors may not exist in that context: everything is in registers, and interrupts are
 * off, until the old one is back. No status register masks level 7: the board does. */
romvec_setctxt:
        movem.l %d2-%d6,-(%sp)
        move.l  24(%sp),%d0
        move.l  28(%sp),%d1
        move.l  32(%sp),%d2
        andi.l  #VA_MASK & ~(SEGMENT_SIZE-1),%d1
        ori.l   #CONTROL_SEGMENT_MAP,%d1
        movea.l %d1,%a0
        move.w  %sr,%d5
        ori.w   #0x700,%sr
        move.b  VA_INTERRUPT,%d6
        move.b  %d6,%d1
        andi.b  #~INTERRUPT_ENABLE,%d1
        move.b  %d1,VA_INTERRUPT
        movec   %sfc,%d3
        movec   %dfc,%a1
        moveq   #CONTROL_FC,%d1
        movec   %d1,%sfc
        movec   %d1,%dfc
        movs.b  CONTROL_CONTEXT,%d4
        movs.b  %d0,CONTROL_CONTEXT
        movs.b  %d2,(%a0)
        movs.b  %d4,CONTROL_CONTEXT
        movec   %d3,%sfc
        movec   %a1,%dfc
        move.b  %d6,VA_INTERRUPT
        move.w  %d5,%sr
        movem.l (%sp)+,%d2-%d6
        rts

get_vbr:
        movec   %vbr,%d0
        rts
set_vbr:
        move.l  4(%sp),%d0
        movec   %d0,%vbr
        rts

/* Sleeps until an SCC or the clock wakes it; both can be masked again afterwards. */
wait_for_interrupt:
        move.w  %sr,%d0
        stop    #SR_SUPERVISOR+0x500
        move.w  %d0,%sr
        rts
mask_interrupts:
        ori.w   #0x700,%sr
        rts

/* void machine_enter_user(u32 entry, u32 stack): a clean processor in user mode. */
machine_enter_user:
        movea.l 4(%sp),%a0
        movea.l 8(%sp),%a1
        lea     STACK_TOP,%sp
        move.l  %sp,prompt_sp
        clr.l   monitor_active
        move.l  %a1,%usp
        clr.w   -(%sp)
        move.l  %a0,-(%sp)
        clr.w   -(%sp)
        moveq   #1,%d0
        movec   %d0,%sfc
        movec   %d0,%dfc
        moveq   #0,%d0
        moveq   #0,%d1
        moveq   #0,%d2
        moveq   #0,%d3
        moveq   #0,%d4
        moveq   #0,%d5
        moveq   #0,%d6
        moveq   #0,%d7
        movea.l %d0,%a0
        movea.l %d0,%a1
        movea.l %d0,%a2
        movea.l %d0,%a3
        movea.l %d0,%a4
        movea.l %d0,%a5
        movea.l %d0,%a6
        rte

/* void machine_enter_supervisor(u32 entry, u32 stack): called like a C function; its result is the exit
 * status. */
machine_enter_supervisor:
        movea.l 4(%sp),%a0
        movea.l 8(%sp),%sp
        move.l  #STACK_TOP,prompt_sp
        clr.l   monitor_active
        suba.l  %fp,%fp
        jsr     (%a0)
        lea     STACK_TOP,%sp
        moveq   #CONTROL_FC,%d1
        movec   %d1,%sfc
        movec   %d1,%dfc
        move.l  %d0,-(%sp)
        jsr     process_exit

/* void machine_resume(void): goes on with `saved`; returns if its pc is still 0. */
machine_resume:
        tst.l   saved+18*4
        bne     1f
        rts
1:      ori.w   #0x700,%sr
        lea     saved,%a0
        movea.l 16*4(%a0),%a1
        move.l  %a1,%usp
        movea.l 17*4(%a0),%sp                   /* system stack */
        clr.w   -(%sp)
        move.l  18*4(%a0),-(%sp)                /* pc */
        move.w  19*4+2(%a0),-(%sp)              /* sr */
        movea.l 20*4(%a0),%a1
        movec   %a1,%vbr
        movea.l 21*4(%a0),%a1
        movec   %a1,%sfc
        movea.l 22*4(%a0),%a1
        movec   %a1,%dfc
        clr.l   monitor_active
        movem.l (%a0),%d0-%d7/%a0-%a6
        rte

/* void machine_prompt(void) */
machine_prompt:
        ori.w   #0x700,%sr
        movea.l prompt_sp,%sp
        suba.l  %fp,%fp
        moveq   #1,%d0
        move.l  %d0,monitor_active
        jsr     monitor_loop

/* void machine_reset(void) */
machine_reset:
        ori.w   #0x700,%sr
        jsr     clock_stop_tick                 /* level 7 finds no vectors while start.S works */
        reset
        jmp     _start
