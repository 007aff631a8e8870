/* System calls for files. Batch: the host's, in the folder that it opens to programs. At the prompt the
 * standard three are the console, the others the host's just the same. */
#include "calls.h"
#include "console.h"
#include "host.h"

enum { MAX_VECTORS = 1024, AT_REMOVEDIR = 0x200, LARGEST = 0x7FFFFFFF };
enum { F_GETFD = 1, F_SETFD, F_GETFL, F_SETFL };

static struct {
    char text[256]; /* console input not read yet */
    u32 at, end;
} line;

void files_clear(void)
{
    line.at = line.end = 0;
}

static int is_console(u32 fd)
{
    return !process.batch && fd < STANDARD_FILES;
}

/* What a call on a descriptor answers; where there is no host only the standard ones exist. */
static s32 answer(int error)
{
    return error == ENODEV ? -EBADF : -error;
}

static s32 read_console(u8 *to, u32 max)
{
    u32 n = 0;

    if (line.at == line.end) {
        int length = console_line(line.text, sizeof line.text - 1, 1);

        if (length < 0)
            return 0;
        line.text[length] = '\n';
        line.at = 0;
        line.end = (u32)length + 1;
    }
    while (n < max && line.at < line.end)
        to[n++] = (u8)line.text[line.at++];
    return (s32)n;
}

static s32 transfer_in(u32 fd, u32 address, u32 n)
{
    u8 *to = user_memory(address, n);
    u32 count = 0;

    if (!to)
        return -EFAULT;
    if (is_console(fd))
        return fd ? -EBADF : read_console(to, n);
    if (!fd && n > HOST_WINDOW_SIZE)
        n = HOST_WINDOW_SIZE; /* a full window is no reason to wait for more */
    int error = host_file_read(fd, to, n, &count);
    return error ? answer(error) : (s32)count;
}

static s32 transfer_out(u32 fd, u32 address, u32 n)
{
    const char *from = user_memory(address, n);
    u32 count = 0;

    if (is_console(fd) && !fd)
        return -EBADF;
    if (!from)
        return -EFAULT;
    if (is_console(fd)) {
        for (u32 i = 0; i < n; i++)
            console_put((u8)from[i]);
        return (s32)n;
    }
    int error = host_file_write(fd, from, n, &count);
    return error ? answer(error) : (s32)count;
}

s32 call_read(const u32 *a)
{
    return transfer_in(a[0], a[1], a[2]);
}

s32 call_write(const u32 *a)
{
    return transfer_out(a[0], a[1], a[2]);
}

static s32 each_vector(const u32 *a, s32 (*transfer)(u32 fd, u32 address, u32 n))
{
    u32 total = 0;

    if (a[2] > MAX_VECTORS)
        return -EINVAL;
    const u32 *vector = user_memory(a[1], a[2] * 8);
    if (!vector)
        return -EFAULT;
    for (u32 i = 0; i < a[2]; i++) {
        s32 done = transfer(a[0], vector[2 * i], vector[2 * i + 1]);

        if (done < 0)
            return total ? (s32)total : done;
        total += (u32)done;
        if ((u32)done < vector[2 * i + 1])
            break;
    }
    return (s32)total;
}

s32 call_readv(const u32 *a)
{
    return each_vector(a, transfer_in);
}

s32 call_writev(const u32 *a)
{
    return each_vector(a, transfer_out);
}

s32 call_open(const u32 *a)
{
    const char *name = user_string(a[0]);
    u32 fd = 0;

    if (!name)
        return -EFAULT;
    int error = host_file_open(name, abi_open_flags(a[1]), a[2], &fd);
    return error ? -error : (s32)fd;
}

/* Names are relative to the one folder there is: descriptors of others cannot be given. */
s32 call_openat(const u32 *a)
{
    return (s32)a[0] == AT_FDCWD ? call_open(a + 1) : -ENOSYS;
}

s32 call_close(const u32 *a)
{
    return is_console(a[0]) ? 0 : answer(host_file_close(a[0]));
}

static s32 seek(u32 fd, u64 offset, u32 whence, u64 *at)
{
    return is_console(fd) ? -ESPIPE : answer(host_file_seek(fd, offset, whence, at));
}

s32 call_lseek(const u32 *a)
{
    u64 at = 0;
    s32 error = seek(a[0], (u64)(long long)(s32)a[1], a[2], &at);

    if (error)
        return error;
    return at > LARGEST ? -EOVERFLOW : (s32)at;
}

s32 call_llseek(const u32 *a)
{
    u64 at = 0, *to = user_memory(a[3], sizeof at);

    if (!to)
        return -EFAULT;
    s32 error = seek(a[0], (u64)a[1] << 32 | a[2], a[4], &at);
    if (!error)
        *to = at;
    return error;
}

s32 call_ftruncate(const u32 *a)
{
    return is_console(a[0]) || a[1] > LARGEST ? -EINVAL : answer(host_file_resize(a[0], a[1]));
}

s32 call_ftruncate64(const u32 *a)
{
    return is_console(a[0]) ? -EINVAL : answer(host_file_resize(a[0], (u64)a[1] << 32 | a[2]));
}

s32 call_unlink(const u32 *a)
{
    const char *name = user_string(a[0]);

    return name ? -host_file_remove(name) : -EFAULT;
}

s32 call_unlinkat(const u32 *a)
{
    if (a[2] & AT_REMOVEDIR)
        return -EINVAL;
    return (s32)a[0] == AT_FDCWD ? call_unlink(a + 1) : -ENOSYS;
}

s32 call_rename(const u32 *a)
{
    const char *old = user_string(a[0]), *new = user_string(a[1]);

    return old && new ? -host_file_rename(old, new) : -EFAULT;
}

s32 call_renameat(const u32 *a)
{
    const u32 names[2] = {a[1], a[3]};

    return (s32)a[0] == AT_FDCWD && (s32)a[2] == AT_FDCWD ? call_rename(names) : -ENOSYS;
}

static s32 terminal(u32 fd)
{
    u64 numbers[HOST_STATUS];
    u32 yes = 1;

    if (is_console(fd))
        return 0;
    int error = host_file_status(fd, numbers, &yes);
    return error ? answer(error) : yes ? 0 : -ENOTTY;
}

/* struct termios of <asm/termbits.h>: a terminal as it is after login, canonical with echo. */
static s32 get_settings(u32 address)
{
    static const u8 characters[TERMIOS_CONTROLS] = {ABI_CONTROLS};
    static const u32 flags[4] = {0x500, 0x5, 0xBF, 0x8A3B};
    u8 *to = user_memory(address, sizeof flags + 1 + sizeof characters);

    if (!to)
        return -EFAULT;
    memcpy(to, flags, sizeof flags);
    to[16] = 0;
    memcpy(to + 17, characters, sizeof characters);
    return 0;
}

static s32 get_window(u32 address)
{
    static const u16 size[4] = {24, 80, 0, 0};
    void *to = user_memory(address, sizeof size);

    if (!to)
        return -EFAULT;
    memcpy(to, size, sizeof size);
    return 0;
}

s32 call_ioctl(const u32 *a)
{
    s32 error = terminal(a[0]);

    if (error)
        return error;
    if (a[1] == TCGETS)
        return get_settings(a[2]);
    if (a[1] == TIOCGWINSZ)
        return get_window(a[2]);
    return a[1] >= TCSETS && a[1] <= TCSETSF ? 0 : -ENOTTY;
}

s32 call_fcntl(const u32 *a)
{
    u64 numbers[HOST_STATUS];
    u32 yes;
    int error = is_console(a[0]) ? 0 : host_file_status(a[0], numbers, &yes);

    if (error)
        return answer(error);
    switch (a[1]) {
    case F_GETFD:
    case F_SETFD:
    case F_SETFL:
        return 0;
    case F_GETFL:
        return 2; /* O_RDWR: what the host does not allow it refuses */
    default:
        return -EINVAL;
    }
}
