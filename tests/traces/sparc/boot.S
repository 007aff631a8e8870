/* A supervisor for compiled programs on a SPARC with nothing but memory: window traps, write and exit.

   It lies at RAM; the program behind it starts in user mode at _start, as Linux would start it: %sp + 64 is
   where argc and argv are. `ta 0x10` with %g1 = 4 appends to OUTPUT, with %g1 = 1 ends in error mode at HALT. */

#define WINDOWS 8
#define RAM 0x40000000
#define HALT 0x1000
#define VARIABLES 0x2000 /* status, length of the output, output */
#define ARGUMENTS 0x1000 /* bytes below the end of the stack */

	.section .boot, "ax"
	.globl boot
table:
	.rept 5
	ba bad; nop; nop; nop
	.endr
	ba overflow; mov %wim, %l3; nop; nop
	ba underflow; mov %wim, %l3; nop; nop
	.rept 0x90 - 7
	ba bad; nop; nop; nop
	.endr
	ba call; mov %psr, %l0; nop; nop
	.rept 0xff - 0x90
	ba bad; nop; nop; nop
	.endr

	.org HALT
halt:	ta 0
	nop
boot:	wr %g0, 2, %wim
	set RAM, %g1
	wr %g1, 0, %tbr
	set stack_end - ARGUMENTS - 64, %sp
	wr %g0, 0xa0, %psr		/* window 0, traps enabled */
	nop; nop; nop
	set _start, %g1
#ifdef FPU
	set 0x1020, %g2
	wr %g2, 0, %psr
#else
	wr %g0, 0x20, %psr		/* as a user */
#endif
	nop; nop; nop
	jmp %g1
	clr %g1
bad:	mov 255, %i0
exit:	set RAM + VARIABLES, %l3
	ba halt
	st %i0, [%l3]

overflow:				/* the window that is marked goes to its stack; then the one below is */
	mov %g1, %l7
	srl %l3, 1, %g1
	sll %l3, WINDOWS - 1, %l4
	or %g1, %l4, %g1
	save
	wr %g1, 0, %wim
	nop; nop; nop
	std %l0, [%sp]
	std %l2, [%sp + 8]
	std %l4, [%sp + 16]
	std %l6, [%sp + 24]
	std %i0, [%sp + 32]
	std %i2, [%sp + 40]
	std %i4, [%sp + 48]
	std %i6, [%sp + 56]
	restore
	mov %l7, %g1
	jmp %l1
	rett %l2

underflow:
	sll %l3, 1, %l4
	srl %l3, WINDOWS - 1, %l5
	or %l4, %l5, %l5
	wr %l5, 0, %wim
	nop; nop; nop
	restore
	restore
	ldd [%sp], %l0
	ldd [%sp + 8], %l2
	ldd [%sp + 16], %l4
	ldd [%sp + 24], %l6
	ldd [%sp + 32], %i0
	ldd [%sp + 40], %i2
	ldd [%sp + 48], %i4
	ldd [%sp + 56], %i6
	save
	save
	jmp %l1
	rett %l2

call:	cmp %g1, 1
	be exit
	cmp %g1, 4
	bne bad
	set RAM + VARIABLES + 4, %l3
	ld [%l3], %l4
	mov %i2, %l5
	add %l3, 4, %l6
	add %l6, %l4, %l6
1:	subcc %l5, 1, %l5
	bneg 2f
	add %l4, 1, %l4
	ldub [%i1], %l7
	stb %l7, [%l6]
	add %i1, 1, %i1
	ba 1b
	add %l6, 1, %l6
2:	sub %l4, 1, %l4
	st %l4, [%l3]
	sub %i1, %i2, %i1
	mov %i2, %i0
	wr %l0, 0, %psr
	nop; nop; nop
	jmp %l2
	rett %l2 + 4

	.org VARIABLES
	.skip 0x400
