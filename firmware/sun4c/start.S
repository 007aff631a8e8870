/* Reset: from nothing to C.
 *
 * The processor is in supervisor mode with traps disabled, and its fetches come from the PROM whatever the maps
 * say (bit 0x80 of the enable register is 0). Data accesses go through maps that hold anything, so that until
 * RAM is mapped and found good there is neither a stack nor a register window to save: no trap may happen. */
#include "sun4c.h"

#define OBIO_PTE(address) (PTE_VALID | PTE_WRITE | PTE_SYSTEM | PTE_NO_CACHE | PTE_TYPE_OBIO | ((address) >> PAGE_SHIFT))
#define ROM_PTE (PTE_VALID | PTE_SYSTEM | PTE_NO_CACHE | PTE_TYPE_OBIO | (OBIO_ROM >> PAGE_SHIFT))
#define RAM_PTE (PTE_VALID | PTE_WRITE | PTE_SYSTEM)

        .register %g2, #scratch
        .register %g3, #scratch
        .text
        .globl  _start, fill_context, give_context, move_data_pages

_start:
        wr      %g0, PSR_PIL | PSR_S | PSR_PS, %psr
        wr      %g0, 0, %wim
        set     TRAP_TABLE, %g1
        wr      %g1, %tbr
        nop
        nop
        nop
        set     CONTROL_ENABLE, %g1
        stba    %g0, [%g1] ASI_CONTROL          /* boot state: also after the command reset */
        set     CONTROL_CONTEXT, %g1
        stba    %g0, [%g1] ASI_CONTROL

        /* The firmware's segments, and every page in them invalid. */
        set     MONITOR_START, %o0
        set     SEGMENT_SIZE, %o2
        mov     MONITOR_PMEG, %o1
1:      stba    %o1, [%o0] ASI_SEGMENT_MAP
        addcc   %o0, %o2, %o0
        bne     1b
         add    %o1, 1, %o1
        set     MONITOR_START, %o0
        set     PAGE_SIZE, %o2
1:      sta     %g0, [%o0] ASI_PAGE_MAP
        addcc   %o0, %o2, %o0
        bne     1b
         nop

        /* The ROM, for its constants; the console, for a message without memory. */
        set     VA_ROM, %o0
        set     ROM_PTE, %o1
        set     VA_ROM + ROM_SIZE, %o3
1:      sta     %o1, [%o0] ASI_PAGE_MAP
        add     %o0, %o2, %o0
        cmp     %o0, %o3
        bne     1b
         add    %o1, 1, %o1
        set     VA_SERIAL, %o0
        set     OBIO_PTE(OBIO_SERIAL), %o1
        sta     %o1, [%o0] ASI_PAGE_MAP

        /* The first pages of RAM become the firmware's until the size of RAM is known. */
        set     VA_DATA, %o0
        set     RAM_PTE, %o1
        set     DATA_END, %o3
1:      sta     %o1, [%o0] ASI_PAGE_MAP
        add     %o0, %o2, %o0
        cmp     %o0, %o3
        bne     1b
         add    %o1, 1, %o1

        /* Each pair of words must hold its address and the complement: all written before any is read. */
        mov     0, %g4
2:      set     VA_DATA, %o0
1:      xor     %o0, %g4, %o4
        xnor    %o0, %g4, %o5
        std     %o4, [%o0]
        add     %o0, 8, %o0
        cmp     %o0, %o3
        bne     1b
         nop
        set     VA_DATA, %o0
1:      ldd     [%o0], %o4
        xor     %o0, %g4, %o1
        xnor    %o0, %g4, %o2
        xor     %o4, %o1, %o1
        xor     %o5, %o2, %o2
        orcc    %o1, %o2, %g0
        bne     no_memory
         add    %o0, 8, %o0
        cmp     %o0, %o3
        bne     1b
         nop
        xnorcc  %g4, %g0, %g4
        bne     2b
         nop

        /* Variables and stack. */
        set     _data_start, %o0
        set     _data_image, %o1
        set     _data_size, %o2
        ba      2f
         tst    %o2
1:      ldd     [%o1], %o4
        add     %o1, 8, %o1
        std     %o4, [%o0]
        add     %o0, 8, %o0
        subcc   %o2, 8, %o2
2:      bne     1b
         nop
        set     _bss_start, %o0
        set     _bss_size, %o2
        mov     0, %o4
        mov     0, %o5
        ba      2f
         tst    %o2
1:      std     %o4, [%o0]
        add     %o0, 8, %o0
        subcc   %o2, 8, %o2
2:      bne     1b
         nop
        wr      %g0, 2, %wim                    /* CWP is 0: six more windows until the first overflow */
        wr      %g0, PSR_PIL | PSR_S | PSR_PS | PSR_ET, %psr
        nop
        nop
        nop
        set     STACK_TOP - 96, %sp
        mov     0, %fp
        call    firmware_main
         mov    0, %i7
        /* it does not return */

/* The console at 9600 baud, asynchronous: the registers of a Z8530, and their values. */
no_memory:
        set     VA_SERIAL + 4, %o0              /* channel A */
        ldub    [%o0], %g0
        set     channel_values, %o1
1:      ldub    [%o1], %o2
        cmp     %o2, 0xFF
        be      2f
         inc    %o1
        ba      1b
         stb    %o2, [%o0]
2:      set     no_memory_text, %o1
1:      ldub    [%o1], %o2
        tst     %o2
3:      be      3b                              /* said all that can be said */
         inc    %o1
2:      ldub    [%o0], %o3
        btst    0x04, %o3                       /* transmitter empty */
        be      2b
         nop
        ba      1b
         stb    %o2, [%o0 + 2]

channel_values:
        .byte   9, 0x80, 4, 0x44, 3, 0xC0, 5, 0xE2, 11, 0x50, 12, 14, 13, 0, 14, 2, 14, 3, 5, 0xEA, 0xFF
no_memory_text:
        .asciz  "\r\nSelftest: the first memory bank is absent or bad. The machine stops.\r\n"
        .align  4

/* void give_context(u32 context): our segments in another context. No memory is used: nothing of ours is in it
 * yet. Fetches may go on in the boot state alone. */
give_context:
        set     CONTROL_CONTEXT, %o5
        lduba   [%o5] ASI_CONTROL, %o4
        stba    %o0, [%o5] ASI_CONTROL
        set     SEGMENT_SIZE, %o2
        set     MONITOR_START, %o0
        mov     MONITOR_PMEG, %o3
1:      stba    %o3, [%o0] ASI_SEGMENT_MAP
        addcc   %o0, %o2, %o0
        bne     1b
         inc    %o3
        retl
         stba   %o4, [%o5] ASI_CONTROL

/* void fill_context(u32 segments): segment n of this context gets PMEG n below `segments`, up to ours the invalid
 * one. */
fill_context:
        set     SEGMENT_SIZE, %o2
        mov     0, %o1
        mov     0, %o3
        mov     PMEG_INVALID, %o4
        set     SPACE_HALF, %o5
1:      cmp     %o3, %o0
        blu,a   2f
         stba   %o3, [%o1] ASI_SEGMENT_MAP
        stba    %o4, [%o1] ASI_SEGMENT_MAP
2:      add     %o1, %o2, %o1
        cmp     %o1, %o5
        bne     1b
         inc    %o3
        neg     %o5, %o1
        set     MONITOR_START, %o5
1:      stba    %o4, [%o1] ASI_SEGMENT_MAP
        add     %o1, %o2, %o1
        cmp     %o1, %o5
        bne     1b
         nop
        retl
         nop

/* void move_data_pages(u32 pte): copies our pages of RAM to those from `pte` on, then maps them there. Neither
 * stack nor variables between copy and switch; interrupts are off. */
move_data_pages:
        mov     %o0, %g1
        set     VA_DATA, %o1
        set     DATA_END, %o2
        set     VA_SCRATCH, %g2
        set     PAGE_SIZE, %g3
1:      sta     %g1, [%g2] ASI_PAGE_MAP
        mov     0, %o3
2:      ldd     [%o1 + %o3], %o4
        std     %o4, [%g2 + %o3]
        add     %o3, 8, %o3
        cmp     %o3, %g3
        bne     2b
         nop
        add     %o1, %g3, %o1
        cmp     %o1, %o2
        bne     1b
         inc    %g1
        set     VA_DATA, %o1
1:      sta     %o0, [%o1] ASI_PAGE_MAP
        add     %o1, %g3, %o1
        cmp     %o1, %o2
        bne     1b
         inc    %o0
        retl
         sta    %g0, [%g2] ASI_PAGE_MAP
