/* Sun's SCSI boards with an NCR 5380, "si", on the VMEbus and on board (NetBSD sun3/dev/sireg.h, the
 * data sheets of the 5380 and the Am9516). */
#include "scsi.h"
#include "clock.h"
#include "sun3.h"
#include "trap.h"

enum { SELECT_TIME = 250, HANDSHAKE_TIME = 2000, DMA_TIME = 60000, RESET_POLLS = 1000, HOST = 0x80 };
enum { ICR_DATA = 0x01, ICR_SELECT = 0x04, ICR_ACK = 0x10, ICR_RESET = 0x80 };
enum { MODE_DMA = 0x02 };
enum { BUS_REQUEST = 0x20, BUS_BUSY = 0x40, BUS_PHASE_SHIFT = 2 };
enum {
    CSR_CONFLICT = 0x4000,
    CSR_BUS_ERROR = 0x2000,
    CSR_VME = 0x1000,
    CSR_CHIP = 0x0200,
    CSR_DMA_ON = 0x0010,
    CSR_SEND = 0x0008,
    CSR_FIFO_RUNS = 0x0002,
    CSR_RUNS = 0x0001,
};
enum { UDC_MODE = 0x38, UDC_COMMAND = 0x2E, UDC_CHAIN_HIGH = 0x26, UDC_CHAIN_LOW = 0x22 };
enum { UDC_RESET = 0x00, UDC_START_CHAIN = 0xA0, UDC_MODE_VALUE = 0x0D };

struct board {
    u8 data, initiator, mode, target, bus, status, input, interrupt;
    u16 address_high, address_low, count_high, count_low, udc_data, udc_address, fifo_data, fifo_count, csr;
    u16 pack_high, pack_low, vector, fifo_count_high;
};

/* The Am9516 fetches its settings from here: the data page is within its reach. */
static u16 chain[6] __attribute__((aligned(4)));

static volatile struct board *regs(u32 base)
{
    return (volatile struct board *)(size_t)base;
}

static int is_vme(u32 base)
{
    return (regs(base)->csr & CSR_VME) != 0;
}

static int probe_any(u32 base, u32 kind)
{
    u32 value;

    return guarded_read(base + 1, 1, &value) && guarded_read(base + 0x18, 2, &value) &&
           (value & CSR_VME) == kind;
}

static int probe_vme(u32 base)
{
    return probe_any(base, CSR_VME);
}

static int probe_onboard(u32 base)
{
    return probe_any(base, 0);
}

static void reset(u32 base)
{
    volatile struct board *r = regs(base);

    r->csr = 0;
    r->csr = CSR_FIFO_RUNS | CSR_RUNS;
    r->mode = r->target = r->bus = 0;
    r->initiator = ICR_RESET;
    for (u32 i = 0; i < RESET_POLLS; i++)
        (void)r->bus;
    r->initiator = 0;
    (void)r->interrupt;
}

static void set_udc(volatile struct board *r, u32 where, u32 value)
{
    r->udc_address = (u16)where;
    r->udc_data = (u16)value;
}

static void prepare_udc(volatile struct board *r, u32 address, u32 n, int sending)
{
    u32 table = (u32)chain & 0xFFFFFF;

    chain[0] = sending ? 0x0282 : 0x0182;
    chain[1] = (u16)(address >> 8 & 0xFF00) | 0x40;
    chain[2] = (u16)address;
    chain[3] = (u16)((n + 1) / 2);
    chain[4] = 0x0040;
    chain[5] = sending ? 0x00C2 : 0x00D2;
    set_udc(r, UDC_COMMAND, UDC_RESET);
    set_udc(r, UDC_CHAIN_HIGH, table >> 8 & 0xFF00);
    set_udc(r, UDC_CHAIN_LOW, table & 0xFFFF);
    set_udc(r, UDC_MODE, UDC_MODE_VALUE);
}

static void prepare(u32 base, u32 dma_address, u32 n, int sending)
{
    volatile struct board *r = regs(base);
    u16 csr = (u16)(CSR_RUNS | (sending ? CSR_SEND : 0));

    r->csr = csr;
    r->csr = csr | CSR_FIFO_RUNS;
    if (is_vme(base)) {
        r->address_high = (u16)(dma_address >> 16);
        r->address_low = (u16)dma_address;
        r->count_high = (u16)(n >> 16);
        r->count_low = (u16)n;
        r->fifo_count_high = (u16)(n >> 16);
        r->fifo_count = (u16)n;
        return;
    }
    r->fifo_count = (u16)n;
    r->csr = csr; /* the FIFO takes its direction now; its count stays */
    r->csr = csr | CSR_FIFO_RUNS;
    if (n)
        prepare_udc(r, dma_address, n, sending);
}

static int select(u32 base, u32 target)
{
    volatile struct board *r = regs(base);
    struct patience patience = {0, 0};
    int answered = 1;

    r->mode = r->target = r->bus = 0;
    r->data = (u8)(HOST | 1 << target);
    r->initiator = ICR_DATA | ICR_SELECT;
    while (answered && !(r->bus & BUS_BUSY))
        answered = clock_wait(&patience, SELECT_TIME);
    r->initiator = 0;
    return answered;
}

static u32 phase(u32 base)
{
    u32 now = regs(base)->bus;

    return now & BUS_REQUEST ? now >> BUS_PHASE_SHIFT & 7 : now & BUS_BUSY ? NO_REQUEST : BUS_FREE;
}

static void finish_handshake(volatile struct board *r, u32 driving)
{
    struct patience patience = {0, 0};

    r->initiator = (u8)(driving | ICR_ACK);
    while ((r->bus & BUS_REQUEST) && clock_wait(&patience, HANDSHAKE_TIME))
        continue;
    r->initiator = 0;
}

static void put(u32 base, u32 in_phase, u32 byte)
{
    volatile struct board *r = regs(base);

    r->target = (u8)in_phase;
    r->data = (u8)byte;
    r->initiator = ICR_DATA;
    finish_handshake(r, ICR_DATA);
}

static u32 get(u32 base, u32 in_phase)
{
    volatile struct board *r = regs(base);

    r->target = (u8)in_phase;
    u32 byte = r->data;
    finish_handshake(r, 0);
    return byte;
}

static u32 bytes_left(u32 base)
{
    volatile struct board *r = regs(base);

    return is_vme(base) ? (u32)r->fifo_count_high << 16 | r->fifo_count : r->fifo_count;
}

static int transfer(u32 base, u32 in_phase, u32 n)
{
    volatile struct board *r = regs(base);
    struct patience patience = {0, 0};
    u32 csr;

    (void)n;
    r->target = (u8)in_phase;
    (void)r->interrupt;
    r->mode = MODE_DMA;
    if (!is_vme(base))
        set_udc(r, UDC_COMMAND, UDC_START_CHAIN);
    if (in_phase == DATA_IN)
        r->interrupt = 0; /* start receiving */
    else {
        r->initiator = ICR_DATA;
        r->status = 0; /* start sending */
    }
    if (is_vme(base))
        r->csr |= CSR_DMA_ON;
    do
        csr = r->csr;
    while (!(csr & (CSR_CHIP | CSR_CONFLICT | CSR_BUS_ERROR)) && bytes_left(base) &&
           clock_wait(&patience, DMA_TIME));
    if (is_vme(base))
        r->csr &= (u16)~CSR_DMA_ON;
    u32 left = bytes_left(base);
    r->mode = 0;
    r->initiator = 0;
    (void)r->interrupt;
    if (!is_vme(base))
        set_udc(r, UDC_COMMAND, UDC_RESET);
    return csr & (CSR_CONFLICT | CSR_BUS_ERROR) ? SCSI_BUS_ERROR : (int)left;
}

const struct scsi_board scsi_si_vme = {
    "si", VA_DVMA, probe_vme, reset, prepare, select, phase, put, get, transfer,
};
const struct scsi_board scsi_si_onboard = {
    "si", VA_DVMA_ONBOARD, probe_onboard, reset, prepare, select, phase, put, get, transfer,
};
