/* Between tree.c and devices.c: making nodes. */
#ifndef FW_DEVICES_H
#define FW_DEVICES_H

#include "tree.h"

/* A child of `parent` (none: the root), the last one so far. */
struct node *tree_add(struct node *parent, const char *name);

/* The console's node, with its port, as stdin-path and stdout-path say it. */
extern const char console_path[], host_path[];

/* Lists of physical memory in the form of the property `reg`, and in that of version 0's ROM vector. */
struct memory_list {
    struct memory_list *next;
    u32 start, size;
};
extern struct memory_list *list_total, *list_available, *list_rom;

#endif
