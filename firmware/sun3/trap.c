/* Exceptions: the report, and what happens next. */
#include "trap.h"
#include "clock.h"
#include "console.h"
#include "machine.h"
#include "process.h"
#include "sun3.h"
#include "zs.h"

enum {
    VECTOR_BUS = 2,
    VECTOR_ADDRESS = 3,
    VECTOR_NMI = 31,
    VECTOR_TRAP0 = 32,
    VECTOR_ABORT = 46,
    FORMAT_SHORT_BUS = 0xA,
    FORMAT_LONG_BUS = 0xB,
    SP = 15
};

struct registers saved;
u32 nofault, nofault_sp, prompt_sp = STACK_TOP, monitor_active = 1;

/* Exception frame: MC68020 user's manual, 6.4. */
struct frame {
    u16 sr;
    u32 pc;
    u16 vector; /* format in the upper four bits, offset in the others */
    u16 internal;
    u16 status_word;
    u16 pipe_c, pipe_b;
    u32 fault_address;
    u16 internal2[8];
    u32 stage_b; /* long frame only */
} __attribute__((packed));

static const u8 frame_sizes[16] = {
    [0] = 8, [1] = 8, [2] = 12, [9] = 20, [FORMAT_SHORT_BUS] = 32, [FORMAT_LONG_BUS] = 92};

enum {
    SSW_FC = 0x8000,
    SSW_FB = 0x4000,
    SSW_RC = 0x2000,
    SSW_RB = 0x1000,
    SSW_DF = 0x0100,
    SSW_READ = 0x0040
};

static const struct {
    u8 first, last, signal;
    const char *name;
} exceptions[] = {
    {2, 2, SIGSEGV, "Bus error"},
    {3, 3, SIGSEGV, "Address error"},
    {4, 4, SIGILL, "Illegal instruction"},
    {5, 5, SIGFPE, "Division by zero"},
    {6, 6, SIGFPE, "CHK range"},
    {7, 7, SIGFPE, "TRAPcc"},
    {8, 8, SIGILL, "Privilege violation"},
    {9, 9, SIGTRAP, "Trace"},
    {10, 10, SIGILL, "Line A instruction"},
    {11, 11, SIGILL, "Line F instruction (no coprocessor took it)"},
    {13, 13, SIGILL, "Coprocessor protocol violation"},
    {14, 14, SIGILL, "Exception frame format error"},
    {15, 15, SIGILL, "Uninitialized interrupt"},
    {24, 31, SIGILL, "Interrupt"},
    {32, 47, SIGTRAP, "Trap"},
    {48, 54, SIGFPE, "Floating point exception"},
    {0, 255, SIGILL, "Exception"},
};

void trap_init(void)
{
    saved.vbr = get_vbr();
    saved.sr = SR_MASKED;
    saved.r[SP] = saved.ssp = STACK_TOP;
    saved.sfc = saved.dfc = 1;
}

static u32 get_usp(void)
{
    u32 usp;

    __asm__ volatile("move.l %%usp,%0" : "=a"(usp));
    return usp;
}

static void save(const struct frame *frame)
{
    u32 sfc, dfc;

    __asm__ volatile("movec %%sfc,%0" : "=d"(sfc));
    __asm__ volatile("movec %%dfc,%0" : "=d"(dfc));
    saved.sfc = sfc;
    saved.dfc = dfc;
    saved.vbr = get_vbr();
    saved.sr = frame->sr;
    saved.pc = frame->pc;
    saved.vector = (frame->vector & 0xFFF) / 4;
    saved.format = frame->vector >> 12;
    saved.usp = get_usp();
    saved.ssp = (u32)frame + (frame_sizes[saved.format] ? frame_sizes[saved.format] : 8);
    saved.r[SP] = saved.sr & SR_SUPERVISOR ? saved.ssp : saved.usp;
    saved.bus_error = saved.vector == VECTOR_BUS ? control_get8(CONTROL_BUS_ERROR) : 0;
    if (saved.format == FORMAT_SHORT_BUS || saved.format == FORMAT_LONG_BUS) {
        saved.status_word = frame->status_word;
        saved.fault_address = frame->fault_address;
        if (!(saved.status_word & SSW_DF)) { /* an instruction fetch */
            saved.fault_address = saved.format == FORMAT_LONG_BUS ? frame->stage_b : saved.pc + 4;
            if ((saved.status_word & SSW_FC) && saved.format == FORMAT_SHORT_BUS)
                saved.fault_address = saved.pc + 2;
        }
    }
}

static void print_cause(const char *name)
{
    static const struct {
        u8 bit;
        const char *name;
    } causes[] = {{BUS_ERROR_INVALID, "page invalid"},
                  {BUS_ERROR_PROTECTION, "protection"},
                  {BUS_ERROR_TIMEOUT, "nothing answers"},
                  {BUS_ERROR_VME, "VME"}};

    printf("\n%s: vector %u, PC 0x%08x, SR 0x%04x (%s mode)\n", name, saved.vector, saved.pc, saved.sr,
           saved.sr & SR_SUPERVISOR ? "supervisor" : "user");
    if (saved.format != FORMAT_SHORT_BUS && saved.format != FORMAT_LONG_BUS)
        return;
    printf("fault address 0x%08x, %s", saved.fault_address,
           !(saved.status_word & SSW_DF)  ? "instruction fetch"
           : saved.status_word & SSW_READ ? "data read"
                                          : "data write");
    if (saved.vector == VECTOR_BUS) {
        printf(", bus error register 0x%02x", saved.bus_error);
        for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
            if (saved.bus_error & causes[i].bit)
                printf(" (%s)", causes[i].name);
    }
    console_put('\n');
}

void machine_print_registers(void)
{
    for (int bank = 0; bank < 2; bank++) {
        printf("%c0-7", bank ? 'a' : 'd');
        for (int i = 0; i < 8; i++)
            printf(" %08x", saved.r[8 * bank + i]);
        console_put('\n');
    }
    printf("pc %08x  sr %04x  usp %08x  ssp %08x  vbr %08x  sfc %u  dfc %u\n", saved.pc, saved.sr, saved.usp,
           saved.ssp, saved.vbr, saved.sfc, saved.dfc);
}

int machine_set_register(const char *name, u32 value)
{
    static const struct {
        const char *name;
        u32 *where;
    } others[] = {{"pc", &saved.pc},   {"sr", &saved.sr},   {"usp", &saved.usp}, {"ssp", &saved.ssp},
                  {"vbr", &saved.vbr}, {"sfc", &saved.sfc}, {"dfc", &saved.dfc}};

    if ((name[0] == 'd' || name[0] == 'a') && name[1] >= '0' && name[1] <= '7' && !name[2]) {
        int n = name[1] - '0';

        saved.r[(name[0] == 'a' ? 8 : 0) + n] = value;
        if (name[0] == 'a' && n == 7)
            *(saved.sr & SR_SUPERVISOR ? &saved.ssp : &saved.usp) = value;
        return 1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (!strcmp(others[i].name, name)) {
            *others[i].where = value;
            saved.r[SP] = saved.sr & SR_SUPERVISOR ? saved.ssp : saved.usp;
            return 1;
        }
    return 0;
}

/* From trap_entry, on a stack of the monitor's. */
void trap_main(const struct frame *frame)
{
    int nested = (int)monitor_active;
    size_t i = 0;

    nofault = 0;
    monitor_active = 1;
    if (nested && (frame->vector & 0xFFF) == VECTOR_NMI * 4) { /* BREAK at the prompt */
        printf("\nAbort\n");
        machine_prompt();
    }
    save(frame);
    set_vbr(VECTORS);
    if (!nested)
        prompt_sp = saved.ssp - VA_STACK_PAGE < PAGE_SIZE ? saved.ssp : STACK_TOP;
    if (process_is_batch())
        console_to_host(2);
    if (saved.vector == 0 || saved.vector == VECTOR_NMI || saved.vector == VECTOR_ABORT) {
        if (!saved.vector && process_is_batch())
            process_exit(0); /* a system that halts */
        printf("\n%s at 0x%08x; c continues\n", saved.vector ? "Abort" : "Program stopped", saved.pc);
        machine_prompt();
    }
    while (saved.vector < exceptions[i].first || saved.vector > exceptions[i].last)
        i++;
    print_cause(exceptions[i].name);
    machine_print_registers();
    if (nested)
        printf("This happened in the monitor itself.\n");
    process_killed(exceptions[i].signal);
}

int nmi_service(void)
{
    clock_service();
    return zs_break();
}
