/* What entry.S, access.S and start.S offer to C, and the state they share. */
#ifndef FW_TRAP_H
#define FW_TRAP_H

#include "lib.h"
#include "sun4c.h"

struct window {
    u32 local[8], in[8];
};

/* All registers of an interrupted program. */
struct state {
    u32 psr; /* as the trap handler found it: CWP is the trap's window, one below the program's */
    u32 pc, npc, wim, tbr, y;
    u32 trap, pad;
    u32 global[8];
    struct window window[WINDOWS]; /* the program's own first, then its callers', last the trap's */
} __attribute__((aligned(8)));

_Static_assert(sizeof(struct state) == STATE_SIZE && offsetof(struct state, window) == STATE_WINDOWS,
               "the assembler knows the layout");

extern struct state saved;      /* of the program */
extern struct state nested;     /* of the firmware itself */
extern struct state tick_state; /* of either, at a level 14 interrupt */

/* Where guarded accesses go on after a fault; 0 outside of them. */
extern u32 nofault;

extern u32 monitor_active; /* 1 while the monitor runs, 0 while a program does */
extern u32 program_psr;    /* EF of the PSR that programs get */

/* Where stacks of programs in user mode may be, and a stack pointer that led elsewhere. */
extern u32 arena_low, arena_size, bad_pointer;

int guarded_read(u32 address, u32 size, u32 *value);
int guarded_write(u32 address, u32 size, u32 value);

u32 control_get8(u32 address);
u32 control_get32(u32 address);
void control_put8(u32 address, u32 value);
void control_put32(u32 address, u32 value);
u32 segment_get(u32 address);
void segment_put(u32 address, u32 pmeg);
u32 page_get(u32 address);
void page_put(u32 address, u32 pte);

u32 get_psr(void);
void set_psr(u32 psr); /* not its CWP */
u32 get_tbr(void);
int try_fpu(void);
void clear_fpu(void);

/* Goes on with a state. */
void resume_state(const struct state *state) __attribute__((noreturn));

/* A program's outs are the ins of the trap's window. */
static inline u32 *state_outs(struct state *s)
{
    return s->window[WINDOWS - 1].in;
}

/* Calls a function on our stack, as if nothing had ever run; it must not come back. */
void start_over(void (*function)(void)) __attribute__((noreturn));

/* What .registers shows before any program ran. */
void trap_init(void);

/* Called by entry.S; comes back if the state shall go on. */
void trap_main(struct state *state);

#endif
