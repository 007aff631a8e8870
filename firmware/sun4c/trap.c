/* Traps: system calls, windows, the tick, and the report of all others. */
#include "trap.h"
#include "console.h"
#include "machine.h"
#include "process.h"
#include "timer.h"
#include "zs.h"

struct state saved, nested, tick_state;
u32 nofault, monitor_active = 1, program_psr, bad_pointer;

static struct {
    u32 sync, address, async;
} errors; /* of the last fault; not restored */

static const struct {
    u16 first, last;
    u8 signal;
    const char *name;
} traps[] = {
    {0x01, 0x01, SIGSEGV, "Instruction Access Exception"},
    {0x02, 0x02, SIGILL, "Illegal Instruction"},
    {0x03, 0x03, SIGILL, "Privileged Instruction"},
    {0x04, 0x04, SIGILL, "FP Disabled (this machine has no floating-point unit)"},
    {0x07, 0x07, SIGBUS, "Memory Address not Aligned"},
    {0x08, 0x08, SIGFPE, "FP Exception"},
    {0x09, 0x09, SIGSEGV, "Data Access Exception"},
    {0x0A, 0x0A, SIGTRAP, "Tag Overflow"},
    {0x11, 0x1F, SIGILL, "Interrupt"},
    {0x24, 0x24, SIGILL, "Coprocessor Disabled"},
    {0x28, 0x28, SIGILL, "Coprocessor Exception"},
    {0x81, 0x81, SIGTRAP, "Breakpoint"},
    {0x82, 0x82, SIGFPE, "Division by Zero"},
    {0x80, 0xFF, SIGTRAP, "Trap Instruction"},
    {TRAP_BAD_STACK, TRAP_BAD_STACK, SIGSEGV, "Register window without a stack"},
    {0x00, 0xFFFF, SIGILL, "Trap"},
};

void trap_init(void)
{
    saved.psr = PSR_S | PSR_PS | PSR_PIL;
    saved.wim = 1;
    saved.tbr = TRAP_TABLE;
}

static void print_cause(const struct state *s, const char *name)
{
    static const struct {
        u8 bit;
        const char *name;
    } causes[] = {{ERROR_INVALID, "page invalid"},      {ERROR_PROTECTION, "protection"},
                  {ERROR_TIMEOUT, "nothing answers"},   {ERROR_SBUS, "SBus error"},
                  {ERROR_MEMORY, "memory parity"},      {ERROR_SIZE, "size"},
                  {ERROR_WATCHDOG, "watchdog reset"}};
    u32 bits = s->trap == TRAP_LEVEL15 ? errors.async : errors.sync;

    printf("\n%s: trap 0x%x, PC 0x%08x, nPC 0x%08x, PSR 0x%08x (%s mode)\n", name, s->trap, s->pc, s->npc,
           s->psr, s->psr & PSR_PS ? "supervisor" : "user");
    if (s->trap == TRAP_BAD_STACK)
        printf("stack pointer 0x%08x; stacks may be at 0x%x-0x%x, on multiples of 8\n", bad_pointer, arena_low,
               arena_low + arena_size + WINDOW_BYTES);
    if (s->trap != TRAP_FETCH && s->trap != TRAP_DATA && s->trap != TRAP_LEVEL15)
        return;
    printf("fault address 0x%08x, %s, error register 0x%02x", s->trap == TRAP_FETCH ? s->pc : errors.address,
           s->trap == TRAP_FETCH   ? "instruction fetch"
           : bits & ERROR_WRITE    ? "data write"
           : s->trap == TRAP_DATA ? "data read"
                                   : "write or DVMA, some instructions ago",
           bits & 0xFF);
    for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
        if (bits & causes[i].bit)
            printf(" (%s)", causes[i].name);
    console_put('\n');
}

static void print_eight(char letter, const u32 *values)
{
    printf("%%%c0-7", letter);
    for (int i = 0; i < 8; i++)
        printf(" %08x", values[i]);
    console_put('\n');
}

void machine_print_registers(void)
{
    print_eight('g', saved.global);
    print_eight('o', state_outs(&saved));
    print_eight('l', saved.window[0].local);
    print_eight('i', saved.window[0].in);
    printf("pc %08x  npc %08x  psr %08x  wim %02x  tbr %08x  y %08x\n", saved.pc, saved.npc, saved.psr,
           saved.wim, saved.tbr, saved.y);
}

int machine_set_register(const char *name, u32 value)
{
    static const struct {
        const char *name;
        u32 *where;
    } others[] = {{"pc", &saved.pc},   {"npc", &saved.npc}, {"psr", &saved.psr},
                  {"wim", &saved.wim}, {"tbr", &saved.tbr}, {"y", &saved.y}};
    u32 *bank = name[0] == 'g'   ? saved.global
                : name[0] == 'o' ? state_outs(&saved)
                : name[0] == 'l' ? saved.window[0].local
                : name[0] == 'i' ? saved.window[0].in
                                 : 0;

    if (bank && name[1] >= '0' && name[1] <= '7' && !name[2]) {
        bank[name[1] - '0'] = value;
        saved.global[0] = 0;
        return 1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (!strcmp(others[i].name, name)) {
            *others[i].where = value;
            if (bank == 0 && others[i].where == &saved.pc)
                saved.npc = value + 4;
            return 1;
        }
    return 0;
}

/* The instruction has done its work. */
static void step(struct state *s)
{
    s->pc = s->npc;
    s->npc += 4;
}

/* SPARC has numbers of its own for what other processors' Linux counts from 35 on (<asm/errno.h>). */
static u32 error_number(s32 error)
{
    static const u8 table[][2] = {{35, 78}, {36, 63}, {37, 79}, {38, 90}, {39, 66}, {40, 62}, {75, 92}, {122, 69}};

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i][0] == error)
            return table[i][1];
    return (u32)error;
}

/* Linux's convention: number in g1, arguments in o0-o5; carry says that the result is an error number. */
static void system_call(struct state *s)
{
    u32 *out = state_outs(s);
    s32 result = process_call(s->global[1], out);

    s->psr &= ~(u32)PSR_CARRY;
    if (result < 0 && result > -4096) {
        s->psr |= PSR_CARRY;
        result = (s32)error_number(-result);
    }
    out[0] = (u32)result;
    step(s);
}

/* The windows of all callers go to their stacks; a caller's outs, its stack pointer among them, are the ins of
 * the window below it. */
static void flush_windows(struct state *s)
{
    u32 own = (s->psr + 1) & (WINDOWS - 1), i;

    for (i = 1; i < WINDOWS - 1 && !(s->wim >> ((own + i) & (WINDOWS - 1)) & 1); i++) {
        u32 sp = s->window[i - 1].in[6];

        if ((sp & 7) || (!(s->psr & PSR_PS) && sp - arena_low >= arena_size)) {
            s->trap = TRAP_BAD_STACK;
            bad_pointer = sp;
            return;
        }
        memcpy((void *)(size_t)sp, &s->window[i], sizeof s->window[i]);
    }
    s->wim = 1u << ((own + 1) & (WINDOWS - 1));
    step(s);
}

static void report(struct state *s) __attribute__((noreturn));
static void report(struct state *s)
{
    int in_monitor = s == &nested;
    size_t i = 0;

    nofault = 0;
    monitor_active = 1;
    errors.sync = control_get32(CONTROL_SYNC_ERROR);
    errors.address = control_get32(CONTROL_SYNC_ADDRESS);
    errors.async = control_get32(CONTROL_ASYNC_ERROR);
    if (s->trap == TRAP_LEVEL15)
        errors.address = control_get32(CONTROL_ASYNC_ADDRESS);
    if (in_monitor)
        saved = nested;
    if (process_is_batch())
        console_to_host(2);
    if (s->trap == TRAP_ENTER || s->trap == TRAP_LEVEL14) {
        if (s->trap == TRAP_ENTER && process_is_batch())
            process_exit(0); /* a system that halts */
        printf("\n%s at 0x%08x\nType  go  to resume\n", s->trap == TRAP_LEVEL14 ? "Abort" : "Program stopped",
               saved.pc);
        machine_prompt();
    }
    while (s->trap < traps[i].first || s->trap > traps[i].last)
        i++;
    print_cause(s, traps[i].name);
    machine_print_registers();
    if (in_monitor)
        printf("This happened in the firmware itself.\n");
    process_killed(traps[i].signal);
}

void trap_main(struct state *s)
{
    switch (s->trap) {
    case TRAP_LEVEL14:
        timer_service();
        if (s->tbr >> 12 != TRAP_TABLE >> 12 || monitor_active || !zs_break())
            return;
        saved = *s; /* the operator's BREAK */
        break;
    case TRAP_LINUX:
        if (s == &saved && !(s->psr & PSR_PS)) {
            system_call(s);
            return;
        }
        break;
    case TRAP_FLUSH_WINDOWS:
        flush_windows(s);
        if (s->trap == TRAP_FLUSH_WINDOWS)
            return;
        break;
    case TRAP_CLEAN_WINDOWS: /* what a window held before is no secret here */
        step(s);
        return;
    }
    report(s);
}

void machine_enter_user(u32 entry, u32 stack)
{
    if (program_psr)
        clear_fpu();
    memset(&saved, 0, sizeof saved);
    saved.psr = PSR_S | program_psr | (WINDOWS - 1); /* the program's window is 0 */
    saved.wim = 2;
    saved.tbr = TRAP_TABLE;
    saved.pc = entry;
    saved.npc = entry + 4;
    state_outs(&saved)[6] = stack;
    monitor_active = 0;
    resume_state(&saved);
}

void machine_resume(void)
{
    if (!saved.pc)
        return;
    saved.psr = (saved.psr & ~(u32)PSR_ET) | PSR_S;
    saved.pc &= ~3u;
    saved.npc &= ~3u;
    monitor_active = 0;
    resume_state(&saved);
}
