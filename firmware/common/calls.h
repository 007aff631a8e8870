/* Between the files that provide Linux's system calls (calls*.c): the process, and the errors they answer. */
#ifndef FW_CALLS_H
#define FW_CALLS_H

#include "abi.h"
#include "machine.h"

enum {
    ENOENT = 2,
    EIO = 5,
    EBADF = 9,
    ENOMEM = 12,
    EFAULT = 14,
    ENODEV = 19,
    EINVAL = 22,
    ENOTTY = 25,
    ESPIPE = 29,
    ERANGE = 34,
    ENAMETOOLONG = 36,
    ENOSYS = 38,
    EOVERFLOW = 75,
};
enum { STACK_ROOM = 0x100000, STANDARD_FILES = 3, AT_FDCWD = -100, PATH_MAX = 1024 };

struct process {
    int batch;
    struct memory_range memory;
    u32 heap, brk;  /* the heap's beginning and end */
    u32 map_end;    /* anonymous mappings lie below this, where the stack's room begins */
    u32 thread_area;
    u64 started;    /* nanoseconds since 1970 */
    u64 random;     /* state of getrandom() */
    char name[128]; /* what /proc/self/exe leads to */
};
extern struct process process;

/* The memory behind a pointer that the program gave, or null. */
void *user_memory(u32 address, u32 n);
/* A string of at most PATH_MAX with its NUL, wholly in the program's memory; or null. */
const char *user_string(u32 address);

/* A system call: six arguments; the result, or minus an error number. */
typedef s32 call_fn(const u32 *arguments);

call_fn call_brk, call_mmap, call_old_mmap, call_munmap, call_mprotect, call_madvise;
call_fn call_time, call_gettimeofday, call_clock_gettime, call_clock_gettime64, call_clock_getres,
    call_clock_getres64, call_getrusage;
call_fn call_read, call_write, call_readv, call_writev, call_open, call_openat, call_close, call_lseek,
    call_llseek, call_ftruncate, call_ftruncate64, call_unlink, call_unlinkat, call_rename, call_renameat,
    call_ioctl, call_fcntl;
call_fn call_stat, call_lstat, call_fstat, call_stat64, call_lstat64, call_fstat64, call_fstatat64,
    call_statx, call_access, call_faccessat, call_readlink, call_readlinkat;

/* Forgets all mappings; calls_memory.c. */
void mappings_clear(void);
/* The console has no typed text left over; calls_files.c. */
void files_clear(void);
/* Nanoseconds since 1970; calls_time.c. */
u64 time_now(void);

#endif
