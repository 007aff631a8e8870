/* Processes as Linux starts them (fs/binfmt_elf.c: argc at the stack pointer, argv, envp, auxv). */
#include "process.h"
#include "calls.h"
#include "console.h"
#include "host.h"

enum { HERTZ = 100 };
enum {
    AT_NULL,
    AT_PHDR = 3,
    AT_PHENT,
    AT_PHNUM,
    AT_PAGESZ,
    AT_BASE,
    AT_FLAGS,
    AT_ENTRY,
    AT_UID = 11,
    AT_EUID,
    AT_GID,
    AT_EGID,
    AT_PLATFORM,
    AT_HWCAP,
    AT_CLKTCK,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_EXECFN = 31
};

struct process process;

void process_set_batch(int on)
{
    process.batch = on;
}

int process_is_batch(void)
{
    return process.batch;
}

void *user_memory(u32 address, u32 n)
{
    if (address < process.memory.start || address > process.memory.end || n > process.memory.end - address)
        return 0;
    return (void *)(size_t)address;
}

const char *user_string(u32 address)
{
    const char *s = user_memory(address, 1);

    for (u32 n = 0; s && n < PATH_MAX && address + n < process.memory.end; n++)
        if (!s[n])
            return s;
    return 0;
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
    process.map_end = (process.memory.end - room) & ~(u32)(CALL_PAGE - 1);
    process.thread_area = 0;
    process.random = 0;
    mappings_clear();
    files_clear();
    process.started = time_now();
}

void process_start(const struct program *program, u32 argc, const char *const *argv)
{
    static const char seed[16] = "not random, sure"; /* equal runs must be equal */
    u32 sp, strings, random, platform;

    process_layout(program);
    sp = process.memory.end;
    if (program->kind == PROGRAM_KERNEL) {
        struct memory_range kernels = machine_kernel_memory();

        if (sp > kernels.end - kernels.start)
            sp = kernels.end - kernels.start;
    }
    if (program->kind != PROGRAM_USER)
        machine_enter_supervisor(program->entry, sp);

    format_string(process.name, sizeof process.name, "%s%s", argv[0][0] == '/' ? "" : "/", argv[0]);
    random = push_bytes(&sp, seed, sizeof seed);
    platform = push_bytes(&sp, ABI_PLATFORM, sizeof ABI_PLATFORM);
    for (u32 i = argc; i-- > 0;)
        push_bytes(&sp, argv[i], (u32)strlen(argv[i]) + 1);
    strings = sp;
    const u32 auxv[][2] = {
        {AT_PHDR, program->headers},
        {AT_PHENT, 32},
        {AT_PHNUM, program->header_count},
        {AT_PAGESZ, CALL_PAGE},
        {AT_BASE, 0},
        {AT_FLAGS, 0},
        {AT_ENTRY, program->entry},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_PLATFORM, platform},
        {AT_HWCAP, 0},
        {AT_CLKTCK, HERTZ},
        {AT_SECURE, 0},
        {AT_RANDOM, random},
        {AT_EXECFN, strings},
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
    machine_enter_user(program->entry, sp - STACK_HEAD);
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
