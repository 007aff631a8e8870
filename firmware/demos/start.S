/* Where a program of the Linux m68k ABI begins: argc at the stack pointer, then argv. */
        .text
        .globl  _start, system_call
_start: suba.l  %fp,%fp
        move.l  (%sp),%d0
        lea     4(%sp),%a0
        move.l  %a0,-(%sp)
        move.l  %d0,-(%sp)
        jsr     main
        move.l  %d0,%d1
        moveq   #1,%d0
        trap    #0

/* int system_call(int number, long a, long b, long c) */
system_call:
        movem.l %d2-%d3,-(%sp)
        movem.l 12(%sp),%d0-%d3
        trap    #0
        movem.l (%sp)+,%d2-%d3
        rts
