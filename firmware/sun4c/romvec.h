/* The ROM vector, version 2, and the variables that it points to. */
#ifndef FW_ROMVEC_H
#define FW_ROMVEC_H

#include "lib.h"

/* Boot arguments of version 0 (NetBSD sparc/include/bsd_openprom.h). */
struct boot_arguments {
    char *argv[8];
    char strings[100];
    char device[2];
    u32 controller, unit, partition;
    char *kernel;
    void *spare;
};

extern char *romvec_boot_path, *romvec_boot_arguments;
extern void (*romvec_sync)(void);

/* Open devices: a descriptor from 1 on, or 0; count, or -1. */
u32 device_open(const char *path);
int device_close(u32 fd);
int device_read(u32 fd, void *to, u32 n);
int device_write(u32 fd, const void *from, u32 n);
int device_seek(u32 fd, u32 high, u32 low);
struct node *device_node(u32 fd);

#endif
