/* Where a program of the Linux SPARC ABI begins: a register window at the stack pointer, then argc, argv. */
        .text
        .globl  _start, system_call
_start: mov     0, %fp
        ld      [%sp + 64], %o0
        add     %sp, 68, %o1
        call    main
         sub    %sp, 32, %sp                    /* room for the callee to put its arguments */
        mov     1, %g1
        ta      0x10

/* int system_call(int number, long a, long b, long c): minus an error number, as elsewhere */
system_call:
        mov     %o0, %g1
        mov     %o1, %o0
        mov     %o2, %o1
        mov     %o3, %o2
        ta      0x10
        bcc     1f
         nop
        neg     %o0
1:      retl
         nop
