/* What a Linux kernel finds behind its memory. */
#ifndef FW_KERNEL_H
#define FW_KERNEL_H

#include "load.h"

/* Bootinfo at the end of the loaded kernel: the words behind its name are its command line. */
void kernel_prepare(const struct program *program, u32 argc, const char *const *argv);

#endif
