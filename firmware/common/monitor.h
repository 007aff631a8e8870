/* The monitor: what the operator types at the prompt. */
#ifndef FW_MONITOR_H
#define FW_MONITOR_H

/* Reads and runs commands for ever. */
void monitor_loop(void) __attribute__((noreturn));

/* Runs one command line; cuts it into words in place. */
void monitor_run(char *line);

#endif
