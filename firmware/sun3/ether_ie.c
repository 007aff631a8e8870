/* The Intel 82586 of the 3/160 and 3/260, polled. Intel 231246; board: NetBSD sun3/dev/if_iereg.h.
 * The chip's words are little-endian: what it reads is swapped. */
#include "clock.h"
#include "console.h"
#include "ether.h"
#include "trap.h"

enum { NO_RESET = 0x80, ON_AIR = 0x40, ATTENTION = 0x20, RUNNING = NO_RESET | ON_AIR };
enum { EVENTS = 0xF000, CU_START = 0x0100, RU_START = 0x0010, RU_ABORT = 0x0040 };
enum { RU_STATE = 0x0070, RU_READY = 0x0040 };
enum { COMPLETE = 0x8000, GOOD = 0x2000, NO_CARRIER = 0x0400, LAST = 0x8000 };
enum { COUNT = 0x3FFF, NOTHING = 0xFFFF };
enum { SET_ADDRESS = 1, CONFIGURE = 2, TRANSMIT = 4 };
enum { START_TIME = 100, COMMAND_TIME = 1000 /* ms */, RESET_READS = 20 };

struct scp {
    u16 bus_width, unused[2];
    u32 iscp;
};

struct memory {
    struct {
        u16 busy, scb;
        u32 base;
    } iscp;
    struct {
        u16 status, command, commands, frames, errors[4];
    } scb;
    struct {
        u16 status, command, link;
        u8 parameters[12];
    } command;
    struct {
        u16 count, next;
        u32 buffer;
    } sent;
    struct {
        u16 status, command, link, buffers;
        u8 header[ETHER_HEADER];
    } frame[ETHER_FRAMES];
    struct {
        u16 count, next;
        u32 buffer;
        u16 size, unused;
    } buffer[ETHER_FRAMES];
    u8 out[ETHER_BUFFER], in[ETHER_FRAMES][ETHER_BUFFER];
};
_Static_assert(sizeof(struct memory) <= PAGE_SIZE && sizeof(struct scp) == 10, "the chip's layout");

#define SCP ((volatile struct scp *)(VA_DATA_PAGE + PAGE_SIZE - sizeof(struct scp)))
#define MEMORY ((volatile struct memory *)VA_ETHER_MEMORY)
#define CONTROL (*(volatile u8 *)VA_ETHER)

static u32 turn; /* the frame that comes next */

static u16 swap(u32 value)
{
    return (u16)(value << 8 | (value >> 8 & 0xFF));
}

static u32 swap_long(u32 value)
{
    return (u32)swap(value) << 16 | swap(value >> 16);
}

static u16 offset(const volatile void *p)
{
    return swap((u32)(size_t)p & (PAGE_SIZE - 1));
}

static void attend(void)
{
    CONTROL = RUNNING | ATTENTION;
    CONTROL = RUNNING;
}

/* 1 if a word takes on a value in time. */
static int becomes(const volatile u16 *word, u32 mask, u32 value, u32 milliseconds)
{
    struct patience patience = {0, 0};

    while ((swap(*word) & mask) != value)
        if (!clock_wait(&patience, milliseconds))
            return 0;
    return 1;
}

static int control(u32 command)
{
    MEMORY->scb.command = swap(command | (swap(MEMORY->scb.status) & EVENTS));
    attend();
    return becomes(&MEMORY->scb.command, 0xFFFF, 0, START_TIME);
}

/* Has the command unit do one command; its status, or 0 if it hangs. */
static u32 perform(u32 code, const void *parameters, u32 n)
{
    for (u32 i = 0; i < n; i++)
        MEMORY->command.parameters[i] = ((const u8 *)parameters)[i];
    MEMORY->command.status = 0;
    MEMORY->command.command = swap(LAST | code);
    MEMORY->command.link = NOTHING;
    MEMORY->scb.commands = offset(&MEMORY->command);
    if (!control(CU_START) || !becomes(&MEMORY->command.status, COMPLETE, COMPLETE, COMMAND_TIME))
        return 0;
    return swap(MEMORY->command.status);
}

/* Both lists are rings with an end mark, which moves on as frames are released. */
static int listen(void)
{
    for (u32 i = 0; i < ETHER_FRAMES; i++) {
        u32 next = (i + 1) % ETHER_FRAMES, mark = next ? 0 : LAST;

        MEMORY->frame[i].status = 0;
        MEMORY->frame[i].command = swap(mark);
        MEMORY->frame[i].link = offset(&MEMORY->frame[next]);
        MEMORY->frame[i].buffers = i ? NOTHING : offset(&MEMORY->buffer[0]);
        MEMORY->buffer[i].count = 0;
        MEMORY->buffer[i].next = offset(&MEMORY->buffer[next]);
        MEMORY->buffer[i].buffer = swap_long(ETHER_DMA(MEMORY->in[i]));
        MEMORY->buffer[i].size = swap(mark | ETHER_BUFFER);
    }
    turn = 0;
    MEMORY->scb.frames = offset(&MEMORY->frame[0]);
    return control(RU_START);
}

static int probe(void)
{
    u32 value;

    return guarded_read(VA_ETHER, 1, &value);
}

static int start(const u8 *address)
{
    static const u8 configuration[12] = {
        12, 8, 0x40, 0x2E /* headers in buffers */, 0, 0x60, 0, 0xF2, 0, 0, 64, 0};

    CONTROL = 0;
    for (int i = 0; i < RESET_READS; i++)
        (void)CONTROL;
    memset((void *)MEMORY, 0, sizeof *MEMORY);
    SCP->bus_width = 0;
    SCP->iscp = swap_long(ETHER_DMA(&MEMORY->iscp));
    MEMORY->iscp.busy = swap(1);
    MEMORY->iscp.scb = offset(&MEMORY->scb);
    MEMORY->iscp.base = swap_long(VA_ETHER_MEMORY & 0x00FFFFFF);
    attend();
    if (!becomes(&MEMORY->iscp.busy, 0xFF, 0, START_TIME)) {
        printf("ie0: the chip does not start\n");
        return -1;
    }
    if (!(perform(CONFIGURE, configuration, sizeof configuration) & GOOD) ||
        !(perform(SET_ADDRESS, address, ETHER_ADDRESS) & GOOD) || !listen()) {
        printf("ie0: the chip refuses its commands\n");
        return -1;
    }
    return 0;
}

static void stop(void)
{
    CONTROL = 0;
}

static int send(u32 n)
{
    u16 first = offset(&MEMORY->sent);

    MEMORY->sent.count = swap(LAST | n);
    MEMORY->sent.next = NOTHING;
    MEMORY->sent.buffer = swap_long(ETHER_DMA(MEMORY->out));
    u32 status = perform(TRANSMIT, &first, sizeof first);
    if (status & GOOD)
        return 0;
    if (status & NO_CARRIER)
        printf("ie0: No Carrier\n");
    else
        printf("ie0: transmission failed, status %04x\n", status);
    return -1;
}

static void start_over(void)
{
    control(RU_ABORT);
    listen();
}

/* The list is used up when the receiver is not ready and nothing waits in it. */
static void keep_listening(void)
{
    if ((swap(MEMORY->scb.status) & RU_STATE) != RU_READY && !(swap(MEMORY->frame[turn].status) & COMPLETE))
        start_over();
}

static u32 poll(const u8 **frame)
{
    u32 status = swap(MEMORY->frame[turn].status), count = swap(MEMORY->buffer[turn].count);

    if (!(status & COMPLETE)) {
        keep_listening();
        return 0;
    }
    if (!(status & GOOD) || !(count & LAST)) { /* larger than a buffer: the rings are out of step */
        start_over();
        return 0;
    }
    *frame = (const u8 *)MEMORY->in[turn];
    return count & COUNT;
}

static void release(void)
{
    u32 before = (turn + ETHER_FRAMES - 1) % ETHER_FRAMES;

    MEMORY->frame[turn].status = MEMORY->buffer[turn].count = 0;
    MEMORY->frame[turn].command = swap(LAST);
    MEMORY->buffer[turn].size = swap(LAST | ETHER_BUFFER);
    MEMORY->frame[before].command = 0;
    MEMORY->buffer[before].size = swap(ETHER_BUFFER);
    turn = (turn + 1) % ETHER_FRAMES;
    keep_listening();
}

const struct ether_chip ether_ie = {
    "ie", (u8 *)MEMORY->out, probe, start, stop, send, poll, release,
};
