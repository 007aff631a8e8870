/* Driver of the host boot device. */
#include "host.h"
#include "machine.h"

enum { EIO = 5, ENODEV = 19, ENAMETOOLONG = 36 };
enum operation {
    INFO = 1,
    READ,
    WRITE,
    EXIT,
    ARGS,
    TIME,
    OPTIONS,
    STDIN,
    NAME,
    OPEN,
    CLOSE,
    INPUT,
    OUTPUT,
    SEEK,
    STATUS,
    LOOK,
    RESIZE,
    REMOVE,
    RENAME,
    DIRECT = 0x100 /* from or to memory, not the window */
};
enum { MOST = 1 << 20 }; /* bytes of one direct transfer */

struct registers {
    u32 magic, command, arg0, arg1, arg2, result;
};

static u32 base;

static volatile struct registers *regs(void)
{
    return (volatile struct registers *)(size_t)base;
}

static void *window(void)
{
    return (void *)(size_t)(base + HOST_WINDOW);
}

void host_probe(u32 address)
{
    u32 magic;

    base = machine_read(address, 4, &magic) && magic == HOST_MAGIC ? address : 0;
}

int host_present(void)
{
    return base != 0;
}

static int perform(enum operation what, u32 arg0, u32 arg1, u32 *result)
{
    volatile struct registers *r = regs();

    if (!base)
        return ENODEV;
    r->arg0 = arg0;
    r->arg1 = arg1;
    r->command = what;
    if (result)
        *result = r->result;
    return (int)r->command;
}

/* Up to MOST bytes of n, without the window. */
static int transfer(enum operation what, u32 arg0, const void *memory, u32 n, u32 *done)
{
    if (!base)
        return ENODEV;
    regs()->arg2 = (u32)(size_t)memory;
    return perform(DIRECT | what, arg0, n < MOST ? n : MOST, done);
}

u32 host_options(void)
{
    u32 options;

    return perform(OPTIONS, 0, 0, &options) ? 0 : options;
}

int host_open(const char *name)
{
    u32 n = (u32)strlen(name);

    if (!base)
        return ENODEV;
    if (n > HOST_WINDOW_SIZE)
        n = HOST_WINDOW_SIZE;
    memcpy(window(), name, n);
    return perform(NAME, 0, n, 0);
}

int host_size(u32 *size)
{
    return perform(INFO, 0, 0, size);
}

int host_read(u32 offset, void *to, u32 n)
{
    u8 *at = to;

    while (n) {
        u32 got = 0;
        int error = transfer(READ, offset, at, n, &got);

        if (error)
            return error;
        if (!got || got > n)
            return EIO;
        at += got;
        offset += got;
        n -= got;
    }
    return 0;
}

int host_write(int fd, const void *from, u32 n)
{
    const u8 *at = from;

    while (n) {
        u32 done = 0;
        int error = transfer(WRITE, (u32)fd, at, n, &done);

        if (error)
            return error;
        if (!done || done > n)
            return EIO;
        at += done;
        n -= done;
    }
    return 0;
}

int host_input(void *to, u32 max, u32 *count)
{
    if (max > HOST_WINDOW_SIZE)
        max = HOST_WINDOW_SIZE;
    *count = 0;
    int error = perform(STDIN, 0, max, count);
    if (!error && *count <= max)
        memcpy(to, window(), *count);
    return error;
}

int host_arguments(char *to, u32 size, u32 *length, u32 *argc)
{
    int error = perform(ARGS, 0, 0, length);

    if (error)
        return error;
    *argc = regs()->arg0;
    if (*length > size)
        return EIO;
    memcpy(to, window(), *length);
    return 0;
}

int host_time(u32 *seconds, u32 *nanoseconds)
{
    int error = perform(TIME, 0, 0, seconds);

    if (!error)
        *nanoseconds = regs()->arg0;
    return error;
}

/* Puts a name at `offset` of the window; the length with its NUL, or 0. */
static u32 put_name(const char *name, u32 offset)
{
    u32 n = (u32)strlen(name) + 1;

    if (!base || n > HOST_WINDOW_SIZE - offset)
        return 0;
    memcpy((u8 *)window() + offset, name, n);
    return n;
}

int host_file_open(const char *name, u32 flags, u32 mode, u32 *fd)
{
    u32 n = put_name(name, 0);

    if (!n)
        return base ? ENAMETOOLONG : ENODEV;
    regs()->arg2 = mode;
    return perform(OPEN, flags, n, fd);
}

int host_file_close(u32 fd)
{
    return perform(CLOSE, fd, 0, 0);
}

int host_file_read(u32 fd, void *to, u32 n, u32 *count)
{
    u8 *at = to;
    u32 got = 0;

    for (*count = 0; n; n -= got) {
        int error = transfer(INPUT, fd, at + *count, n, &got);

        if (error)
            return *count ? 0 : error;
        if (got > n)
            return EIO;
        *count += got;
        if (got < n && got < MOST)
            break;
    }
    return 0;
}

int host_file_write(u32 fd, const void *from, u32 n, u32 *count)
{
    const u8 *at = from;
    u32 done = 0;

    for (*count = 0; n; n -= done) {
        int error = transfer(OUTPUT, fd, at + *count, n, &done);

        if (error)
            return *count ? 0 : error;
        if (!done || done > n)
            return EIO;
        *count += done;
    }
    return 0;
}

int host_file_seek(u32 fd, u64 offset, u32 whence, u64 *at)
{
    if (!base)
        return ENODEV;
    memcpy(window(), &offset, sizeof offset);
    int error = perform(SEEK, fd, whence, 0);
    if (!error)
        memcpy(at, window(), sizeof *at);
    return error;
}

int host_file_status(u32 fd, u64 *numbers, u32 *terminal)
{
    int error = perform(STATUS, fd, 0, terminal);

    if (!error)
        memcpy(numbers, window(), HOST_STATUS * sizeof *numbers);
    return error;
}

int host_file_look(const char *name, int follow, u64 *numbers)
{
    u32 n = put_name(name, 0);

    if (!n)
        return base ? ENAMETOOLONG : ENODEV;
    int error = perform(LOOK, (u32)follow, n, 0);
    if (!error)
        memcpy(numbers, window(), HOST_STATUS * sizeof *numbers);
    return error;
}

int host_file_resize(u32 fd, u64 size)
{
    if (!base)
        return ENODEV;
    memcpy(window(), &size, sizeof size);
    return perform(RESIZE, fd, 0, 0);
}

int host_file_remove(const char *name)
{
    u32 n = put_name(name, 0);

    return n ? perform(REMOVE, 0, n, 0) : base ? ENAMETOOLONG : ENODEV;
}

int host_file_rename(const char *old, const char *new)
{
    u32 n = put_name(old, 0), m = n ? put_name(new, n) : 0;

    return m ? perform(RENAME, 0, n + m, 0) : base ? ENAMETOOLONG : ENODEV;
}

void host_exit(u32 code)
{
    while (!perform(EXIT, code, 0, 0)) /* the machine may run on for a moment */
        continue;
}
