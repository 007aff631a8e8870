/* Processes as Linux on m68k starts them (fs/binfmt_elf.c: argc at the stack pointer, argv, envp, auxv). */
#include "process.h"
#include "console.h"
#include "host.h"
#include "linux_calls.h"

enum {
    EIO = 5,
    EBADF = 9,
    ENOMEM = 12,
    EFAULT = 14,
    EINVAL = 22,
    ENOTTY = 25,
    ESPIPE = 29,
    ENOSYS = 38,
    PAGE = 0x2000,
    STACK_ROOM = 0x100000,
    HERTZ = 100,
    MAP_FIXED = 0x10,
    MAP_ANONYMOUS = 0x20,
    MAX_VECTORS = 1024,
};
enum {
    AT_NULL,
    AT_PHDR = 3,
    AT_PHENT,
    AT_PHNUM,
    AT_PAGESZ,
    AT_ENTRY = 9,
    AT_UID = 11,
    AT_EUID,
    AT_GID,
    AT_EGID,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_RANDOM = 25
};

static struct {
    int batch;
    struct memory_range memory;
    u32 heap, brk; /* the heap's beginning and end */
    u32 map_end;   /* anonymous mappings grow down from below the stack to brk */
    u32 thread_area;
    char line[256]; /* console input not read yet */
    u32 line_at, line_end;
} process;

void process_set_batch(int on)
{
    process.batch = on;
}

int process_is_batch(void)
{
    return process.batch;
}

static u32 push_bytes(u32 *sp, const void *from, u32 n)
{
    *sp -= n;
    memcpy((void *)(size_t)*sp, from, n);
    return *sp;
}

static void push(u32 *sp, u32 value)
{
    push_bytes(sp, &value, sizeof value);
}

void process_layout(const struct program *program)
{
    process.memory = machine_program_memory();
    process.heap = process.brk = (program->end + 3) & ~3u;
    u32 room = process.memory.end - process.memory.start > 4 * STACK_ROOM ? STACK_ROOM : STACK_ROOM / 16;
    process.map_end = process.memory.end - room;
    process.thread_area = process.line_at = process.line_end = 0;
}

void process_start(const struct program *program, u32 argc, const char *const *argv)
{
    static const char seed[16] = "not random, sure"; /* equal runs must be equal */
    u32 sp, strings, random;

    process_layout(program);
    sp = process.memory.end;
    if (program->kind == PROGRAM_STANDALONE)
        machine_enter_supervisor(program->entry, sp);

    random = push_bytes(&sp, seed, sizeof seed);
    for (u32 i = argc; i-- > 0;)
        push_bytes(&sp, argv[i], (u32)strlen(argv[i]) + 1);
    strings = sp;
    const u32 auxv[][2] = {
        {AT_PHDR, program->headers},
        {AT_PHENT, 32},
        {AT_PHNUM, program->header_count},
        {AT_PAGESZ, PAGE},
        {AT_ENTRY, program->entry},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_CLKTCK, HERTZ},
        {AT_SECURE, 0},
        {AT_RANDOM, random},
        {AT_NULL, 0},
    };
    /* argc, argv and its null, envp's null, auxv: the whole ends on a multiple of 16 */
    sp = ((sp - (u32)sizeof auxv - 4 * (argc + 3)) & ~15u) + (u32)sizeof auxv + 4 * (argc + 3);
    push_bytes(&sp, auxv, sizeof auxv);
    push(&sp, 0);
    push(&sp, 0);
    for (u32 i = argc, at; i-- > 0;) {
        at = strings;
        for (u32 j = 0; j < i; j++)
            at += (u32)strlen(argv[j]) + 1;
        push(&sp, at);
    }
    push(&sp, argc);
    machine_enter_user(program->entry, sp);
}

void process_exit(u32 status)
{
    console_flush();
    if (process.batch)
        host_exit(status & 0xFF);
    if (status & 0xFF)
        printf("Exit status %u\n", status & 0xFF);
    machine_prompt();
}

void process_killed(int signal)
{
    console_flush();
    if (process.batch)
        host_exit(128 + (u32)signal);
    machine_prompt();
}

/* The memory behind a pointer that the program gave, or null. */
static void *at(u32 address, u32 n)
{
    if (address < process.memory.start || address > process.memory.end || n > process.memory.end - address)
        return 0;
    return (void *)(size_t)address;
}

static s32 call_exit(const u32 *a)
{
    process_exit(a[0]);
}

static s32 call_write(const u32 *a)
{
    const char *from = at(a[1], a[2]);

    if (a[0] != 1 && a[0] != 2)
        return -EBADF;
    if (!from)
        return -EFAULT;
    if (process.batch) {
        int error = host_write((int)a[0], from, a[2]);
        return error ? -error : (s32)a[2];
    }
    for (u32 i = 0; i < a[2]; i++)
        console_put((u8)from[i]);
    return (s32)a[2];
}

static s32 call_writev(const u32 *a)
{
    u32 total = 0;

    if (a[2] > MAX_VECTORS)
        return -EINVAL;
    const u32 *vector = at(a[1], a[2] * 8);
    if (!vector)
        return -EFAULT;
    for (u32 i = 0; i < a[2]; i++) {
        const u32 part[3] = {a[0], vector[2 * i], vector[2 * i + 1]};
        s32 done = call_write(part);

        if (done < 0)
            return total ? (s32)total : done;
        total += (u32)done;
    }
    return (s32)total;
}

static s32 call_read(const u32 *a)
{
    u8 *to = at(a[1], a[2]);
    u32 n = 0;

    if (a[0] != 0)
        return -EBADF;
    if (!to)
        return -EFAULT;
    if (process.batch) {
        int error = host_input(to, a[2], &n);
        return error ? -error : (s32)n;
    }
    if (process.line_at == process.line_end) {
        int length = console_line(process.line, sizeof process.line - 1, 1);

        if (length < 0)
            return 0;
        process.line[length] = '\n';
        process.line_at = 0;
        process.line_end = (u32)length + 1;
    }
    while (n < a[2] && process.line_at < process.line_end)
        to[n++] = (u8)process.line[process.line_at++];
    return (s32)n;
}

static s32 call_close(const u32 *a)
{
    return a[0] < 3 ? 0 : -EBADF;
}

static s32 call_seek(const u32 *a)
{
    return a[0] < 3 ? -ESPIPE : -EBADF;
}

static s32 call_ioctl(const u32 *a)
{
    return a[0] < 3 ? -ENOTTY : -EBADF;
}

static s32 call_brk(const u32 *a)
{
    if (a[0] >= process.heap && a[0] <= process.map_end) {
        if (a[0] > process.brk)
            memset((void *)(size_t)process.brk, 0, a[0] - process.brk);
        process.brk = a[0];
    }
    return (s32)process.brk;
}

static s32 call_mmap(const u32 *a)
{
    u32 n = (a[1] + PAGE - 1) & ~(u32)(PAGE - 1);

    if (!(a[3] & MAP_ANONYMOUS) || (a[3] & MAP_FIXED) || !a[1])
        return -EINVAL;
    if (n < a[1] || n > process.map_end - process.brk)
        return -ENOMEM;
    process.map_end -= n;
    memset((void *)(size_t)process.map_end, 0, n);
    return (s32)process.map_end;
}

static s32 call_old_mmap(const u32 *a)
{
    const u32 *block = at(a[0], 6 * 4);

    return block ? call_mmap(block) : -EFAULT;
}

static s32 call_munmap(const u32 *a)
{
    if (a[0] == process.map_end) /* the last mapping comes back, others stay */
        process.map_end += (a[1] + PAGE - 1) & ~(u32)(PAGE - 1);
    return 0;
}

static s32 call_time(const u32 *a)
{
    u32 *to = at(a[0], 4), seconds, nanoseconds;

    machine_time(&seconds, &nanoseconds);
    if (a[0]) {
        if (!to)
            return -EFAULT;
        *to = seconds;
    }
    return (s32)seconds;
}

static s32 call_gettimeofday(const u32 *a)
{
    u32 *to = at(a[0], 8), nanoseconds;

    if (!to)
        return a[0] ? -EFAULT : 0;
    machine_time(&to[0], &nanoseconds);
    to[1] = nanoseconds / 1000;
    return 0;
}

static s32 call_clock_gettime(const u32 *a)
{
    u32 *to = at(a[1], 8);

    if (!to)
        return -EFAULT;
    machine_time(&to[0], &to[1]);
    return 0;
}

static s32 call_clock_gettime64(const u32 *a)
{
    u32 *to = at(a[1], 16);

    if (!to)
        return -EFAULT;
    to[0] = to[2] = 0;
    machine_time(&to[1], &to[3]);
    return 0;
}

static s32 call_uname(const u32 *a)
{
    static const char names[6][40] = {
        "Linux", "tmesh", "6.1.0-tmesh-firmware", "system calls by the boot firmware", "m68k", ""};
    char *to = at(a[0], 6 * 65);

    if (!to)
        return -EFAULT;
    for (int i = 0; i < 6; i++, to += 65)
        strcopy(to, names[i], 65);
    return 0;
}

static s32 call_one(const u32 *a)
{
    (void)a;
    return 1;
}

static s32 call_zero(const u32 *a)
{
    (void)a;
    return 0;
}

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
    u32 *to = at(a[5], 4);

    if (!to)
        return -EFAULT;
    u32 old = *to;
    if (old == a[1])
        *to = a[0];
    return (s32)old;
}

static const struct {
    u16 number;
    s32 (*call)(const u32 *arguments);
} calls[] = {
    {NR_exit, call_exit},
    {NR_read, call_read},
    {NR_write, call_write},
    {NR_close, call_close},
    {NR_time, call_time},
    {NR_lseek, call_seek},
    {NR_getpid, call_one},
    {NR_getuid, call_zero},
    {NR_brk, call_brk},
    {NR_getgid, call_zero},
    {NR_geteuid, call_zero},
    {NR_getegid, call_zero},
    {NR_ioctl, call_ioctl},
    {NR_gettimeofday, call_gettimeofday},
    {NR_mmap, call_old_mmap},
    {NR_munmap, call_munmap},
    {NR_uname, call_uname},
    {NR_mprotect, call_zero},
    {NR__llseek, call_seek},
    {NR_writev, call_writev},
    {NR_rt_sigaction, call_zero},
    {NR_rt_sigprocmask, call_zero},
    {NR_mmap2, call_mmap},
    {NR_getuid32, call_zero},
    {NR_getgid32, call_zero},
    {NR_geteuid32, call_zero},
    {NR_getegid32, call_zero},
    {NR_gettid, call_one},
    {NR_exit_group, call_exit},
    {NR_set_tid_address, call_one},
    {NR_clock_gettime, call_clock_gettime},
    {NR_get_thread_area, call_get_thread_area},
    {NR_set_thread_area, call_set_thread_area},
    {NR_atomic_cmpxchg_32, call_atomic_cmpxchg},
    {NR_atomic_barrier, call_zero},
    {NR_clock_gettime64, call_clock_gettime64},
};

s32 process_call(u32 number, const u32 *arguments)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        if (calls[i].number == number)
            return calls[i].call(arguments);
    return -ENOSYS;
}
