/* Reset: from nothing to C.
 *
 * The CPU is in supervisor mode and its instruction fetches come from the PROM whatever the maps say
 * (enable register bit 0x80 is 0). Data accesses go through maps that hold anything, so that until two RAM
 * pages are mapped and found good there is neither a stack nor a vector table: no subroutine, no
 * exception. */
#include "sun3.h"

/* The assembler takes | for a comment: bits are added. */
#define NEW_PTE(type, address) ((type) + (((address) >> PAGE_SHIFT) & PTE_PAGE_MASK))

        .text
        .globl  _start, fill_context, move_monitor_pages

_start:
        move.w  #SR_MASKED,%sr
        moveq   #CONTROL_FC,%d0
        movec   %d0,%sfc
        movec   %d0,%dfc
        moveq   #0,%d0
        movec   %d0,%cacr
        movs.b  %d0,CONTROL_ENABLE              /* boot state: also after the monitor's k */
        movs.b  %d0,CONTROL_CONTEXT
        move.b  #~LED_RESET,%d0
        movs.b  %d0,CONTROL_LEDS

        /* The monitor's segments, and every page in them invalid. */
        lea     CONTROL_SEGMENT_MAP+MONITOR_START,%a0
        move.w  #MONITOR_PMEG,%d0
        moveq   #MONITOR_SEGMENTS-1,%d1
1:      movs.b  %d0,(%a0)
        adda.l  #SEGMENT_SIZE,%a0
        addq.b  #1,%d0
        dbra    %d1,1b
        lea     CONTROL_PAGE_MAP+MONITOR_START,%a0
        moveq   #0,%d0
        move.w  #MONITOR_SEGMENTS*PAGES_PER_SEGMENT-1,%d1
1:      movs.l  %d0,(%a0)
        adda.w  #PAGE_SIZE,%a0
        dbra    %d1,1b

        /* The ROM, for its constants. */
        lea     CONTROL_PAGE_MAP+VA_ROM,%a0
        move.l  #NEW_PTE(PTE_VALID+PTE_SYSTEM+PTE_NO_CACHE+PTE_TYPE_OBIO, OBIO_ROM),%d0
        moveq   #ROM_PAGES-1,%d1
1:      movs.l  %d0,(%a0)
        adda.w  #PAGE_SIZE,%a0
        addq.l  #1,%d0
        dbra    %d1,1b

        /* The first two pages of RAM become the monitor's until the size of RAM is known. */
        move.b  #~LED_FIRST_MEMORY,%d0
        movs.b  %d0,CONTROL_LEDS
        move.l  #PTE_VALID+PTE_WRITE+PTE_SYSTEM,%d0
        movs.l  %d0,CONTROL_PAGE_MAP+VA_DATA_PAGE
        addq.l  #1,%d0
        movs.l  %d0,CONTROL_PAGE_MAP+VA_STACK_PAGE

        /* Each long of both must hold its address and the complement: both written everywhere before
         * either is read. */
        moveq   #0,%d2                          /* xor mask: 0, then ones */
2:      lea     VA_DATA_PAGE,%a0
        lea     VA_STACK_PAGE,%a1
        move.w  #PAGE_SIZE/4-1,%d1
1:      move.l  %a0,%d0
        eor.l   %d2,%d0
        move.l  %d0,(%a0)+
        move.l  %a1,%d0
        eor.l   %d2,%d0
        move.l  %d0,(%a1)+
        dbra    %d1,1b
        lea     VA_DATA_PAGE,%a0
        lea     VA_STACK_PAGE,%a1
        move.w  #PAGE_SIZE/4-1,%d1
1:      move.l  %a0,%d0
        eor.l   %d2,%d0
        cmp.l   (%a0)+,%d0
        bne     no_memory
        move.l  %a1,%d0
        eor.l   %d2,%d0
        cmp.l   (%a1)+,%d0
        bne     no_memory
        dbra    %d1,1b
        not.l   %d2
        bne     2b

        /* Vectors, variables, stack. */
        lea     VECTORS,%a0
        movec   %a0,%vbr
        move.l  #trap_entry,%d0
        move.w  #VECTORS_SIZE/4-1,%d1
1:      move.l  %d0,(%a0)+
        dbra    %d1,1b
        lea     VECTORS,%a0
        move.l  #scc_entry,(24+6)*4(%a0)
        move.l  #nmi_entry,(24+7)*4(%a0)
        move.l  #system_call_entry,32*4(%a0)
        lea     _data_start,%a0
        lea     _data_image,%a1
        move.l  #_data_size+3,%d1
        lsr.l   #2,%d1
        bra     2f
1:      move.l  (%a1)+,(%a0)+
2:      dbra    %d1,1b
        lea     _bss_start,%a0
        move.l  #_bss_size+3,%d1
        lsr.l   #2,%d1
        bra     2f
1:      clr.l   (%a0)+
2:      dbra    %d1,1b
        lea     STACK_TOP,%sp
        suba.l  %fp,%fp
        jsr     firmware_main
        /* it does not return */

no_memory:
        move.b  #~LED_NO_MEMORY,%d0
        movs.b  %d0,CONTROL_LEDS
        stop    #SR_MASKED
        bra     no_memory

/* void fill_context(u32 context, u32 ram_segments): the whole segment map of one context. The monitor's
 * segments come first, and until they are there nothing but registers is used. */
fill_context:
        movem.l %d2-%d4,-(%sp)
        move.l  16(%sp),%d0
        move.l  20(%sp),%d2
        moveq   #CONTROL_FC,%d1
        movec   %d1,%sfc
        movec   %d1,%dfc
        movs.b  CONTROL_CONTEXT,%d4
        movs.b  %d0,CONTROL_CONTEXT
        lea     CONTROL_SEGMENT_MAP+MONITOR_START,%a0
        move.w  #MONITOR_PMEG,%d0
        moveq   #MONITOR_SEGMENTS-1,%d1
1:      movs.b  %d0,(%a0)
        adda.l  #SEGMENT_SIZE,%a0
        addq.b  #1,%d0
        dbra    %d1,1b
        lea     CONTROL_SEGMENT_MAP,%a0
        moveq   #0,%d0
        move.l  %d2,%d1
        bra     2f
1:      movs.b  %d0,(%a0)
        adda.l  #SEGMENT_SIZE,%a0
        addq.b  #1,%d0
2:      dbra    %d1,1b
        move.w  #PMEG_INVALID,%d0
        move.w  #SEGMENTS-MONITOR_SEGMENTS-1,%d1
        sub.w   %d2,%d1
1:      movs.b  %d0,(%a0)
        adda.l  #SEGMENT_SIZE,%a0
        dbra    %d1,1b
        movs.b  %d4,CONTROL_CONTEXT
        movem.l (%sp)+,%d2-%d4
        rts

/* void move_monitor_pages(u32 data_pte, u32 stack_pte): copies both pages to where VA_SCRATCH and the page
 * after it lead, then maps them there. No stack between copy and switch. */
move_monitor_pages:
        move.l  4(%sp),%d0
        movem.l %d2-%d3,-(%sp)
        move.l  16(%sp),%d1
        moveq   #CONTROL_FC,%d2
        movec   %d2,%sfc
        movec   %d2,%dfc
        lea     VA_DATA_PAGE,%a0
        lea     VA_SCRATCH,%a1
        move.w  #PAGE_SIZE/4-1,%d2
1:      move.l  (%a0)+,(%a1)+
        dbra    %d2,1b
        lea     VA_STACK_PAGE,%a0
        move.w  #PAGE_SIZE/4-1,%d2
1:      move.l  (%a0)+,(%a1)+
        dbra    %d2,1b
        movs.l  %d0,CONTROL_PAGE_MAP+VA_DATA_PAGE
        movs.l  %d1,CONTROL_PAGE_MAP+VA_STACK_PAGE
        movem.l (%sp)+,%d2-%d3
        rts
