/* The Am7990 (LANCE) of the 3/50, the 3/60 and the 4/75, polled. AMD 05698; its words are the processor's. */
#include "console.h"
#include "ether.h"
#include "patience.h"
#include "trap.h"

enum { INIT = 0x0001, STRT = 0x0002, STOP = 0x0004, TDMD = 0x0008, TXON = 0x0010, RXON = 0x0020 };
enum { IDON = 0x0100 };
enum { OWN = 0x8000, ERR = 0x4000, STP = 0x0200, ENP = 0x0100, LCAR = 0x0800, FCS = 4 };
enum { LOG_FRAMES = 2, START_TIME = 100, SEND_TIME = 1000 /* ms */ };

struct descriptor {
    u16 low, status, size, result;
};

struct memory {
    struct descriptor in_ring[ETHER_FRAMES], out_ring;
    u16 mode, address[3], filter[4], in_low, in_high, out_low, out_high;
    u8 out[ETHER_BUFFER], in[ETHER_FRAMES][ETHER_BUFFER];
};
_Static_assert(sizeof(struct memory) <= ETHER_MEMORY && ETHER_FRAMES == 1 << LOG_FRAMES, "the chip's layout");

#define MEMORY ((volatile struct memory *)VA_ETHER_MEMORY)
#define DATA (*(volatile u16 *)VA_LANCE)
#define REGISTER (*(volatile u16 *)(VA_LANCE + 2))

static u32 turn; /* the frame that comes next */

static void put(u32 number, u32 value)
{
    REGISTER = (u16)number;
    DATA = (u16)value;
}

static void describe(volatile struct descriptor *d, volatile u8 *buffer, u32 size, u32 status)
{
    d->low = (u16)ETHER_DMA(buffer);
    d->size = (u16)-size;
    d->result = 0;
    d->status = (u16)(status | ETHER_DMA(buffer) >> 16);
}

static int probe(void)
{
    u32 value;

    return guarded_read(VA_LANCE, 2, &value);
}

static void stop(void)
{
    put(0, STOP);
}

/* Initialises the chip with the block in memory, and starts it: 1 if it does. */
static int run(void)
{
    struct patience patience = {0, 0};

    turn = 0;
    for (u32 i = 0; i < ETHER_FRAMES; i++)
        describe(&MEMORY->in_ring[i], MEMORY->in[i], ETHER_BUFFER, OWN);
    MEMORY->out_ring.status = 0;
    stop();
    put(1, ETHER_DMA(&MEMORY->mode));
    put(2, ETHER_DMA(&MEMORY->mode) >> 16);
    put(3, LANCE_CONTROL);
    put(0, INIT);
    while (!(DATA & IDON))
        if (!clock_wait(&patience, START_TIME))
            return 0;
    DATA = IDON | STRT;
    return 1;
}

static int start(const u8 *address)
{
    stop();
    if (DATA != STOP) {
        printf("le0: the chip cannot be stopped\n");
        return -1;
    }
    memset((void *)MEMORY, 0, sizeof *MEMORY);
    for (u32 i = 0; i < ARRAY_SIZE(MEMORY->address); i++)
        MEMORY->address[i] = (u16)(address[2 * i + 1] << 8 | address[2 * i]);
    MEMORY->in_low = (u16)ETHER_DMA(MEMORY->in_ring);
    MEMORY->in_high = (u16)(ETHER_DMA(MEMORY->in_ring) >> 16 | LOG_FRAMES << 13);
    MEMORY->out_low = (u16)ETHER_DMA(&MEMORY->out_ring);
    MEMORY->out_high = (u16)(ETHER_DMA(&MEMORY->out_ring) >> 16);
    if (run())
        return 0;
    printf("le0: the chip does not start\n");
    return -1;
}

/* A half that went off (a bus error, an underflow) needs a new start. */
static void keep_running(void)
{
    if ((DATA & (TXON | RXON)) != (TXON | RXON))
        run();
}

static int send(u32 n)
{
    struct patience patience = {0, 0};
    volatile struct descriptor *d = &MEMORY->out_ring;

    keep_running();
    describe(d, MEMORY->out, n, OWN | STP | ENP);
    DATA = TDMD;
    while (d->status & OWN)
        if (!clock_wait(&patience, SEND_TIME)) {
            printf("le0: the transmitter hangs, status %04x\n", DATA);
            return -1;
        }
    if (!(d->status & ERR))
        return 0;
    if (d->result & LCAR)
        printf("le0: No Carrier\n");
    else
        printf("le0: transmission failed, result %04x\n", d->result);
    return -1;
}

static void release(void)
{
    describe(&MEMORY->in_ring[turn], MEMORY->in[turn], ETHER_BUFFER, OWN);
    turn = (turn + 1) % ETHER_FRAMES;
}

static u32 poll(const u8 **frame)
{
    u32 status = MEMORY->in_ring[turn].status, n = MEMORY->in_ring[turn].result;

    if (status & OWN)
        return 0;
    if ((status & (ERR | STP | ENP)) != (STP | ENP) || n < FCS || n > ETHER_BUFFER) {
        release();
        return 0;
    }
    *frame = (const u8 *)MEMORY->in[turn];
    return n - FCS;
}

const struct ether_chip ether_le = {
    "le", (u8 *)MEMORY->out, probe, start, stop, send, poll, release,
};
