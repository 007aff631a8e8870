/* Linux's system calls: the table, and those that are about the process itself. */
#include "calls.h"
#include "console.h"
#include "host.h"
#include "linux_calls.h"
#include "process.h"

enum { PROCESS_ID = 1, RLIMIT_STACK = 3, RLIMITS = 16, OPEN_FILES = 64 };

static const u64 infinity = ~0ull;

static s32 call_exit(const u32 *a)
{
    process_exit(a[0]);
}

/* There is one process, and what it sends to itself ends it: raise() after all handlers were refused. */
static s32 call_kill(const u32 *a)
{
    if (a[0] != PROCESS_ID)
        return -3; /* ESRCH */
    if (a[1])
        process_killed((int)(a[1] & 0x7F));
    return 0;
}

static s32 call_tgkill(const u32 *a)
{
    return call_kill(a + 1);
}

static s32 call_uname(const u32 *a)
{
    static const char names[6][40] = {
        "Linux", "tmesh", "6.1.0-tmesh-firmware", "system calls by the boot firmware", ABI_MACHINE, ""};
    char *to = user_memory(a[0], 6 * 65);

    if (!to)
        return -EFAULT;
    for (int i = 0; i < 6; i++, to += 65)
        strcopy(to, names[i], 65);
    return 0;
}

static s32 call_one(const u32 *a)
{
    (void)a;
    return PROCESS_ID;
}

static s32 call_zero(const u32 *a)
{
    (void)a;
    return 0;
}

#if defined(__mc68000__)
static s32 call_get_thread_area(const u32 *a)
{
    (void)a;
    return (s32)process.thread_area;
}

static s32 call_set_thread_area(const u32 *a)
{
    process.thread_area = a[0];
    return 0;
}

/* There is one processor and one thread: plain memory accesses are atomic here. */
static s32 call_atomic_cmpxchg(const u32 *a)
{
    u32 *to = user_memory(a[5], 4);

    if (!to)
        return -EFAULT;
    u32 old = *to;
    if (old == a[1])
        *to = a[0];
    return (s32)old;
}
#else
static s32 call_getpagesize(const u32 *a)
{
    (void)a;
    return CALL_PAGE;
}
#endif

/* Signals never come; a handler is accepted and forgotten. */
static s32 call_sigaction(const u32 *a)
{
    void *old = user_memory(a[2], 12 + 8);

    if (a[2] && !old)
        return -EFAULT;
    if (a[2])
        memset(old, 0, 12 + 8);
    return 0;
}

static s32 call_sigprocmask(const u32 *a)
{
    u32 n = a[3] <= 8 ? a[3] : 8;
    void *old = user_memory(a[2], n);

    if (a[2] && !old)
        return -EFAULT;
    if (a[2])
        memset(old, 0, n);
    return 0;
}

static u64 limit(u32 which)
{
    return which == RLIMIT_STACK ? STACK_ROOM : which == LIMIT_NOFILE ? OPEN_FILES : infinity;
}

static s32 call_getrlimit(const u32 *a)
{
    u32 *to = user_memory(a[1], 8);

    if (a[0] >= RLIMITS)
        return -EINVAL;
    if (!to)
        return -EFAULT;
    to[0] = to[1] = limit(a[0]) == infinity ? ABI_UNLIMITED : (u32)limit(a[0]);
    return 0;
}

static s32 call_prlimit64(const u32 *a)
{
    u64 *to = user_memory(a[3], 16);

    if (a[1] >= RLIMITS)
        return -EINVAL;
    if (a[3] && !to)
        return -EFAULT;
    if (a[3])
        to[0] = to[1] = limit(a[1]);
    return 0;
}

/* Equal runs must be equal: these are good for hash tables, not for secrets (constants: Knuth's MMIX). */
static s32 call_getrandom(const u32 *a)
{
    u8 *to = user_memory(a[0], a[1]);

    if (!to)
        return -EFAULT;
    for (u32 i = 0; i < a[1]; i++) {
        process.random = process.random * 6364136223846793005ull + 1442695040888963407ull;
        to[i] = (u8)(process.random >> 56);
    }
    return (s32)a[1];
}

static const struct {
    u16 number;
    call_fn *call;
} calls[] = {
    {NR_exit, call_exit},
    {NR_read, call_read},
    {NR_write, call_write},
    {NR_open, call_open},
    {NR_close, call_close},
    {NR_unlink, call_unlink},
    {NR_time, call_time},
    {NR_lseek, call_lseek},
    {NR_getpid, call_one},
    {NR_getuid, call_zero},
    {NR_access, call_access},
    {NR_kill, call_kill},
    {NR_rename, call_rename},
    {NR_brk, call_brk},
    {NR_getgid, call_zero},
    {NR_geteuid, call_zero},
    {NR_getegid, call_zero},
    {NR_ioctl, call_ioctl},
    {NR_fcntl, call_fcntl},
    {NR_getppid, call_zero},
    {NR_getrlimit, call_getrlimit},
    {NR_getrusage, call_getrusage},
    {NR_gettimeofday, call_gettimeofday},
    {NR_readlink, call_readlink},
    {NR_munmap, call_munmap},
    {NR_ftruncate, call_ftruncate},
    {NR_stat, call_stat},
    {NR_lstat, call_lstat},
    {NR_fstat, call_fstat},
    {NR_uname, call_uname},
    {NR_mprotect, call_mprotect},
    {NR__llseek, call_llseek},
    {NR_readv, call_readv},
    {NR_writev, call_writev},
    {NR_rt_sigaction, call_sigaction},
    {NR_rt_sigprocmask, call_sigprocmask},
    {NR_sigaltstack, call_zero},
    {NR_mmap2, call_mmap},
    {NR_ftruncate64, call_ftruncate64},
    {NR_stat64, call_stat64},
    {NR_lstat64, call_lstat64},
    {NR_fstat64, call_fstat64},
    {NR_getuid32, call_zero},
    {NR_getgid32, call_zero},
    {NR_geteuid32, call_zero},
    {NR_getegid32, call_zero},
    {NR_gettid, call_one},
    {NR_tkill, call_kill},
    {NR_madvise, call_madvise},
    {NR_fcntl64, call_fcntl},
    {NR_exit_group, call_exit},
    {NR_set_tid_address, call_one},
    {NR_clock_gettime, call_clock_gettime},
    {NR_clock_getres, call_clock_getres},
    {NR_tgkill, call_tgkill},
    {NR_openat, call_openat},
    {NR_fstatat64, call_fstatat64},
    {NR_unlinkat, call_unlinkat},
    {NR_renameat, call_renameat},
    {NR_readlinkat, call_readlinkat},
    {NR_faccessat, call_faccessat},
    {NR_set_robust_list, call_zero},
    {NR_prlimit64, call_prlimit64},
    {NR_renameat2, call_renameat},
    {NR_getrandom, call_getrandom},
    {NR_statx, call_statx},
    {NR_clock_gettime64, call_clock_gettime64},
    {NR_clock_getres_time64, call_clock_getres64},
    {NR_faccessat2, call_faccessat},
#if defined(__mc68000__)
    {NR_mmap, call_old_mmap},
    {NR_ugetrlimit, call_getrlimit},
    {NR_get_thread_area, call_get_thread_area},
    {NR_set_thread_area, call_set_thread_area},
    {NR_atomic_cmpxchg_32, call_atomic_cmpxchg},
    {NR_atomic_barrier, call_zero},
#else
    {NR_mmap, call_mmap},
    {NR_getpagesize, call_getpagesize},
#endif
};

static void tell_unknown(u32 number)
{
    char text[64];

    if (!(host_options() & HOST_VERBOSE))
        return;
    int n = format_string(text, sizeof text, "system call %u is not provided\n", number);
    if (process.batch)
        host_write(2, text, (u32)n);
    else
        printf("%s", text);
}

s32 process_call(u32 number, const u32 *arguments)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        if (calls[i].number == number)
            return calls[i].call(arguments);
    tell_unknown(number);
    return -ENOSYS;
}
