/* Sun's first SCSI board, "sc", as on VME (NetBSD sun2/dev/screg.h): no arbitration, no ATN. */
#include "scsi.h"
#include "clock.h"
#include "sun3.h"
#include "trap.h"

enum { SELECT_TIME = 250, RESET_POLLS = 1000, DMA_TIME = 60000 };
enum {
    BUS_ERROR = 0x4000,
    INTERRUPT = 0x1000,
    REQUEST = 0x0800,
    PHASE = 0x0700,
    BUSY = 0x0040,
    SELECT = 0x0020,
    RESET = 0x0010,
    PARITY = 0x0008,
    WORDS = 0x0004,
    DMA = 0x0002,
};

struct board {
    u8 data, pad1, command, pad2;
    u16 control, pad3, address_high, address_low, count;
};

static volatile struct board *regs(u32 base)
{
    return (volatile struct board *)(size_t)base;
}

/* An si board refuses a byte here. */
static int probe(u32 base)
{
    u32 value;

    return guarded_read(base + 0xC, 1, &value) && guarded_read(base + 4, 2, &value);
}

static void reset(u32 base)
{
    regs(base)->control = RESET;
    for (u32 i = 0; i < RESET_POLLS; i++)
        (void)regs(base)->control;
    regs(base)->control = 0;
    regs(base)->count = 0xFFFF;
}

static void prepare(u32 base, u32 dma_address, u32 n, int sending)
{
    (void)sending;
    regs(base)->address_high = (u16)(dma_address >> 16);
    regs(base)->address_low = (u16)dma_address;
    regs(base)->count = (u16)~n;
}

static int select(u32 base, u32 target)
{
    struct patience patience = {0, 0};

    regs(base)->data = (u8)(1 << target);
    regs(base)->control = SELECT;
    while (!(regs(base)->control & BUSY))
        if (!clock_wait(&patience, SELECT_TIME)) {
            regs(base)->control = 0;
            return 0;
        }
    regs(base)->control = PARITY;
    return 1;
}

static u32 phase(u32 base)
{
    u32 now = regs(base)->control;

    return now & REQUEST ? (now & PHASE) >> 8 : now & BUSY ? NO_REQUEST : BUS_FREE;
}

static void put(u32 base, u32 in_phase, u32 byte)
{
    if (in_phase == DATA_OUT)
        regs(base)->data = (u8)byte;
    else
        regs(base)->command = (u8)byte;
}

static u32 get(u32 base, u32 in_phase)
{
    return in_phase == DATA_IN ? regs(base)->data : regs(base)->command;
}

static int transfer(u32 base, u32 in_phase, u32 n)
{
    struct patience patience = {0, 0};
    u32 now;

    (void)in_phase;
    regs(base)->control = (u16)(PARITY | DMA | (n & 1 ? 0 : WORDS));
    do
        now = regs(base)->control;
    while (!(now & (INTERRUPT | BUS_ERROR)) && clock_wait(&patience, DMA_TIME));
    u32 left = (u16)~regs(base)->count;
    regs(base)->control = PARITY;
    return now & BUS_ERROR ? SCSI_BUS_ERROR : (int)left;
}

const struct scsi_board scsi_sc = {
    "sc", VA_DVMA, probe, reset, prepare, select, phase, put, get, transfer,
};
