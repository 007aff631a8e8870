/* The boot command: which devices there are, and booting from them. */
#ifndef FW_BOOT_H
#define FW_BOOT_H

#include "load.h"

enum { MAX_ARGUMENTS = 32 };

/* What the boot command was given, in the terms of Sun's PROMs: dd(controller,unit,partition)file. */
struct boot_request {
    char device[3];
    u32 controller, unit, partition;
    const char *file;   /* the end of argv[0] */
    const void *driver; /* the machine's, for its boot parameters */
};

/* A boot device boots a file (argv[0] is its name) and does not come back, or reports why it cannot. */
struct boot_device {
    char name[3];
    const char *description;
    void (*boot)(const struct boot_request *request, u32 argc, const char *const *argv);
};
extern const struct boot_device machine_boot_devices[]; /* the machine's own; an empty name ends the table */

extern const char machine_host_element[]; /* what a description needs for a host boot device */

/* Boots a file of the host, argv[0] of the boot folder or a demonstration; comes back on failure. */
void boot_host(const struct boot_request *request, u32 argc, const char *const *argv);

/* Splits `dd(c,u,p)file`; a word without parentheses is a host file (device "").  0: wrong syntax. */
int boot_parse(const char *word, struct boot_request *request);

/* b WORD ARGUMENTS...; comes back only when nothing was started. */
void boot_command(int argc, char **argv);

/* Boots the file that the host was started with; comes back only on failure, with the reason printed. */
void boot_host_file(void);

/* Loads a program into the allowed memory and starts it; comes back only on failure, with the reason
 * printed. */
void boot_program(struct source *source, struct memory_range allowed, const struct boot_request *request,
                  u32 argc, const char *const *argv);

/* Called before a standalone program starts: boot parameters, and whatever else it may rely on. */
void machine_prepare_standalone(const struct boot_request *request, u32 argc, const char *const *argv);

#endif
