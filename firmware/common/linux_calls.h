/* Numbers of the Linux system calls that process.c provides (<asm/unistd.h> of each architecture). */
#ifndef FW_LINUX_CALLS_H
#define FW_LINUX_CALLS_H

#if defined(__mc68000__)
enum {
    NR_exit = 1,
    NR_read = 3,
    NR_write = 4,
    NR_close = 6,
    NR_time = 13,
    NR_lseek = 19,
    NR_getpid = 20,
    NR_getuid = 24,
    NR_brk = 45,
    NR_getgid = 47,
    NR_geteuid = 49,
    NR_getegid = 50,
    NR_ioctl = 54,
    NR_gettimeofday = 78,
    NR_mmap = 90,
    NR_munmap = 91,
    NR_uname = 122,
    NR_mprotect = 125,
    NR__llseek = 140,
    NR_writev = 146,
    NR_rt_sigaction = 174,
    NR_rt_sigprocmask = 175,
    NR_mmap2 = 192,
    NR_getuid32 = 199,
    NR_getgid32 = 200,
    NR_geteuid32 = 201,
    NR_getegid32 = 202,
    NR_gettid = 221,
    NR_exit_group = 247,
    NR_set_tid_address = 253,
    NR_clock_gettime = 260,
    NR_get_thread_area = 333,
    NR_set_thread_area = 334,
    NR_atomic_cmpxchg_32 = 335,
    NR_atomic_barrier = 336,
    NR_clock_gettime64 = 403,
};
#else
#error "no system call numbers for this processor"
#endif

#endif
