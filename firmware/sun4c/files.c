/* Devices that were opened by path: the console, the boot file of the host, the network, disks. */
#include "console.h"
#include "devices.h"
#include "disk.h"
#include "ether.h"
#include "host.h"
#include "machine.h"
#include "romvec.h"

enum { FILES = 8, CONSOLE = 1, NOT_YET = -2 };
enum kind { NOTHING, SERIAL, HOST_FILE, NETWORK, DISK };

static struct file {
    struct node *node;
    enum kind kind;
    u64 at;
    struct disk disk;
} files[FILES];

static struct file *file_of(u32 fd)
{
    return fd - 1 < FILES && files[fd - 1].node ? &files[fd - 1] : 0;
}

static enum kind kind_of(const struct node *node)
{
    const char *type = tree_text(node, "device_type"), *arguments;

    if (!strcmp(type, "block") && node->parent == tree_root)
        return HOST_FILE;
    if (!strcmp(type, "network"))
        return NETWORK;
    if (!strcmp(type, "block"))
        return DISK;
    return tree_find(tree_root, console_path, &arguments) == node ? SERIAL : NOTHING;
}

/* What follows the last @. */
static const char *disk_part(const char *path)
{
    const char *part = path;

    for (; *path; path++)
        if (*path == '@')
            part = path + 1;
    return part;
}

u32 device_open(const char *path)
{
    struct disk disk = {0, 0, 0};
    char full[PATH_SIZE];
    const char *arguments;

    struct node *node = tree_expand(path, full) ? tree_find(tree_root, full, &arguments) : 0;
    if (!node)
        return 0;
    enum kind kind = kind_of(node);
    if (!kind || (kind == NETWORK && ether_start(&ether_le)))
        return 0;
    if (kind == DISK && disk_open(&disk, disk_part(full)))
        return 0;
    for (u32 i = 0; i < FILES; i++)
        if (!files[i].node) {
            files[i] = (struct file){node, kind, 0, disk};
            return i + 1;
        }
    return 0;
}

int device_close(u32 fd)
{
    struct file *file = file_of(fd);

    if (file && file->kind == NETWORK)
        ether_le.stop();
    if (file && fd != CONSOLE)
        file->node = 0;
    return file ? 0 : -1;
}

struct node *device_node(u32 fd)
{
    struct file *file = file_of(fd);

    return file ? file->node : 0;
}

static int read_host(struct file *file, void *to, u32 n)
{
    u32 size;

    if (host_size(&size) || file->at > size)
        return -1;
    n = n < size - (u32)file->at ? n : size - (u32)file->at;
    if (host_read((u32)file->at, to, n))
        return -1;
    file->at += n;
    return (int)n;
}

static int read_disk(struct file *file, void *to, u32 n)
{
    int count = disk_read(&file->disk, file->at, to, n);

    if (count > 0)
        file->at += (u32)count;
    return count;
}

static int write_disk(struct file *file, const void *from, u32 n)
{
    int count = disk_write(&file->disk, file->at, from, n);

    if (count > 0)
        file->at += (u32)count;
    return count;
}

static int read_console(u8 *to, u32 n)
{
    int c, count = 0;

    while (count < (int)n && (c = machine_get()) >= 0)
        to[count++] = (u8)c;
    return count ? count : NOT_YET;
}

static int read_frame(void *to, u32 n)
{
    const u8 *frame;
    u32 size = ether_le.poll(&frame);

    if (!size)
        return NOT_YET;
    size = size < n ? size : n;
    memcpy(to, frame, size);
    ether_le.release();
    return (int)size;
}

static int write_frame(const void *from, u32 n)
{
    if (n < ETHER_HEADER || n > ETHER_LARGEST)
        return -1;
    memcpy(ether_le.out, from, n);
    if (n < ETHER_SHORTEST)
        memset(ether_le.out + n, 0, ETHER_SHORTEST - n);
    return ether_le.send(n < ETHER_SHORTEST ? ETHER_SHORTEST : n) ? -1 : (int)n;
}

int device_read(u32 fd, void *to, u32 n)
{
    struct file *file = file_of(fd);

    if (!file)
        return -1;
    return file->kind == HOST_FILE ? read_host(file, to, n)
           : file->kind == NETWORK ? read_frame(to, n)
           : file->kind == DISK    ? read_disk(file, to, n)
                                   : read_console(to, n);
}

int device_write(u32 fd, const void *from, u32 n)
{
    struct file *file = file_of(fd);

    if (!file || file->kind == HOST_FILE)
        return -1;
    if (file->kind == NETWORK)
        return write_frame(from, n);
    if (file->kind == DISK)
        return write_disk(file, from, n);
    for (u32 i = 0; i < n; i++)
        console_put(((const u8 *)from)[i]);
    return (int)n;
}

int device_seek(u32 fd, u32 high, u32 low)
{
    struct file *file = file_of(fd);

    if (!file || (file->kind != DISK && (file->kind != HOST_FILE || high)))
        return -1;
    file->at = (u64)high << 32 | low;
    return 0;
}
