/* Nodes, properties, paths. All memory comes from one pool and is never given back. */
#include "tree.h"
#include "devices.h"

enum { POOL = 10 * 1024 };

struct node *tree_root;

static u32 pool[POOL / 4], used;

static void *allocate(u32 n)
{
    u32 words = (n + 3) / 4;

    if (words > ARRAY_SIZE(pool) - used)
        return 0;
    used += words;
    return pool + used - words;
}

struct property *tree_property(const struct node *node, const char *name)
{
    struct property *p = node->properties;

    while (p && strcmp(p->name, name))
        p = p->next;
    return p;
}

const char *tree_text(const struct node *node, const char *name)
{
    const struct property *p = tree_property(node, name);

    return p && p->length ? p->value : "";
}

static struct property *append(struct node *node, const char *name)
{
    struct property *p = allocate(sizeof *p), **end = &node->properties;
    char *copy = allocate((u32)strlen(name) + 1);

    if (!p || !copy)
        return 0;
    memset(p, 0, sizeof *p);
    strcopy(copy, name, strlen(name) + 1);
    p->name = copy;
    while (*end)
        end = &(*end)->next;
    *end = p;
    return p;
}

int tree_set(struct node *node, const char *name, const void *value, u32 length)
{
    struct property *p = tree_property(node, name);

    if (!p)
        p = append(node, name);
    if (!p)
        return 0;
    if (length > p->room || !p->value) {
        void *room = allocate(length);

        if (!room)
            return 0;
        p->value = room;
        p->room = (length + 3) & ~3u;
    }
    memcpy(p->value, value, length);
    p->length = length;
    return 1;
}

struct node *tree_add(struct node *parent, const char *name)
{
    struct node *n = allocate(sizeof *n), **end;

    if (!n) /* the pool is as big as the tree that tree_build() makes */
        return parent;
    memset(n, 0, sizeof *n);
    n->parent = parent;
    if (parent) {
        for (end = &parent->child; *end; end = &(*end)->next)
            continue;
        *end = n;
    }
    tree_set(n, "name", name, (u32)strlen(name) + 1);
    return n;
}

void tree_name(const struct node *node, char *to, u32 size)
{
    const struct property *reg = tree_property(node, "reg");
    const u32 *words = reg ? reg->value : 0;

    if (reg && reg->length >= 8)
        format_string(to, size, "%s@%x,%x", tree_text(node, "name"), words[0], words[1]);
    else
        strcopy(to, tree_text(node, "name"), size);
}

void tree_path(const struct node *node, char *to, u32 size)
{
    const struct node *part[8];
    u32 depth = 0, at = 0;

    for (; node && node->parent && depth < ARRAY_SIZE(part); node = node->parent)
        part[depth++] = node;
    strcopy(to, "/", size);
    while (depth-- > 0 && at + 2 < size) {
        to[at++] = '/';
        tree_name(part[depth], to + at, size - at);
        at += (u32)strlen(to + at);
    }
}

/* Whether a part of a path, up to its slash or colon, means this node: its name, with or without its address. */
static int means(const struct node *node, const char *part, u32 length)
{
    char full[64];
    const char *name = tree_text(node, "name");

    tree_name(node, full, sizeof full);
    if (!strcmp(full, name))
        for (u32 i = 0; i < length; i++)
            if (part[i] == '@') /* a node without an address stands for all */
                length = i;
    return (strlen(name) == length && !strncmp(name, part, length)) ||
           (strlen(full) == length && !strncmp(full, part, length));
}

static struct node *find_part(struct node *node, const char *part, u32 length)
{
    if (length == 2 && part[0] == '.' && part[1] == '.')
        return node->parent ? node->parent : node;
    if (length == 1 && part[0] == '.')
        return node;
    for (node = node->child; node && !means(node, part, length); node = node->next)
        continue;
    return node;
}

struct node *tree_find(struct node *from, const char *path, const char **arguments)
{
    struct node *node = *path == '/' ? tree_root : from;

    *arguments = "";
    while (node && *path && *path != ':') {
        u32 n = 0;

        while (*path == '/')
            path++;
        while (path[n] && path[n] != '/' && path[n] != ':')
            n++;
        if (n)
            node = find_part(node, path, n);
        path += n;
    }
    if (*path == ':')
        *arguments = path + 1;
    return node;
}

int tree_expand(const char *word, char path[PATH_SIZE])
{
    char name[PATH_SIZE];
    const char *rest = word, *arguments;

    strcopy(path, word, PATH_SIZE);
    if (*word == '/')
        return 1;
    while (*rest && *rest != ':')
        rest++;
    strcopy(name, word, (size_t)(rest - word) < PATH_SIZE ? (size_t)(rest - word) + 1 : PATH_SIZE);
    const char *alias = tree_text(tree_find(tree_root, "/aliases", &arguments), name);
    format_string(path, PATH_SIZE, "%s%s", alias, rest);
    return *alias != 0;
}
