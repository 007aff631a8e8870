/* A program that uses Linux's system calls: its stack, its memory, its calls, its end. */
#ifndef FW_PROCESS_H
#define FW_PROCESS_H

#include "load.h"

enum { SIGILL = 4, SIGTRAP = 5, SIGFPE = 8, SIGBUS = 7, SIGSEGV = 11 };

/* Batch: a boot file was given on the command line.  The host gets its output and its exit status. */
void process_set_batch(int on);
int process_is_batch(void);

/* Divides memory between a loaded program's heap, mappings and stack. */
void process_layout(const struct program *program);

/* Starts a loaded program; argv[0] is its name. */
void process_start(const struct program *program, u32 argc, const char *const *argv)
    __attribute__((noreturn));

/* One system call: number and six arguments; the result, or minus an error number. */
s32 process_call(u32 number, const u32 *arguments);

/* The end: hands status to the host (batch) or goes back to the prompt. */
void process_exit(u32 status) __attribute__((noreturn));

/* After an exception was reported: in batch the host gets 128 + signal, like from a shell. */
void process_killed(int signal) __attribute__((noreturn));

#endif
