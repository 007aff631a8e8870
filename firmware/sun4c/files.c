/* Devices that were opened by path: the console, and the boot file of the host. */
#include "console.h"
#include "devices.h"
#include "host.h"
#include "machine.h"
#include "romvec.h"

enum { FILES = 8, CONSOLE = 1, NOT_YET = -2 };

static struct file {
    struct node *node;
    int is_host;
    u32 at;
} files[FILES];

static struct file *file_of(u32 fd)
{
    return fd - 1 < FILES && files[fd - 1].node ? &files[fd - 1] : 0;
}

u32 device_open(const char *path)
{
    const char *arguments;
    struct node *node = tree_find(tree_root, path, &arguments);

    if (node && *path != '/') { /* an alias */
        struct node *aliases = tree_find(tree_root, "/aliases", &arguments);

        node = tree_find(tree_root, tree_text(aliases, path), &arguments);
    }
    if (!node)
        return 0;
    int is_host = !strcmp(tree_text(node, "device_type"), "block") && node->parent == tree_root;
    if (!is_host && tree_find(tree_root, console_path, &arguments) != node)
        return 0;
    for (u32 i = 0; i < FILES; i++)
        if (!files[i].node) {
            files[i] = (struct file){node, is_host, 0};
            return i + 1;
        }
    return 0;
}

int device_close(u32 fd)
{
    struct file *file = file_of(fd);

    if (file && fd != CONSOLE)
        file->node = 0;
    return file ? 0 : -1;
}

struct node *device_node(u32 fd)
{
    struct file *file = file_of(fd);

    return file ? file->node : 0;
}

int device_read(u32 fd, void *to, u32 n)
{
    struct file *file = file_of(fd);
    u32 size;
    int c, count = 0;

    if (!file)
        return -1;
    if (file->is_host) {
        if (host_size(&size) || file->at > size)
            return -1;
        n = n < size - file->at ? n : size - file->at;
        if (host_read(file->at, to, n))
            return -1;
        file->at += n;
        return (int)n;
    }
    while (count < (int)n && (c = machine_get()) >= 0)
        ((u8 *)to)[count++] = (u8)c;
    return count ? count : NOT_YET;
}

int device_write(u32 fd, const void *from, u32 n)
{
    struct file *file = file_of(fd);

    if (!file || file->is_host)
        return -1;
    for (u32 i = 0; i < n; i++)
        console_put(((const u8 *)from)[i]);
    return (int)n;
}

int device_seek(u32 fd, u32 high, u32 low)
{
    struct file *file = file_of(fd);

    if (!file || !file->is_host || high)
        return -1;
    file->at = low;
    return 0;
}
