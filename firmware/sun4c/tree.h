/* The device tree: nodes with properties, as IEEE 1275's forerunner on sun4c had them. */
#ifndef FW_TREE_H
#define FW_TREE_H

#include "lib.h"

struct property {
    struct property *next;
    const char *name;
    void *value;
    u32 length, room;
};

struct node {
    struct node *parent, *child, *next;
    struct property *properties;
};

extern struct node *tree_root;

/* Builds the tree of this machine. */
void tree_build(void);

struct property *tree_property(const struct node *node, const char *name);
const char *tree_text(const struct node *node, const char *name); /* "" if there is none */

/* Sets a property; 0 when there is no memory left for it. */
int tree_set(struct node *node, const char *name, const void *value, u32 length);

/* The node of a path like /sbus/esp@0,800000, from `from` if it does not begin with a slash; null if there is
 * none. What follows a colon in the last part is left in *arguments. */
struct node *tree_find(struct node *from, const char *path, const char **arguments);

enum { PATH_SIZE = 128 };

/* A path with its alias, the part before a colon, replaced; 0 if a word is neither a path nor an alias. */
int tree_expand(const char *word, char path[PATH_SIZE]);

/* NAME@SPACE,ADDRESS of a node, and its whole path. */
void tree_name(const struct node *node, char *to, u32 size);
void tree_path(const struct node *node, char *to, u32 size);

#endif
