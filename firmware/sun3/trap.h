/* What entry.S and start.S offer to C, and the state they share. */
#ifndef FW_TRAP_H
#define FW_TRAP_H

#include "lib.h"

/* The interrupted program; entry.S knows the offsets. */
struct registers {
    u32 r[16]; /* d0-d7, a0-a7; a7 is usp or ssp, as SR says */
    u32 usp, ssp, pc, sr, vbr, sfc, dfc;
    /* of the exception; not restored */
    u32 vector; /* 0: exit_to_monitor() */
    u32 format, fault_address, status_word, bus_error;
};
extern struct registers saved;

/* Where guarded accesses go on after a fault; 0 outside of them. */
extern u32 nofault, nofault_sp;

extern u32 prompt_sp;      /* stack of the prompt */
extern u32 monitor_active; /* 1 while the monitor runs, 0 while a program does */

int guarded_read(u32 address, u32 size, u32 *value);
int guarded_write(u32 address, u32 size, u32 value);

u32 control_get8(u32 address);
u32 control_get32(u32 address);
void control_put8(u32 address, u32 value);
void control_put32(u32 address, u32 value);

u32 get_vbr(void);
void set_vbr(u32 address);
void wait_for_interrupt(void);
void mask_interrupts(void);
int try_fpu(void);

/* Registers as after an exit_to_monitor() of nothing: what r shows before any program ran. */
void trap_init(void);

/* Called by entry.S. */
struct frame;
void trap_main(const struct frame *frame) __attribute__((noreturn));
int nmi_service(void); /* 1 if the operator wants the monitor */

#endif
