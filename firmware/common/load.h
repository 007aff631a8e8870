/* Loading a program: ELF (ET_EXEC) or Sun a.out, big-endian, for this processor. */
#ifndef FW_LOAD_H
#define FW_LOAD_H

#include "lib.h"
#include "machine.h"

struct source {
    int (*read)(struct source *source, u32 offset, void *to, u32 n); /* 0 or an error number */
    u32 size;
};

enum { ELF_MAGIC = 0x7F454C46 };

enum program_kind {
    PROGRAM_USER,      /* ELF: user mode, Linux's stack and system calls */
    PROGRAM_STANDALONE, /* Sun a.out: supervisor mode, called like Sun's boot command calls it */
    PROGRAM_KERNEL     /* ELF linked where systems live: supervisor mode, its memory mapped from 0 */
};

struct program {
    enum program_kind kind;
    u32 entry;
    u32 start, end; /* memory it occupies, bss included */
    /* ELF program headers in its memory (0 if not loaded), for the auxiliary vector */
    u32 headers, header_count;
};

/* Loads into memory at the link address (a kernel at its physical address), clears bss.
 * 0, or -1 with a message in error. */
int load_program(struct source *source, struct memory_range allowed, struct program *program, char *error,
                 size_t size);

#endif
