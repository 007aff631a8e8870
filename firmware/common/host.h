/* The host boot device: files, standard streams and exit status of the process that runs the machine.
 * Registers: devices/host/boot.py.  Every function answers 0 or a positive error number, Linux numbering. */
#ifndef FW_HOST_H
#define FW_HOST_H

#include "lib.h"

enum { HOST_MAGIC = 0x544D4542, HOST_WINDOW = 0x1000, HOST_WINDOW_SIZE = 0x1000 };
enum { HOST_VERBOSE = 1, HOST_BOOT_FILE = 2 }; /* options */

/* Looks for the device at a virtual address; without it host_present() is 0, the others answer 19
 * (ENODEV). */
void host_probe(u32 address);
int host_present(void);

u32 host_options(void);
int host_open(const char *name);
int host_size(u32 *size);
int host_read(u32 offset, void *to, u32 n); /* all n bytes, or EIO */
int host_write(int fd, const void *from, u32 n);
int host_input(void *to, u32 max, u32 *count); /* standard input; count 0 at its end */
int host_arguments(char *to, u32 size, u32 *length, u32 *argc);
int host_time(u32 *seconds, u32 *nanoseconds);

/* Files of the folder that the host opens to programs; descriptors from 3, and the standard three. */
enum { HOST_STATUS = 16 }; /* numbers of devices/host/files.py STATUS */
int host_file_open(const char *name, u32 flags, u32 mode, u32 *fd);
int host_file_close(u32 fd);
int host_file_read(u32 fd, void *to, u32 n, u32 *count);
int host_file_write(u32 fd, const void *from, u32 n, u32 *count);
int host_file_seek(u32 fd, u64 offset, u32 whence, u64 *at);
int host_file_status(u32 fd, u64 *numbers, u32 *terminal);
int host_file_look(const char *name, int follow, u64 *numbers);
int host_file_resize(u32 fd, u64 size);
int host_file_remove(const char *name);
int host_file_rename(const char *old, const char *new);

void host_exit(u32 code); /* returns if there is no host */

#endif
