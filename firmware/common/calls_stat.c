/* System calls that tell about files; the layouts are in abi.h, statx's is that of <linux/stat.h>. */
#include "calls.h"
#include "host.h"

enum { AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000, STATX_BASIC_STATS = 0x7FF, EACCES = 13 };
enum { S_IFCHR = 0020000, W_OK = 2, X_OK = 1, TTY_DEVICE = 0x500 };

/* What the host says, in its order; devices/host/files.py STATUS. */
struct status {
    u64 dev, ino, mode, nlink, uid, gid, rdev, size, block_size, blocks;
    u64 accessed, accessed_ns, modified, modified_ns, changed, changed_ns;
};
_Static_assert(sizeof(struct status) == HOST_STATUS * 8, "host status");

struct moment {
    u64 seconds;
    u32 nanoseconds, pad;
};
struct statx {
    u32 mask, block_size;
    u64 attributes;
    u32 nlink, uid, gid;
    u16 mode, pad1;
    u64 ino, size, blocks, attributes_mask;
    struct moment accessed, born, changed, modified;
    u32 rdev_major, rdev_minor, dev_major, dev_minor;
    u64 pad2[14];
};
_Static_assert(sizeof(struct statx) == 256, "layout of Linux");

static s32 status_of(u32 fd, struct status *s)
{
    u32 is_terminal;

    if (process.batch || fd >= STANDARD_FILES)
        return -host_file_status(fd, (u64 *)s, &is_terminal);
    memset(s, 0, sizeof *s); /* the console */
    s->mode = S_IFCHR | 0620;
    s->nlink = 1;
    s->rdev = TTY_DEVICE;
    s->block_size = 1024;
    return 0;
}

static s32 status_at(u32 address, int follow, struct status *s)
{
    const char *name = user_string(address);

    return name ? -host_file_look(name, follow, (u64 *)s) : -EFAULT;
}

static s32 give_stat32(const struct status *s, u32 address)
{
    const struct stat32 out = {
        .dev = (u16)s->dev,
        .ino = (u32)s->ino,
        .mode = (u16)s->mode,
        .nlink = (u16)s->nlink,
        .uid = (u16)s->uid,
        .gid = (u16)s->gid,
        .rdev = (u16)s->rdev,
        .size = (u32)s->size,
        .block_size = (u32)s->block_size,
        .blocks = (u32)s->blocks,
        .accessed = (u32)s->accessed,
        .modified = (u32)s->modified,
        .changed = (u32)s->changed,
    };
    void *to = user_memory(address, sizeof out);

    if (s->size >> 31)
        return -EOVERFLOW;
    if (!to)
        return -EFAULT;
    memcpy(to, &out, sizeof out);
    return 0;
}

static s32 give_stat64(const struct status *s, u32 address)
{
    const struct stat64 out = {
        .dev = s->dev,
#if defined(__mc68000__)
        .old_ino = (u32)s->ino,
#endif
        .mode = (u32)s->mode,
        .nlink = (u32)s->nlink,
        .uid = (u32)s->uid,
        .gid = (u32)s->gid,
        .rdev = s->rdev,
        .size = s->size,
        .block_size = (u32)s->block_size,
        .blocks = (__typeof__(((struct stat64 *)0)->blocks))s->blocks,
        .accessed = (u32)s->accessed,
        .accessed_ns = (u32)s->accessed_ns,
        .modified = (u32)s->modified,
        .modified_ns = (u32)s->modified_ns,
        .changed = (u32)s->changed,
        .changed_ns = (u32)s->changed_ns,
        .ino = s->ino,
    };
    void *to = user_memory(address, sizeof out);

    if (!to)
        return -EFAULT;
    memcpy(to, &out, sizeof out);
    return 0;
}

/* dev_t as the host's C library has it: minor 20-31 and 0-7, major 8-19. */
static u32 major(u64 device)
{
    return (u32)device >> 8 & 0xFFF;
}

static u32 minor(u64 device)
{
    return ((u32)device & 0xFF) | ((u32)(device >> 12) & 0xFFFFF00);
}

static s32 give_statx(const struct status *s, u32 address)
{
    struct statx *to = user_memory(address, sizeof *to);

    if (!to)
        return -EFAULT;
    *to = (struct statx){
        .mask = STATX_BASIC_STATS,
        .block_size = (u32)s->block_size,
        .nlink = (u32)s->nlink,
        .uid = (u32)s->uid,
        .gid = (u32)s->gid,
        .mode = (u16)s->mode,
        .ino = s->ino,
        .size = s->size,
        .blocks = s->blocks,
        .accessed = {s->accessed, (u32)s->accessed_ns, 0},
        .modified = {s->modified, (u32)s->modified_ns, 0},
        .changed = {s->changed, (u32)s->changed_ns, 0},
        .rdev_major = major(s->rdev),
        .rdev_minor = minor(s->rdev),
        .dev_major = major(s->dev),
        .dev_minor = minor(s->dev),
    };
    return 0;
}

typedef s32 give_fn(const struct status *s, u32 address);

static s32 tell_descriptor(u32 fd, u32 address, give_fn *give)
{
    struct status s;
    s32 error = status_of(fd, &s);

    return error ? error : give(&s, address);
}

static s32 tell_name(u32 name, int follow, u32 address, give_fn *give)
{
    struct status s;
    s32 error = status_at(name, follow, &s);

    return error ? error : give(&s, address);
}

/* The *at() calls: a name in the folder, or a descriptor alone. */
static s32 tell_at(u32 fd, u32 name, u32 flags, u32 address, give_fn *give)
{
    const char *text = user_string(name);

    if (!text)
        return -EFAULT;
    if (!*text && (flags & AT_EMPTY_PATH))
        return tell_descriptor(fd, address, give);
    if ((s32)fd != AT_FDCWD && *text != '/')
        return -ENOSYS;
    return tell_name(name, !(flags & AT_SYMLINK_NOFOLLOW), address, give);
}

s32 call_stat(const u32 *a)
{
    return tell_name(a[0], 1, a[1], give_stat32);
}

s32 call_lstat(const u32 *a)
{
    return tell_name(a[0], 0, a[1], give_stat32);
}

s32 call_fstat(const u32 *a)
{
    return tell_descriptor(a[0], a[1], give_stat32);
}

s32 call_stat64(const u32 *a)
{
    return tell_name(a[0], 1, a[1], give_stat64);
}

s32 call_lstat64(const u32 *a)
{
    return tell_name(a[0], 0, a[1], give_stat64);
}

s32 call_fstat64(const u32 *a)
{
    return tell_descriptor(a[0], a[1], give_stat64);
}

s32 call_fstatat64(const u32 *a)
{
    return tell_at(a[0], a[1], a[3], a[2], give_stat64);
}

s32 call_statx(const u32 *a)
{
    return tell_at(a[0], a[1], a[2], a[4], give_statx);
}

s32 call_access(const u32 *a)
{
    struct status s;
    s32 error = status_at(a[0], 1, &s);

    if (error)
        return error;
    if (((a[1] & W_OK) && !(s.mode & 0222)) || ((a[1] & X_OK) && !(s.mode & 0111)))
        return -EACCES;
    return 0;
}

s32 call_faccessat(const u32 *a)
{
    return (s32)a[0] == AT_FDCWD ? call_access(a + 1) : -ENOSYS;
}

/* One link exists: the program's own name. */
s32 call_readlink(const u32 *a)
{
    const char *name = user_string(a[0]);
    u32 n = (u32)strlen(process.name);
    void *to = user_memory(a[1], n < a[2] ? n : a[2]);
    struct status s;

    if (!name || !to)
        return -EFAULT;
    if (strcmp(name, "/proc/self/exe")) {
        s32 error = status_at(a[0], 0, &s);

        return error ? error : -EINVAL;
    }
    n = n < a[2] ? n : a[2];
    memcpy(to, process.name, n);
    return (s32)n;
}

s32 call_readlinkat(const u32 *a)
{
    return (s32)a[0] == AT_FDCWD ? call_readlink(a + 1) : -ENOSYS;
}
