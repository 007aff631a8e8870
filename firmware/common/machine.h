/* What the common parts ask of a machine; firmware/sun3 answers, a firmware for another machine would too. */
#ifndef FW_MACHINE_H
#define FW_MACHINE_H

#include "lib.h"

/* Console line: bytes as they are on the wire. */
void machine_put(int c); /* waits until the byte is accepted */
int machine_get(void);   /* the next byte, or -1 */
void machine_idle(void); /* returns after a while, or earlier when input may have come */

extern const u32 machine_serial; /* address of the Z8530 with the console */

/* Guarded accesses of 1, 2 or 4 bytes; 0 if the cycle faulted. */
int machine_read(u32 address, int size, u32 *value);
int machine_write(u32 address, int size, u32 value);

/* Time of day: seconds since 1970 and nanoseconds. */
void machine_time(u32 *seconds, u32 *nanoseconds);

/* Memory that a loaded program may use, end excluded. */
struct memory_range {
    u32 start, end;
};
struct memory_range machine_program_memory(void);

/* Link addresses of operating systems; the first one is physical address 0. Empty if there are none. */
struct memory_range machine_kernel_memory(void);
void machine_prepare_kernel(void); /* no more memory is mapped than fits there */

/* None of these returns. */
void machine_enter_user(u32 entry, u32 stack) __attribute__((noreturn));
void machine_enter_supervisor(u32 entry, u32 stack) __attribute__((noreturn));
void machine_reset(void) __attribute__((noreturn));
void machine_prompt(void) __attribute__((noreturn)); /* back to the monitor's prompt, on a fresh stack */

/* Continues what was interrupted, from the saved registers; comes back if nothing was. */
void machine_resume(void);

char *machine_pending_command(void); /* what the prompt shall do first, once; or null */

void machine_print_registers(void);
int machine_set_register(const char *name, u32 value); /* 0 if there is no such register */

/* Commands of this machine only; a null name ends the table. */
struct command {
    const char *name, *arguments, *help;
    void (*run)(int argc, char **argv);
};
extern const struct command machine_commands[];

#endif
